// The shape in which a kernel really dumps a qdisc, read in a straight line: TCA_KIND, perhaps
// TCA_OPTIONS, perhaps TCA_HW_OFFLOAD, then to the end TCA_STATS2 with the basic and the queue's
// statistics and TCA_STATS. Machines that want 64-bit statistics aligned have empty attributes before
// them, three in all. Each word that the shape fixes is compared; where one differs, nothing has been
// written and the general walk decides.
//
// The statistics are looked for from the end, so that reading them waits for nothing. A load may lie outside
// of the message, never outside of the memory: what it finds counts only if the attributes from the first on
// lead to the statistics.
import {
  GNET_STATS_QUEUE_LEN,
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLMSG_HDRLEN,
  TCA_HW_OFFLOAD,
  TCA_OPTIONS,
  TCA_PAD,
  TCA_STATS,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_PAD,
  TCA_STATS_QUEUE,
  TCMSG_LEN,
} from "./constants";
import { attributeLength } from "./attribute";
import { STATS_BASIC, STATS_QUEUE } from "./codes";
import { findKind } from "./kinds";
import { align4 } from "./message";

const KIND = NLMSG_HDRLEN + TCMSG_LEN;
const OFFLOAD_HEAD = NLA_HDRLEN + 1 | TCA_HW_OFFLOAD << 16;
const PAD_HEAD = NLA_HDRLEN | TCA_PAD << 16;
const STATS_PAD_HEAD = NLA_HDRLEN | TCA_STATS_PAD << 16;
/** `struct gnet_stats_basic`, with the padding after it */
const BASIC_NLA_LEN = NLA_HDRLEN + 16;
const BASIC_HEAD = BASIC_NLA_LEN | TCA_STATS_BASIC << 16;
/** All of it but the padding. */
const BASIC_MASK = i32x4(-1, -1, -1, 0);
const QUEUE_NLA_LEN = NLA_HDRLEN + GNET_STATS_QUEUE_LEN;
const QUEUE_HEAD = QUEUE_NLA_LEN | TCA_STATS_QUEUE << 16;
/** `struct tc_stats`, with the padding after it */
const OLD_NLA_LEN = NLA_HDRLEN + 40;
const OLD_HEAD = OLD_NLA_LEN | TCA_STATS << 16;
/** `TCA_STATS2` as it is, its header with that of its first attribute, and with padding before both of them */
const PLAIN_NLA_LEN = NLA_HDRLEN + BASIC_NLA_LEN + QUEUE_NLA_LEN;
const PADDED_NLA_LEN = PLAIN_NLA_LEN + 2 * NLA_HDRLEN;
const PLAIN_HEADS: u64 = PLAIN_NLA_LEN | TCA_STATS2 << 16 | <u64> BASIC_HEAD << 32;
const PADDED_HEAD = PADDED_NLA_LEN | TCA_STATS2 << 16;

/** Whether the attributes from `from` on, none of which need be there, end at `stats`. */
@inline
function leadsTo(stats: i32, from: i32): bool {
  let at = from;
  const head = load<u32>(at);
  if ((head >> 16 & NLA_TYPE_MASK) == TCA_OPTIONS) {
    const length = <i32> (head & 0xffff);
    // Shorter than its own header it is malformed; the general walk says so.
    if (length < NLA_HDRLEN) return false;
    at += align4(length);
  }
  if (load<u32>(at) == OFFLOAD_HEAD) at += 8;
  if (load<u32>(at) == PAD_HEAD) at += NLA_HDRLEN;
  return at == stats;
}

/** Whether `TCA_STATS2` at `at` is the padded one. */
@inline
function isPadded(at: i32): bool {
  return load<u32>(at) == PADDED_HEAD && load<u32>(at, NLA_HDRLEN) == STATS_PAD_HEAD &&
    load<u32>(at, 2 * NLA_HDRLEN) == BASIC_HEAD && load<u32>(at, 2 * NLA_HDRLEN + BASIC_NLA_LEN) == STATS_PAD_HEAD;
}

/** Writes the record of a message of that shape, from byte 12 on. Returns the bits of word 8, or 0. */
@inline
export function straightQdisc(message: i32, end: i32, to: i32): i32 {
  const old = end - OLD_NLA_LEN;
  const queue = old - QUEUE_NLA_LEN;
  let stats = old - PLAIN_NLA_LEN;
  let basic = stats + NLA_HDRLEN;
  if (load<u64>(stats) != PLAIN_HEADS) {
    stats = old - PADDED_NLA_LEN;
    basic = stats + 2 * NLA_HDRLEN;
    if (!isPadded(stats)) return 0;
  }
  if (load<u32>(queue) != QUEUE_HEAD || load<u32>(old) != OLD_HEAD) return 0;
  const kind = findKind(message + KIND);
  if (kind == 0 || !leadsTo(stats, message + KIND + align4(attributeLength(message + KIND)))) return 0;
  v128.store(to, v128.load(message, 20), 12);
  v128.store(to, v128.and(v128.load(basic, 4), BASIC_MASK), 28);
  v128.store(to, v128.load(queue, 4), 44);
  store<u32>(to, load<u32>(queue, 20), 60);
  return kind << 24 | STATS_BASIC | STATS_QUEUE;
}
