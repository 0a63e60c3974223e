import * as v from "valibot";
import { conditionKind, conditionSchemas, planCondition } from "../conditions/list.ts";
import { lookNow } from "../conditions/look.ts";
import type { Condition, Step } from "../plan.ts";
import { StepError } from "../run/step_error.ts";
import type { StepKind } from "../step.ts";

/** Fails where a condition does not hold now. */
export interface ExpectStep extends Step {
  action: "expect";
  condition: Condition;
}

const SCHEMAS = conditionSchemas({ withTimeout: false });

/** `expect: CONDITION` */
export const EXPECT: StepKind<ExpectStep> = {
  action: "expect",
  schema: v.union(Object.values(SCHEMAS)),
  plan(written) {
    const { condition, host } = planCondition(written, SCHEMAS) ?? {};
    return condition && { condition, host };
  },
  describe: ({ condition }) => `expect that ${conditionKind(condition).describe(condition)}`,
  async run({ condition, host }, { stage, signal, details }) {
    const kind = conditionKind(condition);
    const { holds, found, ran } = await lookNow({ condition, host, stage, signal });
    if (ran) details.ran = ran;
    if (!holds) throw new StepError(`Expected that ${kind.describe(condition)}: ${found}`, { unmet: true });
  },
  isOnHost: ({ condition }) => conditionKind(condition).isOnHost ?? false,
  queues: ({ condition }) => [conditionKind(condition).queue?.(condition) ?? []].flat(),
  process: ({ condition }) => conditionKind(condition).process?.(condition),
  ending: ({ condition }) => conditionKind(condition).ending?.(condition),
};
