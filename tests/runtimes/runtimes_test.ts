import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { isThere } from "./availability.ts";
import { CHROMIUM, Chromium } from "./chromium.ts";
import { Installed } from "./installed.ts";
import { Served } from "./served.ts";
import { vectorsJson } from "./vectors.ts";

const FILES = ["runner.mjs", "main.mjs", "page.html"].map((name) => `tests/runtimes/${name}`);
const PACKED_MAX = 20 * 1024;
const VECTORS_MIN = 1000;
/** Of each entry point a call, and one of which TypeScript says that it is wrong. */
const CALLS = [
  ["mod", "readReceived(16)", 'readReceived("3c")'],
  ["family", "decode(new Uint8Array(16))", 'decode("3c")'],
] as const;

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

  await t.step(
    "its core is packed into at most 20 KiB, with its types and the README, and depends on nothing",
    async () => {
      const size = await packedSize(folder, [
        ...await loadedBy(folder, "mod.js"),
        ...await loadedBy(folder, "mod.d.ts"),
      ]);
      assert(size <= PACKED_MAX, `${size} bytes`);
      assertEquals(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key)), []);
      assert(manifest.keywords.includes("netlink") && manifest.repository);
    },
  );

  await t.step("the core loads none of the tables of the family", async () => {
    for (const name of ["mod.js", "shared.js"]) {
      assertEquals((await Deno.readTextFile(`${folder}/${name}`)).includes("TCA_FLOWER_"), false, name);
    }
  });

  await t.step("its types are those of what it exports, no more and no less, with their docs", async () => {
    for (const [entry, right, wrong] of CALLS) {
      const specifier = entry === "mod" ? "plugctl-codec" : `plugctl-codec/${entry}`;
      const exported = await import(`file://${folder}/${entry}.js`);
      const names = Object.keys(exported).map((name) => `${name}: true`).join(", ");
      const rightly = `import * as codec from "${specifier}";
        export const all: Record<keyof typeof codec, true> = { ${names} };
        export const called = codec.${right};`;
      await Deno.writeTextFile(`${installed.folder}/rightly_${entry}.ts`, rightly);
      await installed.run(Deno.execPath(), "check", `rightly_${entry}.ts`);
      await Deno.writeTextFile(`${installed.folder}/wrongly.ts`, `${rightly} codec.${wrong};`);
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

  await t.step("the examples of its README run in Deno, and print what they say", async () => {
    await Deno.copyFile(
      new URL("../codec/vectors/plug_and_gate.pcap", import.meta.url),
      `${installed.folder}/netlink.pcap`,
    );
    const examples = [...(await Deno.readTextFile(`${folder}/README.md`)).matchAll(/```js\n(.*?)```/gs)];
    const printed = [];
    for (const [index, [, code]] of examples.entries()) {
      await Deno.writeTextFile(`${installed.folder}/example_${index}.mjs`, code);
      printed.push(await installed.run(Deno.execPath(), "run", "--allow-read", "--quiet", `example_${index}.mjs`));
    }
    assertEquals(printed.length, 3);
    assertStringIncludes(printed[0], "RTM_GETLINK, 20 bytes\n 0  nlmsg_len     20\n");
    assertStringIncludes(printed[1], "1 plug 0 packets held\n");
    assertMatch(
      printed[2],
      /^\d{4}-\d\d-\d\dT\S+Z RTM_NEWQDISC REQUEST\|ACK sequence 7 ifindex 7 handle 504c: parent root KIND "plug" /m,
    );
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

/** A file of the package and all that it imports from it. */
async function loadedBy(folder: string, entry: string): Promise<string[]> {
  const [, ending] = /(\.js|\.d\.ts)$/.exec(entry) ?? [];
  const code = await Deno.readTextFile(`${folder}/${entry}`);
  const imported = [...code.matchAll(/from ?["']\.\/([a-z_]+)\.js["']/g)].map(([, name]) => `${name}${ending}`);
  const further = await Promise.all([...new Set(imported)].map((name) => loadedBy(folder, name)));
  return [...new Set([entry, ...further.flat()])];
}

/** The bytes of these files of the package as npm packs them, with what it adds to them: manifest, README and licence. */
async function packedSize(folder: string, files: readonly string[]): Promise<number> {
  const core = await Deno.makeTempDir({ prefix: "plugctl-core-" });
  try {
    for (const name of [...files, "package.json", "README.md", "LICENSE"]) {
      await Deno.copyFile(`${folder}/${name}`, `${core}/${name}`);
    }
    const { success, stdout } = await new Deno.Command("npm", { args: ["pack", "--silent"], cwd: core }).output();
    assert(success);
    return (await Deno.stat(`${core}/${new TextDecoder().decode(stdout).trim()}`)).size;
  } finally {
    await Deno.remove(core, { recursive: true });
  }
}

async function inChromium(folder: string): Promise<Outcome> {
  await using served = new Served(folder);
  await using chromium = await Chromium.start();
  const page = await chromium.open(`${served.url}page.html`);
  const outcome = await page.evaluate<Outcome>("outcome");
  assertEquals(chromium.complaints, []);
  return outcome;
}
