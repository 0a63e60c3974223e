import type { AnyOperation } from "../linux/netlink_error.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { Connection } from "../netlink/connection.ts";
import { changeRequest, changeRequests, FIRST_HANDLE, LIMIT_MAX, type PlugAction } from "./plug_requests.ts";
import type { Numbering } from "./filler.ts";
import { byConnection, onQueue, type Queue } from "./queue.ts";
import { locatePlugs } from "./read_plug.ts";
import { checkAnswers, QueueError, refusalError } from "./queue_error.ts";

/** How to hold. */
export interface BufferOptions {
  /** Whether a device may be held that carries the default route or this SSH session. */
  force?: boolean;
  /**
   * Whether a gate may be held whose packets bypass filters that others have put behind it. Default: what `force` is, or
   * was when this object made the gate.
   */
  bypass?: boolean;
  /** Whether an epoch that has ended and is not released yet may be forgotten as an epoch. */
  orphan?: boolean;
  /** After how many milliseconds a guardian that has it in charge releases it. Default: as was said before. */
  maxHoldMs?: number;
}

/** How to set a limit. */
export type LimitOptions = Pick<BufferOptions, "force">;

/** What to ask of plugs. */
export interface Change extends BufferOptions {
  action: PlugAction;
  /** With the action `limit`. */
  limitBytes?: number;
  /** What it is a part of, for the words of an error: `detach`. Default: the action itself. */
  purpose?: string;
}

/** A change that needs no check: it lets go. */
export type Letting = Change & { action: "release-one" | "release-indefinite" };

/**
 * Asks the same of several plugs, with one send a connection. Of more than one, each is looked for before
 * any is touched. What can do harm is to be refused by `check`; see `changeQueues`.
 *
 * @throws {QueueError} where there is no plug, or the kernel refuses
 */
export function sendChange(queues: readonly Queue[], change: Letting): void;
export function sendChange(queues: readonly Queue[], change: Change, check: () => void): void;
export function sendChange(queues: readonly Queue[], change: Change, check?: () => void): void {
  prepareChange(queues, change, check)();
}

/** As `sendChange`, in two: looks at all that can be looked at before, and returns what sends it. */
export function prepareChange(queues: readonly Queue[], change: Change, check?: () => void): () => void {
  const nameOperation = (queue: Queue) => operationOn(queue, change);
  if (queues.length !== 1 || !isGuessable(queues[0])) locatePlugs(queues, nameOperation);
  refuseForfeited(queues, nameOperation);
  refuseTwice(queues, nameOperation);
  check?.();
  // Where packets were released by number the kernel counts no epoch.
  if (change.action === "release-one") queues = queues.filter((queue) => !numberingOf(queue)?.releaseOne(queue));
  if (change.action === "buffer") {
    for (const queue of queues) queue.appointGuard();
    for (const { guard } of queues) guard?.arm(change.maxHoldMs);
  }
  if (queues.length !== 1 || !isGuessable(queues[0])) return prepareSends(queues, change);
  return () => {
    if (changeGuessed(queues[0], change)) return;
    locatePlugs(queues, nameOperation);
    prepareSends(queues, change)();
  };
}

function prepareSends(queues: readonly Queue[], change: Change): () => void {
  const sends = [...byConnection(queues)].map(([connection, those]) => prepareSend(connection, those, change));
  return () => {
    for (const send of sends) send();
    if (change.action === "buffer") { for (const queue of queues) numberingOf(queue)?.endEpoch(queue); }
  };
}

/** What counts the packets of a gate of which some were released by number. */
function numberingOf({ gate }: Queue): Numbering<Queue> | undefined {
  return gate?.numbering?.isActive ? gate.numbering : undefined;
}

function refuseForfeited(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): void {
  const gone = queues.find(({ isForfeited }) => isForfeited);
  if (gone) throw new QueueError("vanished", nameOperation(gone), { reason: "the plug is gone" });
}

/** Refuses a plug that is named twice: moved twice, it would end an epoch that nobody sees. */
function refuseTwice(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): void {
  for (const those of byConnection(queues).values()) {
    const named = new Set<string>();
    for (const queue of those) {
      const { ifindex, parent } = queue.place;
      if (named.has(`${ifindex} ${parent}`)) throw new RangeError(`Cannot ${nameOperation(queue)}: it is named twice`);
      named.add(`${ifindex} ${parent}`);
    }
  }
}

function isGuessable({ located, place }: Queue): boolean {
  return !located && place.parent === TC_H_ROOT && place.handle === 0;
}

/**
 * Tries the handle that plugctl gives to a device's root, which saves looking for it, and tells whether that
 * was right. A wrong guess touches nothing: at the root the kernel changes only what has the handle.
 */
function changeGuessed(queue: Queue, { action, limitBytes }: Change): boolean {
  const place = { ...queue.place, handle: FIRST_HANDLE };
  const [answer] = queue.connection.transact([changeRequest(place, action, limitBytes)], { overheard: true });
  if (answer.errno !== 0) return false;
  queue.locate(place);
  queue.note(action, { limitBytes, sequence: queue.connection.lastSequence });
  return true;
}

/** What each action is called where something is wrong with it: `release`, in `Cannot release eth0`. */
export const VERBS: Readonly<Record<PlugAction, string>> = {
  "buffer": "buffer",
  "release-one": "release-one",
  "release-indefinite": "release",
  "limit": "set the limit of",
};

/** What is done to a queue, in words: `buffer eth0 (root)`. */
export function operationOn(queue: Queue, { action, purpose }: Change): AnyOperation {
  const verb = purpose ?? VERBS[action];
  return onQueue(queue, verb);
}

function prepareSend(connection: Connection, queues: readonly Queue[], change: Change): () => void {
  const { action, limitBytes } = change;
  const asked = queues.map((queue) => {
    const extra = action === "limit" ? numberingOf(queue)?.extraBytes(queue) ?? 0 : 0;
    const limit = extra > 0 ? Math.min((limitBytes ?? 0) + extra, LIMIT_MAX) : limitBytes;
    return { queue, requests: changeRequests(queue.place, action, limit) };
  });
  const requests = asked.flatMap(({ requests }) => requests);
  return () => {
    // Guardians are to know what it was, which the kernel does not say.
    const answers = connection.transact(requests, { overheard: true });
    const failures: QueueError[] = [];
    const first = connection.lastSequence - requests.length;
    let end = 0;
    for (const { queue, requests: { length } } of asked) {
      const refusal = answers.slice(end, end + length).find(({ errno }) => errno !== 0);
      end += length;
      if (refusal) failures.push(refusalError(operationOn(queue, change), refusal));
      else queue.note(action, { limitBytes, sequence: first + end >>> 0 });
    }
    if (action === "limit") noteLimits(connection, queues.filter((queue) => queue.limitBytesAsked === limitBytes));
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) {
      throw new AggregateError(failures, failures.map(({ message }) => message).join("; "));
    }
  };
}

/** Writes the new limits of gates into their notes, where other processes find them. */
function noteLimits(connection: Connection, queues: readonly Queue[]): void {
  const requests = queues.flatMap(({ gate, limitBytesAsked = 0 }) => gate?.limitRequest?.(limitBytesAsked) ?? []);
  checkAnswers("note the new limit in the alias of the gate's device", connection.transact(requests));
}
