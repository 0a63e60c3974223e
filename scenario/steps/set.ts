import type { Scalar, Step } from "../plan.ts";
import { byName, check } from "../source/check.ts";
import { capture } from "../source/context.ts";
import { SCALAR, VARIABLE } from "../source/scalar.ts";
import { keyPlace } from "../source/tree.ts";
import type { StepKind } from "../step.ts";

/** Gives variables values, for the steps behind it. */
export interface SetStep extends Step {
  action: "set";
  values: Readonly<Record<string, Scalar>>;
}

const SCHEMA = byName(VARIABLE, SCALAR, "variables: { attempt: 2 }");

/** `set: { NAME: VALUE, … }` */
export const SET: StepKind<SetStep> = {
  action: "set",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const values = check(SCHEMA, { tree, label }, context);
    for (const name of Object.keys(values ?? {})) capture(name, { place: keyPlace(tree, [name]), context });
    return values && { values };
  },
  describe: ({ values }) => `set ${Object.entries(values).map(([name, value]) => `${name} to ${value}`).join(", ")}`,
  run({ values }, { stage }) {
    for (const [name, value] of Object.entries(values)) stage.values.set(name, value);
  },
};
