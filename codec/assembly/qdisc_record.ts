// What a qdisc message says: `struct tcmsg`, `TCA_KIND` and its statistics.
//
//  12 s32 ifindex   16 u32 handle   20 u32 parent
//  24 a reference to the kind, if it has no number
//  28 u64 bytes   36 u64 packets   44 u32 qlen   48 u32 backlog   52 u32 drops
//  56 u32 requeues   60 u32 overlimits
import {
  GNET_STATS_BASIC_LEN,
  GNET_STATS_QUEUE_LEN,
  NLA_HDRLEN,
  NLMSG_HDRLEN,
  TC_STATS_LEN,
  TCA_KIND,
  TCA_STATS,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_PKT64,
  TCA_STATS_QUEUE,
  TCMSG_LEN,
} from "./constants";
import { STATS_BASIC, STATS_OLD, STATS_QUEUE } from "./regions";
import { attributeType, checkAttribute, checkPayload, align4, checkBody, reference, clearBody } from "./message";
import { internKind } from "./kinds";

const HEADERS_LEN = NLMSG_HDRLEN + TCMSG_LEN;

/** `struct gnet_stats_basic { __u64 bytes; __u32 packets; }` */
function writeBasic(at: i32, to: i32): void {
  store<u64>(to, load<u64>(at), 28);
  store<u64>(to, <u64> load<u32>(at, 8), 36);
}

/** `struct gnet_stats_queue { __u32 qlen, backlog, drops, requeues, overlimits; }` */
function writeQueue(at: i32, to: i32): void {
  store<u64>(to, load<u64>(at), 44);
  store<u64>(to, load<u64>(at, 8), 52);
  store<u32>(to, load<u32>(at, 16), 60);
}

/** `struct tc_stats { __u64 bytes; __u32 packets, drops, overlimits, bps, pps, qlen, backlog; }` */
function writeOldStats(at: i32, to: i32): void {
  writeBasic(at, to);
  store<u32>(to, load<u32>(at, 28), 44);
  store<u32>(to, load<u32>(at, 32), 48);
  store<u32>(to, load<u32>(at, 12), 52);
  store<u32>(to, 0, 56);
  store<u32>(to, load<u32>(at, 16), 60);
}

/** Reads the attributes of `TCA_STATS2`. Returns which statistics it found, or -1. */
function readStats(nest: i32, end: i32, to: i32): i32 {
  let found = 0;
  let wide = false;
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return -1;
    const type = attributeType(at);
    if (type == TCA_STATS_BASIC) {
      if (!checkPayload(at, GNET_STATS_BASIC_LEN)) return -1;
      const packets = load<u64>(to, 36);
      writeBasic(at + NLA_HDRLEN, to);
      if (wide) store<u64>(to, packets, 36);
      found |= STATS_BASIC;
    } else if (type == TCA_STATS_QUEUE) {
      if (!checkPayload(at, GNET_STATS_QUEUE_LEN)) return -1;
      writeQueue(at + NLA_HDRLEN, to);
      found |= STATS_QUEUE;
    } else if (type == TCA_STATS_PKT64) {
      if (!checkPayload(at, 8)) return -1;
      store<u64>(to, load<u64>(at + NLA_HDRLEN), 36);
      wide = true;
    }
    at += align4(length);
  }
  return found;
}

/** Writes the record from byte 12 on. Returns the bits of word 8, or -1. */
export function qdiscRecord(message: i32, end: i32, to: i32): i32 {
  if (!checkBody(message, end, HEADERS_LEN)) return -1;
  clearBody(to);
  store<i32>(to, load<i32>(message, 20), 12);
  store<u64>(to, load<u64>(message, 24), 16);
  let kind = 0;
  let old = 0;
  let stats = 0;
  let at = message + HEADERS_LEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return -1;
    const type = attributeType(at);
    if (type == TCA_KIND) {
      kind = at;
    } else if (type == TCA_STATS2) {
      const found = readStats(at, at + length, to);
      if (found < 0) return -1;
      stats |= found;
    } else if (type == TCA_STATS) {
      if (!checkPayload(at, TC_STATS_LEN)) return -1;
      old = at + NLA_HDRLEN;
    }
    at += align4(length);
  }
  if (stats == 0 && old != 0) {
    writeOldStats(old, to);
    stats = STATS_OLD;
  }
  const number = kind == 0 ? 0 : internKind(kind);
  if (kind != 0) store<u32>(to, reference(message, kind), 24);
  return number << 24 | stats;
}
