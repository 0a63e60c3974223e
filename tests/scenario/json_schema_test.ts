import { Ajv } from "ajv";
import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { withSteps, withTop } from "./marked.ts";
import { DESIGN, NETWORK, SHORT } from "./scenarios.ts";

const schema = JSON.parse(Deno.readTextFileSync(new URL("../../scenario/scenario.schema.json", import.meta.url)));
/** A validator that is not the one that the schema comes from. */
const validate = new Ajv({ strict: false }).compile(schema);

Deno.test("scenario.schema.json takes what run takes", () => {
  for (const text of [DESIGN, NETWORK, ...SHORT]) assert(validate(parse(text)), JSON.stringify(validate.errors));
});

const WRONG = [
  "name: x",
  "steps: [log: x]",
  "name: x\nsteps: []",
  withTop("bogus: 1"),
  withTop("timeout: 60"),
  withTop("gates: { web: { dev: lo } }"),
  withTop("gates: { web: { dev: lo, direction: up } }"),
  withTop("hosts: { a: { netns: web, forward: true } }"),
  withSteps("  - bufer: web"),
  withSteps("  - buffer: web\n    run: x"),
  withSteps("  - repeat: 3"),
  withSteps("  - log: x\n    steps: [log: x]"),
  withSteps("  - wait: { gate: web, packt: 1 }"),
  withSteps("  - run: { command: x, exit: 256 }"),
  withSteps("  - parallel: { a: log }"),
];

Deno.test("scenario.schema.json refuses what run refuses, as far as it can be said there", () => {
  assertEquals(WRONG.filter((text) => validate(parse(text))), []);
});
