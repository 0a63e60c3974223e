import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { LEVELS } from "../levels.ts";
import { findCommand, parseArguments } from "../../cli/arguments.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { deno, ROOT } from "./sources.ts";

/** Every document, by its path from the root. */
const DOCS = new Map(documents().map((path) => [path, Deno.readTextFileSync(new URL(path, ROOT))]));
const readme = DOCS.get("README.md") ?? "";

function documents(): string[] {
  const inFolder = (folder: string) =>
    Array.from(Deno.readDirSync(new URL(folder, ROOT)), ({ name }) => `${folder}${name}`);
  return [...inFolder("./"), ...inFolder("./docs/"), "./scenario/FORMAT.md"].map((path) => path.slice(2))
    .filter((path) => path.endsWith(".md")).sort();
}

/** The examples that are not run, since they take root and a plug. */
const examples = DOCS.get("docs/API.md")?.matchAll(/^```ts ignore\n(.*?)^```$/gms).map(([, code]) => code).toArray() ??
  [];

/** Whether code is right by its types, as a module that imports the library by its name. */
async function check(code: string): Promise<{ status: number; stderr: string }> {
  const exports = Object.entries(config.exports).map(([name, path]) => [`"${config.name}${name.slice(1)}"`, path]);
  const module = exports.reduce((text, [name, path]) => text.replaceAll(name, `"${new URL(path, ROOT)}"`), code);
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, module);
    return await deno("check", "--quiet", file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("docs/API.md has examples that are right by their types, where they cannot be run", async () => {
  assert(examples.length > 0);
  for (const code of examples) {
    const { status, stderr } = await check(code);
    assertEquals(status, 0, `${code}\n${stderr}`);
    assertEquals((await check(`${code}\nPlug.nosuch();`)).status, 1);
  }
});

Deno.test("the docs show command lines that plugctl takes", () => {
  for (const [path, text] of DOCS) {
    const blocks = text.matchAll(/^```(?:console|sh)\n(.*?)^```$/gms).map(([, block]) => block).toArray().join("");
    const lines = blocks.matchAll(/^(?:\$ )?plugctl (.*?) *(?:#.*)?$/gm).map(([, line]) => line).toArray();
    if (/^(README|docs\/(COMMANDS|HAPROXY|INSTALL|NETLINK))\.md$/.test(path)) assert(lines.length > 0, path);
    for (const line of lines) {
      const words = line.replaceAll(/\$\([^)]*\)/g, "1").match(/'[^']*'|\S+/g)?.map((word) =>
        word.replaceAll("'", "")
      ) ?? [];
      const named = findCommand(words.slice(0, 2).join(" ")) ?? findCommand(words[0]);
      assertEquals(parseArguments(words).command, named, `${path}: ${line}`);
    }
  }
});

Deno.test("docs/COOKBOOK.md has every scenario of the examples", () => {
  const linked = [...DOCS.get("docs/COOKBOOK.md")?.matchAll(/\(\.\.\/(examples\/\w+\/\w+\.yaml)\)/g) ?? []].map((
    [, path],
  ) => path);
  const folders = [...Deno.readDirSync(new URL("examples/", ROOT))].map(({ name }) => `examples/${name}`);
  const scenarios = folders.flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => `${folder}/${name}`)
  ).filter((path) => path.endsWith(".yaml"));
  assertEquals([...new Set(linked)].sort(), scenarios.sort());
});

Deno.test("docs/COOKBOOK.md shows the ladder of every scenario that has a gate, small, and for dark pages too", () => {
  const shown = [...DOCS.get("docs/COOKBOOK.md")?.matchAll(/\(images\/ladders\/(\w+)\.svg\)/g) ?? []].map(([, name]) =>
    name
  );
  const scenarios = Array.from(Deno.readDirSync(new URL("examples/", ROOT)), ({ name }) => name).filter(hasGate);
  assertEquals(shown.toSorted(), scenarios.toSorted());
  for (const name of shown) {
    const svg = Deno.readTextFileSync(new URL(`docs/images/ladders/${name}.svg`, ROOT));
    assert(svg.length < 12_000, `${name}: ${svg.length} bytes`);
    assertMatch(svg, /prefers-color-scheme: dark[^]*class="(packet|waits)"/, name);
  }
});

function hasGate(name: string): boolean {
  try {
    const scenario = Deno.readTextFileSync(new URL(`examples/${name}/${name}.yaml`, ROOT));
    return /^ *(gates:|- attach: \{ gate:)/m.test(scenario);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("the docs link to files and headings that are there", () => {
  for (const [path, text] of DOCS) {
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)]*)\)/g)) {
      const [file, anchor] = link.split("#");
      const target = new URL(file || path.split("/").at(-1) || "", new URL(path, ROOT));
      assert(Deno.statSync(target).isFile || Deno.statSync(target).isDirectory, `${path}: ${link}`);
      if (anchor === undefined) continue;
      const headings = Deno.readTextFileSync(target).matchAll(/^#+ (.*)$/gm).map(([, title]) => title).toArray();
      const anchors = headings.map((title) => title.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-"));
      assert(anchors.includes(anchor), `${path}: ${link}`);
    }
  }
});

Deno.test("the README explains each of its five words where it first stands", () => {
  for (const word of ["plug", "gate", "guardian", "backlog", "epoch"]) {
    const [before, after] = readme.split(`**${word}**`);
    assertEquals(after === undefined, false, word);
    // Before it is explained it stands in names and in lines of the terminal alone, or in the captions of pictures.
    const prose = before.replaceAll(/^```.*?^```$/gms, "").replaceAll(/`[^`]*`|!\[[^\]]*\]|\([^)]*\)/g, "");
    if (word !== "epoch") assertEquals(new RegExp(`\\b${word}s?\\b`).test(prose), false, word);
  }
});

Deno.test("README.md shows a scenario without a mistake", async () => {
  const [, text] = /^```yaml\n(.*?)^```$/ms.exec(readme) ?? [];
  assert(text);
  assert((await Scenario.parse(text)).describe().length > 0);
});

Deno.test("README.md has a table of the levels of the tests, and .ci/run installs nothing", () => {
  const rows = readme.matchAll(/^\| `(\w+)` +\| +([\d.]+ (?:s|min)) \| (.*?) +\|$/gm)
    .map(([, ...row]) => row.map((cell) => cell.replaceAll("`", ""))).toArray();
  assertEquals(rows, LEVELS.map(({ name, takes, what }) => [name, takes, what]));
  const ci = Deno.readTextFileSync(new URL(".ci/run", ROOT)).replaceAll(/#.*/g, "");
  assertEquals(/\b(apt|apt-get|dpkg|pip|sudo|install)\b/.exec(ci), null);
});
