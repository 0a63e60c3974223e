import { formatDuration } from "../../plug/quantity.ts";
import type { Step } from "../plan.ts";
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

/**
 * A number from 0 up to 1, without it, that depends on the seed and the step alone: what other steps choose, and in
 * which order steps of several branches come, makes no difference.
 */
export function chance(seed: number, step: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (const byte of new TextEncoder().encode(step)) hash = Math.imul(hash ^ byte, 0x01000193);
  // The finish of MurmurHash3: each bit of the hash changes half of the bits.
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return ((hash ^ hash >>> 16) >>> 0) / 2 ** 32;
}
