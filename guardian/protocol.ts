import type { AnyCharge, Backlog } from "./charge.ts";
import type { Disturbance } from "./watch.ts";

/**
 * What a process says to its guardian: one JSON text a packet, over a pair of `AF_UNIX` `SOCK_SEQPACKET` sockets, whose
 * other end the guardian has inherited. The end of that connection is the process's death.
 */
export type Order =
  /** Say that you are there: answered with `taken`. */
  | { order: "greet"; id: number }
  /** Take charge of something from now on; answered with `taken` or `refused`. */
  | { order: "take"; id: number; charge: AnyCharge }
  /** The queue holds from now on: release it in `maxMs` milliseconds; again: count anew. Without it: never. Not answered. */
  | { order: "arm"; id: number; maxMs?: number }
  /** It holds, and nobody else is to do anything to it: watch it; with `due` what it holds now may still leave. Answered. */
  | { order: "watch"; id: number; due?: boolean }
  /** It is there and passes packets: what takes its place from now on is another. Answered as `watch`. */
  | { order: "know"; id: number }
  /** Look whether others have done something to it till now, and say so first. Answered. */
  | { order: "look"; id: number }
  /** What happens to it next is this process's own doing. Not answered. */
  | { order: "unwatch"; id: number }
  /** It holds no more. Not answered. */
  | { order: "disarm"; id: number }
  /** Have nothing to do with it any more. Answered. */
  | { order: "drop"; id: number }
  /**
   * Go on until the last deadline, though the process ends, or until another process releases the plug; then release alone,
   * and take nothing away. `netns` is where it is. Answered.
   */
  | { order: "outlive"; id: number; netns?: string }
  /** Everything is put right: do nothing, and end. */
  | { order: "leave" };

/** What a guardian says. */
export type Report =
  /** It is there, and does what is said. */
  | { report: "taken"; id: number }
  /** It cannot do that. */
  | { report: "refused"; id: number; reason: string }
  /** It sees what others do to it from now on. */
  | { report: "watching"; id: number }
  /** It has looked at it. */
  | { report: "looked"; id: number }
  /** It has nothing to do with it any more. */
  | { report: "dropped"; id: number }
  | Released;

/** A guardian has released a queue while the process that entrusted it lives. */
export interface Released {
  /** Which of the reports it is. */
  report: "released";
  /** The number that the queue was taken by. */
  id: number;
  /**
   * Because its deadline was reached, or because SIGTERM was sent to the guardian; or it was not released by the guardian:
   * others have disturbed it.
   */
  why: "deadline" | "SIGTERM" | "disturbed";
  /** What others have done. */
  disturbance?: Disturbance;
  /** What it held then, or when it was last seen before others disturbed it, in packets and in bytes with their link headers; absent where that could not be read. */
  backlog?: Backlog;
  /** Why it could not, where it could not. */
  failure?: string;
}
