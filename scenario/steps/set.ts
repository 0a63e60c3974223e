import * as v from "valibot";
import type { Scalar, Step } from "../plan.ts";
import { byKind, byName, check, mapping } from "../source/check.ts";
import { capture } from "../source/context.ts";
import { SCALAR, VARIABLE } from "../source/scalar.ts";
import { keyPlace } from "../source/tree.ts";
import type { StepKind } from "../step.ts";
import { chance } from "./sleep.ts";

/** One of several values, which is chosen by the seed. */
interface Choice {
  random: readonly Scalar[];
}

/** Gives variables values, for the steps behind it. */
export interface SetStep extends Step {
  action: "set";
  values: Readonly<Record<string, Scalar | Choice>>;
}

const VALUE_EXPECTED = "a text, a number, true or false, or { random: [VALUE, …] }";
const CHOICE_EXPECTED = "a list of values: { random: [early, late] }";
const VALUE = byKind<Scalar | Choice>({
  scalar: SCALAR,
  mapping: mapping(
    { random: v.pipe(v.array(SCALAR, CHOICE_EXPECTED), v.minLength(1, CHOICE_EXPECTED)) },
    VALUE_EXPECTED,
  ),
}, VALUE_EXPECTED);
const SCHEMA = byName(VARIABLE, VALUE, "variables: { attempt: 2 }");

/** `set: { NAME: VALUE, … }` */
export const SET: StepKind<SetStep> = {
  action: "set",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const values = check(SCHEMA, { tree, label }, context);
    // Also where something else is wrong: who uses them is not blamed as well.
    const names = tree.kind === "mapping" ? tree.entries.keys() : [];
    for (const name of names) capture(name, { place: keyPlace(tree, [name]), context });
    return values && { values };
  },
  describe: ({ values }) =>
    `set ${Object.entries(values).map(([name, value]) => `${name} to ${describeValue(value)}`).join(", ")}`,
  run({ values }, { stage, path, details }) {
    for (const [name, value] of Object.entries(values)) {
      const chosen = typeof value === "object" ? oneOf(value, chance(stage.seed, `${path} ${name}`)) : value;
      if (typeof value === "object") details.notes = [...details.notes ?? [], `${name} is ${chosen}`];
      stage.values.set(name, chosen);
    }
  },
};

function oneOf({ random }: Choice, chance: number): Scalar {
  return random[Math.floor(random.length * chance)];
}

function describeValue(value: Scalar | Choice): string {
  return typeof value === "object" ? `one of ${value.random.join(", ")}` : String(value);
}
