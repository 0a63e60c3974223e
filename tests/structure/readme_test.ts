import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { parseArguments } from "../../cli/arguments.ts";
import { findCommand } from "../../cli/table.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { LEVELS } from "../levels.ts";
import { deno, ROOT } from "./sources.ts";

const readme = Deno.readTextFileSync(new URL("README.md", ROOT));

/** The examples that are not run, since they take root and a plug. */
const examples = readme.matchAll(/^```ts ignore\n(.*?)^```$/gms).map(([, code]) => code).toArray();

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

Deno.test("README.md has examples that are right by their types, where they cannot be run", async () => {
  assert(examples.length > 0);
  for (const code of examples) {
    const { status, stderr } = await check(code);
    assertEquals(status, 0, `${code}\n${stderr}`);
    assertEquals((await check(`${code}\nPlug.nosuch();`)).status, 1);
  }
});

Deno.test("README.md shows command lines that plugctl takes", () => {
  const blocks = readme.matchAll(/^```(?:console|sh)\n(.*?)^```$/gms).map(([, block]) => block).toArray().join("");
  const lines = blocks.matchAll(/^(?:\$ )?plugctl (.*?) *(?:#.*)?$/gm).map(([, line]) => line).toArray();
  assert(lines.length > 0);
  for (const line of lines) {
    const words = line.match(/'[^']*'|\S+/g)?.map((word) => word.replaceAll("'", "")) ?? [];
    const named = findCommand(words.slice(0, 2).join(" ")) ?? findCommand(words[0]);
    assertEquals(parseArguments(words).command, named, line);
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
