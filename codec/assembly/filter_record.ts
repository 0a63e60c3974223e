// What a filter message says: `struct tcmsg`, `TCA_KIND`, and of a flower filter where its options are, where its
// first action leads to if that is a redirect, and that action's counters.
//
//  12 s32 ifindex   16 u32 handle   20 u32 parent
//  24 u32 info: the priority in the high 16 bits, below it the protocol in network order
//  28 kind   32 the options' offset in the message, and from bit 16 on their length; 0 where it is no flower
//  36 s32 ifindex that the first action leads to, 0 where that device is gone or it leads nowhere
//  40 s32 TCA_*_REDIR or TCA_*_MIRROR, 0 where the first action is no mirred
//  44 u64 bytes   52 u32 packets   56 u32 age in hundredths of a second   60 how many actions
import { GNET_STATS_BASIC_LEN, NLA_HDRLEN, NLMSG_HDRLEN, TCA_KIND, TCA_OPTIONS, TCA_STATS_BASIC, TCMSG_LEN } from "./constants";
import { TC_MIRRED_LEN, TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_STATS, TCA_FLOWER_ACT, TCA_MIRRED_PARMS, TCA_MIRRED_TM, TCF_T_LEN } from "./filter_constants";
import { FAIL_MESSAGE_BODY } from "./codes";
import { attributeType, checkAttribute, checkPayload, stringLength } from "./attribute";
import { clearBody } from "./clear_body";
import { fail } from "./failure";
import { align4 } from "./message";
import { isFlower, isMirred } from "./options";
import { reference } from "./reference";

const HEADERS_LEN = NLMSG_HDRLEN + TCMSG_LEN;

export function filterRecord(message: i32, end: i32, to: i32): bool {
  if (end - message < HEADERS_LEN) {
    fail(FAIL_MESSAGE_BODY, message, end - message, HEADERS_LEN);
    return false;
  }
  clearBody(to);
  store<i32>(to, load<i32>(message, 20), 12);
  store<u64>(to, load<u64>(message, 24), 16);
  store<u32>(to, load<u32>(message, 32), 24);
  let flower = false;
  let at = message + HEADERS_LEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_KIND) {
      flower = isFlower(at, stringLength(at));
      store<u32>(to, reference(message, at), 28);
    } else if (type == TCA_OPTIONS && flower) {
      store<u32>(to, at + NLA_HDRLEN - message | (length - NLA_HDRLEN << 16), 32);
      if (!readOptions(at, at + length, to)) return false;
    }
    at += align4(length);
  }
  return true;
}

function readOptions(nest: i32, end: i32, to: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    if (attributeType(at) == TCA_FLOWER_ACT && !readActions(at, at + length, to)) return false;
    at += align4(length);
  }
  return true;
}

function readActions(nest: i32, end: i32, to: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const count = load<i32>(to, 60);
    if (count == 0 && !readAction(at, at + length, to)) return false;
    store<i32>(to, count + 1, 60);
    at += align4(length);
  }
  return true;
}

function readAction(nest: i32, end: i32, to: i32): bool {
  let mirred = false;
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_ACT_KIND) mirred = isMirred(at, stringLength(at));
    else if (type == TCA_ACT_STATS && !readStats(at, at + length, to)) return false;
    else if (type == TCA_ACT_OPTIONS && mirred && !readMirred(at, at + length, to)) return false;
    at += align4(length);
  }
  return true;
}

/** `struct gnet_stats_basic { __u64 bytes; __u32 packets; }` of what passed, in software or by the device. */
function readStats(nest: i32, end: i32, to: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    if (attributeType(at) == TCA_STATS_BASIC) {
      if (!checkPayload(at, GNET_STATS_BASIC_LEN)) return false;
      store<u64>(to, load<u64>(at, NLA_HDRLEN), 44);
      store<u32>(to, load<u32>(at, NLA_HDRLEN + 8), 52);
    }
    at += align4(length);
  }
  return true;
}

/** `struct tc_mirred`, whose last words are eaction and ifindex, and `struct tcf_t`, whose first is install. */
function readMirred(nest: i32, end: i32, to: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_MIRRED_PARMS) {
      if (!checkPayload(at, TC_MIRRED_LEN)) return false;
      store<u32>(to, load<u32>(at, NLA_HDRLEN + 24), 36);
      store<u32>(to, load<u32>(at, NLA_HDRLEN + 20), 40);
    } else if (type == TCA_MIRRED_TM) {
      if (!checkPayload(at, TCF_T_LEN)) return false;
      store<u32>(to, <u32> min<u64>(load<u64>(at, NLA_HDRLEN), u32.MAX_VALUE), 56);
    }
    at += align4(length);
  }
  return true;
}
