import { deleteRequest } from "./plug_requests.ts";
import { changeQueues } from "./change.ts";
import { describeQueue, type PlugMessage, type Queue, readPlug } from "./queue.ts";
import { QueueError, refusalError } from "./queue_error.ts";

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
}

/** What a detached plug has seen. */
export interface DetachReport {
  /** Packets that were discarded on purpose, with `drop`. */
  discardedPackets: number;
  /** Packets that the plug has dropped since it was created because its limit was reached. */
  drops: number;
}

const RELEASE = { action: "release-indefinite", purpose: "detach" } as const;
const TIMEOUT_MS = 5000;
/** The longest time between two looks at the backlog, in milliseconds; the first looks come faster. */
const LONGEST_PAUSE_MS = 16;

/** Yields how long to pause before the next look, until the backlog is 0. Never waits by itself. */
function* looks(queue: Queue, operation: string, timeoutMs: number): Generator<number, void> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 0;; pauseMs = Math.min(2 * pauseMs || 1, LONGEST_PAUSE_MS)) {
    const { backlogPackets } = readReleased(queue, operation).stats;
    if (backlogPackets === 0) return;
    if (performance.now() >= deadline) {
      throw new QueueError("not-drained", operation, {
        reason: `${backlogPackets} packets have not left within ${timeoutMs} ms; the plug is still there`,
      });
    }
    yield pauseMs;
  }
}

/** The plug, which was there a moment ago. */
function readReleased(queue: Queue, operation: string): PlugMessage {
  try {
    return readPlug(queue, operation);
  } catch (error) {
    if (!(error instanceof QueueError) || error.code !== "not-attached") throw error;
    throw new QueueError("vanished", operation, {
      reason: "the plug vanished, with what it still held: its device was deleted, or another process deleted it",
      cause: error,
    });
  }
}

/** Waits until the backlog is 0. */
export async function drained(
  queue: Queue,
  { timeoutMs = TIMEOUT_MS, signal, purpose = "drain" }: DrainOptions & { purpose?: string } = {},
): Promise<void> {
  signal?.throwIfAborted();
  for (const pauseMs of looks(queue, `${purpose} ${describeQueue(queue.dev, queue.place)}`, timeoutMs)) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    signal?.throwIfAborted();
  }
}

/** Releases all in one send, then waits for each until its backlog is 0, and deletes it. */
export async function detachAll(
  queues: readonly Queue[],
  { drop = false, ...drain }: DetachOptions = {},
): Promise<DetachReport[]> {
  if (!drop) changeQueues(queues, RELEASE);
  const reports: DetachReport[] = [];
  for (const queue of queues) {
    if (!drop) await drained(queue, { ...drain, purpose: "detach" });
    reports.push(remove(queue));
  }
  return reports;
}

/** As `detachAll` with one, but keeps the process waiting meanwhile. */
export function detachSync(queue: Queue): DetachReport {
  changeQueues([queue], RELEASE);
  for (const pauseMs of looks(queue, `detach ${describeQueue(queue.dev, queue.place)}`, TIMEOUT_MS)) sleep(pauseMs);
  return remove(queue);
}

/** Deletes the plug, and with it what it holds. */
function remove(queue: Queue): DetachReport {
  const operation = `detach ${describeQueue(queue.dev, queue.place)}`;
  // Deleting does not ask for a kind, but it does for the handle: that of the plug that was seen.
  const { handle, parent, stats } = readPlug(queue, operation);
  const [answer] = queue.connection.transact([deleteRequest({ ifindex: queue.place.ifindex, handle, parent })]);
  if (answer.errno !== 0) throw refusalError(operation, answer);
  return { discardedPackets: stats.backlogPackets, drops: stats.drops };
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
