import type { QdiscStats } from "../codec/message.ts";
import type { AnyOperation } from "../linux/netlink_error.ts";
import { sleep } from "../linux/process.ts";
import type { Numbering } from "./filler.ts";
import { RANKED_HANDLE } from "./plug_requests.ts";
import { sendChange } from "./send_change.ts";
import { numberOf, PACKETS_MAX } from "./quantity.ts";
import { nameQueue, onQueue, type Queue } from "./queue.ts";
import { readAllSeen, readPlug, readPlugs } from "./read_plug.ts";
import { QueueError } from "./queue_error.ts";

/** How long to look at a queue that was released, until what it let go has left: a busy machine takes a while. */
const SETTLE_MAX_MS = 100;
/** For how long nothing must have changed in one of which an epoch was released. */
const SETTLE_MS = 3;

/** How long to look. */
export interface SettleOptions {
  /** Where one epoch alone was released, behind which some may stay: how much was held before. */
  heldBefore?: number;
  /** Ends the waiting, with its reason. */
  signal?: AbortSignal;
  /** When to have stopped at the latest, by `performance.now()`. */
  latest?: number;
}

/**
 * Returns once a release shows in the backlog, which `read` tells: it is 0, or, of one epoch, it has changed and does so
 * no more. What is read right behind a release is what was before it, as the kernel attends to that a moment later, in a
 * softirq. Looks no longer than 100 ms.
 */
export async function settled(read: () => number, { signal, ...options }: SettleOptions = {}): Promise<void> {
  for (const pauseMs of settling(read, options)) {
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    signal?.throwIfAborted();
  }
}

/** As `settled`, but keeps the process waiting meanwhile. */
export function settledSync(read: () => number): void {
  for (const pauseMs of settling(read)) sleep(pauseMs);
}

/** Looks, and yields how long to pause before each further look. */
function* settling(
  read: () => number,
  { heldBefore, latest = Infinity }: Omit<SettleOptions, "signal"> = {},
): Generator<number> {
  const end = Math.min(performance.now() + SETTLE_MAX_MS, latest - SETTLE_MS);
  let before = heldBefore;
  let since = Infinity;
  for (;;) {
    const held = read();
    const now = performance.now();
    if (held !== before) since = now;
    const isSettled = heldBefore !== undefined && now - since >= SETTLE_MS;
    if (held === 0 || now >= end || isSettled) return;
    before = held;
    yield 1;
  }
}

/** Which release. */
export interface ReleaseOptions {
  /** Whether only the epoch that the last `buffer` ended, instead of everything. Default: everything. */
  one?: boolean;
  /** Of each, only so many of the packets that have waited longest, from 1 to 2^31 - 1; that takes a gate. */
  packets?: number;
}

/** What a release did to a queue, read once the queue has settled. */
export interface ReleaseReport {
  /** The queue in words: `eth0 (root)`, `gate web`. */
  queue: string;
  /** Whether only an ended epoch was to go. */
  one: boolean;
  /** How many packets were to go, where that was said. */
  askedPackets?: number;
  /** Packets that were held and that it has released. */
  releasedPackets: number;
  /** Packets that wait there behind it. */
  waitingPackets: number;
  /** Packets that a gate let go and that are lost, at the most: the device by which they go on is not there any more. */
  lostPackets: number;
}

/**
 * Releases, with one send a connection, and tells what has left: it looks at each queue before, and behind it until that
 * has settled.
 *
 * @throws {QueueError} where there is no plug, the kernel refuses, or one vanishes meanwhile
 */
export async function releaseAndCount(
  queues: readonly Queue[],
  { one = false, packets }: ReleaseOptions = {},
): Promise<ReleaseReport[]> {
  if (packets !== undefined) {
    // Before any is touched
    for (const queue of queues) numberingOf(queue, onQueue(queue, `release ${numberOf(packets, "packet")} of`));
    return queues.map((queue) => releasePackets(queue, packets));
  }
  const action = one ? "release-one" : "release-indefinite";
  const operationOn = (queue: Queue) => onQueue(queue, one ? action : "release");
  const found = readPlugs(queues, operationOn);
  queues.forEach((queue, index) => queue.locate(found[index]));
  const before = found.map(({ stats }) => stats);
  sendChange(queues, { action });
  const heldIn = (stats: readonly QdiscStats[]) => stats.reduce((sum, { backlogPackets }) => sum + backlogPackets, 0);
  const heldBefore = heldIn(before);
  let after = before;
  // Where nothing waited, nothing has to leave
  if (one || heldBefore > 0) {
    await settled(() => {
      after = readAllSeen(queues, operationOn).map(({ stats }) => stats);
      return heldIn(after);
    }, { heldBefore: one ? heldBefore : undefined });
  }
  return queues.map((queue, index) => {
    const { packets, backlogPackets: held } = before[index];
    const releasedPackets = one ? Math.min(after[index].packets - packets, held) : held;
    return {
      queue: nameQueue(queue),
      one,
      releasedPackets,
      waitingPackets: after[index].backlogPackets,
      lostPackets: releasedPackets > 0 && queue.hasLostDevice() ? releasedPackets : 0,
    };
  });
}

