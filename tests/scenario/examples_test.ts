import { assert, assertEquals } from "@std/assert";
import { Scenario } from "../../scenario/scenario.ts";
import { EXAMPLE_NAMES, MACHINE_EXAMPLES } from "../kernel/example.ts";

const NAMES = [...EXAMPLE_NAMES, ...MACHINE_EXAMPLES];
const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;

/** The scenario of a folder in `examples/`, where it has one. */
function scenarioIn(folder: string): string | undefined {
  const path = `${EXAMPLES}${folder}/${folder}.yaml`;
  const names = [...Deno.readDirSync(`${EXAMPLES}${folder}`)].map(({ name }) => name);
  return names.includes(`${folder}.yaml`) ? path : undefined;
}

Deno.test("every scenario in examples/ is run by the kernel tests", () => {
  const folders = [...Deno.readDirSync(EXAMPLES)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  assertEquals(folders.filter(scenarioIn).sort(), NAMES.toSorted());
});

for (const name of NAMES) {
  Deno.test(`examples/${name} first says what it shows, and has no mistake`, async () => {
    const path = `${EXAMPLES}${name}/${name}.yaml`;
    assert(/^# \S[^\n]{40,}\n/.test(await Deno.readTextFile(path)));
    await Scenario.loadAll(path);
  });
}
