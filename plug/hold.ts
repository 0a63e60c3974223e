import { RTM_GETLINK } from "../codec/assembly/constants.ts";
import { IFF_LOWER_UP } from "../codec/numbers.ts";
import type { QdiscStats } from "../codec/message.ts";
import { type BufferOptions, sendChange } from "./send_change.ts";
import { drained, type DrainOptions } from "./drain.ts";
import { LONGEST_MS, numberOf } from "./quantity.ts";
import type { Backlog } from "../guardian/charge.ts";
import type { Disturbance, Happening } from "../guardian/watch.ts";
import type { AnyGuardian } from "../guardian/entrust.ts";
import { nameQueue, onQueue, type Queue } from "./queue.ts";
import { readSeen } from "./read_plug.ts";
import { isGone, QueueError } from "./queue_error.ts";

/** How to hold for a time. */
export interface HoldOptions extends Pick<BufferOptions, "orphan" | "bypass"> {
  /** After how many milliseconds a guardian releases it, whatever this process does. Default 30,000. */
  maxMs?: number;
  /** Who releases it should this process die. Default: a guardian of its own, which takes some 40 ms to start. */
  guardian?: AnyGuardian;
  /**
   * Whether to refuse where another process holds one of them for a time, whose end would release it too early. That
   * takes permission to look into `/proc`.
   */
  exclusive?: boolean;
}

/** What a queue held. */
export interface HeldQueue {
  /** The queue in words: `eth0 (root)`, `gate web`. */
  queue: string;
  /** Packets that it held when it was released; `undefined` where a guardian was faster, and could not say. */
  packets: number | undefined;
  /** Their bytes, with their link headers. */
  bytes: number | undefined;
  /** Packets that it dropped meanwhile because its limit was reached. */
  drops: number;
}

/** What came of holding for a time. */
export interface HoldReport {
  /** From the first moment to the release, in milliseconds: no packet was held for longer. */
  heldMs: number;
  /**
   * Whether it was over before: a guardian released it because `maxMs` had passed or because it was told to end, or others
   * have disturbed it.
   */
  cutShort: boolean;
  /** What others have done to it, where they have. */
  disturbance?: HoldDisturbance;
  /** Each of the queues. */
  queues: HeldQueue[];
}

/** What several queues have done together since a hold began, and what they hold. */
export interface HoldCounts {
  /** Packets that wait at this moment. */
  backlogPackets: number;
  /** Their bytes, with their link headers. */
  backlogBytes: number;
  /** Packets that have left since, by a release. */
  sentPackets: number;
  /** Their bytes. */
  sentBytes: number;
  /** Packets that were dropped since. */
  drops: number;
}

/** What others have done to a queue while it was held. */
export interface HoldDisturbance extends Disturbance {
  /** The queue in words. */
  queue: string;
  /** What it held when it was last seen, 50 ms before at the most; more may have come since. */
  backlog?: Backlog;
  /** How many of these are lost, at least. */
  lostPackets: number;
}

/** What the kernel discards when it happens, or cannot send on when that is let go. */
const LOSES: readonly Happening[] = ["deleted", "replaced", "down", "gone", "gate-device-down", "gate-device-gone"];

/** After what the plug is not there any more. */
const ENDS: readonly Happening[] = ["deleted", "replaced", "gone"];

/** What ends a hold before its time. */
export type CutShort = "deadline" | "SIGTERM" | "disturbed";

/** How long a hold lasts at the most where nothing is said, in milliseconds. */
export const DEFAULT_MAX_HOLD_MS = 30_000;
/** How long a guardian that has released a queue may take to say so, in milliseconds. */
const WORD_MS = 1000;

/** What an armed hold has done till it holds. */
export interface Begun {
  queues: readonly Queue[];
  /** Their counters a moment before. */
  before: readonly QdiscStats[];
  /** When that was, by `performance.now()`. */
  since: number;
  /** How long after the moment that was meant the kernel said that it holds, in milliseconds; absent where none was. */
  lateMs?: number;
  maxMs: number;
  /** Has nothing to do any more with who was to release them. */
  dismiss: () => void;
}

/**
 * One or several queues that hold from now on until the end of a `using` block, `release`, a deadline, or the death of
 * this process, whichever comes first.
 *
 * ```ts ignore
 * {
 *   using hold = gate.hold({ maxMs: 500 });
 *   // what the gate matches waits
 * } // and goes on
 * ```
 */
export class Hold implements Disposable, AsyncDisposable {
  readonly #queues: readonly Queue[];
  /** How long after the moment that was meant it held, in milliseconds; `undefined` where it began at once. */
  readonly lateMs?: number;
  readonly #since: number;
  readonly #before: readonly QdiscStats[];
  readonly #dismiss: () => void;
  /** When it ends by its guardian, in milliseconds since it began. */
  #maxMs: number;
  /** Those that were let go by others, or by a guardian, before they were released. */
  #letGo: readonly Queue[] = [];
  #report?: HoldReport;
  /** Why a guardian has released it, where one had when it was released. */
  #cutShortBy?: CutShort;

