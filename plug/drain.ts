import { TC_H_ROOT } from "../codec/handle.ts";
import { deleteRequest } from "./plug_requests.ts";
import { readGateTraffic } from "./filler.ts";
import { sendChange } from "./send_change.ts";
import { numberOf } from "./quantity.ts";
import type { DetachReport } from "./detach_report.ts";
import { inTurns, onQueue, type Queue } from "./queue.ts";
import { locatePlugs, readPlugs, readSeen, readWholePlug } from "./read_plug.ts";
import type { AnyOperation } from "../linux/netlink_error.ts";
import { type PlugMessage, readLink, readQdiscs, refuseDeadEnd } from "./qdiscs.ts";
import { checkAnswers, QueueError } from "./queue_error.ts";
import { numberingOf, releaseAndCount, type ReleaseOptions, type ReleaseReport } from "./release.ts";
import { graft, rootOf } from "./shelter.ts";
import { hasSeveralProcessors, sleep } from "../linux/process.ts";

/** How long to wait for held packets to leave. */
export interface DrainOptions {
  /** In milliseconds. Default 5,000. */
  timeoutMs?: number;
  /** Ends the waiting early, with its reason. */
  signal?: AbortSignal;
}

/** How to detach. */
export interface DetachOptions extends DrainOptions {
  /** Whether to discard what is held instead of letting it go. */
  drop?: boolean;
  /** Whether to take away also what another process has in hand, for which a guardian stands. */
  force?: boolean;
}

/** How to take away a queue. */
export interface Removal extends DetachOptions {
  /** The number of the process that is the guardian of who takes it away. */
  except?: number;
}

const RELEASE = { action: "release-indefinite", purpose: "detach" } as const;
const TIMEOUT_MS = 5000;
/** The longest time between two looks at the backlog, in milliseconds; the first looks come faster. */
const LONGEST_PAUSE_MS = 16;
/**
 * How long the kernel's softirq is given that attends to a release: its thread competes with busy processes. A deletion
 * that comes before it waits a tick for it, while the device sends nothing. Seen on 6.1 under traffic, on two emulated
 * processors: a deletion took some 15 ms behind 1 ms, from 3 to 12 ms behind 10.
 */
const SOFTIRQ_MS = { several: 10, one: 5 } as const;
/** How long a plug that was released may take to be empty while other plugctl wait for their turn, in milliseconds. */
const EMPTY_MS = 10;
/** How long others may have their turn before it is released anew, in milliseconds: they may have made it hold. */
const AGAIN_MS = 100;
/** How long a queue that still gets packets may take to be empty once, in milliseconds. */
const PASSING_MS = 100;

/** How to wait for a backlog of 0. */
interface Wait {
  /** What the waiting is a part of, for the words of an error. */
  operation: AnyOperation;
  timeoutMs: number;
  /** From when on that counts, by `performance.now()`. Default: now. */
  sinceMs?: number;
  /** Whether the plug was released a moment ago, so that it must have vanished where it is not there. */
  seen: boolean;
  /** After how many milliseconds to return it though it is not empty, as it may have been made to hold meanwhile. */
  againMs?: number;
}

/**
 * Looks at the plug until its backlog is 0, and returns it. Yields how long to pause before each further look, and behind
 * a release before the first: the kernel attends to it a moment later, in a softirq, for which it waits when the plug is
 * deleted, for a whole tick, in which it discards what comes (6.1: 10 to 20 ms with 100 ticks a second).
 */
function* looks(
  queue: Queue,
  { operation, timeoutMs, sinceMs = performance.now(), seen, againMs = Infinity }: Wait,
): Generator<number, PlugMessage> {
  checkTimeout(timeoutMs);
  const deadline = sinceMs + timeoutMs;
  const again = performance.now() + againMs;
  if (seen) yield hasSeveralProcessors() ? SOFTIRQ_MS.several : SOFTIRQ_MS.one;
  for (let pauseMs = 0;; pauseMs = Math.min(2 * pauseMs || 1, LONGEST_PAUSE_MS)) {
    const plug = seen || pauseMs > 0 ? readSeen(queue, operation, readWholePlug) : readWholePlug(queue, operation);
    if (plug.stats.backlogPackets === 0) return plug;
    const nowMs = performance.now();
    if (nowMs >= deadline) {
      const backlog = numberOf(plug.stats.backlogPackets, "packet");
      const reason = `its backlog is still ${backlog} after ${timeoutMs} ms; it is left there`;
      throw new QueueError("not-drained", operation, { reason });
    }
    if (nowMs >= again) return plug;
    yield pauseMs;
  }
}

