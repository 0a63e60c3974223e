import type { Step } from "../plan.ts";
import { check } from "../source/check.ts";
import { TEXT } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Says something. */
export interface LogStep extends Step {
  action: "log";
  text: string;
}

/** `log: TEXT` */
export const LOG: StepKind<LogStep> = {
  action: "log",
  schema: TEXT,
  plan({ tree, label, context }) {
    const text = check(TEXT, { tree, label }, context);
    return text === undefined ? undefined : { text };
  },
  describe: ({ text }) => text,
  run: () => {},
};
