import { assert, assertEquals } from "@std/assert";
import { scenarioJsonSchema } from "../../scenario/json_schema.ts";
import { ScenarioError } from "../../scenario/mistake.ts";
import { mistakesIn, unmark } from "./marked.ts";
import { CONDITION_MISTAKES } from "./mistakes/conditions.ts";
import { TOP_MISTAKES, YAML_MISTAKES } from "./mistakes/document.ts";
import { HOST_MISTAKES } from "./mistakes/hosts.ts";
import { NESTED_MISTAKES } from "./mistakes/nested.ts";
import { PROCESS_MISTAKES } from "./mistakes/processes.ts";
import { QUEUE_MISTAKES } from "./mistakes/queues.ts";
import { STEP_MISTAKES } from "./mistakes/steps.ts";

const MISTAKES = {
  "YAML": YAML_MISTAKES,
  "the top": TOP_MISTAKES,
  "hosts": HOST_MISTAKES,
  "gates and plugs": QUEUE_MISTAKES,
  "steps": STEP_MISTAKES,
  "processes": PROCESS_MISTAKES,
  "conditions": CONDITION_MISTAKES,
  "steps in steps": NESTED_MISTAKES,
};

for (const [name, cases] of Object.entries(MISTAKES)) {
  Deno.test(`readScenario() says what is wrong, and where to the letter: ${name}`, () => {
    for (const [marked, what, expected] of cases) {
      const { text, places } = unmark(marked);
      const found = mistakesIn(text).map(({ hint: _hint, ...mistake }) => mistake);
      assertEquals(found, what === "" ? [] : places.map((place) => ({ ...place, what, expected })), marked);
    }
  });
}

/** Keys that nobody knows, each with the one that was probably meant. */
const HINTS: readonly (readonly [text: string, hint: string | undefined])[] = [
  ["- bufer: web", "buffer"],
  ["- relase: web", "release"],
  ["- buffer: web\n    wehn: true", "when"],
  ["- wait: { gate: web, backlg: '>=1' }", "backlog"],
  ["- hold: { gate: web, untl: { port: 80 } }", "until"],
  ["- start: { name: load, comand: x }", "command"],
  ["- pause: web", "buffer"],
  ["- Buffer: web", "buffer"],
  ["- echo: x", "log"],
  ["- unhold: web", "release"],
  ["- frobnicate: web", undefined],
  ["- log: x\nstpes: []", "steps"],
  ["- log: x\nhosts: { a: { device: {} } }", "devices"],
  ["- log: x\ndefaults: { hots: a }", "host"],
  ["- log: x\ngates: { web: { dev: lo, direction: out, mach: tcp } }", "match"],
];

Deno.test("readScenario() asks whether a near key is meant, at every level of a file", () => {
  for (const [rest, hint] of HINTS) {
    const mistake = mistakesIn(`name: x\nsteps:\n  ${rest}\n`).find(({ what }) => what.startsWith("unknown key"));
    assertEquals(mistake?.hint, hint, rest);
    const { message } = new ScenarioError("a.yaml", mistake ? [mistake] : []);
    assertEquals(message.endsWith(`; did you mean "${hint}"?`), hint !== undefined, message);
  }
});

Deno.test("readScenario() refuses what stands too deep, however deep that is", () => {
  for (const depth of [65, 3000, 30_000]) {
    const mistakes = mistakesIn(`name: ${"[".repeat(depth)}${"]".repeat(depth)}\nsteps: [log: x]\n`);
    const found = mistakes.find(({ what }) => what === "lists and mappings are nested too deeply");
    assertEquals(found?.expected, "at most 64 levels", `${depth}: ${JSON.stringify(mistakes)}`);
  }
});

/** What is chosen by a key of its own, so that nothing else can stand there, or is for editors alone. */
const CHOSEN = /^(hosts|gates|plugs|a (condition|command|gate|plug|host that is there|host of the fleet): .*)$/;

Deno.test("the mistakes meet all that the schema expects of a value", () => {
  const met = new Set(Object.values(MISTAKES).flat().map(([, , expected]) => expected));
  const expected = [...descriptions(scenarioJsonSchema())];
  assert(expected.length > 100);
  assertEquals(expected.filter((text) => !met.has(text) && !CHOSEN.test(text)), []);
});

/** What the schema says of each value, which is what is said to be expected. */
function* descriptions(schema: unknown): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === "description" && typeof value === "string") yield value;
    else yield* descriptions(value);
  }
}
