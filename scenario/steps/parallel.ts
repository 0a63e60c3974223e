import type { Step } from "../plan.ts";
import { byName, check } from "../source/check.ts";
import { mistake } from "../source/context.ts";
import { NAME } from "../source/scalar.ts";
import type { Part, StepKind } from "../step.ts";

/** Does several lists of steps at the same time, and is done when all are. */
export interface ParallelStep extends Step {
  action: "parallel";
  branches: readonly { name: string; steps: readonly Step[] }[];
}

const EXPECTED = "lists of steps by name: { client: [...], server: [...] }";

/** `parallel: { NAME: [STEP, …], … }` */
export const PARALLEL: StepKind<ParallelStep> = {
  action: "parallel",
  schema: (steps) => byName(NAME, steps, EXPECTED),
  plan({ tree, context, planSteps }) {
    if (tree.kind !== "mapping" || tree.entries.size === 0) {
      mistake(tree, { what: "parallel has no branches", expected: EXPECTED }, context);
      return { branches: [] };
    }
    const branches = [...tree.entries].map(([name, { key, value }]) => {
      check(NAME, { tree: { kind: "scalar", value: name, ...key }, label: "the branch" }, context);
      return { name, steps: planSteps(value, name, context) };
    });
    return { branches };
  },
  describe: ({ branches }) => `at the same time: ${branches.map(({ name }) => name).join(", ")}`,
  run: (step, { atOnce }) => atOnce(parts(step)),
  parts,
};

function parts({ branches }: ParallelStep): Part[] {
  return branches.map(({ name, steps }) => ({ path: `.${name}`, action: "branch", text: `branch ${name}`, steps }));
}
