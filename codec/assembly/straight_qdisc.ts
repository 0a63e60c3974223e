// The shape in which a kernel really dumps a qdisc, read in a straight line: TCA_KIND, perhaps
// TCA_OPTIONS, perhaps TCA_HW_OFFLOAD, TCA_STATS2 with the basic and the queue's statistics, TCA_STATS,
// and the empty attributes that pad 64-bit statistics on machines that want them aligned. Each word that
// the shape fixes is compared; where one differs, nothing has been written and the general walk decides.
//
// A load may lie beyond the message, never beyond the memory: what it finds counts only if the last
// attribute ends where the message does, which puts all before it inside.
import {
  GNET_STATS_QUEUE_LEN,
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLMSG_HDRLEN,
  TCA_HW_OFFLOAD,
  TCA_KIND,
  TCA_OPTIONS,
  TCA_PAD,
  TCA_STATS,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_PAD,
  TCA_STATS_QUEUE,
  TCMSG_LEN,
} from "./constants";
import { STATS_BASIC, STATS_QUEUE } from "./codes";
import { findKind } from "./kinds";
import { align4 } from "./message";
import { KIND_SIZE } from "./regions";

const KIND = NLMSG_HDRLEN + TCMSG_LEN;
const OFFLOAD_HEAD = NLA_HDRLEN + 1 | TCA_HW_OFFLOAD << 16;
const PAD_HEAD = NLA_HDRLEN | TCA_PAD << 16;
const STATS_PAD_HEAD = NLA_HDRLEN | TCA_STATS_PAD << 16;
/** `struct gnet_stats_basic`, with the padding after it */
const BASIC_NLA_LEN = NLA_HDRLEN + 16;
const BASIC_HEAD = BASIC_NLA_LEN | TCA_STATS_BASIC << 16;
const QUEUE_NLA_LEN = NLA_HDRLEN + GNET_STATS_QUEUE_LEN;
const QUEUE_HEAD = QUEUE_NLA_LEN | TCA_STATS_QUEUE << 16;
/** `struct tc_stats`, with the padding after it */
const OLD_NLA_LEN = NLA_HDRLEN + 40;
const OLD_HEAD = OLD_NLA_LEN | TCA_STATS << 16;

/** The address after the options and whether the work is left to the device, neither of which need be there. */
function skipToStats(from: i32): i32 {
  let at = from;
  const head = load<u32>(at);
  if ((head >> 16 & NLA_TYPE_MASK) == TCA_OPTIONS) {
    // An options attribute shorter than its own header is malformed; the general walk says so.
    const length = <i32> (head & 0xffff);
    if (length < NLA_HDRLEN) return 0;
    at += align4(length);
  }
  if (load<u32>(at) == OFFLOAD_HEAD) at += 8;
  return load<u32>(at) == PAD_HEAD ? at + NLA_HDRLEN : at;
}

/** The address of the next of `TCA_STATS2`'s attributes. */
function skipPad(at: i32): i32 {
  return load<u32>(at) == STATS_PAD_HEAD ? at + NLA_HDRLEN : at;
}

/** Writes the record of a message of that shape, from byte 12 on. Returns the kind's number, or 0. */
export function straightQdisc(message: i32, end: i32, to: i32): i32 {
  const head = load<u32>(message, KIND);
  const size = <i32> (head & 0xffff) - NLA_HDRLEN;
  if (head >> 16 != TCA_KIND || size < 1 || size > KIND_SIZE) return 0;
  const stats2 = skipToStats(message + KIND + NLA_HDRLEN + align4(size));
  const basic = skipPad(stats2 + NLA_HDRLEN);
  const queue = skipPad(basic + BASIC_NLA_LEN);
  const old = queue + QUEUE_NLA_LEN;
  if (
    stats2 == 0 || load<u32>(stats2) != <u32> (old - stats2 | TCA_STATS2 << 16) ||
    load<u32>(basic) != BASIC_HEAD || load<u32>(queue) != QUEUE_HEAD ||
    load<u32>(old) != OLD_HEAD || old + OLD_NLA_LEN != end
  ) return 0;
  const kind = findKind(message + KIND + NLA_HDRLEN, size);
  if (kind == 0) return 0;
  store<u64>(to, load<u32>(message, 20) | (<u64> load<u32>(message, 24) << 32), 12);
  store<u32>(to, load<u32>(message, 28), 20);
  store<u32>(to, STATS_BASIC + STATS_QUEUE << 24, 24);
  store<u64>(to, load<u64>(basic, 4), 28);
  store<u64>(to, load<u32>(basic, 12), 36);
  store<u64>(to, load<u64>(queue, 4), 44);
  store<u64>(to, load<u64>(queue, 12), 52);
  store<u32>(to, load<u32>(queue, 20), 60);
  return kind;
}
