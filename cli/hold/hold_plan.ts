import { DEFAULT_MAX_HOLD_MS } from "../../plug/hold.ts";
import { type Condition, durationOf, parseCondition, parseSize, positiveDuration } from "../values.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { type NamedTargets, namedTargets } from "../targets.ts";
import { type Moment, parseMoment } from "../../plug/moment.ts";
import { formatDuration, LONGEST_MS } from "../../plug/quantity.ts";
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
  /** When it begins, where that is not at once. */
  moment?: Moment;
  /** How late it may begin. */
  lateMs: number;
  /** Whether it begins when a line comes in on standard input. */
  waitsForWord: boolean;
  /** How long it goes on without a renewal, and the file descriptor by which its owner renews it. */
  leaseMs?: number;
  renewFd?: number;
  /** How long to wait for what was held to leave. */
  timeoutMs?: number;
  /** Whether gates may be held whose packets bypass filters of others. */
  bypass: boolean;
  /** How commands reach the namespace that is meant. */
  where: Where;
}

/** How late a hold may begin that has a time, where nothing is said, in milliseconds. */
const LATE_MS = 50;
/** By how much the guardian waits longer than a `--for`, in milliseconds. */
const BEYOND_FOR_MS = 5000;

/**
 * Understands the command line of `hold`.
 *
 * @throws {UsageError} where it says nothing that ends the hold, or an end that is later than the deadline
 */
export function holdPlan(context: Context, { isArmed = false } = {}): HoldPlan {
  const at = valueOf(context, "at");
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
    moment: at === undefined ? undefined : understood(() => parseMoment(at)),
    lateMs: durationOf(context, "max-late") ?? LATE_MS,
    waitsForWord: isArmed && at === undefined,
    ...lease(context),
    timeoutMs: durationOf(context, "timeout"),
    bypass: isGiven(context, "force"),
    where: whereGiven(context.arguments.values),
  };
  if (plan.program.length === 0 && plan.forMs === undefined && !plan.until && plan.leaseMs === undefined) {
    throw new UsageError(`${isArmed ? "arm" : "hold"} needs an end: ${endsFor(plan.names)}`);
  }
  if (isGiven(context, "max-late") && at === undefined) throw new UsageError("--max-late goes with --at");
  if (plan.waitsForWord && plan.renewFd === 0) {
    throw new UsageError("standard input says when it begins: give --at TIME, or renew by another file descriptor");
  }
  refusePassed(plan, at);
  refuseLate(context, plan);
  return plan;
}

/**
 * How a hold is kept going by its owner.
 *
 * @throws {UsageError} where nobody could renew it, or there is nothing to renew
 */
function lease(context: Context): Pick<HoldPlan, "leaseMs" | "renewFd"> {
  const leaseMs = positiveDuration(context, "lease");
  const fd = valueOf(context, "renew-fd");
  if (leaseMs === undefined && fd === undefined) return {};
  if (leaseMs === undefined) throw new UsageError("--renew-fd goes with --lease DURATION, which it renews");
  if (fd === undefined) throw new UsageError("--lease goes with --renew-fd N: nobody could renew it");
  return { leaseMs, renewFd: descriptor(fd, "--renew-fd") };
}

/** The number of a file descriptor. */
export function descriptor(text: string, option: string): number {
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new UsageError(
    `invalid ${option} ${JSON.stringify(text)}: use the number of an open file descriptor, such as 3`,
  );
}

/** Refuses a time that has passed: what was to be held then is over. */
export function refusePassed(
  { moment, lateMs = 0 }: { moment?: Moment; lateMs?: number },
  text: string | undefined,
): void {
  const agoMs = Math.round(-(moment?.leftMs ?? 0));
  if (agoMs <= lateMs) return;
  throw new UsageError(`--at ${text} has passed${agoMs < HOUR_MS ? `, ${formatDuration(agoMs)} ago` : ""}`);
}

/** Of what is longer ago, nobody wants the seconds. */
const HOUR_MS = 3_600_000;

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
