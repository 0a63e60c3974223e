import { type AnyOperation, Operation } from "../linux/netlink_error.ts";
import { NLM_F_CREATE } from "../codec/assembly/constants.ts";
import { formatHandle, TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage } from "../codec/message.ts";
import type { QdiscRequest } from "../codec/request.ts";
import type { Connection } from "../netlink/connection.ts";
import { detachInTurn } from "./drain.ts";
import { inTurn } from "../guardian/mark.ts";
import { entrustPlug } from "./guarded_plug.ts";
import { type GuardOptions, hasDeadline } from "../guardian/entrust.ts";
import { findDevice, limitWarning, readLink, readQdiscs, refuseDeadEnd } from "./qdiscs.ts";
import { heldAt } from "./classes.ts";
import { refuseLockouts, refuseLowLimit } from "./change.ts";
import {
  changeRequest,
  checkHandle,
  checkLimit,
  createRequest,
  deleteRequest,
  FIRST_HANDLE,
  HANDLES,
} from "./plug_requests.ts";
import { graft, rootOf } from "./shelter.ts";
import { describeQueue, type PlugPlace, Queue } from "./queue.ts";
import { QueueError, refusalError } from "./queue_error.ts";

/** How to attach a plug. */
export interface AttachOptions extends PlugPlace, GuardOptions {
  /**
   * The queue limit, in bytes of packets with their link headers, from 1 to 2^32 - 1.
   * Default: the kernel's, txqueuelen packets of the device's mtu.
   */
  limitBytes?: number;
  /** Whether it holds packets from its first moment on. Default: it passes them. */
  hold?: boolean;
  /** Whether somebody else's qdisc may be replaced. */
  replace?: boolean;
  /**
   * Whether a device may be held, or have a limit below its MTU, that carries the default route or this SSH session. To hold
   * it, a guardian with `maxHoldMs` is as good.
   */
  force?: boolean;
}

/** A queue that was just attached, and what is worth knowing about it, a sentence each. */
export interface Attached {
  queue: Queue;
  warnings: string[];
}

/** How many packets the limit allows for where txqueuelen is 0: what the kernel gives most devices as txqueuelen. */
const DEFAULT_PACKETS = 1000;
const ETHERNET_HEADER_BYTES = 14;

/**
 * Creates plugs and, unless they are to hold, releases them in the same send. All are checked before the first is
 * created; where one cannot be created, those that were are taken away again.
 *
 * @throws {QueueError} where something else is there, it would lock out, or the kernel refuses
 * @throws {RangeError} where a limit is not from 1 to 2^32 - 1
 */
export function attachAll(connection: Connection, list: readonly AttachOptions[]): Attached[] {
  for (const { guardian } of list) guardian?.greet();
  return inTurn(connection, () => attachInTurn(connection, list));
}

function attachInTurn(connection: Connection, list: readonly AttachOptions[]): Attached[] {
  const plans: Plan[] = [];
  for (const options of list) plans.push(plan(connection, options, plans));
  const replaced = plans.flatMap(plugsToVanish);
  for (const { queue, operation } of replaced) queue.refuseHeld(operation);
  for (const { queue } of replaced) detachInTurn(queue);
  try {
    for (const { queue, options } of plans) guard(queue, options);
    create(connection, plans);
  } catch (error) {
    for (const { queue } of plans) queue.dismissGuard();
    throw error;
  }
  for (const { queue } of plans) {
    if (queue.asked === "hold") queue.guard?.watch();
    else queue.guard?.know();
  }
  return plans;
}

/** Gives a plug into a guardian's charge, before the plug is there. */
function guard(queue: Queue, options: GuardOptions): void {
  queue.entrust(entrustPlug(queue, { ...options, takeAway: true }));
  if (queue.asked === "hold") queue.guard?.arm();
}

interface Plan extends Attached {
  operation: AnyOperation;
  options: AttachOptions;
  found: Found;
}

/** Looks and decides, and touches nothing. `before` are the plans that will be carried out before. */
function plan(connection: Connection, options: AttachOptions, before: readonly Plan[]): Plan {
  const { dev, parent = TC_H_ROOT, hold = false, replace = false } = options;
  if (options.limitBytes !== undefined) checkLimit(options.limitBytes);
  if (options.handle !== undefined) checkHandle(options.handle);
  const place = describeQueue(dev, { parent, handle: options.handle ?? 0 });
  const operation = new Operation(`attach to ${place}`, { dev });
  const ifindex = findDevice(connection, dev);
  const found = look(connection, { ifindex, parent, operation });
  refuseToReplace(found.there, { operation, replace });
  refuseDeadEnd(found.others, { ifindex, parent, operation });
  if (!options.force) refuseDanger(connection, { ...options, operation, place: { ifindex, parent }, found });
  const given = before.map(({ queue }) => queue.place).filter((place) => place.ifindex === ifindex);
  if (given.some((place) => place.parent === parent)) throw new RangeError(`Cannot ${operation}: it is named twice`);
  const taken = new Set([...holdersOfHandles(found), ...given].map(({ handle }) => handle));
  const queue = new Queue({
    dev,
    place: { ifindex, parent, handle: chooseHandle(taken, { operation, wanted: options.handle }) },
    located: true,
    connection,
    asked: hold ? "hold" : "pass",
    limitBytesAsked: options.limitBytes ?? defaultLimit(found.link),
  });
  const warning = options.limitBytes === undefined ? undefined : limitWarning(found.link, options.limitBytes);
  return { queue, operation, options, found, warnings: warning === undefined ? [] : [warning] };
}

