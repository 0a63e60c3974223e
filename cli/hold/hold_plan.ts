import type { PlugPlace } from "../../plug/queue.ts";
import { DEFAULT_MAX_HOLD_MS } from "../../plug/hold.ts";
import { type Condition, parseCondition } from "../condition.ts";
import { type Context, valueOf } from "../context.ts";
import { durationOf, parseSize, positiveDuration } from "../values.ts";
import { queueTargets } from "../targets.ts";
import { UsageError } from "../usage_error.ts";

/** What to hold, and for how long. */
export interface HoldPlan {
  gates: string[];
  places: PlugPlace[];
  /** The limit of a plug that is attached for it. */
  limitBytes?: number;
  /** The words of the command, or none. */
  program: string[];
  forMs?: number;
  until?: Condition;
  maxMs: number;
  /** How long to wait for what was held to leave. */
  timeoutMs?: number;
}

/**
 * Understands the command line of `hold`.
 *
 * @throws {UsageError} where it says nothing that ends the hold, or an end that is later than the deadline
 */
export function holdPlan(context: Context): HoldPlan {
  const { gates, places } = queueTargets(context);
  const limit = valueOf(context, "limit");
  const until = valueOf(context, "until");
  if (limit !== undefined && places.length === 0) throw new UsageError("--limit goes with --dev: a gate has its own");
  const plan = {
    gates,
    places,
    limitBytes: limit === undefined ? undefined : parseSize(limit),
    program: context.arguments.program,
    forMs: positiveDuration(context, "for"),
    until: until === undefined ? undefined : parseCondition(until),
    maxMs: positiveDuration(context, "max-hold") ?? DEFAULT_MAX_HOLD_MS,
    timeoutMs: durationOf(context, "timeout"),
  };
  if (plan.program.length === 0 && plan.forMs === undefined && !plan.until) {
    throw new UsageError("hold needs an end: --for DURATION, --until CONDITION, or -- COMMAND");
  }
  refuseLate(context, plan);
  return plan;
}

/** Refuses a `--for` that the deadline would cut short: a release by the guardian is a failure. */
function refuseLate(context: Context, { forMs, maxMs }: HoldPlan): void {
  if (forMs === undefined || forMs < maxMs) return;
  const deadline = valueOf(context, "max-hold") ?? `${DEFAULT_MAX_HOLD_MS / 1000}s, the default`;
  throw new UsageError(`--for ${valueOf(context, "for")} must be less than --max-hold, which is ${deadline}`);
}
