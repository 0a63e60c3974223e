// What `NLMSG_ERROR` says (an ACK is an error of 0), and `NLMSG_DONE`, which ends a dump.
//
//  12 s32 error, 0 or a negative errno
//
// and where the flags have NLM_F_ACK_TLVS, else whatever was there before:
//
//  16 the sentence's offset in the message   20 its length
//  24 u32 NLMSGERR_ATTR_OFFS, 0 where there is none: a header never is at fault
//  28 u32 NLMSGERR_ATTR_MISS_TYPE   32 u32 NLMSGERR_ATTR_MISS_NEST
import {
  NLA_HDRLEN,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_HDRLEN,
  NLMSGERR_ATTR_MISS_NEST,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from "./constants";
import { attributeType, checkAttribute, checkPayload, stringLength, align4, checkBody, checkMessage, messageFlags } from "./message";

/** Header, error, and the header of the request. */
const NLMSGERR_LEN = NLMSG_HDRLEN + 4 + NLMSG_HDRLEN;
const DONE_LEN = NLMSG_HDRLEN + 4;

/**
 * Where an error's attributes begin: after the request's header, or after the whole request where the
 * kernel echoed it, which it does for an error unless it says `NLM_F_CAPPED`. -1 where that is too long.
 */
export function errorAttributes(message: i32, end: i32): i32 {
  const echoed = message + NLMSG_HDRLEN + 4;
  if (
    load<i32>(message, NLMSG_HDRLEN) == 0 ||
    (messageFlags(message) & NLM_F_CAPPED) != 0
  ) {
    return echoed + NLMSG_HDRLEN;
  }
  const length = checkMessage(echoed, end);
  if (length < 0) return -1;
  return echoed + align4(length);
}

function placeOfWord(type: i32): i32 {
  if (type == NLMSGERR_ATTR_OFFS) return 24;
  if (type == NLMSGERR_ATTR_MISS_TYPE) return 28;
  if (type == NLMSGERR_ATTR_MISS_NEST) return 32;
  return 0;
}

function readAttributes(message: i32, from: i32, end: i32, to: i32): bool {
  store<u64>(to, 0, 16);
  store<u64>(to, 0, 24);
  store<u32>(to, 0, 32);
  let at = from;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    const word = placeOfWord(type);
    if (word != 0) {
      if (!checkPayload(at, 4)) return false;
      store<u32>(to + word, load<u32>(at + NLA_HDRLEN));
    } else if (type == NLMSGERR_ATTR_MSG) {
      store<i32>(to, at + NLA_HDRLEN - message, 16);
      store<i32>(to, stringLength(at), 20);
    }
    at += align4(length);
  }
  return true;
}

export function errorRecord(message: i32, end: i32, to: i32): bool {
  if (!checkBody(message, end, NLMSGERR_LEN)) return false;
  store<i32>(to, load<i32>(message, NLMSG_HDRLEN), 12);
  const attributes = errorAttributes(message, end);
  return attributes >= 0 && extendedRecord(message, attributes, end, to);
}

/** A DONE without its error, as kernels of old may send it, is a success. */
export function doneRecord(message: i32, end: i32, to: i32): bool {
  store<i32>(to, end - message < DONE_LEN ? 0 : load<i32>(message, NLMSG_HDRLEN), 12);
  return extendedRecord(message, message + DONE_LEN, end, to);
}

function extendedRecord(message: i32, attributes: i32, end: i32, to: i32): bool {
  return (messageFlags(message) & NLM_F_ACK_TLVS) == 0 || readAttributes(message, attributes, end, to);
}
