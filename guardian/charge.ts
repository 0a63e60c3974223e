import type { Connection } from "../netlink/connection.ts";
import type { Watched } from "./watch.ts";

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
}

/** What is to be done for a charge. Each is done for all charges before the next is done for any. */
export interface Duty {
  /** By what others know that somebody has charge of it; absent where that is nothing to them. */
  mark?: string;
  /** What others may disturb while it holds; absent where that is nothing, or not known yet. */
  watched?: Watched;
  /** What is held at this moment, and how many packets have left since it was made; "gone" where it is not there. */
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
export type DutyOf<C extends AnyCharge> = (charge: C, connect: () => Connection) => Promise<Duty>;

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

/** The environment variable by which a guardian knows processes. */
export const TAG_VARIABLE = "PLUGCTL_TAG";
