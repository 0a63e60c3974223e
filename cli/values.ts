import type { PaceOptions } from "../plug/pace.ts";
import type { HoldCounts } from "../plug/hold.ts";
import {
  COUNTERS,
  fitsNumber,
  PACKETS_MAX,
  parseCounterTest,
  parseDuration as durationText,
  parseRate,
  parseSize as sizeText,
} from "../plug/quantity.ts";
import { type Context, valueOf } from "./context.ts";
import type { OptionName } from "./table.ts";
import { understood, UsageError } from "./exit_status.ts";

/**
 * A size of the command line, in bytes.
 *
 * @throws {UsageError} where the text is none
 */
export function parseSize(text: string): number {
  return understood(() => sizeText(text));
}

/**
 * A duration of the command line, in milliseconds.
 *
 * @throws {UsageError} where the text is none
 */
export function parseDuration(text: string): number {
  return understood(() => durationText(text));
}

/** Options whose value is a duration. */
type DurationName = "timeout" | "for" | "max-hold" | "over" | "lease" | "max-late" | "max-skew";

/** The duration that an option gives, in milliseconds, or `undefined` where it is not given. */
export function durationOf(context: Context, name: DurationName): number | undefined {
  const text = valueOf(context, name);
  return text === undefined ? undefined : parseDuration(text);
}

/**
 * As `durationOf`.
 *
 * @throws {UsageError} where it is 0
 */
export function positiveDuration(context: Context, name: DurationName): number | undefined {
  const milliseconds = durationOf(context, name);
  if (milliseconds === 0) throw new UsageError(`--${name} is ${valueOf(context, name)}, must be more than 0`);
  return milliseconds;
}

/**
 * How many packets `--packets` says; `undefined` where it is not given.
 *
 * @throws {UsageError} where it is not a whole number from 1 to 2^31 - 1
 */
export function packetsOf(context: Context): number | undefined {
  const text = valueOf(context, "packets");
  if (text === undefined) return undefined;
  const packets = /^\d+$/.test(text) ? Number(text) : NaN;
  if (packets >= 1 && packets <= PACKETS_MAX) return packets;
  throw new UsageError(`--packets is ${text}, must be a whole number from 1 to ${PACKETS_MAX}`);
}

/**
 * How fast `--rate` or `--over` says that packets leave; `undefined` where neither is given.
 *
 * @throws {UsageError} where both are, or one beside `--packets`, or it is out of its range
 */
export function paceOf(context: Context): PaceOptions | undefined {
  const given = ["packets", "rate", "over"].filter((name) => context.arguments.values.has(name as OptionName));
  if (given.length > 1) throw new UsageError(`--${given.join(" and --")} do not go together: give one of them`);
  const rate = valueOf(context, "rate");
  if (rate !== undefined) return { packetsPerSecond: understood(() => parseRate(rate)) };
  const overMs = positiveDuration(context, "over");
  return overMs === undefined ? undefined : { overMs };
}

/** What a hold waits for. */
export interface Condition {
  /** How messages show it: `backlog>=10`. */
  text: string;
  isMet(counts: HoldCounts): boolean;
  /** Whether it is about what leaves: others are to release some of it. */
  isAboutReleases: boolean;
}

/**
 * Parses a condition: `backlog>=10`, `sent-bytes>1m`, `drops == 0`.
 *
 * @throws {UsageError} where the text is anything else
 */
export function parseCondition(text: string): Condition {
  const { counter, comparison, test } = understood(() => parseCounterTest(text));
  return {
    text: `${counter}${comparison}`,
    isMet: (counts) => fitsNumber(counts[COUNTERS[counter].name], test),
    isAboutReleases: counter.startsWith("sent"),
  };
}

/** The time of the day where the person is, to the millisecond, as every program on a terminal tells it. */
export function timeOfDay(atMs: number): string {
  return `${new Date(atMs).toTimeString().slice(0, 8)}.${String(atMs % 1000).padStart(3, "0")}`;
}
