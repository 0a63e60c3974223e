import { STATS_BASIC, STATS_OLD, STATS_QUEUE } from "./assembly/regions.ts";
import {
  NLM_F_ACK_TLVS,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
} from "./assembly/constants.ts";
import { memoryWords } from "./exchange.ts";
import { kindAt, textAt, textIn } from "./text.ts";

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
  /** Packets dropped: in a plug's case because its limit was reached. */
  drops: number;
  /** Packets that the device gave back. */
  requeues: number;
  /** How often it had to wait; a plug never counts it. */
  overlimits: number;
}

/** What every message says of itself in its header. */
export interface MessageHeader {
  /** `nlmsg_type` */
  type: number;
  /** `nlmsg_flags` */
  flags: number;
  /** `nlmsg_seq`: which request this answers. */
  sequence: number;
}

/** `RTM_NEWQDISC` or `RTM_DELQDISC` from the kernel. */
export interface QdiscMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "qdisc";
  /** The device's index. */
  ifindex: number;
  /** Major number in the high 16 bits; 0 is a qdisc that the kernel made by itself. */
  handle: number;
  /** Where it hangs: `TC_H_ROOT` or a class. */
  parent: number;
  /** `plug`, `fq_codel` and so on. */
  kind: string;
  /** Absent where the message carries neither `TCA_STATS2` nor `TCA_STATS`. */
  stats?: QdiscStats;
}

/** `RTM_NEWLINK` or `RTM_DELLINK` from the kernel. */
export interface LinkMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "link";
  /** The device's index, from 1 on. */
  ifindex: number;
  /** `eth0` */
  name: string;
  /** `IFF_*` of `linux/if.h` */
  linkFlags: number;
  /** `veth`, `ifb` and so on; empty for a physical device and for loopback. */
  kind: string;
  /** The largest packet in bytes, without its link header. */
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
export interface RouteMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "route";
  /** `AF_INET` 2 or `AF_INET6` 10. */
  family: number;
  /** Bits of the destination that count: 0 is a default route. */
  destinationLength: number;
  /** `RTN_*` of `linux/rtnetlink.h`: 1 leads somewhere, others refuse or drop. */
  routeType: number;
  /** The routing table: 254 is the main one. */
  table: number;
  /** Its metric: of two routes the lower counts. */
  priority: number;
  /** The devices that it leads to: one, or with several next hops up to nine. */
  ifindexes: number[];
  /** Whether there are more of them. */
  moreDevices: boolean;
}

/** `NLMSG_ERROR`: an ACK where `errno` is 0; or the `NLMSG_DONE` that ends a dump. */
export interface AnswerMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
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
export interface OtherMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
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
 * A counter of 64 bits from its halves, exact up to 2^53. Nearly all fit into the low one; to tell costs less than to
 * reckon with floating point numbers, by 1.7 ns a counter.
 */
export function counter(low: number, high: number): number {
  return high === 0 ? low : low + high * 0x100000000;
}

/** A constant of this module, not an import: see `records`. */
const words = memoryWords;
const STATS_ANY = STATS_BASIC | STATS_QUEUE | STATS_OLD;
const ROUTE_DEVICES_MAX = 9;

/** The message whose record begins at word `at`, as an object. */
export function messageAt(at: number): Message {
  switch (words[at] & 0xffff) {
    case RTM_NEWQDISC:
    case RTM_DELQDISC:
      return qdiscAt(at);
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return linkAt(at);
    case RTM_NEWROUTE:
      return routeAt(at);
    case NLMSG_ERROR:
    case NLMSG_DONE:
      return answerAt(at);
    default:
      return { about: "other", ...commonAt(at) };
  }
}

function commonAt(at: number) {
  return { type: words[at] & 0xffff, flags: words[at] >>> 16, sequence: words[at + 1] };
}

/** Written out rather than spread, since dumps are long and this is most of what one costs. */
function qdiscAt(at: number): QdiscMessage {
  const message: QdiscMessage = {
    about: "qdisc",
    type: words[at] & 0xffff,
    flags: words[at] >>> 16,
    sequence: words[at + 1],
    ifindex: words[at + 3] | 0,
    handle: words[at + 4],
    parent: words[at + 5],
    kind: kindAt(at),
    stats: (words[at + 2] & STATS_ANY) === 0 ? undefined : statsAt(at),
  };
  return message;
}

function statsAt(at: number): QdiscStats {
  return {
    bytes: counter(words[at + 7], words[at + 8]),
    packets: counter(words[at + 9], words[at + 10]),
    backlogPackets: words[at + 11],
    backlogBytes: words[at + 12],
    drops: words[at + 13],
    requeues: words[at + 14],
    overlimits: words[at + 15],
  };
}

function linkAt(at: number): LinkMessage {
  return {
    about: "link",
    ...commonAt(at),
    ifindex: words[at + 3] | 0,
    name: textAt(at, words[at + 4]),
    linkFlags: words[at + 5],
    kind: textAt(at, words[at + 6]),
    mtu: words[at + 7],
    txqueuelen: words[at + 8],
    gsoMaxSize: words[at + 9],
    qdisc: textAt(at, words[at + 10]),
    alias: textAt(at, words[at + 11]),
    master: words[at + 12],
    arpType: words[at + 13],
    link: words[at + 14] | 0,
  };
}

function routeAt(at: number): RouteMessage {
  const count = words[at + 6];
  const devices = words.subarray(at + 7, at + 7 + Math.min(count, ROUTE_DEVICES_MAX));
  return {
    about: "route",
    ...commonAt(at),
    family: words[at + 3] & 0xff,
    destinationLength: words[at + 3] >>> 8 & 0xff,
    routeType: words[at + 3] >>> 16 & 0xff,
    table: words[at + 4],
    priority: words[at + 5],
    ifindexes: [...devices],
    moreDevices: count > ROUTE_DEVICES_MAX,
  };
}

/** What an answer says beyond its errno stands in the record only where its flags say that it says more. */
function answerAt(at: number): AnswerMessage {
  const extended = (words[at] >>> 16 & NLM_F_ACK_TLVS) !== 0;
  return {
    about: "answer",
    ...commonAt(at),
    errno: 0 - (words[at + 3] | 0),
    sentence: extended ? textIn(at, words[at + 4], words[at + 5]) : "",
    offset: extended ? words[at + 6] : 0,
    missingType: extended ? words[at + 7] : 0,
    missingNest: extended ? words[at + 8] : 0,
  };
}
