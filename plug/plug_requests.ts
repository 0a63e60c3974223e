import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELQDISC,
  RTM_NEWQDISC,
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_LIMIT,
  TCQ_PLUG_RELEASE_INDEFINITE,
  TCQ_PLUG_RELEASE_ONE,
} from "../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscRequest } from "../codec/request.ts";

/** Where a qdisc is: on a device, at a parent or by its handle. */
export interface QdiscPlace {
  /** The device's index. */
  ifindex: number;
  /** `TC_H_ROOT`, a class, or 0 to go by the handle. */
  parent: number;
  /** 0 means whichever is at the parent. */
  handle: number;
}

/** What can be asked of a plug that is there. */
export type PlugAction = "buffer" | "release-one" | "release-indefinite" | "limit";

const ACTIONS: Readonly<Record<PlugAction, number>> = {
  "buffer": TCQ_PLUG_BUFFER,
  "release-one": TCQ_PLUG_RELEASE_ONE,
  "release-indefinite": TCQ_PLUG_RELEASE_INDEFINITE,
  "limit": TCQ_PLUG_LIMIT,
};

/** The handles that plugctl gives: `504c:` to the first plug of a device ("PL" in ASCII), the next to the next. */
export const FIRST_HANDLE = 0x504c0000;
/** How many handles it has to give. */
export const HANDLES = 256;

/**
 * The handle of a queue of two ranks: a prio at a device's root, and below it a plug for the packets that go first and one
 * for the rest. prio gives the second plug a turn when the first has nothing to send, so that of what both let go in one send
 * the first rank has left before the second begins. It is dealt with as one plug, at the root and with this handle.
 */
export const RANKED_HANDLE = 0x504b0000;
/** Its plugs, in the order in which they are asked, by their handles and the classes of the prio where they hang. */
export const RANKS = [
  { parent: RANKED_HANDLE + 1, handle: 0x504a0000 },
  { parent: RANKED_HANDLE + 2, handle: 0x50490000 },
] as const;
/** The class of what goes first. */
export const FIRST_RANK: number = RANKS[0].parent;

/** The plugs that a change of a queue is about: itself, or those of its ranks, which are named by their handles alone. */
export function plugsAt(place: QdiscPlace): QdiscPlace[] {
  const { ifindex, handle } = place;
  return handle === RANKED_HANDLE ? RANKS.map(({ handle }) => ({ ifindex, parent: 0, handle })) : [place];
}

/** The place of the queue that a plug belongs to, of whose ranks the last stands for both; `undefined` for another rank. */
export function wholePlace({ ifindex, parent, handle }: QdiscPlace): QdiscPlace | undefined {
  const rank = RANKS.findIndex((rank) => rank.handle === handle && (parent === 0 || parent === rank.parent));
  if (rank < 0) return { ifindex, parent, handle };
  return rank === RANKS.length - 1 ? { ifindex, parent: TC_H_ROOT, handle: RANKED_HANDLE } : undefined;
}

/** The most that a limit can be, in bytes. */
export const LIMIT_MAX = 0xffffffff;

/**
 * Creates a plug, which holds packets from its first moment on. Without `limitBytes` the kernel sets the
 * limit to txqueuelen packets of the device's mtu.
 *
 * @throws {RangeError} where the limit is not from 1 to 2^32 - 1: a plug created with 0 drops every packet for ever
 */
export function createRequest(
  place: QdiscPlace,
  { limitBytes, replace = false }: { limitBytes?: number; replace?: boolean } = {},
): QdiscRequest {
  if (limitBytes !== undefined) checkLimit(limitBytes);
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL),
    ...place,
    plug: limitBytes === undefined ? "no options" : { action: TCQ_PLUG_LIMIT, limit: limitBytes },
  };
}

/**
 * Changes a plug, and never creates one.
 *
 * @throws {RangeError} where the limit is not from 1 to 2^32 - 1
 */
export function changeRequest(place: QdiscPlace, action: PlugAction, limitBytes = 0): QdiscRequest {
  if (action === "limit") checkLimit(limitBytes);
  return { type: RTM_NEWQDISC, ...place, plug: { action: ACTIONS[action], limit: limitBytes } };
}

/** As `changeRequest`, one for each plug of a queue. */
export function changeRequests(place: QdiscPlace, action: PlugAction, limitBytes = 0): QdiscRequest[] {
  return plugsAt(place).map((plug) => changeRequest(plug, action, limitBytes));
}

/** Deletes a qdisc of any kind, and with it the packets that it holds. */
export function deleteRequest(place: QdiscPlace): QdiscRequest {
  return { type: RTM_DELQDISC, ...place };
}

/** @throws {RangeError} where the limit is not from 1 to 2^32 - 1 */
export function checkLimit(limitBytes: number): void {
  if (Number.isInteger(limitBytes) && limitBytes >= 1 && limitBytes <= LIMIT_MAX) return;
  throw new RangeError(
    `limit is ${limitBytes} bytes, must be a whole number from 1 to ${LIMIT_MAX}: with 0 every packet is dropped`,
  );
}

/** @throws {RangeError} where a handle is none that a plug can have: a major number from 1 to 0xfffe, and no minor */
export function checkHandle(handle: number): void {
  const major = handle / 0x10000;
  if (Number.isInteger(major) && major >= 1 && major <= 0xfffe) return;
  throw new RangeError(`handle is ${handle}, must be MAJOR * 65536 with MAJOR from 1 to 65534`);
}
