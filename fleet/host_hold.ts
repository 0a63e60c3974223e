import type { Problem } from "../control/problem.ts";
import type { ToldHold } from "../control/leased_hold.ts";
import { wallClockMs } from "../linux/process.ts";
import { numberOf } from "../plug/quantity.ts";
import type { Offset } from "./clock.ts";

/** How a host is, as far as the one who asked knows. */
export interface HostHold {
  host: string;
  state: "asked" | "armed" | "refused" | "holding" | "ended" | "unheard";
  /** Why it does not take part. */
  problem?: Problem;
  /** By how much its clock is ahead, and how well that is known. */
  clock?: Offset;
  /** When it began, in milliseconds since 1970 by this machine's clock; absent where its own is not known. */
  beganMs?: number;
  /** What it said last. */
  told?: ToldHold;
  /**
   * When it ends at the latest, in milliseconds since 1970 by this machine's clock, if it is not heard of any more; absent
   * where it does not hold, as it says or never did.
   */
  latestMs?: number;
}

/** A host, and what is known of it by this machine's `performance.now()`, which nobody sets. */
export interface Known extends HostHold {
  /** When it was heard of last, */
  heardMs: number;
  /** when it ends at the latest, */
  untilMs: number;
  /** when it was first heard that it holds. */
  holdsMs?: number;
  /** Whether it may have armed, though it does not take part. */
  isInDoubt?: boolean;
  isAskedToEnd?: boolean;
}

/** Something new of a host. */
export type HostNews = Readonly<HostHold>;

/** Whether it holds, or is to. */
export function isGoing({ state }: Known): boolean {
  return state === "armed" || state === "holding";
}

/** What is told of it. */
export function newsOf({ host, state, problem, clock, beganMs, told, untilMs }: Known): HostNews {
  const isOpen = state === "armed" || state === "holding" || state === "unheard";
  const latestMs = isOpen ? wallClockMs() + untilMs - performance.now() : undefined;
  return { host, state, problem, clock, beganMs, told, latestMs };
}

/** What is said of a host when something of it is new. */
export function newsText(news: HostNews): string | undefined {
  const { state, problem, told } = news;
  switch (state) {
    case "asked":
      return undefined;
    case "armed":
      return "armed, packets pass";
    case "refused":
      return `does not take part: ${problem?.message}`;
    case "holding":
      return told?.lateMs === undefined ? "holding" : `holding, ${told.lateMs.toFixed(1)} ms after the moment`;
    case "unheard":
      return unheardText(news);
    case "ended":
      return endText(told, problem?.message);
    default:
      throw new TypeError(`Cannot tell ${state satisfies never}`);
  }
}

/** Of a host that has not said that it holds nothing it is known from then on alone. */
function unheardText({ problem, latestMs = NaN }: HostNews): string {
  const why = problem === undefined ? "is not heard of" : `does not take part: ${problem.message}`;
  return `${why}: held until ${timeText(latestMs)} at the latest`;
}

function endText(told: HostNews["told"], problem: string | undefined): string {
  const why = problem ?? told?.problem?.message;
  if (told?.ended === "called-off") return "called off, nothing was held";
  if (told?.heldMs === undefined) return `ended: ${why ?? told?.ended ?? "nothing was held"}`;
  const packets = told.queues?.map(({ name, packets, drops }) =>
    `${packets === undefined ? "an unknown number of packets" : numberOf(packets, "packet")} of ${name}` +
    (drops > 0 ? `, dropped ${drops}` : "")
  ).join(", ");
  const how = told.ended === "for" || told.ended === "released" ? "released" : `ended by ${told.ended}`;
  return `${how}: held ${packets} for ${told.heldMs.toFixed(1)} ms${why === undefined ? "" : `: ${why}`}`;
}

/** The same, and all that is known of it, as JSON. */
export function newsJson({ host, state, problem, clock, beganMs, told, latestMs }: HostNews): Record<string, unknown> {
  const began = beganMs === undefined ? undefined : new Date(beganMs).toISOString();
  const latest = latestMs === undefined ? undefined : new Date(latestMs).toISOString();
  return { host, state, problem, clock, began, told, latest };
}

/** A time of today by the clock alone; of another day with the date. */
export function timeText(epochMs: number): string {
  const date = new Date(epochMs);
  const time = `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  const isNear = Math.abs(epochMs - Date.now()) < NEAR_MS;
  return isNear ? time : `${date.toLocaleDateString("sv-SE")} ${time}`;
}

/** Within half a day a time has no date. */
const NEAR_MS = 12 * 3_600_000;
