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
import { STATS_BASIC, STATS_OLD, STATS_QUEUE } from "./assembly/codes.ts";
import { recordWords } from "./exchange.ts";
import type { AnswerMessage, LinkMessage, Message, QdiscMessage, QdiscStats, RouteMessage } from "./message.ts";
import { kindAt, textAt, textIn } from "./record_text.ts";

const STATS_ANY = STATS_BASIC | STATS_QUEUE | STATS_OLD;
const ROUTE_DEVICES_MAX = 9;

/** The message whose record begins at word `at`, as an object. */
export function messageAt(at: number): Message {
  switch (recordWords[at] & 0xffff) {
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
  return { type: recordWords[at] & 0xffff, flags: recordWords[at] >>> 16, sequence: recordWords[at + 1] };
}

/** Written out rather than spread, since dumps are long and this is most of what one costs. */
function qdiscAt(at: number): QdiscMessage {
  const message: QdiscMessage = {
    about: "qdisc",
    type: recordWords[at] & 0xffff,
    flags: recordWords[at] >>> 16,
    sequence: recordWords[at + 1],
    ifindex: recordWords[at + 3] | 0,
    handle: recordWords[at + 4],
    parent: recordWords[at + 5],
    kind: kindAt(at),
    stats: (recordWords[at + 2] & STATS_ANY) === 0 ? undefined : statsAt(at),
  };
  return message;
}

function statsAt(at: number): QdiscStats {
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

function linkAt(at: number): LinkMessage {
  return {
    about: "link",
    ...commonAt(at),
    ifindex: recordWords[at + 3] | 0,
    name: textAt(at, recordWords[at + 4]),
    linkFlags: recordWords[at + 5],
    kind: textAt(at, recordWords[at + 6]),
    mtu: recordWords[at + 7],
    txqueuelen: recordWords[at + 8],
    gsoMaxSize: recordWords[at + 9],
    qdisc: textAt(at, recordWords[at + 10]),
    alias: textAt(at, recordWords[at + 11]),
    master: recordWords[at + 12],
    arpType: recordWords[at + 13],
    link: recordWords[at + 14] | 0,
  };
}

function routeAt(at: number): RouteMessage {
  const count = recordWords[at + 6];
  const devices = recordWords.subarray(at + 7, at + 7 + Math.min(count, ROUTE_DEVICES_MAX));
  return {
    about: "route",
    ...commonAt(at),
    family: recordWords[at + 3] & 0xff,
    destinationLength: recordWords[at + 3] >>> 8 & 0xff,
    routeType: recordWords[at + 3] >>> 16 & 0xff,
    table: recordWords[at + 4],
    priority: recordWords[at + 5],
    ifindexes: [...devices],
    moreDevices: count > ROUTE_DEVICES_MAX,
  };
}

/** What an answer says beyond its errno stands in the record only where its flags say that it says more. */
function answerAt(at: number): AnswerMessage {
  const extended = (recordWords[at] >>> 16 & NLM_F_ACK_TLVS) !== 0;
  return {
    about: "answer",
    ...commonAt(at),
    errno: 0 - (recordWords[at + 3] | 0),
    sentence: extended ? textIn(at, recordWords[at + 4], recordWords[at + 5]) : "",
    offset: extended ? recordWords[at + 6] : 0,
    missingType: extended ? recordWords[at + 7] : 0,
    missingNest: extended ? recordWords[at + 8] : 0,
  };
}
