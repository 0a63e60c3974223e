import { assert, assertEquals, assertRejects } from "@std/assert";
import { isThere } from "./availability.ts";
import { CHROMIUM, Chromium } from "./chromium.ts";
import { Installed } from "./installed.ts";
import { Served } from "./served.ts";
import { vectorsJson } from "./vectors.ts";

const FILES = ["runner.mjs", "main.mjs", "page.html"].map((name) => `tests/runtimes/${name}`);
const PACKED_MAX = 20 * 1024;
const VECTORS_MIN = 1000;

/** What the runner says. */
interface Outcome {
  count: number;
  failures: string[];
}

function check({ count, failures }: Outcome): void {
  assertEquals(failures, []);
  assert(count >= VECTORS_MIN, `${count} vectors`);
}

/** A runtime with files: what runs a script in it, and what says that it is there. */
const PROGRAMS = [
  { name: "Deno", command: [Deno.execPath(), "run", "--allow-read"], mend: "" },
  { name: "Node", command: ["node"], mend: "apt-get install nodejs" },
  {
    name: "Bun",
    command: ["npx", "--yes", "bun@1.4.5"],
    mend: "apt-get install npm, and a network for: npx bun@1.4.5",
  },
] as const;

Deno.test("the packed codec passes the vectors in Deno, Node, Bun and Chromium", async (t) => {
  await using installed = await Installed.with(...FILES);
  await Deno.writeTextFile(`${installed.folder}/vectors.json`, vectorsJson());

  const folder = `${installed.folder}/node_modules/plugctl-codec`;
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));

  await t.step("the code of its core is packed into at most 20 KiB, and it depends on nothing", async () => {
    const core = await Promise.all(["mod.js", "shared.js"].map((name) => packedSize(`${folder}/${name}`)));
    assert(core[0] + core[1] <= PACKED_MAX, `${core[0] + core[1]} bytes`);
    assertEquals(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key)), []);
    assert(manifest.keywords.includes("netlink") && manifest.repository);
  });

  await t.step("the core loads none of the tables of the family", async () => {
    for (const name of ["mod.js", "shared.js"]) {
      assertEquals((await Deno.readTextFile(`${folder}/${name}`)).includes("TCA_FLOWER_"), false, name);
    }
  });

  await t.step("its types are those of what it exports, no more and no less, with their docs", async () => {
    for (const entry of ["mod", "family"]) {
      const specifier = entry === "mod" ? "plugctl-codec" : `plugctl-codec/${entry}`;
      const exported = await import(`file://${folder}/${entry}.js`);
      const names = Object.keys(exported).map((name) => `${name}: true`).join(", ");
      const rightly = `import * as codec from "${specifier}";
        export const all: Record<keyof typeof codec, true> = { ${names} };
        export const field: codec.Field = codec.decode(new Uint8Array(16));`;
      await Deno.writeTextFile(`${installed.folder}/rightly_${entry}.ts`, rightly);
      await installed.run(Deno.execPath(), "check", `rightly_${entry}.ts`);
      await Deno.writeTextFile(`${installed.folder}/wrongly.ts`, `${rightly} codec.decode("3c");`);
      await assertRejects(() => installed.run(Deno.execPath(), "check", "wrongly.ts"), Error, "TS2345");
    }
    const types = await Deno.readTextFile(`${folder}/mod.d.ts`);
    assert(types.includes("/** Packets held at this moment. */"));
  });

  await t.step("resolvers that know no exports find both entries and their types", async () => {
    for (const name of [manifest.main, manifest.types, "family.js", "family.d.ts"]) {
      await Deno.stat(`${folder}/${name}`);
    }
    const program = `import { decode } from "plugctl-codec/family";
      import { RTM_NEWQDISC } from "plugctl-codec";
      export const found: [typeof decode, 36] = [decode, RTM_NEWQDISC];`;
    await Deno.writeTextFile(`${installed.folder}/old.ts`, program);
    const options = [
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--module",
      "es2022",
      "--moduleResolution",
      "node10",
    ];
    await installed.run(Deno.execPath(), "run", "-A", "--quiet", "npm:typescript@5.9.3/tsc", ...options, "old.ts");
  });

  for (const { name, command: [program, ...args], mend } of PROGRAMS) {
    await t.step({
      name: `in ${name}`,
      ignore: !await isThere(name, [program, ...args], mend),
      fn: async () => check(JSON.parse(await installed.run(program, ...args, "main.mjs"))),
    });
  }

  await t.step({
    name: "in Chromium",
    ignore: !await isThere("Chromium", [CHROMIUM], "deno task test --level runtimes, which fetches it"),
    fn: async () => check(await inChromium(installed.folder)),
  });
});

/** The bytes of a file as npm packs it. */
async function packedSize(file: string): Promise<number> {
  const packed = new Blob([await Deno.readFile(file)]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(packed).arrayBuffer()).byteLength;
}

async function inChromium(folder: string): Promise<Outcome> {
  await using served = new Served(folder);
  await using chromium = await Chromium.start();
  const page = await chromium.open(`${served.url}page.html`);
  const outcome = await page.evaluate<Outcome>("outcome");
  assertEquals(chromium.complaints, []);
  return outcome;
}
