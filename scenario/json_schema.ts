import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { DEFAULTS, TOP_ENTRIES } from "./document.ts";
import { FOUND_HOST, MADE_HOST, REMOTE_HOST } from "./host.ts";
import { MATRIX } from "./matrix.ts";
import { GATE, GATE_NAME, PLUG } from "./queue.ts";
import { byName } from "./source/check.ts";
import { INCLUDE_EXPECTED } from "./source/include.ts";
import { NAME, SCALAR, VARIABLE } from "./source/scalar.ts";
import { STEP_ENTRIES } from "./step_list.ts";
import { STEP_WORDS, STEPS as KINDS } from "./steps/list.ts";

const STEPS = v.pipe(
  v.array(v.lazy((): v.GenericSchema => STEP)),
  v.minLength(1),
  v.description("a list of steps: - buffer: web"),
);

const INCLUDE = v.union([
  v.pipe(v.string(), v.description(INCLUDE_EXPECTED)),
  v.strictObject({ file: v.string(), with: v.optional(v.record(v.string(), SCALAR)) }),
]);

const BESIDE = KINDS.filter(({ beside }) => beside !== undefined);

const STEP: v.GenericSchema = v.partial(v.object({
  ...STEP_ENTRIES,
  include: INCLUDE,
  ...Object.fromEntries(
    [...STEP_WORDS].map(([word, { schema }]) => [word, typeof schema === "function" ? schema(STEPS) : schema]),
  ),
  ...Object.fromEntries(BESIDE.map(({ beside = "" }) => [beside, STEPS])),
}));

const SCENARIO = v.object({
  ...TOP_ENTRIES,
  include: v.optional(v.union([INCLUDE, v.array(INCLUDE)])),
  vars: v.optional(byName(VARIABLE, SCALAR, "variables: { port: 8000 }")),
  matrix: v.optional(MATRIX),
  defaults: v.optional(DEFAULTS),
  hosts: v.optional(byName(NAME, v.union([MADE_HOST, FOUND_HOST, REMOTE_HOST]), "hosts")),
  gates: v.optional(byName(GATE_NAME, GATE, "gates")),
  plugs: v.optional(byName(NAME, PLUG, "plugs")),
  steps: v.optional(STEPS),
  cleanup: v.optional(STEPS),
});

/** A text that holds a variable may stand wherever a value does. */
const VARIABLE_TEXT: JsonSchema = { type: "string", pattern: "\\$\\{[A-Za-z_][^}]*\\}" };
const VARIABLE_REF: JsonSchema = { $ref: "#/$defs/variable" };

/** The JSON Schema of a scenario, for editors: what `plugctl run` checks, as far as that can be said there. */
export function scenarioJsonSchema(): JsonSchema {
  const { $defs = {}, ...whole } = toJsonSchema(SCENARIO, {
    typeMode: "input",
    errorMode: "ignore",
    definitions: { step: STEP },
    overrideSchema: ({ valibotSchema, jsonSchema }) => described(jsonSchema, valibotSchema as { message?: unknown }),
  });
  const step: JsonSchema = {
    ...$defs.step as JsonSchema,
    additionalProperties: false,
    oneOf: [...STEP_WORDS.keys(), "include"].map((word) => ({ required: [word] })),
    dependencies: Object.fromEntries(
      BESIDE.flatMap(({ action, beside = "" }) => [[action, [beside]], [beside, [action]]]),
    ),
  };
  const defs = Object.entries({ ...$defs, step }).map(([name, schema]) => [name, withVariables(schema)]);
  return {
    ...withVariables(whole),
    anyOf: [{ required: ["steps"] }, { required: ["include"] }],
    additionalProperties: false,
    $defs: { ...Object.fromEntries(defs), variable: VARIABLE_TEXT },
  };
}

/** Adds what is said where a value is wrong. */
function described(schema: JsonSchema, { message }: { message?: unknown }): JsonSchema | undefined {
  return typeof message === "string" ? { ...schema, description: message } : undefined;
}

/** Lets a variable stand wherever only some values may, and says `false` where nothing may. */
function withVariables(schema: JsonSchema): JsonSchema {
  const { properties, additionalProperties, items, anyOf, ...own } = schema;
  const nested = {
    ...own,
    ...properties ? { properties: mapValues(properties, visit) } : {},
    ...additionalProperties === undefined ? {} : { additionalProperties: visit(additionalProperties) },
    ...items ? { items: visit(items as JsonSchema) } : {},
    ...anyOf ? { anyOf: anyOf.some(isAnyText) ? anyOf : anyOf.map(visit) } : {},
  } as JsonSchema;
  return isNarrow(nested) ? { anyOf: [nested, VARIABLE_REF] } : nested;
}

function visit<T>(schema: T): T | JsonSchema | boolean {
  if (typeof schema !== "object" || schema === null) return schema;
  return "not" in schema ? false : withVariables(schema as JsonSchema);
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function isAnyText(schema: unknown): boolean {
  return JSON.stringify(schema) === '{"type":"string"}';
}

/** Whether it takes some scalars and not others, and so no text with a variable. */
function isNarrow({ type, pattern, enum: values, const: value }: JsonSchema): boolean {
  if (values || value !== undefined) return true;
  return type === "number" || type === "integer" || type === "boolean" || type === "string" && pattern !== undefined;
}
