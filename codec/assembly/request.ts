// Requests, written into the send region. Those about qdiscs come from input records of 32 bytes:
//
//   0 u16 type, u16 flags   4 s32 ifindex   8 u32 handle   12 u32 parent   16 s32 action   20 u32 limit
//  24 length: 36 for `struct tcmsg` alone, 48 with `TCA_KIND` of a plug, 60 with `TCA_OPTIONS` too
//
// Whoever writes the records checks them: the module believes the length, which is why it must be one of these.
import {
  IFINFOMSG_LEN,
  NLA_HDRLEN,
  NLMSG_HDRLEN,
  RTA_DST,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTMSG_LEN,
  TCMSG_LEN,
} from "./constants";
import { FAIL_NO_ROOM } from "./codes";
import { BATCH_AT, BATCH_MAX, BATCH_RECORD_LEN, OWNER_AT, SEND_AT, SEND_LEN } from "./regions";
import { checkCount, fail } from "./failure";
import { writeHeader } from "./message";
import { KIND_HEAD, KIND_LEN, OPTIONS_HEAD, OPTIONS_LEN, PLUG } from "./plug_options";

const KIND_END = NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN;
const OPTIONS_END = KIND_END + OPTIONS_LEN;

/** Checks that `length` bytes at offset `at` lie in the send region, which is then nobody's. */
function fits(at: i32, length: i32): bool {
  store<i32>(OWNER_AT, 0);
  return <u32> at <= <u32> (SEND_LEN - length) && (at & 3) == 0;
}

/**
 * Requests about qdiscs from `count` input records, the first of which is `first`, to offset `at` of the send
 * region, each after the other, with sequence numbers from `sequence` on. Returns their length together, or -1.
 * Every one is written as if it carried options, which the next, or nobody's bytes, take the place of: to decide
 * that costs more than to write.
 */
export function encodeBatch(at: i32, first: i32, count: i32, sequence: u32): i32 {
  if (!checkCount(first, BATCH_MAX) || !checkCount(count, BATCH_MAX + 1 - first)) return -1;
  const room = count * OPTIONS_END;
  if (!fits(at, room)) return fail(FAIL_NO_ROOM, at, room, SEND_LEN);
  let from = BATCH_AT + first * BATCH_RECORD_LEN;
  const end = from + count * BATCH_RECORD_LEN;
  let to = SEND_AT + at;
  for (; from < end; from += BATCH_RECORD_LEN) {
    const length = load<i32>(from, 24);
    store<u64>(to, (<u64> length) | (<u64> load<u32>(from) << 32));
    store<u64>(to, sequence++, 8);
    store<u64>(to, <u64> load<u32>(from, 4) << 32, 16);
    store<u64>(to, load<u64>(from, 8), 24);
    store<u64>(to, <u64> KIND_HEAD << 32, 32);
    store<u64>(to, PLUG, 40);
    store<u64>(to, <u64> OPTIONS_HEAD | (<u64> load<u32>(from, 16) << 32), 48);
    store<u32>(to, load<u32>(from, 20), 56);
    to += length;
  }
  return to - SEND_AT - at;
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

/** `RTM_GETLINK` with `struct ifinfomsg`: one link, or with index 0 and `NLM_F_DUMP` all of them. */
export function encodeGetLink(
  at: i32,
  flags: u32,
  sequence: u32,
  ifindex: i32,
): i32 {
  const length = NLMSG_HDRLEN + IFINFOMSG_LEN;
  if (!fits(at, length)) return fail(FAIL_NO_ROOM, at, length, SEND_LEN);
  const to = SEND_AT + at;
  writeHeader(to, length, RTM_GETLINK | (flags << 16), sequence);
  store<u64>(to, (<u64> ifindex) << 32, 16);
  store<u64>(to, 0, 24);
  return length;
}

/**
 * `RTM_GETROUTE` with `struct rtmsg`: a dump, or with `addressLength` 4 or 16 the route to an address,
 * given as up to four words in the order in which they stand in memory.
 */
export function encodeGetRoute(
  at: i32,
  flags: u32,
  sequence: u32,
  family: u32,
  addressLength: i32,
  a: u32,
  b: u32,
  c: u32,
  d: u32,
): i32 {
  const body = NLMSG_HDRLEN + RTMSG_LEN;
  const length = addressLength == 0 ? body : body + NLA_HDRLEN + addressLength;
  if (!fits(at, length)) return fail(FAIL_NO_ROOM, at, length, SEND_LEN);
  const to = SEND_AT + at;
  writeHeader(to, length, RTM_GETROUTE | (flags << 16), sequence);
  store<u32>(to, family | (<u32> (addressLength * 8) << 8), 16);
  store<u64>(to, 0, 20);
  if (addressLength != 0) {
    store<u32>(to, <u32> (NLA_HDRLEN + addressLength) | (RTA_DST << 16), 28);
    store<u32>(to, a, 32);
  }
  if (addressLength == 16) {
    store<u32>(to, b, 36);
    store<u32>(to, c, 40);
    store<u32>(to, d, 44);
  }
  return length;
}