  /** What an armed hold has begun; use `Plug.hold`, `Gate.hold` or `PlugGroup.hold`. */
  constructor({ queues, before, since, lateMs, maxMs, dismiss }: Begun) {
    this.lateMs = lateMs;
    this.#queues = queues;
    this.#before = before;
    this.#since = since;
    this.#maxMs = maxMs;
    this.#dismiss = dismiss;
  }

  /** For how long it has held, in milliseconds. */
  get elapsedMs(): number {
    return this.#report?.heldMs ?? performance.now() - this.#since;
  }

  /**
   * What all its queues together hold at this moment, and have done since it began.
   *
   * @throws {QueueError} `vanished` where one of the plugs is not there any more
   */
  counts(): HoldCounts {
    const counts = { backlogPackets: 0, backlogBytes: 0, sentPackets: 0, sentBytes: 0, drops: 0 };
    this.#queues.forEach((queue, index) => {
      const { stats } = readSeen(queue, onQueue(queue, "read"));
      counts.backlogPackets += stats.backlogPackets;
      counts.backlogBytes += stats.backlogBytes;
      counts.sentPackets += stats.packets - this.#before[index].packets;
      counts.sentBytes += stats.bytes - this.#before[index].bytes;
      counts.drops += stats.drops - this.#before[index].drops;
    });
    return counts;
  }

  /** What others have done to it till now. */
  get disturbance(): HoldDisturbance | undefined {
    return this.#report ? this.#report.disturbance : disturbanceTillNow(this.#queues);
  }

  /** Whether a guardian has released it already, because `maxMs` had passed or because it was told to end. */
  get cutShort(): boolean {
    return this.#report?.cutShort ?? this.#queues.some(({ guard }) => guard?.released());
  }

  /** Waits until a guardian has released it, or others have disturbed it, and tells why; "gone" where the guardian has ended instead. */
  async whenCutShort(): Promise<CutShort | "gone"> {
    if (this.#report) return this.#cutShortBy ?? "gone";
    const released = await Promise.race(this.#queues.map(({ guard }) => guard?.whenReleased()));
    return released?.why ?? "gone";
  }

  /**
   * Has the guardian release it so many milliseconds from now, whatever was said before.
   *
   * @throws {RangeError} where it is no time that a guardian can wait for
   */
  renew(maxMs: number): void {
    checkMaxMs(maxMs);
    if (this.#report) return;
    this.#maxMs = this.elapsedMs + maxMs;
    for (const { guard } of this.#queues) guard?.renew(maxMs);
  }

  /**
   * Lets go what is held, and passes packets from here on. Again it does nothing, and returns the same.
   *
   * @throws {QueueError} where a plug vanished meanwhile, with what it held, or a device of a gate that held packets
   */
  release(): HoldReport {
    if (this.#report) return this.#report;
    try {
      disturbanceTillNow(this.#queues);
      const isDue = performance.now() - this.#since >= this.#maxMs;
      const seen = this.#queues.map((queue, index) => look(queue, { dropsBefore: this.#before[index].drops, isDue }));
      this.#cutShortBy = this.#queues.map(({ guard }) => guard?.released()?.why).find((why) => why !== undefined);
      const there = this.#queues.filter((_, index) => !(seen[index] instanceof QueueError));
      const isDisturbed = this.#queues.some(({ guard }) => guard?.released()?.disturbance);
      const lossy = isDisturbed ? this.#queues.filter((queue) => hasDownDevice(queue)) : [];
      // What these hold by now is not of this hold.
      this.#letGo = there.filter(({ isLetGo }) => isLetGo);
      for (const queue of this.#letGo) {
        queue.note("release-indefinite");
        queue.guard?.disarm();
      }
      sendChange(there.filter((queue) => !this.#letGo.includes(queue)), { action: "release-indefinite" });
      const heldMs = performance.now() - this.#since;
      const disturbance = disturbanceOf(this.#queues, lossy);
      const held = seen.map((one) => orThrow(one, disturbance));
      if (disturbance?.what === "gate-device-gone") throw lossOf(disturbance);
      this.#queues.filter((_, index) => held[index].packets !== 0).forEach((queue) => queue.refuseLostDevice());
      return this.#report = { heldMs, cutShort: this.#cutShortBy !== undefined, disturbance, queues: held };
    } finally {
      this.#dismiss();
    }
  }

  /**
   * Waits until all that was held has left.
   *
   * @throws {QueueError} `not-drained` where it has not within `timeoutMs`
   */
  async drained(options?: DrainOptions): Promise<void> {
    const own = this.#queues.filter((queue) => !this.#letGo.includes(queue));
    await Promise.all(own.map((queue) => drained(queue, options)));
  }

  /** Lets go what is held, at the end of a `using` block. */
  [Symbol.dispose](): void {
    try {
      this.release();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Lets go what is held and waits until it has left, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.release();
      await this.drained();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** @throws {RangeError} where it is no time that a guardian can wait for */
export function checkMaxMs(maxMs: number): void {
  if (maxMs > 0 && maxMs <= LONGEST_MS) return;
  throw new RangeError(`maxMs is ${maxMs}, must be more than 0 and at most ${LONGEST_MS}`);
}

/**
 * What a queue holds, or that it has vanished: the others are to be released all the same. Where nothing is there when
 * the deadline is due, the guardian may have released it this moment, and is given the time to say so.
 */
function look(queue: Queue, { dropsBefore, isDue }: { dropsBefore: number; isDue: boolean }): HeldQueue | QueueError {
  try {
    const { backlogPackets, backlogBytes, drops } = readSeen(queue, onQueue(queue, "release")).stats;
    const released = queue.guard?.released(isDue && backlogPackets === 0 ? WORD_MS : 0);
    const { packets, bytes } = released ? released.backlog ?? {} : { packets: backlogPackets, bytes: backlogBytes };
    return { queue: nameQueue(queue), packets, bytes, drops: drops - dropsBefore };
  } catch (error) {
    if (error instanceof QueueError) return error;
    throw error;
  }
}

/** What is known of a queue; of one that has vanished also how much it held when it was last seen. */
function orThrow(seen: HeldQueue | QueueError, disturbance?: HoldDisturbance): HeldQueue {
  if (!(seen instanceof QueueError)) return seen;
  if (!disturbance || seen.code !== "vanished") throw seen;
  const { code, operation, cause } = seen;
  const what = describeDisturbance(disturbance);
  const reason = disturbance.what === "released" ? `${what}, and took the plug away` : what;
  throw new QueueError(code, operation, { reason, cause });
}

function lossOf(disturbance: HoldDisturbance): QueueError {
  const reason = describeDisturbance(disturbance);
  return new QueueError("vanished", `release ${disturbance.queue}`, { reason });
}

/** What others have done to one of several queues till now. */
export function disturbanceTillNow(queues: readonly Queue[]): HoldDisturbance | undefined {
  for (const { asked, guard } of queues) if (asked === "hold") guard?.look();
  return disturbanceOf(queues);
}

/** What others have done to one of several queues, as far as a guardian has told. */
function disturbanceOf(queues: readonly Queue[], lossy: readonly Queue[] = []): HoldDisturbance | undefined {
  for (const queue of queues) {
    const { disturbance, backlog } = queue.guard?.released() ?? {};
    if (!disturbance) continue;
    if (ENDS.includes(disturbance.what)) queue.forfeit();
    // What a gate holds is lost where its device is down when that is let go, not where it was up again by then.
    const isUpAgain = disturbance.what === "gate-device-down" && !lossy.includes(queue) && !hasDownDevice(queue);
    const lostPackets = LOSES.includes(disturbance.what) && !isUpAgain ? backlog?.packets ?? 0 : 0;
    return { ...disturbance, queue: nameQueue(queue), backlog, lostPackets };
  }
}

/** What others have done to a queue, in words. */
export function describeDisturbance({ what, by, lostPackets }: HoldDisturbance): string {
  const who = by === undefined ? "another process" : by;
  const lost = lostPackets > 0
    ? `: at least ${numberOf(lostPackets, "packet")} ${lostPackets === 1 ? "is" : "are"} lost`
    : "";
  switch (what) {
    case "released":
      return `${who} released what it held`;
    case "unclear":
      return `${who} changed it more than once, so that it may have been released, and be held by others since: it is ` +
        "left alone";
    case "deleted":
      return `the plug vanished, with what it still held: ${who} deleted it${lost}`;
    case "replaced":
      return `the plug vanished, with what it still held: another qdisc is in its place${lost}`;
    case "down":
      return `its device went down, which discards what is held${lost}`;
    case "gone":
      return `the plug vanished, with what it still held: its device was deleted, or moved to another namespace${lost}`;
    case "gate-device-down":
      return lostPackets > 0
        ? `a device that it is on went down, and what it held of that is lost${lost}`
        : "a device that it is on went down, and was up again when what it held was let go";
    case "gate-device-gone":
      return `a device that it is on is gone, and what it held of that is lost${lost}`;
    case "unfiltered":
      return `its filters were deleted: packets pass it by`;
    case "namespace-deleted":
      return "its network namespace was deleted";
    default:
      throw new TypeError(`Cannot describe ${what satisfies never}`);
  }
}

/** Whether it is a gate's, and a device that the gate is on cannot send: packets that go on by that are lost. */
function hasDownDevice({ connection, gate }: Queue): boolean {
  const answers = connection.transact((gate?.devices ?? []).map((ifindex) => ({ type: RTM_GETLINK, ifindex })));
  return answers.some(({ message }) => message?.about !== "link" || (message.linkFlags & IFF_LOWER_UP) === 0);
}
