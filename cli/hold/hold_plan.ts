import { DEFAULT_MAX_HOLD_MS } from "../../plug/hold.ts";
import { type Condition, durationOf, parseCondition, parseSize, positiveDuration } from "../values.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { type NamedTargets, namedTargets } from "../targets.ts";
import { LONGEST_MS } from "../../plug/quantity.ts";
import { shellText } from "../near_miss.ts";
import { whereGiven } from "../where.ts";
import type { Where } from "../../plug/queue_error.ts";
import { asWritten, type GateOptions, type GatePlan, planGate } from "../../gate/gate_plan.ts";
import { MatchError } from "../../gate/match/reader.ts";
import { understood, UsageError } from "../exit_status.ts";

/** What to hold, and for how long. */
export interface HoldPlan extends NamedTargets {
  /** The limit of a plug that is attached for it. */
  limitBytes?: number;
  /** Expressions for what passes of a device that is held. */
  except: readonly string[];
  /** The words of the command, or none. */
  program: string[];
  forMs?: number;
  until?: Condition;
  maxMs: number;
  /** How long to wait for what was held to leave. */
  timeoutMs?: number;
  /** Whether gates may be held whose packets bypass filters of others. */
  bypass: boolean;
  /** How commands reach the namespace that is meant. */
  where: Where;
}

/** By how much the guardian waits longer than a `--for`, in milliseconds. */
const BEYOND_FOR_MS = 5000;

/**
 * Understands the command line of `hold`.
 *
 * @throws {UsageError} where it says nothing that ends the hold, or an end that is later than the deadline
 */
export function holdPlan(context: Context): HoldPlan {
  const targets = namedTargets(context);
  const limit = valueOf(context, "limit");
  const until = valueOf(context, "until");
  const plan = {
    ...targets,
    limitBytes: limit === undefined ? undefined : parseSize(limit),
    except: context.arguments.values.get("except") ?? [],
    program: context.arguments.program,
    forMs: positiveDuration(context, "for"),
    until: until === undefined ? undefined : parseCondition(until),
    maxMs: positiveDuration(context, "max-hold") ?? defaultMaxMs(positiveDuration(context, "for")),
    timeoutMs: durationOf(context, "timeout"),
    bypass: isGiven(context, "force"),
    where: whereGiven(context.arguments.values),
  };
  if (plan.program.length === 0 && plan.forMs === undefined && !plan.until) {
    throw new UsageError(`hold needs an end: ${endsFor(plan.names)}`);
  }
  refuseLate(context, plan);
  return plan;
}

/** How a hold can be ended; where an end seems to stand among the names, how that is written. */
function endsFor(names: readonly string[]): string {
  const [held, ...more] = names;
  const last = names.at(-1) ?? "";
  if (/^[0-9.]+(us|ms|s|m|h)$/.test(last)) return `did you mean --for ${last}`;
  if (more.length === 0) return "--for DURATION, --until CONDITION, or -- COMMAND";
  return `--for DURATION, --until CONDITION, or a command behind --, as in: ` +
    `plugctl hold ${shellText([held])} -- ${shellText(more)}`;
}

/** When the guardian releases where nothing is said: never before a `--for` has ended. */
function defaultMaxMs(forMs = 0): number {
  return Math.min(Math.max(DEFAULT_MAX_HOLD_MS, forMs + BEYOND_FOR_MS), LONGEST_MS);
}

/** Refuses a `--for` that the deadline would cut short: a release by the guardian is a failure. */
function refuseLate(context: Context, { forMs, maxMs }: HoldPlan): void {
  if (forMs === undefined || forMs < maxMs) return;
  const deadline = valueOf(context, "max-hold") ?? "24 days, the longest there is";
  throw new UsageError(`--for ${valueOf(context, "for")} must be less than --max-hold, which is ${deadline}`);
}

/** The plan of a gate; an error in an expression is shown with a caret under what is wrong. */
export function plannedGate(options: GateOptions): GatePlan {
  try {
    return understood(() => planGate(options));
  } catch (error) {
    if (!(error instanceof UsageError) || !(error.cause instanceof MatchError)) throw error;
    const { cause: { expression, expected, ...mistake } } = error;
    const drawing = error.cause.drawing.replaceAll(/^/gm, "  ");
    const among = (texts?: string | readonly string[]) => asWritten(texts).includes(expression);
    const option = among(options.match) ? "--match" : among(options.first) ? "--first" : "--except";
    const meant = mistake.hint === undefined ? "" : `; did you mean "${mistake.hint}"?`;
    throw new UsageError(
      `cannot understand ${option}: ${mistake.what}, expected ${expected}${meant}\n${drawing}`,
      { cause: error.cause },
    );
  }
}