function checkTimeout(timeoutMs: number): void {
  if (!(timeoutMs >= 0)) throw new RangeError(`timeoutMs is ${timeoutMs}, must be 0 or more`);
}

/** Waits until the backlog is 0. */
export async function drained(queue: Queue, options: DrainOptions = {}): Promise<void> {
  await emptied(queue, { ...options, operation: onQueue(queue, "drain"), seen: false });
}

/** Waits until the backlog is 0, or it is time to release it again, and returns the plug as it is then. */
async function emptied(
  queue: Queue,
  { timeoutMs = TIMEOUT_MS, signal, ...wait }: DrainOptions & Omit<Wait, "timeoutMs">,
): Promise<PlugMessage> {
  signal?.throwIfAborted();
  const looking = looks(queue, { timeoutMs, ...wait });
  for (;;) {
    const look = looking.next();
    if (look.done) return look.value;
    await new Promise((resolve) => setTimeout(resolve, look.value));
    signal?.throwIfAborted();
  }
}

/**
 * Releases all in one send, and deletes those that are empty then in the same turn: between a last look outside of it and
 * the deletion another plugctl could make one hold again, which would lose what it holds. Where one is not empty, others
 * may have their turn for a while; it and those behind it are released anew then.
 */
export async function detachAll(
  queues: readonly Queue[],
  { drop = false, force = false, except, timeoutMs = TIMEOUT_MS, signal }: Removal = {},
): Promise<DetachReport[]> {
  checkTimeout(timeoutMs);
  const reports: DetachReport[] = [];
  const sinceMs = performance.now();
  signal?.throwIfAborted();
  locatePlugs(queues, detaching);
  for (;;) {
    const left = queues.slice(reports.length);
    inTurns(left, () => {
      if (!force) { for (const queue of left) queue.refuseHeld(detaching(queue), { except }); }
      if (!drop) releaseForSure(left);
      for (const queue of left) {
        const plug = drop ? readSeen(queue, detaching(queue)) : emptyShortly(queue);
        if (!plug) return;
        reports.push(remove(queue, plug));
      }
    });
    if (reports.length === queues.length) return reports;
    const queue = queues[reports.length];
    await emptied(queue, { operation: detaching(queue), timeoutMs, sinceMs, signal, seen: true, againMs: AGAIN_MS });
  }
}

/** Releases all in one send, and gives the kernel's softirq the time to attend to that. */
function releaseForSure(queues: readonly Queue[]): void {
  sendChange(queues, RELEASE);
  sleep(hasSeveralProcessors() ? SOFTIRQ_MS.several : SOFTIRQ_MS.one);
}

/** A plug that was released, once its backlog is 0; nothing where that takes more than a moment. */
function emptyShortly(queue: Queue): PlugMessage | undefined {
  const deadline = performance.now() + EMPTY_MS;
  for (;;) {
    const plug = readSeen(queue, detaching(queue), readWholePlug);
    if (plug.stats.backlogPackets === 0) return plug;
    if (performance.now() > deadline) return undefined;
    sleep(1);
  }
}

/**
 * Lets go what a queue holds while it still gets packets, and waits until it is empty, or for a moment: those that no
 * longer come through it then overtake none.
 */
export async function passOn(queue: Queue): Promise<void> {
  for (const pauseMs of passing(queue)) await new Promise((resolve) => setTimeout(resolve, pauseMs));
}

/** As `passOn`, but keeps the process waiting meanwhile. */
export function passOnSync(queue: Queue): void {
  for (const pauseMs of passing(queue)) sleep(pauseMs);
}

