import {
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
} from "./assembly/constants.ts";
import { RECEIVE_AT, RECORD_LEN, SLOT_LEN } from "./assembly/regions.ts";
import { lastDecodeError } from "./decode_error.ts";
import { receiveRegion, recordWords, wasm } from "./exchange.ts";
import { textOf } from "./text.ts";

const ROUTE_DEVICES_MAX = 9;

/** A qdisc's counters since it was created. Sums of 64 bits are exact up to 2^53. */
export interface QdiscStats {
  /** Bytes sent: released, in a plug's case. */
  bytes: number;
  /** Packets sent. */
  packets: number;
  /** Packets held at this moment. */
  backlogPackets: number;
  /** Bytes held at this moment, as queued: link header included, 32 bits. */
  backlogBytes: number;
  drops: number;
  requeues: number;
  overlimits: number;
}

interface Common {
  /** `nlmsg_type` */
  type: number;
  /** `nlmsg_flags` */
  flags: number;
  /** `nlmsg_seq`: which request this answers. */
  sequence: number;
}

/** `RTM_NEWQDISC` or `RTM_DELQDISC` from the kernel. */
export interface QdiscMessage extends Common {
  about: "qdisc";
  ifindex: number;
  handle: number;
  parent: number;
  kind: string;
  /** Absent where the message carries neither `TCA_STATS2` nor `TCA_STATS`. */
  stats?: QdiscStats;
}

/** `RTM_NEWLINK` or `RTM_DELLINK` from the kernel. */
export interface LinkMessage extends Common {
  about: "link";
  ifindex: number;
  name: string;
  /** `IFF_*` of `linux/if.h` */
  linkFlags: number;
  /** `veth`, `ifb` and so on; empty for a physical device and for loopback. */
  kind: string;
  mtu: number;
  /** In packets. */
  txqueuelen: number;
  /** The largest packet, in bytes, that segmentation offload queues at once; 0 where the kernel says none. */
  gsoMaxSize: number;
  /** The kind of the root qdisc. */
  qdisc: string;
  /** What `ip link set alias` says; empty where there is none. */
  alias: string;
  /** The ifindex of the bridge or bond that it belongs to, or 0. */
  master: number;
  /** `ARPHRD_*` of `linux/if_arp.h` */
  arpType: number;
  /** The ifindex of its peer or lower device, or 0. */
  link: number;
}

/** `RTM_NEWROUTE` from the kernel. */
export interface RouteMessage extends Common {
  about: "route";
  family: number;
  /** Bits of the destination that count: 0 is a default route. */
  destinationLength: number;
  /** `RTN_*` of `linux/rtnetlink.h`: 1 leads somewhere, others refuse or drop. */
  routeType: number;
  table: number;
  priority: number;
  /** The devices that it leads to: one, or with several next hops up to nine. */
  ifindexes: number[];
  /** Whether there are more of them. */
  moreDevices: boolean;
}

/** `NLMSG_ERROR`: an ACK where `errno` is 0; or the `NLMSG_DONE` that ends a dump. */
export interface AnswerMessage extends Common {
  about: "answer";
  /** A positive errno, or 0 for success. */
  errno: number;
  /** The kernel's own sentence (`NLMSGERR_ATTR_MSG`), or empty. */
  sentence: string;
  /** Where in the request the fault is, in bytes (`NLMSGERR_ATTR_OFFS`), or 0. */
  offset: number;
  /** The attribute that is missing (`NLMSGERR_ATTR_MISS_TYPE`), or 0. */
  missingType: number;
  /** Where in the request it is missing (`NLMSGERR_ATTR_MISS_NEST`), or 0. */
  missingNest: number;
}

/** Any other message: its header. */
export interface OtherMessage extends Common {
  about: "other";
}

/** What a kernel sends. */
export type Message =
  | QdiscMessage
  | LinkMessage
  | RouteMessage
  | AnswerMessage
  | OtherMessage;

/**
 * Decodes the first `length` bytes of `receiveRegion`, one read of a netlink socket, into messages.
 *
 * @throws {DecodeError} where the bytes are malformed
 */
