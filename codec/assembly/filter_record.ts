// What a filter message says, in a record at `FILTER_AT`: `struct tcmsg`, `TCA_KIND`, and of a flower filter its
// keys, in the first 56 bytes (see `flower_keys`), where its first action leads to, and that action's counters.
//
//  56 s32 ifindex   60 u32 handle   64 u32 parent
//  68 u32 info: the priority in the high 16 bits, below it the protocol in network order
//  72 a reference to the kind
//  76 s32 ifindex that the first action leads to, 0 where that device is gone or it leads nowhere
//  80 s32 TCA_*_REDIR or TCA_*_MIRROR, 0 where the first action is no mirred
//  84 u64 bytes   92 u32 packets   96 u32 age in hundredths of a second   100 how many actions
import { GNET_STATS_BASIC_LEN, NLA_HDRLEN, NLMSG_HDRLEN, TCA_KIND, TCA_OPTIONS, TCA_STATS_BASIC, TCMSG_LEN } from "./constants";
import { TC_MIRRED_LEN, TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_STATS, TCA_FLOWER_ACT, TCA_MIRRED_PARMS, TCA_MIRRED_TM, TCF_T_LEN } from "./filter_constants";
import { attributeType, checkAttribute, checkPayload, stringLength } from "./attribute";
import { FAIL_MESSAGE_LENGTH, KEY_FLOWER } from "./codes";
import { checkCount, fail } from "./failure";
import { dropTagType, note, readKey } from "./flower_keys";
import { align4, checkBody, messageLength } from "./message";
import { isFlower, isMirred } from "./options";
import { reference } from "./reference";
import { FILTER_AT, FILTER_LEN, RECEIVE_AT, RECEIVE_LEN } from "./regions";

const HEADERS_LEN = NLMSG_HDRLEN + TCMSG_LEN;

/**
 * Decodes the filter message at `offset` of the receive region, which has been checked, into the record at
 * `FILTER_AT`. Returns 0, or -1 where it is malformed.
 */
export function decodeFilter(offset: i32): i32 {
  if (!checkCount(offset, RECEIVE_LEN - NLMSG_HDRLEN)) return -1;
  const message = RECEIVE_AT + offset;
  const end = message + messageLength(message);
  if (end > RECEIVE_AT + RECEIVE_LEN) return fail(FAIL_MESSAGE_LENGTH, message, end - message, RECEIVE_LEN - offset);
  if (!checkBody(message, end, HEADERS_LEN)) return -1;
  memory.fill(FILTER_AT, 0, FILTER_LEN);
  store<i32>(FILTER_AT, load<i32>(message, 20), 56);
  store<u64>(FILTER_AT, load<u64>(message, 24), 60);
  store<u32>(FILTER_AT, load<u32>(message, 32), 68);
  return readAttributes(message, end) ? 0 : -1;
}

function readAttributes(message: i32, end: i32): bool {
  let flower = false;
  let at = message + HEADERS_LEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_KIND) {
      flower = isFlower(at, stringLength(at));
      store<u32>(FILTER_AT, reference(message, at), 72);
    } else if (type == TCA_OPTIONS && flower) {
      if (!readOptions(at, at + length)) return false;
    }
    at += align4(length);
  }
  return true;
}

/** The keys and the actions of a flower filter. */
function readOptions(nest: i32, end: i32): bool {
  note(KEY_FLOWER);
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_FLOWER_ACT) {
      if (!readActions(at, at + length)) return false;
    } else readKey(at, length - NLA_HDRLEN, type);
    at += align4(length);
  }
  dropTagType();
  return true;
}

function readActions(nest: i32, end: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const count = load<i32>(FILTER_AT, 100);
    if (count == 0 && !readAction(at, at + length)) return false;
    store<i32>(FILTER_AT, count + 1, 100);
    at += align4(length);
  }
  return true;
}

function readAction(nest: i32, end: i32): bool {
  let mirred = false;
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_ACT_KIND) mirred = isMirred(at, stringLength(at));
    else if (type == TCA_ACT_STATS && !readStats(at, at + length)) return false;
    else if (type == TCA_ACT_OPTIONS && mirred && !readMirred(at, at + length)) return false;
    at += align4(length);
  }
  return true;
}

/** `struct gnet_stats_basic { __u64 bytes; __u32 packets; }` of what passed, in software or by the device. */
function readStats(nest: i32, end: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    if (attributeType(at) == TCA_STATS_BASIC) {
      if (!checkPayload(at, GNET_STATS_BASIC_LEN)) return false;
      store<u64>(FILTER_AT, load<u64>(at, NLA_HDRLEN), 84);
      store<u32>(FILTER_AT, load<u32>(at, NLA_HDRLEN + 8), 92);
    }
    at += align4(length);
  }
  return true;
}

/** `struct tc_mirred`, whose last words are eaction and ifindex, and `struct tcf_t`, whose first is install. */
function readMirred(nest: i32, end: i32): bool {
  let at = nest + NLA_HDRLEN;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    const type = attributeType(at);
    if (type == TCA_MIRRED_PARMS) {
      if (!checkPayload(at, TC_MIRRED_LEN)) return false;
      store<u32>(FILTER_AT, load<u32>(at, NLA_HDRLEN + 24), 76);
      store<u32>(FILTER_AT, load<u32>(at, NLA_HDRLEN + 20), 80);
    } else if (type == TCA_MIRRED_TM) {
      if (!checkPayload(at, TCF_T_LEN)) return false;
      store<u32>(FILTER_AT, <u32> min<u64>(load<u64>(at, NLA_HDRLEN), u32.MAX_VALUE), 96);
    }
    at += align4(length);
  }
  return true;
}