/** Refuses a plug that holds, or whose limit lets next to nothing through, where that would lock out. */
function refuseDanger(
  connection: Connection,
  { operation, place, found: { there, others }, hold, limitBytes, ...guard }: GuardOptions & {
    hold?: boolean;
    limitBytes?: number;
    operation: AnyOperation;
    place: { ifindex: number; parent: number };
    found: Found;
  },
): void {
  const held = heldAt(connection, { ...place, qdiscs: there ? [there, ...others] : others });
  const danger = { operation, ifindex: place.ifindex, held };
  if (limitBytes !== undefined) refuseLowLimit(connection, { ...danger, limitBytes });
  if (hold && !hasDeadline(guard)) refuseLockouts(connection, [danger]);
}

interface Found {
  link: LinkMessage;
  /** The qdisc at the parent, unless it is the kernel's own default. */
  there?: QdiscMessage;
  /** The device's other qdiscs, unless they are the kernel's own. */
  others: QdiscMessage[];
}

/** Reads what the device is, what is at the parent, and which handles are taken. */
function look(
  connection: Connection,
  { ifindex, parent, operation }: { ifindex: number; parent: number; operation: AnyOperation },
): Found {
  const link = readLink(connection, ifindex, operation);
  const qdiscs = readQdiscs(connection, operation).filter((qdisc) => qdisc.ifindex === ifindex && qdisc.handle !== 0);
  const there = qdiscs.find((qdisc) => qdisc.parent === parent);
  return { link, there, others: qdiscs.filter((qdisc) => qdisc !== there) };
}

function refuseToReplace(
  there: QdiscMessage | undefined,
  { operation, replace }: { operation: AnyOperation; replace: boolean },
) {
  if (!there || replace) return;
  const name = describeKind(there);
  if (there.kind === "plug") {
    throw new QueueError("already-attached", operation, { reason: `a plug is there already, ${name}` });
  }
  throw new QueueError("foreign-qdisc", operation, { reason: `${name} is there, which plugctl did not make` });
}

function describeKind({ kind, handle }: QdiscMessage): string {
  return `${kind} ${formatHandle(handle)}`;
}

/**
 * The handle to give. It must be free: the release that follows the creation names it, and would touch the
 * other qdisc of that handle if the creation failed.
 */
function chooseHandle(
  taken: ReadonlySet<number>,
  { operation, wanted }: { operation: AnyOperation; wanted?: number },
): number {
  if (wanted === undefined) {
    for (let index = 0; index < HANDLES; index++) {
      const handle = FIRST_HANDLE + index * 0x10000;
      if (!taken.has(handle)) return handle;
    }
    throw new QueueError("handle-in-use", operation, { reason: `all ${HANDLES} handles that plugctl gives are taken` });
  }
  if (!taken.has(wanted)) return wanted;
  const reason = `handle ${formatHandle(wanted)} belongs to another qdisc of the device`;
  throw new QueueError("handle-in-use", operation, { reason });
}

/**
 * The plugs that are about to be replaced, which must let go what they hold: the one at the place itself, and at the root
 * those of the classes too, which vanish with what they hang from.
 */
function plugsToVanish(
  { queue, operation, found: { there, others } }: Plan,
): { queue: Queue; operation: AnyOperation }[] {
  if (!there) return [];
  const { dev, connection, place: { parent } } = queue;
  return (parent === TC_H_ROOT ? [...others, there] : [there]).filter(({ kind }) => kind === "plug")
    .map((place) => ({ queue: new Queue({ dev, connection, place, located: true }), operation }));
}

/** The qdiscs whose handles are not free: even a foreign one that is to be replaced keeps its own until then. */
function holdersOfHandles({ there, others }: Found): QdiscMessage[] {
  return there && there.kind !== "plug" ? [there, ...others] : others;
}

/** The limit to send with a plug where none is given: only where the kernel's own, txqueuelen packets, would be 0. */
export function defaultLimit({ txqueuelen, mtu }: Pick<LinkMessage, "txqueuelen" | "mtu">): number | undefined {
  return txqueuelen > 0 ? undefined : DEFAULT_PACKETS * (mtu + ETHERNET_HEADER_BYTES);
}

function create(connection: Connection, plans: readonly Plan[]): void {
  const requests: QdiscRequest[] = [];
  const planOf: Plan[] = [];
  for (const plan of plans) {
    const { queue: { place, limitBytesAsked }, options: { replace, hold } } = plan;
    requests.push(createRequest(place, { limitBytes: limitBytesAsked, replace }));
    if (!hold) requests.push(changeRequest(place, "release-indefinite"));
    while (planOf.length < requests.length) planOf.push(plan);
  }
  const roots = plans.filter(({ queue: { place } }) => place.parent === TC_H_ROOT)
    .map(({ found: { link, others } }) => rootOf(link, others));
  const { answers, gapMs } = graft(connection, { roots, requests, operation: plans[0]?.operation ?? "attach" });
  for (const { queue } of plans) if (queue.place.parent === TC_H_ROOT) queue.noteGap(gapMs(queue.place.ifindex));
  const failed = answers.findIndex(({ errno }) => errno !== 0);
  if (failed < 0) return;
  const created = new Set(planOf.filter((_, index) => isCreation(requests[index]) && answers[index].errno === 0));
  connection.transact([...created].map(({ queue }) => deleteRequest(queue.place)));
  throw refusalError(planOf[failed].operation, answers[failed]);
}

function isCreation({ flags = 0 }: QdiscRequest): boolean {
  return (flags & NLM_F_CREATE) !== 0;
}