export function decodeReceived(length: number): Message[] {
  const count = wasm.decodeChunk(length);
  if (count < 0) throw lastDecodeError(RECEIVE_AT);
  const messages: Message[] = [];
  for (let index = 0; index < count; index++) {
    messages.push(toMessage(index * (RECORD_LEN / 4), 0));
  }
  return messages;
}

/**
 * Decodes the one message of `length` bytes in slot `index` of `receiveRegion`; a slot has `SLOT_LEN` bytes.
 *
 * @throws {DecodeError} where the bytes are malformed or more than one message
 */
export function decodeSlot(index: number, length: number): Message {
  if (wasm.decodeSlot(index, length) < 0) {
    throw lastDecodeError(RECEIVE_AT + index * SLOT_LEN);
  }
  return toMessage(0, index * SLOT_LEN);
}

/** The message of the record at word `at`; `base` is where its run begins in the receive region. */
function toMessage(at: number, base: number): Message {
  const common = {
    type: recordWords[at] & 0xffff,
    flags: recordWords[at] >>> 16,
    sequence: recordWords[at + 1],
  };
  switch (common.type) {
    case RTM_NEWQDISC:
    case RTM_DELQDISC:
      return { about: "qdisc", ...common, ...qdiscFields(at, base) };
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return { about: "link", ...common, ...linkFields(at, base) };
    case RTM_NEWROUTE:
      return { about: "route", ...common, ...routeFields(at) };
    case NLMSG_ERROR:
    case NLMSG_DONE:
      return { about: "answer", ...common, ...answerFields(at, base) };
    default:
      return { about: "other", ...common };
  }
}

function qdiscFields(at: number, base: number) {
  const kind = recordWords[at + 6];
  const fields = {
    ifindex: recordWords[at + 3] | 0,
    handle: recordWords[at + 4],
    parent: recordWords[at + 5],
    kind: textAt(kind, base),
  };
  return kind >>> 24 === 0 ? fields : { ...fields, stats: statsFields(at) };
}

function statsFields(at: number): QdiscStats {
  return {
    bytes: recordWords[at + 7] + recordWords[at + 8] * 0x100000000,
    packets: recordWords[at + 9] + recordWords[at + 10] * 0x100000000,
    backlogPackets: recordWords[at + 11],
    backlogBytes: recordWords[at + 12],
    drops: recordWords[at + 13],
    requeues: recordWords[at + 14],
    overlimits: recordWords[at + 15],
  };
}

function linkFields(at: number, base: number) {
  return {
    ifindex: recordWords[at + 3] | 0,
    name: textAt(recordWords[at + 4], base),
    linkFlags: recordWords[at + 5],
    kind: textAt(recordWords[at + 6], base),
    mtu: recordWords[at + 7],
    txqueuelen: recordWords[at + 8],
    gsoMaxSize: recordWords[at + 9],
    qdisc: textAt(recordWords[at + 10], base),
    alias: textAt(recordWords[at + 11], base),
    master: recordWords[at + 12],
    arpType: recordWords[at + 13],
    link: recordWords[at + 14] | 0,
  };
}

function routeFields(at: number) {
  const count = recordWords[at + 6];
  const ifindexes = [
    ...recordWords.subarray(
      at + 7,
      at + 7 + Math.min(count, ROUTE_DEVICES_MAX),
    ),
  ];
  return {
    family: recordWords[at + 3] & 0xff,
    destinationLength: recordWords[at + 3] >>> 8 & 0xff,
    routeType: recordWords[at + 3] >>> 16 & 0xff,
    table: recordWords[at + 4],
    priority: recordWords[at + 5],
    ifindexes,
    moreDevices: count > ROUTE_DEVICES_MAX,
  };
}

function answerFields(at: number, base: number) {
  const start = base + recordWords[at + 4];
  return {
    errno: 0 - (recordWords[at + 3] | 0),
    sentence: textOf(receiveRegion, start, start + recordWords[at + 5]),
    offset: recordWords[at + 6],
    missingType: recordWords[at + 9],
    missingNest: recordWords[at + 10],
  };
}

/** The string that a reference names: offset in its low 16 bits, length in the next 8. */
function textAt(reference: number, base: number): string {
  const start = base + (reference & 0xffff);
  return textOf(receiveRegion, start, start + (reference >>> 16 & 0xff));
}
