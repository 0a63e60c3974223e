// What `NLMSG_ERROR` says (an ACK is an error of 0), and `NLMSG_DONE`, which ends a dump.
//
//  12 s32 error, 0 or a negative errno   16 the sentence's offset in the message   20 its length
//  24 u32 NLMSGERR_ATTR_OFFS, 0 where there is none: a header never is at fault
//  28 u16 type and u16 flags of the request   32 its sequence number
//  36 u32 NLMSGERR_ATTR_MISS_TYPE   40 u32 NLMSGERR_ATTR_MISS_NEST
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
import { attributeType, checkAttribute, checkPayload, stringLength } from "./attribute";
import { align4, checkBody, checkMessage, messageFlags } from "./message";

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
  if (type == NLMSGERR_ATTR_MISS_TYPE) return 36;
  if (type == NLMSGERR_ATTR_MISS_NEST) return 40;
  return 0;
}

function readAttributes(message: i32, from: i32, end: i32, to: i32): bool {
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

/** Forgets what an earlier record said, in stores, since a fill of so few bytes costs more than they. */
function clear(to: i32): void {
  store<u64>(to, 0, 12);
  store<u64>(to, 0, 20);
  store<u64>(to, 0, 28);
  store<u64>(to, 0, 36);
}

export function errorRecord(message: i32, end: i32, to: i32): bool {
  if (!checkBody(message, end, NLMSGERR_LEN)) return false;
  const error = load<i32>(message, 16);
  clear(to);
  store<i32>(to, error, 12);
  store<u64>(to, load<u64>(message, 24), 28);
  const extended = (messageFlags(message) & NLM_F_ACK_TLVS) != 0;
  if (error == 0 && !extended) return true;
  const attributes = errorAttributes(message, end);
  return attributes >= 0 && (!extended || readAttributes(message, attributes, end, to));
}

/** A DONE without its error, as kernels of old may send it, is a success. */
export function doneRecord(message: i32, end: i32, to: i32): bool {
  clear(to);
  if (end - message < DONE_LEN) return true;
  store<i32>(to, load<i32>(message, 16), 12);
  if ((messageFlags(message) & NLM_F_ACK_TLVS) == 0) return true;
  return readAttributes(message, message + DONE_LEN, end, to);
}
