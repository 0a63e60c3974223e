// `struct nlattr` of linux/netlink.h: u16 nla_len with the header and without the padding, u16 nla_type.
import { NLA_HDRLEN, NLA_TYPE_MASK } from "./constants";
import { FAIL_ATTRIBUTE_HEADER, FAIL_ATTRIBUTE_LENGTH, FAIL_ATTRIBUTE_PAYLOAD } from "./codes";
import { fail } from "./failure";

export function attributeLength(at: i32): i32 {
  return load<u16>(at);
}

/** The type without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`, which libnl sets where tc does not. */
export function attributeType(at: i32): i32 {
  return load<u16>(at, 2) & NLA_TYPE_MASK;
}

/** Checks that a whole attribute stands at `at`. Returns its length, header included, or -1. */
export function checkAttribute(at: i32, end: i32): i32 {
  const left = end - at;
  if (left < NLA_HDRLEN) {
    return fail(FAIL_ATTRIBUTE_HEADER, at, left, NLA_HDRLEN);
  }
  const length = attributeLength(at);
  if (length < NLA_HDRLEN) {
    return fail(FAIL_ATTRIBUTE_LENGTH, at, length, NLA_HDRLEN);
  }
  if (length > left) return fail(FAIL_ATTRIBUTE_LENGTH, at, length, left);
  return length;
}

/** Checks that the attribute's payload has at least `needed` bytes. */
export function checkPayload(at: i32, needed: i32): bool {
  const found = attributeLength(at) - NLA_HDRLEN;
  if (found >= needed) return true;
  fail(FAIL_ATTRIBUTE_PAYLOAD, at, found, needed);
  return false;
}

/** The string's length up to its NUL, or to the end of the payload where it has none. */
export function stringLength(at: i32): i32 {
  const start = at + NLA_HDRLEN;
  const end = at + attributeLength(at);
  let here = start;
  while (here < end && load<u8>(here) != 0) here++;
  return here - start;
}
