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
import { NLA_HDRLEN, NLMSG_HDRLEN, TCMSG_LEN } from "./constants";
import { FAIL_NO_ROOM } from "./codes";
import { BATCH_AT, BATCH_MAX, BATCH_RECORD_LEN, OWNER_AT, SEND_AT, SEND_LEN } from "./regions";
import { checkCount, fail } from "./failure";
import { KIND_HEAD, KIND_LEN, OPTIONS_HEAD, OPTIONS_LEN, PLUG } from "./plug_options";

const KIND_END = NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN;
const OPTIONS_END = KIND_END + OPTIONS_LEN;
/** Where the message's second and fourth 16 bytes begin; the third are the same in all. */
const PLACE = NLMSG_HDRLEN;
const KIND = 32;
const OPTIONS = OPTIONS_END - 16;

@inline
function write(to: i32, head: v128, place: v128, options: v128): void {
  v128.store(to, head);
  v128.store(to, place, PLACE);
  v128.store(to, i32x4(0, KIND_HEAD, PLUG, 0), KIND);
  v128.store(to, options, OPTIONS);
}

@inline
function words(a: i32, b: i32, c: i32, d: i32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d);
}

/** One request, at offset `at` of the send region. Returns its length, or -1. */
export function encodeQdisc(
  at: i32,
  typeAndFlags: i32,
  sequence: i32,
  ifindex: i32,
  handle: i32,
  parent: i32,
  length: i32,
  action: i32,
  limit: i32,
): i32 {
  store<i32>(OWNER_AT, 0);
  if (<u32> at > <u32> (SEND_LEN - OPTIONS_END) || (at & 3) != 0) {
    return fail(FAIL_NO_ROOM, at, OPTIONS_END, SEND_LEN);
  }
  write(
    SEND_AT + at,
    words(length, typeAndFlags, sequence, 0),
    words(0, ifindex, handle, parent),
    words(0, OPTIONS_HEAD, action, limit),
  );
  return length;
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
