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
import type { AnswerMessage, LinkMessage, Message, QdiscMessage, QdiscStats, RouteMessage } from "./message.ts";
import { kindAt, textAt, textIn } from "./text.ts";

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
