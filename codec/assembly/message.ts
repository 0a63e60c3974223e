// `struct nlmsghdr` of linux/netlink.h: u32 len, u16 type, u16 flags, u32 seq, u32 port id.
import { NLMSG_HDRLEN } from "./constants";
import { FAIL_MESSAGE_BODY, FAIL_MESSAGE_HEADER, FAIL_MESSAGE_LENGTH } from "./codes";
import { fail } from "./failure";

/** `NLMSG_ALIGN` and `NLA_ALIGN`: up to the next multiple of 4. */
export function align4(length: i32): i32 {
  return (length + 3) & ~3;
}

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
