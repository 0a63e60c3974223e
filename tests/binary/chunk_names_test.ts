import { assertEquals, assertRejects } from "@std/assert";
import { nameByContent } from "../../package/javascript.ts";

/** A bundle of these files, named anew: what each is then called, and what is in it. */
async function named(files: Record<string, string>): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-names-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await nameByContent(folder);
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    return Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("nameByContent() makes the same of a bundle whose files bore other sums, and leaves its main file its name", async () => {
  const bundle = (read: string, chunk: string) => ({
    "plugctl.js": `import("./read_it-${read}.js")`,
    [`read_it-${read}.js`]: `import{a}from"./chunk-${chunk}.js";"other-ABCDEFGH.js"`,
    [`chunk-${chunk}.js`]: "export var a=1",
  });
  const expected = {
    "chunk-931D4CE0.js": "export var a=1",
    "plugctl.js": 'import("./read_it-1313E14D.js")',
    "read_it-1313E14D.js": 'import{a}from"./chunk-931D4CE0.js";"other-ABCDEFGH.js"',
  };
  assertEquals(await named(bundle("I6HE5XAC", "2TFOFFVH")), expected);
  assertEquals(await named(bundle("QQKI6EIQ", "RI7QRPIR")), expected);
});

Deno.test("nameByContent() finds a file in others whose name has a dot, as that of a package's version", async () => {
  const files = await named({ "plugctl.js": 'import("./3.4-I6HE5XAC.js")', "3.4-I6HE5XAC.js": "export var a=1" });
  const [chunk] = Object.keys(files);
  assertEquals(files["plugctl.js"], `import("./${chunk}")`);
});

Deno.test("nameByContent() refuses two files that would have one name", async () => {
  const files = { "chunk-AAAAAAAA.js": 'import"./a-CCCCCCCC.js"', "chunk-BBBBBBBB.js": 'import"./a-DDDDDDDD.js"' };
  await assertRejects(
    () => named({ ...files, "a-CCCCCCCC.js": "1", "a-DDDDDDDD.js": "2" }),
    Error,
    "Cannot name the files of the bundle: two are the same but for the names in them",
  );
});
