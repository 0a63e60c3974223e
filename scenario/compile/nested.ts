import type { ParallelStep, PlannedStep, RepeatStep, Scalar } from "../plan.ts";
import { NAME } from "../schema/scalar.ts";
import { ACTIONS } from "../schema/step.ts";
import { type Entry, follow, type MappingTree, type Tree, valueAt } from "../source/tree.ts";
import { uses } from "../source/variables.ts";
import { check } from "./check.ts";
import type { Context } from "./context.ts";

/** How lists of steps are read, and into what. */
export interface Nested {
  planSteps: (tree: Tree, label: string, context: Context) => PlannedStep[];
  context: Context;
}

/** The rounds of a `repeat`. */
export function roundsOf(
  tree: MappingTree,
  { planSteps, context }: Nested,
): Pick<RepeatStep, "variable" | "rounds"> | undefined {
  const repeat = valueAt(tree, "repeat") as Tree;
  const steps = valueAt(tree, "steps");
  const { line, column } = repeat;
  if (!steps) {
    context.mistakes.push({ line, column, what: "repeat has no steps beside it", expected: "steps: a list of steps" });
    return undefined;
  }
  const fields = check(ACTIONS.repeat, { tree: repeat, label: "repeat" }, context);
  const variable = fields?.as;
  if (variable !== undefined && context.scope.has(variable)) {
    const { line, column } = follow(repeat, ["as"]);
    context.mistakes.push({ line, column, what: `there is a variable ${variable} already`, expected: "another name" });
  }
  const { times = 1, over = Array.from({ length: times }, (_, index) => index + 1) } = fields ?? {};
  const rounds = rounded(over, { variable, steps, planSteps, context });
  return fields && { variable, rounds };
}

function rounded(
  values: readonly Scalar[],
  { variable, steps, planSteps, context }: Nested & { variable?: string; steps: Tree },
): RepeatStep["rounds"] {
  const within = (value: Scalar) => {
    const scope = variable === undefined ? context.scope : new Map([...context.scope, [variable, value]]);
    return planSteps(steps, "steps", { ...context, scope });
  };
  const isSame = variable === undefined || !uses(steps, variable);
  if (isSame || values.length === 0) {
    const same = within(values[0] ?? 1);
    return values.map((value) => ({ value, steps: same }));
  }
  const rounds: RepeatStep["rounds"][number][] = [];
  const before = context.mistakes.length;
  for (const value of values) {
    rounds.push({ value, steps: within(value) });
    // Another value would be wrong in the same way.
    if (context.mistakes.length > before) break;
  }
  return rounds;
}

/** The branches of a `parallel`. */
export function branchesOf({ value: tree }: Entry, { planSteps, context }: Nested): ParallelStep["branches"] {
  if (tree.kind !== "mapping" || tree.entries.size === 0) {
    const { line, column } = tree;
    const expected = "lists of steps by name: { client: [...], server: [...] }";
    context.mistakes.push({ line, column, what: "parallel has no branches", expected });
    return [];
  }
  return [...tree.entries].map(([name, { key, value }]) => {
    check(NAME, { tree: { kind: "scalar", value: name, ...key }, label: "the branch" }, context);
    return { name, steps: planSteps(value, name, context) };
  });
}
