// Requests, each written by one call into the send region, or many by one call from input records:
//
//   0 u16 type, u16 flags   4 s32 ifindex   8 u32 handle   12 u32 parent
//  16 s32 action   20 u32 limit   24 what it carries, `CARRIES_*`
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
import { CARRIES_KIND, CARRIES_NOTHING, CARRIES_OPTIONS, FAIL_NO_ROOM, FAIL_OUT_OF_REGION } from "./codes";
import { BATCH_AT, BATCH_MAX, BATCH_RECORD_LEN, OWNER_AT, SEND_AT, SEND_LEN } from "./regions";
import { fail } from "./failure";
import { writeHeader } from "./message";
import { KIND_LEN, OPTIONS_LEN, writeKind, writeOptions } from "./plug_options";

const TCMSG_END = NLMSG_HDRLEN + TCMSG_LEN;
const KIND_END = TCMSG_END + KIND_LEN;
const OPTIONS_END = KIND_END + OPTIONS_LEN;

/** Checks that `length` bytes at offset `at` lie in the send region, which is then nobody's. */
function fits(at: i32, length: i32): bool {
  store<i32>(OWNER_AT, 0);
  return <u32> at <= <u32> (SEND_LEN - length) && (at & 3) == 0;
}

function qdiscLength(carries: i32): i32 {
  return carries == CARRIES_OPTIONS ? OPTIONS_END : carries == CARRIES_KIND ? KIND_END : TCMSG_END;
}

/** Writes `struct tcmsg`, then nothing, `TCA_KIND`, or `TCA_KIND` and `TCA_OPTIONS` of a plug. */
function writeQdisc(
  to: i32,
  typeAndFlags: u32,
  sequence: u32,
  ifindex: u32,
  handleAndParent: u64,
  carries: i32,
  options: u64,
): i32 {
  const length = qdiscLength(carries);
  writeHeader(to, length, typeAndFlags, sequence);
  store<u64>(to, (<u64> ifindex) << 32, 16);
  store<u64>(to, handleAndParent, 24);
  store<u32>(to, 0, 32);
  if (carries != CARRIES_NOTHING) writeKind(to + TCMSG_END);
  if (carries == CARRIES_OPTIONS) writeOptions(to + KIND_END, options);
  return length;
}

/** One request about a qdisc. Returns its length, or -1. */
export function encodeQdisc(
  at: i32,
  typeAndFlags: u32,
  sequence: u32,
  ifindex: i32,
  handle: u32,
  parent: u32,
  carries: i32,
  action: i32,
  limit: u32,
): i32 {
  const length = qdiscLength(carries);
  if (!fits(at, length)) return fail(FAIL_NO_ROOM, at, length, SEND_LEN);
  const place = (<u64> handle) | ((<u64> parent) << 32);
  const options = (<u64> <u32> action) | ((<u64> limit) << 32);
  return writeQdisc(SEND_AT + at, typeAndFlags, sequence, ifindex, place, carries, options);
}

/**
 * As many requests about qdiscs as there are input records, from the start of the send region on, with
 * sequence numbers from `sequence` on. Returns their length together, or -1. There is room for all.
 */
export function encodeBatch(count: i32, sequence: u32): i32 {
  if (<u32> count > <u32> BATCH_MAX) return fail(FAIL_OUT_OF_REGION, BATCH_AT, count, BATCH_MAX);
  store<i32>(OWNER_AT, 0);
  const end = BATCH_AT + count * BATCH_RECORD_LEN;
  let to = SEND_AT;
  for (let from = BATCH_AT; from < end; from += BATCH_RECORD_LEN) {
    to += writeQdisc(
      to,
      load<u32>(from),
      sequence++,
      load<u32>(from, 4),
      load<u64>(from, 8),
      load<i32>(from, 24),
      load<u64>(from, 16),
    );
  }
  return to - SEND_AT;
}

/**
 * Sets what differs from one use of a batch to the next, in `count` requests that all carry options.
 * Returns their length together, or -1.
 */
export function patchBatch(count: i32, sequence: u32, action: i32, limit: u32): i32 {
  if (<u32> count > <u32> BATCH_MAX) return fail(FAIL_OUT_OF_REGION, SEND_AT, count, BATCH_MAX);
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
  if (addressLength == 0) return length;
  store<u32>(to, <u32> (NLA_HDRLEN + addressLength) | (RTA_DST << 16), 28);
  store<u32>(to, a, 32);
  if (addressLength == 4) return length;
  store<u32>(to, b, 36);
  store<u32>(to, c, 40);
  store<u32>(to, d, 44);
  return length;
}