/** Releases so many of the packets of a gate that have waited longest, and goes on holding the rest. */
function releasePackets(queue: Queue, packets: number): ReleaseReport {
  if (!Number.isInteger(packets) || packets < 1 || packets > PACKETS_MAX) {
    throw new RangeError(`packets is ${packets}, must be a whole number from 1 to ${PACKETS_MAX}`);
  }
  const operation = onQueue(queue, `release ${numberOf(packets, "packet")} of`);
  const releasedPackets = numberingOf(queue, operation).release(queue, packets);
  return {
    queue: nameQueue(queue),
    one: false,
    askedPackets: packets,
    releasedPackets,
    waitingPackets: readPlug(queue, operation).stats.backlogPackets,
    lostPackets: releasedPackets > 0 && queue.hasLostDevice() ? releasedPackets : 0,
  };
}

/** What became of what a queue held. */
export interface DiscardReport {
  /** The queue in words: `gate web`. */
  queue: string;
  /** Packets that are gone: those that were held, and what came in at that moment. */
  discardedPackets: number;
  /** Packets that have come in since, and wait. */
  waitingPackets: number;
}

/**
 * Discards all that gates hold, and goes on holding.
 *
 * @throws {QueueError} `not-a-gate` where one is a plug on a device, before any is touched
 */
export function discardHeld(queues: readonly Queue[]): DiscardReport[] {
  const operationOn = (queue: Queue) => onQueue(queue, "discard what is held by");
  for (const queue of queues) if (!queue.gate?.numbering) throw undiscardable(queue, operationOn(queue));
  return queues.map((queue) => {
    const discardedPackets = queue.gate?.numbering?.discard(queue) ?? 0;
    const waitingPackets = readPlug(queue, operationOn(queue)).stats.backlogPackets;
    return { queue: nameQueue(queue), discardedPackets, waitingPackets };
  });
}

function undiscardable({ dev }: Queue, operation: AnyOperation): QueueError {
  return new QueueError("not-a-gate", operation, {
    reason: "a plug on a device can discard what it holds only as it goes away",
    remedy: ({ netns }) => `do that with: plugctl detach ${dev} --drop${netns}`,
  });
}

/** What to say of packets that were discarded. */
export function describeDiscard({ queue, discardedPackets }: DiscardReport): string {
  if (discardedPackets === 0) return `nothing was held at ${queue}`;
  return `discarded ${numberOf(discardedPackets, "packet")} of ${queue}; it goes on holding`;
}

/**
 * What releases packets of a queue by their number.
 *
 * @throws {QueueError} `not-a-gate` where it is a plug on a device, `refused` where it is two of a gate's
 */
export function numberingOf({ gate, dev, place }: Queue, operation: AnyOperation): Numbering<Queue> {
  if (place.handle === RANKED_HANDLE) {
    throw new QueueError("refused", operation, {
      reason: "packets are counted in one queue, and a gate with --first has two",
      remedy: () => "release all, what matches first, without a number and a rate",
    });
  }
  if (gate?.numbering) return gate.numbering;
  throw new QueueError("not-a-gate", operation, {
    reason: "packets are counted by useless ones behind them, which would leave by the device; a gate discards them",
    remedy: ({ netns }) => `make one: plugctl gate add NAME ${dev} --direction out${netns}`,
  });
}

/** What to say of a release: why it has released nothing, or not as many packets as were asked for. */
export function whyNothing(
  { queue, one, askedPackets, releasedPackets, waitingPackets }: ReleaseReport,
): string | undefined {
  if (askedPackets !== undefined && releasedPackets > askedPackets) {
    const more = numberOf(releasedPackets - askedPackets, "packet");
    return `released ${numberOf(releasedPackets, "packet")} of ${queue}: ${more} came in meanwhile, and counted too`;
  }
  if (askedPackets !== undefined && releasedPackets > 0 && releasedPackets < askedPackets) {
    return `released ${numberOf(releasedPackets, "packet")} of ${queue}: no more were held; it goes on holding`;
  }
  if (releasedPackets > 0) return undefined;
  if (!one) return `nothing was held at ${queue}`;
  if (waitingPackets === 0) return `release-one released nothing: nothing is held at ${queue}`;
  return `release-one released nothing: since the last release no epoch with packets has ended at ${queue}, which ` +
    `buffer does; ${numberOf(waitingPackets, "packet")} ${waitingPackets === 1 ? "waits" : "wait"}`;
}
