// Requests about qdiscs, written into the send region: `struct tcmsg`, 36 bytes with the header, with `TCA_KIND`
// of a plug 48, with `TCA_OPTIONS` 60. Each is written as if it carried options, which the next, or nobody's
// bytes, take the place of: to decide that costs more than to write. Input records of 32 bytes:
//
//   0 u16 type, u16 flags   4 s32 ifindex   8 u32 handle   12 u32 parent   16 s32 action   20 u32 limit
//  24 length: 36, 48 or 60, which whoever writes the record sees to
import { NLA_HDRLEN, NLMSG_HDRLEN, TCMSG_LEN } from "./constants";
import { FAIL_NO_ROOM } from "./codes";
import { BATCH_AT, BATCH_MAX, BATCH_RECORD_LEN, OWNER_AT, SEND_AT, SEND_LEN } from "./regions";
import { checkCount, fail } from "./failure";
import { KIND_HEAD, KIND_LEN, OPTIONS_HEAD, OPTIONS_LEN, PLUG } from "./plug_options";

const KIND_END = NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN;
const OPTIONS_END = KIND_END + OPTIONS_LEN;

function write(to: i32, head: u64, sequence: u32, ifindex: u32, place: u64, options: u64): void {
  store<u64>(to, head);
  store<u64>(to, sequence, 8);
  store<u64>(to, <u64> ifindex << 32, 16);
  store<u64>(to, place, 24);
  store<u64>(to, <u64> KIND_HEAD << 32, 32);
  store<u64>(to, PLUG, 40);
  store<u32>(to, OPTIONS_HEAD, 48);
  store<u64>(to, options, 52);
}

function pair(low: u32, high: u32): u64 {
  return <u64> low | <u64> high << 32;
}

/** One request, at offset `at` of the send region. Returns its length, or -1. */
export function encodeQdisc(
  at: i32,
  typeAndFlags: u32,
  sequence: u32,
  ifindex: u32,
  handle: u32,
  parent: u32,
  length: i32,
  action: u32,
  limit: u32,
): i32 {
  store<i32>(OWNER_AT, 0);
  if (<u32> at > <u32> (SEND_LEN - OPTIONS_END) || (at & 3) != 0) {
    return fail(FAIL_NO_ROOM, at, OPTIONS_END, SEND_LEN);
  }
  write(SEND_AT + at, pair(length, typeAndFlags), sequence, ifindex, pair(handle, parent), pair(action, limit));
  return length;
}

/**
 * As many requests as there are input records, from the start of the send region on, each after the other, with
 * sequence numbers from `sequence` on. Returns their length together, or -1. There is room for all.
 */
export function encodeBatch(count: i32, sequence: u32): i32 {
  if (!checkCount(count, BATCH_MAX)) return -1;
  store<i32>(OWNER_AT, 0);
  const end = BATCH_AT + count * BATCH_RECORD_LEN;
  let to = SEND_AT;
  for (let from = BATCH_AT; from < end; from += BATCH_RECORD_LEN) {
    const length = load<u32>(from, 24);
    write(to, pair(length, load<u32>(from)), sequence++, load<u32>(from, 4), load<u64>(from, 8), load<u64>(from, 16));
    to += length;
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
