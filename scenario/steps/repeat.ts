import * as v from "valibot";
import { numberOf } from "../../plug/quantity.ts";
import type { Scalar, Step } from "../plan.ts";
import { check } from "../source/check.ts";
import { mistake, nameIn } from "../source/context.ts";
import { byKind, mapping } from "../source/mapping.ts";
import { SCALAR, VARIABLE, wholeNumber } from "../source/scalar.ts";
import { follow, type Tree, valueAt } from "../source/tree.ts";
import { uses } from "../source/variables.ts";
import type { Part, StepKind, Written } from "../step.ts";

/** Does steps several times. */
export interface RepeatStep extends Step {
  action: "repeat";
  /** The variable that each round has a value of. */
  variable?: string;
  rounds: readonly Round[];
}

/** One time. */
export interface Round {
  value: Scalar;
  /** The same list for each round where the variable is not used. */
  steps: readonly Step[];
}

/** The most rounds that one `repeat` can have. */
const ROUNDS_MAX = 1_000_000;

/** How often, with which variable. */
interface Fields {
  times?: number;
  over?: readonly Scalar[];
  as?: string;
}

const EXPECTED = "how often, or { times: 20, as: round }, or { over: [1, 2], as: value }";
const TIMES = mapping({ times: wholeNumber(0, ROUNDS_MAX), as: v.optional(VARIABLE) }, EXPECTED);
const OVER = mapping({ over: v.array(SCALAR, "a list of values"), as: VARIABLE }, EXPECTED);
const SCHEMA = byKind<Fields>({
  scalar: v.pipe(wholeNumber(0, ROUNDS_MAX), v.transform((times): Fields => ({ times }))),
  mapping: v.lazy((input) => {
    if (input === undefined) return v.union([TIMES, OVER]);
    return typeof input === "object" && input !== null && "over" in input ? OVER : TIMES;
  }),
}, EXPECTED);

/** `repeat: N`, `repeat: { times: N, as: VAR }`, `repeat: { over: […], as: VAR }`, with `steps:` beside it. */
export const REPEAT: StepKind<RepeatStep> = {
  action: "repeat",
  schema: SCHEMA,
  beside: "steps",
  plan(written) {
    const { tree, whole, label, context } = written;
    const steps = valueAt(whole, "steps");
    if (!steps) {
      return mistake(tree, { what: "repeat has no steps beside it", expected: "steps: a list of steps" }, context);
    }
    const fields = check(SCHEMA, { tree, label }, context);
    // Also where something else is wrong: its steps are not blamed as well.
    const { as: variable = nameIn(tree, "as"), times = 1 } = fields ?? {};
    if (variable !== undefined && context.scope.has(variable)) {
      const what = `there is a variable ${variable} already`;
      mistake(follow(tree, ["as"]), { what, expected: "another name" }, context);
    }
    const values = fields?.over ?? Array.from({ length: times }, (_, index) => index + 1);
    const rounds = roundsOf(values, { ...written, variable, steps });
    return fields && { variable, rounds };
  },
  describe: ({ rounds }) => `repeat ${numberOf(rounds.length, "time")}`,
  async run(step, { signal, inner }) {
    for (const part of parts(step)) {
      signal.throwIfAborted();
      await inner(part);
    }
  },
  parts,
};

function* parts({ rounds, variable }: RepeatStep): Generator<Part> {
  for (const [index, { value, steps }] of rounds.entries()) {
    const number = index + 1;
    const which = variable === undefined ? "" : `, ${variable} is ${value}`;
    yield {
      path: `[${number}]`,
      action: "round",
      text: `round ${number} of ${rounds.length}${which}`,
      steps,
      round: { number, of: rounds.length, variable, value },
    };
  }
}

function roundsOf(
  values: readonly Scalar[],
  { variable, steps, planSteps, context }: Written & { variable?: string; steps: Tree },
): Round[] {
  const within = (value: Scalar) => {
    const scope = variable === undefined ? context.scope : new Map([...context.scope, [variable, value]]);
    return planSteps(steps, "steps", { ...context, scope });
  };
  const isSame = variable === undefined || !uses(steps, variable);
  if (isSame || values.length === 0) {
    const same = within(values[0] ?? 1);
    return values.map((value) => ({ value, steps: same }));
  }
  const rounds: Round[] = [];
  const before = context.mistakes.length;
  for (const value of values) {
    rounds.push({ value, steps: within(value) });
    // Another value would be wrong in the same way.
    if (context.mistakes.length > before) break;
  }
  return rounds;
}
