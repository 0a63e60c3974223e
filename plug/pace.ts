import type { AnyGuardian } from "../guardian/entrust.ts";
import { Guardian } from "../guardian/guardian.ts";
import { losses } from "./detach_report.ts";
import { entrustQueue } from "./guarded_plug.ts";
import { LONGEST_MS, numberOf, RATE_MAX } from "./quantity.ts";
import { nameQueue, onQueue, type Queue } from "./queue.ts";
import { locatePlugs, readPlug } from "./read_plug.ts";
import { numberingOf, settled } from "./release.ts";
import { sendChange } from "./send_change.ts";

/** How fast packets are released: so many a second, or all that wait within a time. */
export interface PaceOptions {
  /** How many packets of each gate leave a second, up to 1,000,000. */
  packetsPerSecond?: number;
  /** Within how many milliseconds all that waits leaves. */
  overMs?: number;
  /** Ends it early: all is released at once, and the signal's reason is thrown. */
  signal?: AbortSignal;
  /** Who releases everything should this process die. Default: a guardian of its own, which takes some 40 ms to start. */
  guardian?: AnyGuardian;
}

/** What a paced release did to a gate. */
export interface PaceReport {
  /** The gate in words. */
  queue: string;
  /** Packets that have left at the pace. */
  releasedPackets: number;
  /** Packets that have left at once in the end: they came in meanwhile, faster than others left. */
  atOncePackets: number;
  /** Those of both that are lost, or some of them, since a device that the gate is on was gone by then. */
  lostPackets: number;
  /** How long it took, in milliseconds. */
  tookMs: number;
}

/** How often packets leave at the most, in milliseconds: the fewer at once, the smaller a buffer may be. */
const STEP_MS = 10;
/** How much later than its end a guardian ends it, in milliseconds. */
const GRACE_MS = 5000;

/**
 * Releases what gates hold step by step, the oldest first, and passes packets from the end on. It ends when nothing waits
 * any more; with a rate, after twice the time that those take at the most that waited when it began. What still waits then
 * leaves at once, as it does where this process dies: a guardian sees to that.
 *
 * @throws {RangeError} where not exactly one of `packetsPerSecond` and `overMs` is given, or it is out of its range
 * @throws {QueueError} `not-a-gate` where one is a plug on a device; or where one vanishes meanwhile
 */
export async function releasePaced(queues: readonly Queue[], options: PaceOptions): Promise<PaceReport[]> {
  checkPace(options);
  const { signal, guardian } = options;
  const operationOn = (queue: Queue) => onQueue(queue, "release");
  for (const queue of queues) numberingOf(queue, operationOn(queue));
  locatePlugs(queues, operationOn);
  signal?.throwIfAborted();
  const unguarded = queues.filter((queue) => !queue.guard);
  using own = unguarded.length > 0 && !guardian ? Guardian.start() : undefined;
  const appointed = guardian ?? own;
  if (appointed) {
    for (const queue of unguarded) queue.entrust(entrustQueue(queue, { guardian: appointed, takeAway: false }));
  }
  try {
    const held = queues.map((queue) => ({ queue, waiting: waitingIn(queue), released: 0, lost: 0, isEmpty: false }));
    return await pace(held, options);
  } finally {
    for (const queue of unguarded) queue.dismissGuard();
  }
}

/** What is worth knowing of a paced release, a sentence each. */
export function describePace({ queue, releasedPackets, atOncePackets, lostPackets }: PaceReport): string[] {
  const lost = losses(`the ${queue}`, { drops: 0, discardedPackets: 0, lostPackets });
  if (atOncePackets > 0) {
    return [
      `${numberOf(atOncePackets, "packet")} of ${queue} left at once in the end: more came in than left at the pace`,
      ...lost,
    ];
  }
  return releasedPackets === 0 ? [`nothing was held at ${queue}`] : lost;
}

/** A queue of which packets leave. */
interface Paced {
  queue: Queue;
  /** How many waited at first. */
  waiting: number;
  released: number;
  lost: number;
  isEmpty: boolean;
}

async function pace(all: Paced[], { packetsPerSecond = 0, overMs, signal }: PaceOptions): Promise<PaceReport[]> {
  const most = Math.max(...all.map(({ waiting }) => waiting));
  const lastMs = overMs ?? 2000 * most / packetsPerSecond;
  const rateOf = ({ waiting }: Paced) => (overMs === undefined ? packetsPerSecond : 1000 * waiting / overMs) / 1000;
  for (const { queue: { guard } } of all) guard?.arm(lastMs + GRACE_MS);
  const from = performance.now();
  try {
    for (const one of all) one.isEmpty = one.waiting === 0;
    for (let elapsedMs = 0; elapsedMs < lastMs && !signal?.aborted; elapsedMs = performance.now() - from) {
      for (const one of all) step(one, Math.floor(rateOf(one) * elapsedMs) - one.released);
      const left = all.filter(({ isEmpty }) => !isEmpty);
      if (left.length === 0) break;
      const nextMs = Math.min(...left.map((one) => (one.released + 1) / rateOf(one)), lastMs);
      await pause(Math.max(nextMs, Math.min(elapsedMs + STEP_MS, lastMs)) - (performance.now() - from), signal);
    }
  } finally {
    // Whatever has come about: what still waits goes now.
    for (const one of all) one.waiting = waitingIn(one.queue);
    sendChange(all.map(({ queue }) => queue), { action: "release-indefinite" });
  }
  const tookMs = performance.now() - from;
  for (const one of all) noteLost(one, one.waiting);
  await settled(() => all.reduce((sum, { queue }) => sum + waitingIn(queue), 0));
  signal?.throwIfAborted();
  return all.map(({ queue, waiting, released, lost }) => ({
    queue: nameQueue(queue),
    releasedPackets: released,
    atOncePackets: waiting,
    lostPackets: lost,
    tookMs,
  }));
}

/** Releases those that are due. */
function step(one: Paced, due: number): void {
  if (due <= 0 || one.isEmpty) return;
  const { queue } = one;
  const released = numberingOf(queue, onQueue(queue, "release")).release(queue, due, { isHeld: one.released > 0 });
  one.released += released;
  one.isEmpty = released < due;
  noteLost(one, released);
}

/** Notes of packets that have just left that they are lost, where they are. */
function noteLost(one: Paced, packets: number): void {
  if (packets > 0 && one.queue.hasLostDevice()) one.lost += packets;
}

/** Waits, but not beyond a signal. */
async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, milliseconds));
  const end = () => resolve();
  signal?.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", end);
}

function waitingIn(queue: Queue): number {
  return readPlug(queue, onQueue(queue, "release")).stats.backlogPackets;
}

function checkPace({ packetsPerSecond, overMs }: PaceOptions): void {
  if ((packetsPerSecond === undefined) === (overMs === undefined)) {
    throw new RangeError("a paced release takes either packetsPerSecond or overMs");
  }
  if (overMs !== undefined && !(overMs > 0 && overMs <= LONGEST_MS)) {
    throw new RangeError(`overMs is ${overMs}, must be more than 0 and at most ${LONGEST_MS}`);
  }
  if (packetsPerSecond !== undefined && !(packetsPerSecond > 0 && packetsPerSecond <= RATE_MAX)) {
    throw new RangeError(`packetsPerSecond is ${packetsPerSecond}, must be more than 0 and at most ${RATE_MAX}`);
  }
}
