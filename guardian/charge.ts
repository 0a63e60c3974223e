import type { Connection } from "../netlink/connection.ts";
import type { Disturbance, Watched } from "./watch.ts";

/**
 * What a guardian puts right when the process that entrusted it is dead. A guardian knows no more of it than this: what
 * is to be done for its kind is a `Duty`, which plugs, gates, processes and namespaces have each for themselves.
 */
export interface AnyCharge {
  /** Which of the kinds it is. */
  readonly kind: string;
  /** Its name, for words. */
  readonly name?: string;
  /** The path of its network namespace, which is opened at once; absent for the guardian's own. */
  readonly netns?: string;
  /** The number of the socket by which its process changes it: what others do to it comes by another. */
  readonly port?: number;
}

/** What is to be done for a charge. Each is done for all charges before the next is done for any. */
export interface Duty {
  /** By what others know that somebody has charge of it; absent where that is nothing to them. */
  mark?: string;
  /** What others may disturb while it holds; absent where that is nothing, or not known yet. */
  watched?: Watched;
  /** What is held at this moment, and how many packets the kernel says have left since it was made; "gone" where it is not there. */
  look?(): Backlog & { sent: number } | "gone";
  /** How a device is. */
  linkOf?(ifindex: number): "up" | "down" | "gone";
  /** Lets go what is held. */
  release?(): void;
  /** Waits until it has left, and takes away what was made; ends processes. */
  putRight?(): Promise<void>;
  /** Removes what was needed till then. */
  remove?(): void;
}

/** What is held, in packets and in bytes with their link headers. */
export interface Backlog {
  /** How many packets. */
  packets: number;
  /** Their bytes, with their link headers. */
  bytes: number;
}

/** Makes ready all that a charge takes, so that it can be done whatever has vanished meanwhile. */
export type DutyOf<C extends AnyCharge> = (charge: C, connectTo: ConnectTo) => Promise<Duty>;

/** The guardian's connection to the network namespace that is at a path now, or to its own; it is kept open. */
export type ConnectTo = (netns?: string) => Connection;

/** The environment variable by which a guardian knows processes. */
export const TAG_VARIABLE = "PLUGCTL_TAG";

/**
 * What a process says to its guardian: one JSON text a packet, over a pair of `AF_UNIX` `SOCK_SEQPACKET` sockets, whose
 * other end the guardian has inherited. The end of that connection is the process's death.
 */
export type Order =
  /** Say that you are there: answered with `taken`. */
  | { order: "greet"; id: number }
  /** Take charge of something from now on; answered with `taken` or `refused`. */
  | { order: "take"; id: number; charge: AnyCharge }
  /**
   * The queue holds from now on, and from each time on at which its process makes it hold, which the kernel says: release it
   * `maxMs` milliseconds later; without it never. Not answered.
   */
  | { order: "arm"; id: number; maxMs?: number }
  /** The deadline of one that holds is in `maxMs` milliseconds from now on, and nothing else changes. Answered as `watch`. */
  | { order: "renew"; id: number; maxMs: number }
  /** It holds, and nobody else is to do anything to it: watch it, as it is now. Answered with `watching`. */
  | { order: "watch"; id: number }
  /** It is there and passes packets: what takes its place from now on is another. Answered as `watch`. */
  | { order: "know"; id: number }
  /** Look whether others have done something to it till now, and say so first. Answered. */
  | { order: "look"; id: number }
  /** What happens to it until it is to be watched again, or armed, is this process's own doing. Answered as `watch`. */
  | { order: "unwatch"; id: number }
  /** It holds no more, though this process has not released it. Answered as `watch`. */
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
  /** It has followed that, and sees what is done from now on as that says. */
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
  /** The number of the request by which its process has made it hold last; "unknown" where what the kernel said of that may be lost. */
  since?: number | "unknown";
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

/** How often a release is tried that the kernel refuses. */
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/**
 * Does all duties: first lets go whatever is held, then ends processes and takes away, at once, and removes last. What
 * fails keeps nothing else from being done. Returns why something could not be done.
 */
export async function putRight(duties: readonly Duty[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  await Promise.all(duties.map((duty) => attempt(failures, () => releaseSurely(duty))));
  await Promise.all(duties.map((duty) => attempt(failures, () => duty.putRight?.())));
  for (const duty of duties) await attempt(failures, () => duty.remove?.());
  return failures;
}

/** Releases, and tries again where that fails: packets that nobody releases would be held for ever. */
async function releaseSurely(duty: Duty): Promise<void> {
  for (let left = ATTEMPTS; left > 1; left--) {
    try {
      return duty.release?.();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  duty.release?.();
}

async function attempt(failures: unknown[], work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(error);
  }
}
