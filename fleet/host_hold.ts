import type { Problem } from "../control/problem.ts";
import type { ToldHold } from "../control/leased_hold.ts";
import { wallClockMs } from "../linux/process.ts";
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
