import { assert, assertEquals } from "@std/assert";
import { reachableFrom, readModuleGraph } from "./module_graph.ts";
import { codeOf, sourceFiles } from "./sources.ts";

const graph = await readModuleGraph({ loadedAtOnce: true });
/** What of scenarios is there before one is read: who runs one, and what its types and errors are. */
const BEFORE = /^scenario\/(mod|scenario|event|mistake|plan)\.ts$/;
const readsScenarios = (path: string) => path.startsWith("scenario/") && !BEFORE.test(path);
const PARSERS = /from "(yaml|valibot|@valibot\/to-json-schema)"/;

Deno.test("commands other than run load nothing of scenarios", () => {
  const commands = sourceFiles("cli/commands/").filter((path) => path !== "cli/commands/run.ts");
  assert(commands.length >= 10);
  for (const command of ["cli/main.ts", ...commands]) {
    assertEquals(reachableFrom(graph, command).filter((path) => path.startsWith("scenario/")), [], command);
  }
  assert(reachableFrom(graph, "cli/commands/run.ts").includes("scenario/scenario.ts"));
});

Deno.test("what reads scenarios, with its parsers, is loaded only when one is read", () => {
  const parsing = sourceFiles("scenario/").filter((path) => PARSERS.test(codeOf(path)));
  assert(parsing.length > 5);
  assertEquals(parsing.filter((path) => !readsScenarios(path)), []);
  assertEquals(
    sourceFiles().filter((path) =>
      /^(cli|gate|plug|guardian|netlink|linux|codec)\//.test(path) && PARSERS.test(codeOf(path))
    ),
    [],
  );
  for (const entry of ["mod.ts", "scenario/scenario.ts"]) {
    assertEquals(reachableFrom(graph, entry).filter((path) => readsScenarios(path)), [], entry);
  }
});

Deno.test("what only sends requests and reads answers loads no table of the codec", () => {
  const isTable = (path: string) => path.startsWith("codec/spec/");
  for (const command of ["main", "commands/attach", "commands/change"]) {
    assertEquals(reachableFrom(graph, `cli/${command}.ts`).filter(isTable), [], command);
  }
  for (const command of ["commands/show", "commands/hold", "commands/help"]) {
    assertEquals(reachableFrom(graph, `cli/${command}.ts`).filter(isTable), [], command);
  }
  assert(reachableFrom(graph, "cli/commands/messages.ts").some(isTable));
});

Deno.test("what lets go loads nothing of the checks before a hold, and what tells the version no help", () => {
  const isCheck = (path: string) => /^plug\/(change|filter)\.ts$/.test(path) || path.startsWith("plug/match/");
  for (const entry of ["cli/commands/change.ts", "plug/send_change.ts", "cli/commands/show.ts"]) {
    assertEquals(reachableFrom(graph, entry).filter(isCheck), [], entry);
  }
  assert(reachableFrom(graph, "plug/change.ts").some(isCheck));
  assert(!reachableFrom(graph, "cli/commands/help.ts").includes("cli/help_text.ts"));
});

Deno.test("show loads no guardian and no release, what lets go no filters, and the version nothing of the codec", () => {
  const loaded = (entry: string, what: RegExp) => reachableFrom(graph, entry).filter((path) => what.test(path));
  assertEquals(loaded("cli/commands/show.ts", /^guardian\/|^plug\/(release|queue|send_change|quantity)\.ts$/), []);
  assertEquals(loaded("cli/commands/change.ts", /^plug\/(gate_device|action|bpf_filter)\.ts$/), []);
  assertEquals(loaded("cli/commands/help.ts", /^(codec|linux|netlink|guardian)\//), []);
  assertEquals(loaded("cli/main.ts", /^(codec|linux|netlink|guardian)\//), []);
});

Deno.test("what draws on a terminal is loaded by watch alone, and only where there is one", () => {
  const draws = (path: string) => /^cli\/watch\/(view|lines|screen|terminal|text)\.ts$/.test(path);
  for (const command of ["cli/main.ts", ...sourceFiles("cli/commands/")]) {
    assertEquals(reachableFrom(graph, command).filter(draws), [], command);
  }
  assertEquals(reachableFrom(graph, "cli/watch/lines.ts").filter(draws), ["cli/watch/lines.ts", "cli/watch/text.ts"]);
  assert(reachableFrom(graph, "cli/watch/view.ts").includes("cli/watch/terminal.ts"));
});
