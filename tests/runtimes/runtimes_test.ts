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

  await t.step("it is packed into at most 20 KiB, and depends on nothing", async () => {
    const { size } = await Deno.stat(installed.archive);
    assert(size <= PACKED_MAX, `${size} bytes`);
    const manifest = JSON.parse(await Deno.readTextFile(`${installed.folder}/plugctl-codec/package.json`));
    assertEquals(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key)), []);
  });

  await t.step("its types are those of what it exports, no more and no less", async () => {
    const exported = await import(
      `file://${installed.folder}/node_modules/plugctl-codec/mod.js`
    );
    const names = Object.keys(exported).map((name) => `${name}: true`).join(", ");
    const rightly = `import * as codec from "plugctl-codec";
      export const all: Record<keyof typeof codec, true> = { ${names} };
      export const field: codec.Field = codec.decode(new Uint8Array(16));
      export const type: 36 = codec.RTM_NEWQDISC;`;
    await Deno.writeTextFile(`${installed.folder}/rightly.ts`, rightly);
    await installed.run(Deno.execPath(), "check", "rightly.ts");
    await Deno.writeTextFile(`${installed.folder}/wrongly.ts`, `${rightly} codec.decode("3c");`);
    await assertRejects(() => installed.run(Deno.execPath(), "check", "wrongly.ts"), Error, "TS2345");
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

async function inChromium(folder: string): Promise<Outcome> {
  await using served = new Served(folder);
  await using chromium = await Chromium.start();
  const page = await chromium.open(`${served.url}page.html`);
  const outcome = await page.evaluate<Outcome>("outcome");
  assertEquals(chromium.complaints, []);
  return outcome;
}
