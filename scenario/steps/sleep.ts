import { formatDuration } from "../../plug/quantity.ts";
import type { Step } from "../plan.ts";
import { chance } from "../run/random.ts";
import { check } from "../source/check.ts";
import { DURATION_RANGE } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Waits for a time. */
export interface SleepStep extends Step {
  action: "sleep";
  /** In milliseconds; where they differ, a time between them is chosen by the seed. */
  leastMs: number;
  mostMs: number;
}

/** `sleep: DURATION`, `sleep: 10ms..50ms` */
export const SLEEP: StepKind<SleepStep> = {
  action: "sleep",
  schema: DURATION_RANGE,
  plan: ({ tree, label, context }) => check(DURATION_RANGE, { tree, label }, context),
  describe({ leastMs, mostMs }) {
    const least = formatDuration(leastMs);
    return leastMs === mostMs ? `sleep ${least}` : `sleep ${least} to ${formatDuration(mostMs)}`;
  },
  async run({ leastMs, mostMs }, { stage, path, signal, details }) {
    const from = stage.clock.now();
    const milliseconds = leastMs + (mostMs - leastMs) * chance(stage.seed, path);
    details.chosen = Math.round(milliseconds * 1000);
    await stage.clock.until(from + milliseconds, signal);
  },
};