function* passing(queue: Queue): Generator<number> {
  sendChange([queue], RELEASE);
  const deadline = performance.now() + PASSING_MS;
  for (const pauseMs of looks(queue, { operation: detaching(queue), timeoutMs: Infinity, seen: true })) {
    yield pauseMs;
    if (performance.now() > deadline) return;
  }
}

/** How long a gate may take to send on what has left its plug, in milliseconds. */
const SENDING_ON_MS = 1000;

/**
 * Releases several groups one after the other, each with one send a connection: the next once all that the one before held,
 * or was to release of that, is on its way. All are looked for before any is touched.
 *
 * @throws {QueueError} where there is no plug, or what one held does not leave within five seconds
 */
export async function releaseInOrder(
  groups: readonly (readonly Queue[])[],
  { packets }: Pick<ReleaseOptions, "packets"> = {},
): Promise<ReleaseReport[]> {
  const operationOn = (queue: Queue) => onQueue(queue, "release");
  if (packets !== undefined) { for (const queue of groups.flat()) numberingOf(queue, operationOn(queue)); }
  const all = groups.flat();
  readPlugs(all, operationOn).forEach((plug, index) => all[index].locate(plug));
  const reports: ReleaseReport[] = [];
  for (const [index, queues] of groups.entries()) {
    reports.push(...await releaseAndCount(queues, { packets }));
    if (index + 1 === groups.length) return reports;
    for (const queue of queues) await sentOn(queue, { isWhole: packets === undefined });
  }
  return reports;
}

/** Waits until what has left a plug has left its gate, too; and until the plug is empty, where it was to be. */
async function sentOn(queue: Queue, { isWhole }: { isWhole: boolean }): Promise<void> {
  if (isWhole) await drained(queue);
  if (!queue.gate) return;
  const deadline = performance.now() + SENDING_ON_MS;
  const { connection, place: { ifindex } } = queue;
  for (;;) {
    const traffic = readGateTraffic(connection, [ifindex]).get(ifindex);
    if (!traffic || traffic.left - traffic.discarded <= traffic.sentOn || performance.now() > deadline) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** As `detachAll` with one, but keeps the process waiting meanwhile. */
export function detachSync(queue: Queue, options: { except?: number } = {}): DetachReport {
  return inTurns([queue], () => {
    queue.refuseHeld(detaching(queue), options);
    return detachInTurn(queue);
  });
}

/** As `detachSync`, where others are kept from it already. */
export function detachInTurn(queue: Queue): DetachReport {
  sendChange([queue], RELEASE);
  const looking = looks(queue, { operation: detaching(queue), timeoutMs: TIMEOUT_MS, seen: true });
  for (;;) {
    const look = looking.next();
    if (look.done) return remove(queue, look.value);
    sleep(look.value);
  }
}

function detaching(queue: Queue): AnyOperation {
  return onQueue(queue, "detach");
}

/** Deletes the plug that was seen, and with it what it holds: by its handle, since deleting asks for no kind. */
function remove(queue: Queue, { ifindex, handle, parent, stats }: PlugMessage): DetachReport {
  queue.locate({ ifindex, handle, parent });
  const operation = detaching(queue);
  const { connection } = queue;
  const qdiscs = readQdiscs(connection, operation);
  if (parent !== TC_H_ROOT) refuseDeadEnd(qdiscs, { ifindex, parent, operation });
  const roots = parent === TC_H_ROOT ? [rootOf(readLink(connection, ifindex, operation), qdiscs)] : [];
  const requests = [deleteRequest(queue.place)];
  const { answers, gapMs } = graft(connection, { roots, requests, operation });
  checkAnswers(operation, answers);
  // What comes to a gate's own device comes by filters, which are gone by then.
  const gap = queue.gate ? 0 : gapMs(ifindex);
  queue.noteGap(gap);
  queue.end();
  const report = { discardedPackets: stats.backlogPackets, drops: stats.drops, lostPackets: 0 };
  return gap > 0 ? { ...report, gapMs: gap } : report;
}
