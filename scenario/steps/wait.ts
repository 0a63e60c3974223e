import * as v from "valibot";
import { formatDuration } from "../../plug/quantity.ts";
import type { Scene, StepKind } from "../step.ts";
import { conditionKind, conditionSchemas, planCondition } from "../conditions/list.ts";
import { foundBy, lookUntil, UNKNOWN } from "../conditions/look.ts";
import type { Condition, Step } from "../plan.ts";
import { pause } from "../run/clock.ts";
import { StepError } from "../run/step_error.ts";
import { TIMEOUT_MS } from "../source/context.ts";

/** Waits for a condition. */
export interface WaitStep extends Step {
  action: "wait";
  condition: Condition;
  timeoutMs: number;
}

/** The least and the longest time between two looks at a condition, in milliseconds. */
const LEAST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 10;

const SCHEMAS = conditionSchemas({ withTimeout: true });

/** `wait: CONDITION` */
export const WAIT: StepKind<WaitStep> = {
  action: "wait",
  schema: v.union(Object.values(SCHEMAS)),
  plan(written) {
    const planned = planCondition(written, SCHEMAS);
    const { timeoutMs = written.context.defaults.timeoutMs ?? TIMEOUT_MS } = planned ?? {};
    return planned && { ...planned, timeoutMs };
  },
  describe: ({ condition }) => `wait until ${conditionKind(condition).describe(condition)}`,
  run: wait,
  isOnHost: ({ condition }) => conditionKind(condition).isOnHost ?? false,
  queues: ({ condition }) => [conditionKind(condition).queue?.(condition) ?? []].flat(),
  process: ({ condition }) => conditionKind(condition).process?.(condition),
  ending: ({ condition }) => conditionKind(condition).ending?.(condition),
};

async function wait(
  { condition, host, timeoutMs }: WaitStep,
  { stage, signal, details, doing }: Scene,
): Promise<void> {
  const { clock } = stage;
  const deadline = clock.now() + timeoutMs;
  const what = conditionKind(condition).describe(condition);
  let { found } = UNKNOWN;
  for (let between = LEAST_PAUSE_MS;; between = Math.min(between * 1.1, LONGEST_PAUSE_MS)) {
    const seen = await lookUntil(deadline, { condition, host, stage, signal });
    if (seen?.ran) details.ran = seen.ran;
    if (seen?.holds) return;
    found = foundBy(seen, found);
    if (doing) doing.found = found;
    if (seen?.never) throw new StepError(`Gave up waiting until ${what}: ${found}`);
    if (clock.now() >= deadline) {
      throw new StepError(`Timed out after ${formatDuration(timeoutMs)} waiting until ${what}: ${found}`);
    }
    await pause(Math.min(between, deadline - clock.now()), signal);
  }
}
