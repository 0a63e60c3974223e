import { assert, assertEquals } from "@std/assert";
import { findCycle, type ModuleGraph, readModuleGraph } from "./module_graph.ts";
import { layerOf, LAYERS, sourceFiles } from "./sources.ts";

const graph = await readModuleGraph();

/** Each import, as `importing -> imported`, that a rule forbids. */
function forbidden(rule: (from: string, to: string) => boolean): string[] {
  return graph.entries().flatMap(([from, imports]) =>
    imports.filter((to) => rule(from, to)).map((to) => `${from} -> ${to}`)
  ).toArray();
}

function rank(path: string): number {
  const layer = layerOf(path);
  return layer === undefined ? LAYERS.length : LAYERS.indexOf(layer);
}

Deno.test("readModuleGraph() has every file of the project, and what it imports", () => {
  for (const path of sourceFiles()) assert(graph.has(path), path);
  assert(graph.get("cli/table.ts")?.includes("cli/commands/attach.ts"), "a dynamic import");
  assert(graph.get("cli/shown_messages.ts")?.includes("cli/context.ts"), "an import of types alone");
  assert(graph.get("mod.ts")?.includes("gate/gate.ts"), "an export from another file");
});

Deno.test("imports point one way: cli to scenario to capture to gate to plug to guardian to netlink to linux to codec", () => {
  assertEquals(forbidden((from, to) => rank(from) < rank(to) && !to.endsWith(".json")), []);
});

Deno.test("imports of the layers lead to the file that has it, since a mod.ts would load its whole layer", () => {
  const isInside = (from: string) => layerOf(from) !== undefined && !from.endsWith("mod.ts");
  assertEquals(forbidden((from, to) => isInside(from) && /^[a-z]+\/mod\.ts$/.test(to)), []);
});

Deno.test("imports of cli stand in the tests and the making of packages alone", () => {
  const mayImport = (from: string) => layerOf(from) === "cli" || /^(tests|package)\//.test(from);
  assertEquals(forbidden((from, to) => layerOf(to) === "cli" && !mayImport(from)), []);
});

Deno.test("imports of the layers lead to nothing outside of them", () => {
  assertEquals(
    forbidden((from, to) => layerOf(from) !== undefined && layerOf(to) === undefined && to !== "deno.json"),
    [],
  );
});

Deno.test("imports form no cycle, within a folder neither", () => {
  // The table of commands names the file of each, loaded when that command is at hand, and the type that it exports.
  const allowed = ["cli/table.ts -> cli/context.ts"];
  const isLoadedLater = (path: string) => path.startsWith("cli/commands/");
  const table = graph.get("cli/table.ts")?.filter((path) => !isLoadedLater(path)) ?? [];
  assertEquals(table.map((path) => `cli/table.ts -> ${path}`), allowed);
  assertEquals(findCycle(new Map([...graph, ["cli/table.ts", []]])), undefined);
});

Deno.test("imports of the commands stand in the table of commands alone", () => {
  const isCommand = (path: string) => path.startsWith("cli/commands/");
  assertEquals(forbidden((from, to) => isCommand(to) && from !== "cli/table.ts" && !from.startsWith("tests/")), []);
  assertEquals(sourceFiles("cli/commands/").filter((path) => !graph.get("cli/table.ts")?.includes(path)), []);
});

Deno.test("findCycle() finds a cycle, and the way around it", () => {
  const cyclic: ModuleGraph = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", []], ["d", ["b"]]]);
  assertEquals(findCycle(cyclic), ["b", "d", "b"]);
  assertEquals(findCycle(new Map([["a", ["a"]]])), ["a", "a"]);
});
