import {
  NLM_F_REQUEST,
  NLMSG_HDRLEN,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  TCA_OPTIONS,
  TCMSG_LEN,
} from "../codec/assembly/constants.ts";
import {
  IFF_LOWER_UP,
  IFI_FLAGS_AT,
  RTM_DELTCLASS,
  TCM_HANDLE_AT,
  TCM_IFINDEX_AT,
  TCM_INFO_AT,
  TCM_PARENT_AT,
} from "../codec/numbers.ts";
import { TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import { bytesOf, findAttribute, readAttributes, type Records, wordAt } from "../codec/records.ts";
import { GROUP_LINK, GROUP_REQUESTS, GROUP_TC } from "../linux/socket.ts";

/** What the kernel, and plugctl as it asks the kernel, say of devices, qdiscs and filters. */
export const WATCHED_GROUPS = GROUP_LINK | GROUP_TC | GROUP_REQUESTS;

/** A plug that is watched. */
export interface Watched {
  /** The device's index. */
  ifindex: number;
  /** Where it hangs: `TC_H_ROOT` or a class. */
  parent: number;
  /** Its handle. */
  handle: number;
  /** The qdiscs that it hangs from below the root, the next one first, by their handles, and the classes where these hang. */
  above?: readonly { handle: number; parent: number }[];
  /** Of a queue of several plugs below a prio, which is what its handle names, these by their handles: the last is asked last. */
  ranks?: readonly number[];
  /** Where the filters hang that send packets to it, where it is a gate's. */
  hook?: Hook;
}

/** Where the filters of a gate hang. */
export interface Hook {
  /** The indexes of the devices, by which packets go on. */
  devices: readonly number[];
  /** The hooks of clsact: for what comes in, for what leaves, or both. */
  parents: readonly number[];
  /** The priority of the filters. */
  priority: number;
}

/** What others have done to a plug while it held. */
export interface Disturbance {
  /** What has happened. */
  what: Happening;
  /** The process that did it, as far as that is known: `process 12 (tc)`. */
  by?: string;
  /** Whether it was released altogether, for certain, and not an epoch of it. */
  isWhole?: true;
}

/**
 * What can happen to a plug that holds: it was released, deleted, or another was put in its place; its device was taken
 * down, or is gone; a device of its gate was taken down, or is gone; the gate's filters are gone; or its network namespace
 * was deleted. Or others have changed it so that it may have been released, and may be held by them since: the kernel does
 * not say how it was changed.
 */
export type Happening =
  | "released"
  | "unclear"
  | "deleted"
  | "replaced"
  | "down"
  | "gone"
  | "gate-device-down"
  | "gate-device-gone"
  | "unfiltered"
  | "namespace-deleted";

/** How many packets have left a plug, and what it holds, in packets and in bytes with their link headers. */
export interface Counts {
  sent: number;
  packets: number;
  bytes: number;
}

/** Where `nlmsg_pid` stands in a message. */
const PORT_AT = 12;

/**
 * What a message means for a plug: what has happened for certain; that a device is up; that plugctl has asked for a change,
 * which the kernel may refuse; or that somebody has changed the plug, of which the kernel says no more.
 */
export interface Meaning {
  what: Exclude<Happening, "unclear" | "namespace-deleted"> | "up" | "asked" | "changed";
  /** What plugctl has asked for: `TCQ_PLUG_BUFFER` and the like. */
  action?: number;
  /** What a plug that was changed holds right behind that, and how many packets have left it. */
  counts?: Counts;
  /** The device that it is about. */
  ifindex: number;
  /** The number that the request had, which the kernel repeats where it says what has come of it. */
  sequence: number;
  /** The port of the socket of who did it; of a request 0 where it does not say. */
  port: number;
}

/** What a message means for a plug, where it means something. */
export function meaningOf(message: Records, watched: Watched): Meaning | undefined {
  const ifindex = message.word(TCM_IFINDEX_AT);
  const isOwn = ifindex === watched.ifindex;
  const isOfGate = watched.hook?.devices.includes(ifindex) ?? false;
  if (!isOwn && !isOfGate) return undefined;
  const what = isOwn ? ofPlug(message, watched) : ofGateDevice(message, watched.hook);
  const action = what === "asked" ? actionOf(message) : undefined;
  // Of a queue of several plugs it says what one has.
  const counts = what === "changed" && !watched.ranks ? countsIn(message) : undefined;
  return what && { what, action, counts, ifindex, sequence: message.sequence, port: message.word(PORT_AT) };
}

function countsIn(
  { packets: sent, backlogPackets: packets, backlogBytes: bytes }: Records,
): Counts {
  return { sent, packets, bytes };
}

function ofPlug(message: Records, watched: Watched): Meaning["what"] | undefined {
  switch (message.type) {
    case RTM_DELLINK:
      return "gone";
    case RTM_NEWLINK:
      return isUp(message) ? "up" : "down";
    case RTM_DELQDISC:
      return takesAway(message, watched) || isPart(message, watched) ? "deleted" : undefined;
    case RTM_DELTCLASS:
      return isClassAbove(message.word(TCM_HANDLE_AT), watched) ? "deleted" : undefined;
    case RTM_NEWQDISC:
      if (isPart(message, watched)) return ofPart(message, watched);
      return isInPlace(message, watched) ? ofQdisc(message, watched) : ofQdiscAbove(message, watched);
  }
}

function ofGateDevice(message: Records, hook: Hook | undefined): Meaning["what"] | undefined {
  switch (message.type) {
    case RTM_DELLINK:
      return "gate-device-gone";
    case RTM_NEWLINK:
      return isUp(message) ? "up" : "gate-device-down";
    case RTM_DELQDISC:
      return message.parent === TC_H_CLSACT ? "unfiltered" : undefined;
    case RTM_DELTFILTER:
      return isFilterOf(message, hook) ? "unfiltered" : undefined;
  }
}

/** Whether a device is up: one that is down, or has lost its carrier, has discarded what it held. */
function isUp(message: Records): boolean {
  return (message.word(IFI_FLAGS_AT) & IFF_LOWER_UP) !== 0;
}

/** Whether it is about what a queue of several plugs consists of, or about what is put in the place of such a plug. */
function isPart({ handle, parent }: Records, { handle: own, ranks }: Watched): boolean {
  if (!ranks) return false;
  return handle === own || ranks.includes(handle) || (parent & 0xffff0000) >>> 0 === own;
}

/** The last of the plugs stands for all; how prio shares out its turns holds and lets go nothing. */
function ofPart(message: Records, { handle: own, ranks = [] }: Watched): Meaning["what"] | undefined {
  const { handle } = message;
  if (handle === own) return undefined;
  if (!ranks.includes(handle)) return "replaced";
  return handle === ranks.at(-1) ? ofQdisc(message, { handle }) : undefined;
}

/** Whether it is about the plug's place. Of a change that named the plug by its handle alone, the kernel says no parent. */
function isInPlace({ parent, handle }: Records, watched: Watched): boolean {
  return parent === watched.parent || parent === 0 && handle === watched.handle;
}

/** Whether a qdisc that is deleted is the plug, or what the plug hangs from: of those below nothing is said. */
function takesAway({ handle, parent }: Records, watched: Watched): boolean {
  // What was there before is said to be deleted when the plug is put in its place.
  if (parent === watched.parent) return handle === watched.handle;
  if (watched.parent === TC_H_ROOT || parent === TC_H_CLSACT) return false;
  const isAbove = watched.above?.some((qdisc) => qdisc.handle === handle);
  return parent === TC_H_ROOT || isAbove || handle === (watched.parent & 0xffff0000) >>> 0;
}

function isClassAbove(classId: number, { parent, above = [] }: Watched): boolean {
  return classId === parent || above.some((qdisc) => qdisc.parent === classId);
}

/** Another qdisc is in the place of one that the plug hangs from: what hung there is gone with that. */
function ofQdiscAbove({ flags, handle, parent }: Records, { above = [] }: Watched): Meaning["what"] | undefined {
  if ((flags & NLM_F_REQUEST) !== 0) return undefined;
  return above.some((qdisc) => qdisc.parent === parent && qdisc.handle !== handle) ? "deleted" : undefined;
}

function ofQdisc({ flags, handle, kind }: Records, watched: Pick<Watched, "handle">): Meaning["what"] | undefined {
  const isPlug = handle === watched.handle && kind === "plug";
  // What the kernel says of a qdisc is no request; and of the requests none but plugctl's changes are said to others.
  if ((flags & NLM_F_REQUEST) !== 0) return isPlug ? "asked" : undefined;
  return isPlug ? "changed" : "replaced";
}

/** What a request asks of a plug: the first member of `struct tc_plug_qopt`. */
export function actionOf(message: Records): number | undefined {
  return wordAt(optionsOf(message));
}

/** The limit in a request to a plug, in bytes: the second member of `struct tc_plug_qopt`. */
export function limitOf(message: Records): number | undefined {
  return wordAt(optionsOf(message), 4);
}

function optionsOf(message: Records): Uint8Array | undefined {
  return findAttribute(readAttributes(bytesOf(message), NLMSG_HDRLEN + TCMSG_LEN), TCA_OPTIONS);
}

function isFilterOf(message: Records, hook: Hook | undefined): boolean {
  return hook !== undefined && hook.parents.includes(message.word(TCM_PARENT_AT)) &&
    message.word(TCM_INFO_AT) >>> 16 === hook.priority;
}

/** A process by the port of its socket, which for the first socket of a process is its number. */
export function processOf(port: number): string | undefined {
  if (port <= 0 || port > 0x7fffffff) return undefined;
  try {
    return `process ${port} (${Deno.readTextFileSync(`/proc/${port}/comm`).trim()})`;
  } catch {
    return undefined;
  }
}
