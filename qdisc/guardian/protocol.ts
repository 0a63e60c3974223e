import type { Charge } from "./charge.ts";

/**
 * What a process says to its guardian: one JSON text a packet, over a pair of `AF_UNIX` `SOCK_SEQPACKET` sockets, whose
 * other end the guardian has inherited. The end of that connection is the process's death.
 */
export type Order =
  /** Take charge of something from now on; answered with `taken` or `refused`. */
  | { order: "take"; id: number; charge: Charge }
  /** Release the queue in `maxMs` milliseconds, unless told otherwise before; again: count from now on. Not answered. */
  | { order: "arm"; id: number; maxMs: number }
  /** It holds no more. Not answered. */
  | { order: "disarm"; id: number }
  /** Have nothing to do with it any more. Not answered. */
  | { order: "drop"; id: number }
  /** Go on until the last deadline, though the process ends; then releases alone, and takes nothing away. Answered. */
  | { order: "outlive"; id: number }
  /** Do nothing of it, and end. */
  | { order: "leave" };

/** What a guardian says. */
export type Report =
  /** It is there, and does what is said. */
  | { report: "taken"; id: number }
  /** It cannot do that. */
  | { report: "refused"; id: number; reason: string }
  /** It has released a queue whose deadline was reached, or, with `reason`, could not. */
  | { report: "released"; id: number; why: "deadline" | "signal"; reason?: string };
