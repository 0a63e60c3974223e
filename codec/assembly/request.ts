// Requests, each written by one call into the send region.
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
import { CARRIES_KIND, CARRIES_NOTHING, CARRIES_OPTIONS, FAIL_NO_ROOM } from "./codes";
import { SEND_AT, SEND_LEN } from "./regions";
import { fail } from "./failure";
import { writeHeader } from "./message";
import { KIND_LEN, OPTIONS_LEN, writeKind, writeOptions } from "./plug_options";

/** Checks that `length` bytes at offset `at` lie in the send region. */
// @ts-ignore: decorator

function fits(at: i32, length: i32): bool {
  return <u32> at <= <u32> (SEND_LEN - length) && (at & 3) == 0;
}

/** `struct tcmsg`, then nothing, `TCA_KIND`, or `TCA_KIND` and `TCA_OPTIONS` of a plug. */
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
  const length = NLMSG_HDRLEN + TCMSG_LEN +
    (carries == CARRIES_NOTHING ? 0 : carries == CARRIES_KIND ? KIND_LEN : KIND_LEN + OPTIONS_LEN);
  if (!fits(at, length)) return fail(FAIL_NO_ROOM, at, length, SEND_LEN);
  const to = SEND_AT + at;
  writeHeader(to, length, typeAndFlags, sequence);
  store<u64>(to, (<u64> ifindex) << 32, 16);
  store<u64>(to, (<u64> handle) | ((<u64> parent) << 32), 24);
  store<u32>(to, 0, 32);
  if (carries >= CARRIES_KIND) writeKind(to + NLMSG_HDRLEN + TCMSG_LEN);
  if (carries >= CARRIES_OPTIONS) {
    writeOptions(to + NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN, action, limit);
  }
  return length;
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
