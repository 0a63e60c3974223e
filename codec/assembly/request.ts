// Requests about qdiscs, written into the send region: `struct tcmsg`, 36 bytes with the header, with `TCA_KIND`
// of a plug 48, with `TCA_OPTIONS` 60. Each is written as if it carried options, which the next, or nobody's
// bytes, take the place of: to decide that costs more than to write. An input record is what differs from one
// request to another, 48 bytes, each third as it will stand in the message:
//
//   0 u32 length: 36, 48 or 60   4 u16 type, u16 flags   8 u32 0   12 u32 0
//  16 u32 0   20 s32 ifindex   24 u32 handle   28 u32 parent
//  32 u32 0   36 the options' header   40 s32 action   44 u32 limit
//
// Whoever writes the records answers for them.
import { NLA_HDRLEN, NLM_F_ACK, NLM_F_REQUEST, NLMSG_HDRLEN, RTM_NEWQDISC, TCMSG_LEN } from "./constants";
import { BATCH_AT, BATCH_MAX, BATCH_RECORD_LEN, OWNER_AT, SEND_AT, SEND_LEN } from "./regions";
import { checkCount } from "./failure";
import { KIND_HEAD, KIND_LEN, OPTIONS_HEAD, OPTIONS_LEN, PLUG } from "./plug_options";

const KIND_END = NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN;
const OPTIONS_END = KIND_END + OPTIONS_LEN;
/** Where the message's second and fourth 16 bytes begin; the third are the same in all. */
const PLACE = NLMSG_HDRLEN;
const KIND = 32;
const OPTIONS = OPTIONS_END - 16;
/** The header of a change, but for its sequence number. */
const CHANGE_HEAD = i32x4(OPTIONS_END, RTM_NEWQDISC | (NLM_F_REQUEST | NLM_F_ACK) << 16, 0, 0);

@inline
function write(to: i32, head: v128, place: v128, options: v128): void {
  v128.store(to, head);
  v128.store(to, place, PLACE);
  v128.store(to, i32x4(0, KIND_HEAD, PLUG, 0), KIND);
  v128.store(to, options, OPTIONS);
}

/**
 * A change of a plug, at offset `at` of the send region, which is to be acknowledged. Returns its length, or -1 where
 * there is no room.
 * What is the same in every change is no argument: each costs up to 0.5 ns, and words are stored rather than put
 * together to 16 bytes.
 */
export function encodeChange(
  at: i32,
  sequence: i32,
  ifindex: i32,
  handle: i32,
  parent: i32,
  action: i32,
  limit: i32,
): i32 {
  store<i32>(OWNER_AT, 0);
  if (<u32> at > <u32> (SEND_LEN - OPTIONS_END) || (at & 3) != 0) return -1;
  const to = SEND_AT + at;
  v128.store(to, CHANGE_HEAD);
  store<u64>(to, <u64> <u32> ifindex << 32, PLACE);
  store<u64>(to, <u64> <u32> handle | <u64> <u32> parent << 32, PLACE + 8);
  v128.store(to, i32x4(0, KIND_HEAD, PLUG, 0), KIND);
  store<i32>(to, sequence, 8);
  store<u64>(to, <u64> OPTIONS_HEAD | <u64> <u32> action << 32, OPTIONS + 4);
  store<i32>(to, limit, OPTIONS + 12);
  return OPTIONS_END;
}

/**
 * As many requests as there are input records, from the start of the send region on, each after the other, with
 * sequence numbers from `sequence` on. Returns their length together, or -1. There is room for all.
 */
export function encodeBatch(count: i32, sequence: i32): i32 {
  if (!checkCount(count, BATCH_MAX)) return -1;
  store<i32>(OWNER_AT, 0);
  const end = BATCH_AT + count * BATCH_RECORD_LEN;
  let to = SEND_AT;
  for (let from = BATCH_AT; from < end; from += BATCH_RECORD_LEN) {
    write(to, i32x4.replace_lane(v128.load(from), 2, sequence++), v128.load(from, 16), v128.load(from, 32));
    to += load<i32>(from);
  }
  return to - SEND_AT;
}

/**
 * Sets what differs from one use of a batch to the next, in `count` requests that all carry options.
 * Returns their length together, or -1.
 */
export function patchBatch(count: i32, sequence: u32, action: i32, limit: u32): i32 {
  if (!checkCount(count, BATCH_MAX)) return -1;
  const options = (<u64> <u32> action) | ((<u64> limit) << 32);
  const end = SEND_AT + count * OPTIONS_END;
  for (let to = SEND_AT; to < end; to += OPTIONS_END) {
    store<u32>(to, sequence++, 8);
    store<u64>(to, options, KIND_END + NLA_HDRLEN);
  }
  return end - SEND_AT;
}
