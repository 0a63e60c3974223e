// What all messages are made of: `struct nlmsghdr` and `struct nlattr` of linux/netlink.h, and what records say of them.
import { NLMSG_HDRLEN, NLA_HDRLEN, NLA_TYPE_MASK } from "./constants";
import { FAIL_MESSAGE_BODY, FAIL_MESSAGE_HEADER, FAIL_MESSAGE_LENGTH, FAIL_ATTRIBUTE_HEADER, FAIL_ATTRIBUTE_LENGTH, FAIL_ATTRIBUTE_PAYLOAD, FAIL_OUT_OF_REGION, FAILURE_AT } from "./regions";

/** Notes why a call fails, and returns -1. `at` is an address; TypeScript turns it into an offset. */
export function fail(code: i32, at: i32, found: i32, needed: i32): i32 {
  store<i32>(FAILURE_AT, code);
  store<i32>(FAILURE_AT, at, 4);
  store<i32>(FAILURE_AT, found, 8);
  store<i32>(FAILURE_AT, needed, 12);
  return -1;
}

/** Checks that a count or a length that came from outside is 0 to `most`. */
export function checkCount(count: i32, most: i32): bool {
  if (<u32> count <= <u32> most) return true;
  fail(FAIL_OUT_OF_REGION, 0, count, most);
  return false;
}

/** `NLMSG_ALIGN` and `NLA_ALIGN`: up to the next multiple of 4. */
export function align4(length: i32): i32 {
  return (length + 3) & ~3;
}

// `struct nlmsghdr`: u32 len, u16 type, u16 flags, u32 seq, u32 port id.

export function messageLength(at: i32): i32 {
  return load<i32>(at);
}

export function messageType(at: i32): i32 {
  return load<u16>(at, 4);
}

export function messageFlags(at: i32): i32 {
  return load<u16>(at, 6);
}

/** Checks that a whole message stands at `at`. Returns its length, or -1. */
export function checkMessage(at: i32, end: i32): i32 {
  const left = end - at;
  if (left < NLMSG_HDRLEN) {
    return fail(FAIL_MESSAGE_HEADER, at, left, NLMSG_HDRLEN);
  }
  const length = messageLength(at);
  if (<u32> length < <u32> NLMSG_HDRLEN) {
    return fail(FAIL_MESSAGE_LENGTH, at, length, NLMSG_HDRLEN);
  }
  if (<u32> length > <u32> left) return fail(FAIL_MESSAGE_LENGTH, at, length, left);
  return length;
}

/** Checks that the message has at least `needed` bytes: its header and the struct that its type begins with. */
export function checkBody(at: i32, end: i32, needed: i32): bool {
  if (end - at >= needed) return true;
  fail(FAIL_MESSAGE_BODY, at, end - at, needed);
  return false;
}

// `struct nlattr`: u16 nla_len with the header and without the padding, u16 nla_type.

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

/** A reference from a record to a string attribute: its offset in the message in the low 16 bits, length in the high: both are below 65,536. */
export function reference(message: i32, at: i32): u32 {
  return <u32> (at + NLA_HDRLEN - message) | <u32> stringLength(at) << 16;
}

/** Forgets what an earlier record said from byte 12 on: stores, since a fill of so few bytes costs more. */
export function clearBody(to: i32): void {
  store<u32>(to, 0, 12);
  for (let at = to + 16; at < to + 64; at += 8) store<u64>(at, 0);
}
