import {
  NLM_F_REQUEST,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
} from "../codec/assembly/constants.ts";
import { TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { Records } from "../codec/records.ts";
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
}

/**
 * What can happen to a plug that holds: it was released, deleted, or another was put in its place; its device was taken
 * down, or is gone; a device of its gate was taken down, or is gone; or the gate's filters are gone.
 */
export type Happening =
  | "released"
  | "deleted"
  | "replaced"
  | "down"
  | "gone"
  | "gate-device-down"
  | "gate-device-gone"
  | "unfiltered";

/** The class of a plug was deleted (`linux/rtnetlink.h`). */
const RTM_DELTCLASS = 41;
const IFF_UP = 1;
/** Where `nlmsg_pid` stands in a message, the index, `ifi_flags`, and `tcm_handle`, `tcm_parent` and `tcm_info`. */
const PORT_AT = 12;
const IFINDEX_AT = 20;
const LINK_FLAGS_AT = 24;
const HANDLE_AT = 24;
const PARENT_AT = 28;
const INFO_AT = 32;

/**
 * What a message means for a plug, and who has caused it: nothing; what it says for certain; or, where it says no more than
 * that somebody has changed the plug, "changed".
 */
export function meaningOf(
  message: Records,
  watched: Watched,
): { what: Happening | "changed"; port: number } | undefined {
  const what = happeningOf(message, watched);
  return what && { what, port: message.word(PORT_AT) };
}

function happeningOf(message: Records, watched: Watched): Happening | "changed" | undefined {
  const { type } = message;
  const ifindex = message.word(IFINDEX_AT);
  const isOwn = ifindex === watched.ifindex;
  const isOfGate = watched.hook?.devices.includes(ifindex) ?? false;
  if (!isOwn && !isOfGate) return undefined;
  switch (type) {
    case RTM_DELLINK:
      return isOwn ? "gone" : "gate-device-gone";
    case RTM_NEWLINK:
      if ((message.word(LINK_FLAGS_AT) & IFF_UP) !== 0) return undefined;
      return isOwn ? "down" : "gate-device-down";
    case RTM_DELQDISC:
      if (isOwn && takesAway(message, watched)) return "deleted";
      return isOfGate && message.parent === TC_H_CLSACT ? "unfiltered" : undefined;
    case RTM_DELTCLASS:
      return isOwn && message.word(HANDLE_AT) === watched.parent ? "deleted" : undefined;
    case RTM_NEWQDISC:
      return isOwn && message.parent === watched.parent ? newQdisc(message, watched) : undefined;
    case RTM_DELTFILTER:
      return isOfGate && isFilterOf(message, watched.hook) ? "unfiltered" : undefined;
  }
}

/** Whether a qdisc that is deleted is the plug, or what the plug hangs from: of those below nothing is said. */
function takesAway({ handle, parent }: Records, watched: Watched): boolean {
  if (parent === watched.parent) return true;
  if (watched.parent === TC_H_ROOT || parent === TC_H_CLSACT) return false;
  return parent === TC_H_ROOT || handle === (watched.parent & 0xffff0000) >>> 0;
}

function newQdisc({ flags, handle, kind }: Records, watched: Watched): Happening | "changed" {
  // What the kernel says of a qdisc is no request; and of the requests none but releases are said to others.
  if ((flags & NLM_F_REQUEST) !== 0) return "released";
  return handle === watched.handle && kind === "plug" ? "changed" : "replaced";
}

function isFilterOf(message: Records, hook: Hook | undefined): boolean {
  return hook !== undefined && hook.parents.includes(message.word(PARENT_AT)) &&
    message.word(INFO_AT) >>> 16 === hook.priority;
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
