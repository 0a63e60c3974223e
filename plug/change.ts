import type { AnyOperation } from "../linux/netlink_error.ts";
import type { HookLooks } from "./filter.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { Connection } from "../netlink/connection.ts";
import { heldAt } from "./classes.ts";
import { type Danger, refuseLockout, refuseLowLimit } from "./lockout.ts";
import { changeRequest, FIRST_HANDLE, type PlugAction } from "./plug_requests.ts";
import { byConnection, locatePlugs, onQueue, type Queue } from "./queue.ts";
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

/**
 * Asks the same of several plugs, with one send a connection. Of more than one, each is looked for before
 * any is touched.
 *
 * @throws {QueueError} where it would lock out or orphan an epoch, there is no plug, or the kernel refuses
 */
export function changeQueues(queues: readonly Queue[], change: Change): void {
  const nameOperation = (queue: Queue) => operationOn(queue, change);
  if (queues.length !== 1 || !isGuessable(queues[0])) locatePlugs(queues, nameOperation);
  refuseForfeited(queues, nameOperation);
  refuseTwice(queues, nameOperation);
  if (change.action === "buffer") {
    for (const those of byConnection(queues).values()) {
      const looks: HookLooks = new Map();
      for (const queue of those) checkBuffer(queue, change, looks);
    }
  }
  if (change.action === "limit" && !change.force) { for (const queue of queues) checkLimit(queue, change); }
  if (change.action === "buffer") { for (const { guard } of queues) guard?.arm(change.maxHoldMs); }
  // What leaves from here on leaves by this process's will.
  if (change.action !== "limit") { for (const { guard } of queues) guard?.unwatch(); }
  if (queues.length === 1 && isGuessable(queues[0])) {
    if (changeGuessed(queues[0], change)) return;
    locatePlugs(queues, nameOperation);
  }
  for (const [connection, those] of byConnection(queues)) send(connection, those, change);
}

function refuseForfeited(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): void {
  const gone = queues.find(({ isForfeited }) => isForfeited);
  if (gone) throw new QueueError("vanished", nameOperation(gone), { reason: "the plug is gone" });
}

/** Refuses a plug that is named twice: moved twice, it would end an epoch that nobody sees. */
function refuseTwice(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): void {
  queues.forEach((queue, index) => {
    const twice = queues.slice(0, index).some((other) => isSame(queue, other));
    if (twice) throw new RangeError(`Cannot ${nameOperation(queue)}: it is named twice`);
  });
}

function isSame({ connection, place }: Queue, other: Queue): boolean {
  return connection === other.connection && place.ifindex === other.place.ifindex &&
    place.parent === other.place.parent;
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
  const [answer] = queue.connection.transact([changeRequest(place, action, limitBytes)], {
    overheard: isHeard(action),
  });
  if (answer.errno !== 0) return false;
  queue.locate(place);
  queue.note(action, limitBytes);
  return true;
}

/** Whether guardians are to hear of it: a deadline that outlives the process that set it is needless from a release on. */
function isHeard(action: PlugAction): boolean {
  return action === "release-indefinite";
}

/** What each action is called where something is wrong with it. */
const VERBS: Readonly<Record<PlugAction, string>> = {
  "buffer": "buffer",
  "release-one": "release-one",
  "release-indefinite": "release",
  "limit": "set the limit of",
};

/** What is done to a queue, in words: `buffer eth0 (root)`. */
function operationOn(queue: Queue, { action, purpose }: Change): AnyOperation {
  const verb = purpose ?? VERBS[action];
  return onQueue(queue, verb);
}

function checkBuffer(queue: Queue, change: Change, looks: HookLooks): void {
  const { force = false, orphan = false } = change;
  const operation = operationOn(queue, change);
  if (queue.endedEpoch && !orphan) {
    throw new QueueError("would-orphan", operation, {
      reason:
        "an epoch has ended and is not released; the kernel remembers one, and would count it as part of the next",
    });
  }
  if (queue.asked === "hold") return;
  refuseBypass(queue, { operation, bypass: change.bypass ?? force, looks });
  if (force) return;
  for (const danger of dangersOf(queue, operation)) refuseLockout(queue.connection, danger);
}

function checkLimit(queue: Queue, change: Change): void {
  const { limitBytes = 0 } = change;
  for (const danger of dangersOf(queue, operationOn(queue, change))) {
    refuseLowLimit(queue.connection, { ...danger, limitBytes });
  }
}

/** What a queue holds, of which devices. */
function dangersOf({ connection, gate, place }: Queue, operation: AnyOperation): Danger[] {
  if (gate) return gate.devices.map((ifindex) => ({ operation, ifindex, held: gate.held }));
  return [{ operation, ifindex: place.ifindex, held: heldAt(connection, place) }];
}

/** Refuses to hold what filters of others would see if the gate were not there, and perhaps drop. */
function refuseBypass(
  { gate }: Queue,
  { operation, bypass, looks }: { operation: AnyOperation; bypass: boolean; looks: HookLooks },
): void {
  if (!gate?.bypassed || bypass || gate.mayBypass) return;
  const names = gate.bypassed(operation, looks);
  if (names.length === 0) return;
  const reason = `the packets that it takes bypass what others have put behind it: ${names.join("; ")}`;
  throw new QueueError("would-bypass", operation, { reason, gate: gate.name });
}

/** That packets of a gate bypass a filter. */
export function describeBypass(gate: string, filter: string): string {
  return `the packets that the gate ${gate} takes bypass: ${filter}`;
}

function send(connection: Connection, queues: readonly Queue[], change: Change): void {
  const { action, limitBytes } = change;
  const requests = queues.map(({ place }) => changeRequest(place, action, limitBytes));
  const answers = connection.transact(requests, { overheard: isHeard(action) });
  const failures: QueueError[] = [];
  answers.forEach((answer, index) => {
    const queue = queues[index];
    if (answer.errno === 0) queue.note(action, limitBytes);
    else failures.push(refusalError(operationOn(queue, change), answer));
  });
  if (action === "limit") noteLimits(connection, queues.filter((queue) => queue.limitBytesAsked === limitBytes));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) {
    throw new AggregateError(failures, failures.map(({ message }) => message).join("; "));
  }
}

/** Writes the new limits of gates into their notes, where other processes find them. */
function noteLimits(connection: Connection, queues: readonly Queue[]): void {
  const requests = queues.flatMap(({ gate, limitBytesAsked = 0 }) => gate?.limitRequest?.(limitBytesAsked) ?? []);
  checkAnswers("note the new limit in the alias of the gate's device", connection.transact(requests));
}
