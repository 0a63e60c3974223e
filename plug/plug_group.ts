import { detachAll, type DetachOptions, releaseInOrder } from "./drain.ts";
import type { DetachReport } from "./detach_report.ts";
import type { QueueGuard } from "../guardian/entrust.ts";
import { Guardian } from "../guardian/guardian.ts";
import { relieveKeepers } from "../guardian/mark.ts";
import { changeQueues, refuseConnections } from "./change.ts";
import type { SshSession } from "./ssh_session.ts";
import { type BufferOptions, type LimitOptions, sendChange } from "./send_change.ts";
import { entrustQueue } from "./guarded_plug.ts";
import { ArmedHold } from "./armed_hold.ts";
import { checkMaxMs, type Hold, type HoldOptions } from "./hold.ts";
import { inTurns, onQueue, type Queue } from "./queue.ts";
import { locatePlugs } from "./read_plug.ts";
import { type PaceOptions, type PaceReport, releasePaced } from "./pace.ts";
import {
  discardHeld,
  type DiscardReport,
  releaseAndCount,
  type ReleaseOptions,
  type ReleaseReport,
} from "./release.ts";

/** How to hold until a deadline. */
export interface DeadlineOptions extends Pick<BufferOptions, "orphan" | "bypass"> {
  /** After how many milliseconds a guardian releases it. */
  maxMs: number;
}

/** A queue with the guardian that keeps its deadline. */
interface Kept {
  queue: Queue;
  guardian: Guardian;
  guard: QueueGuard;
}

/**
 * Holds from here on, and has a guardian for each queue release it at a deadline, also when this process has ended.
 * Guardians of an earlier deadline of theirs are relieved. Returns the numbers of the guardians' processes.
 */
export function bufferWithDeadline(
  queues: readonly Queue[],
  { maxMs, orphan, bypass = false }: DeadlineOptions,
): number[] {
  checkMaxMs(maxMs);
  locatePlugs(queues, (queue) => onQueue(queue, "buffer"));
  const started = queues.map((queue) => ({ queue, guardian: Guardian.start() }));
  try {
    const kept = started.map(entrusted);
    inTurns(queues, () => {
      for (const { queue, guardian, guard } of kept) {
        // Those before it have gone, and those behind it are not there yet.
        relieveKeepers(queue, guardian.pid);
        guard.outlive();
        guard.arm(maxMs);
      }
      for (const queue of queues) queue.gate?.refuseBroken?.(onQueue(queue, "buffer"));
      changeQueues(queues, { action: "buffer", force: true, bypass, orphan });
      for (const { guard } of kept) guard.watch();
    });
  } catch (error) {
    for (const { guardian } of started) guardian[Symbol.dispose]();
    throw error;
  }
  for (const { guardian } of started) guardian.disconnect();
  return started.map(({ guardian }) => guardian.pid);
}

function entrusted({ queue, guardian }: Omit<Kept, "guard">): Kept {
  return { queue, guardian, guard: entrustQueue(queue, { guardian, takeAway: false }) };
}

/**
 * Several plugs that are moved together: all requests over one connection go out in one send, which the
 * kernel handles in order, microseconds apart. Before any is touched, each is looked at.
 */
export class PlugGroup {
  readonly #queues: readonly Queue[];

  /** Takes what the library knows of each plug; make a group with `Plug.all`. */
  constructor(queues: readonly Queue[]) {
    this.#queues = queues;
  }

  /** Holds on all of them from here on; see `Plug.buffer`. */
  buffer(options: BufferOptions = {}): void {
    changeQueues(this.#queues, { action: "buffer", ...options });
  }

  /** Holds on all of them for a time, with one guardian; see `Plug.hold`. */
  hold(options?: HoldOptions): Hold {
    return this.arm(options).begin();
  }

  /**
   * Checks and sets up a hold that begins when its `begin` is called, within a fraction of a millisecond; till then packets
   * pass.
   *
   * @throws {QueueError} where it could not begin
   */
  arm(options?: HoldOptions): ArmedHold {
    return new ArmedHold(this.#queues, options);
  }

  /**
   * Holds on all of them from here on, until `maxMs` from now at the most, also when this process has ended: a guardian
   * for each, which outlives it, releases it then. An earlier deadline of theirs is forgotten. Returns the numbers of the
   * guardians' processes. Takes permission to look into `/proc`.
   */
  bufferWithDeadline(options: DeadlineOptions): Promise<number[]> {
    return new Promise((resolve) => resolve(bufferWithDeadline(this.#queues, options)));
  }

  /**
   * Refuses to hold what somebody needs of them, whatever deadline there is.
   *
   * @throws {QueueError} `would-lock-out`
   */
  refuseConnections(needed: readonly SshSession[]): void {
    refuseConnections(this.#queues, needed);
  }

  /** Releases the epoch that the last `buffer` ended, on all of them. */
  releaseOne(): void {
    sendChange(this.#queues, { action: "release-one" });
  }

  /** Releases everything on all of them, and passes packets from here on: the kernel's RELEASE_INDEFINITE. */
  release(): void {
    sendChange(this.#queues, { action: "release-indefinite" });
  }

  /** As `release`, `releaseOne` or `Plug.releasePackets` for each, and tells what has left of each, once that has. */
  releaseAndCount(options?: ReleaseOptions): Promise<ReleaseReport[]> {
    return releaseAndCount(this.#queues, options);
  }

  /**
   * Releases one after the other, in the order in which they were given: the next once all that the one before held is on
   * its way, so that packets of different gates leave in that order. A report each.
   */
  releaseInOrder(): Promise<ReleaseReport[]> {
    return releaseInOrder(this.#queues.map((queue) => [queue]));
  }

  /** Discards all that each holds, and goes on holding; see `Plug.discard`. A report each. */
  discard(): DiscardReport[] {
    return discardHeld(this.#queues);
  }

  /** Releases what each holds step by step; see `Plug.releasePaced`. A report each. */
  releasePaced(options: PaceOptions): Promise<PaceReport[]> {
    return releasePaced(this.#queues, options);
  }

  /** The same as `release`, by the kernel's name. */
  releaseIndefinite(): void {
    this.release();
  }

  /** Sets the limit of all of them, in bytes from 1 to 2^32 - 1. */
  setLimit(limitBytes: number, options: LimitOptions = {}): void {
    changeQueues(this.#queues, { action: "limit", limitBytes, ...options });
  }

  /** Releases all in one send, then waits for each to drain and deletes it; a report each, see `Plug.detach`. */
  detach(options?: DetachOptions): Promise<DetachReport[]> {
    return detachAll(this.#queues, options);
  }
}
