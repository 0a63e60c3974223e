// The shape in which a kernel really dumps a qdisc, read in a straight line: TCA_KIND, perhaps TCA_OPTIONS, perhaps
// TCA_HW_OFFLOAD, then to the end TCA_STATS2 with the basic and the queue's statistics and TCA_STATS. Each word that
// the shape fixes is compared; where one differs, nothing has been written and the general walk decides. So it does
// where a machine wants 64-bit statistics aligned and has empty attributes before them.
//
// The statistics are looked for from the end, so that reading them waits for nothing. A load may lie outside
// of the message, never outside of the memory: what it finds counts only if the attributes from the first on
// lead to the statistics.
//
// V8 checks the bounds of each load and store with three instructions, where its embedder has not set it up to catch
// the processor's faults, as Deno has not: so 16 bytes are loaded and stored at a time and put together in between.
// And it branches at each difference, which the processor foresees, where gathering them would make it wait. Of the
// 10 ns that a message would cost, the one saves 1.4 and the other 0.9.
import {
  GNET_STATS_QUEUE_LEN,
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLMSG_HDRLEN,
  RTM_NEWQDISC,
  TCA_HW_OFFLOAD,
  TCA_OPTIONS,
  TCA_STATS,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_QUEUE,
  TCMSG_LEN,
} from "./constants";
import { STATS_BASIC, STATS_QUEUE, RECEIVE_AT } from "./regions";
import { firstPlace, isAt, kindNumber } from "./kinds";
import { align4 } from "./message";

const KIND = NLMSG_HDRLEN + TCMSG_LEN;
/** `TCA_HW_OFFLOAD` with its padding, and its header. */
const OFFLOAD_LEN = 8;
const OFFLOAD_HEAD = NLA_HDRLEN + 1 | TCA_HW_OFFLOAD << 16;
/** `struct gnet_stats_basic`, with the padding after it */
const BASIC_NLA_LEN = NLA_HDRLEN + 16;
const BASIC_HEAD = BASIC_NLA_LEN | TCA_STATS_BASIC << 16;
const QUEUE_NLA_LEN = NLA_HDRLEN + GNET_STATS_QUEUE_LEN;
const QUEUE_HEAD = QUEUE_NLA_LEN | TCA_STATS_QUEUE << 16;
/** `struct tc_stats`, with the padding after it */
const OLD_NLA_LEN = NLA_HDRLEN + 40;
const OLD_HEAD = OLD_NLA_LEN | TCA_STATS << 16;
/** `TCA_STATS2`, and its header with that of its first attribute */
const STATS_NLA_LEN = NLA_HDRLEN + BASIC_NLA_LEN + QUEUE_NLA_LEN;
const STATS_HEADS: u64 = STATS_NLA_LEN | TCA_STATS2 << 16 | <u64> BASIC_HEAD << 32;

/** Writes the record of a message of that shape. False where it is of another. */
@inline
export function straightQdisc(message: i32, end: i32, to: i32): bool {
  const header = v128.load(message);
  if ((i32x4.extract_lane(header, 1) & 0xffff) != RTM_NEWQDISC) return false;
  const old = end - OLD_NLA_LEN;
  const stats = old - STATS_NLA_LEN;
  if (load<u64>(stats) != STATS_HEADS) return false;
  // Header, qlen, backlog, drops; and drops again, requeues, overlimits, the header of what follows.
  const queue = v128.load(old - QUEUE_NLA_LEN);
  const counts = v128.load(old - QUEUE_NLA_LEN, 12);
  if (i32x4.extract_lane(queue, 0) != QUEUE_HEAD) return false;
  if (i32x4.extract_lane(counts, 3) != OLD_HEAD) return false;
  const attribute = v128.load(message, KIND);
  const place = firstPlace(i64x2.extract_lane(attribute, 0));
  if (!isAt(place, attribute)) return false;
  let at = message + KIND + align4(i32x4.extract_lane(attribute, 0) & 0xffff);
  const head = load<u32>(at);
  if ((head & NLA_TYPE_MASK << 16) == TCA_OPTIONS << 16) {
    const length = <i32> (head & 0xffff);
    // Shorter than its own header it is malformed; the general walk says so.
    if (length < NLA_HDRLEN) return false;
    at += align4(length);
  }
  if (at != stats) {
    if (at + OFFLOAD_LEN != stats) return false;
    if (load<u32>(at) != OFFLOAD_HEAD) return false;
  }
  const rest = v128.load(message, NLMSG_HDRLEN);
  const basic = v128.load(stats, NLA_HDRLEN);
  const marks = kindNumber(place) << 24 | STATS_BASIC | STATS_QUEUE | (message - RECEIVE_AT);
  v128.store(to, i32x4.replace_lane(v128.shuffle<i32>(header, rest, 1, 2, 4, 5), 2, marks));
  v128.store(to, v128.shuffle<i32>(rest, basic, 2, 3, 4, 5), 16);
  v128.store(to, i32x4.replace_lane(v128.shuffle<i32>(basic, queue, 2, 3, 4, 5), 2, 0), 32);
  v128.store(to, v128.shuffle<i32>(queue, counts, 2, 3, 5, 6), 48);
  return true;
}
