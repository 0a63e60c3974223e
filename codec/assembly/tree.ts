// Any message into a flat list of fields in the order of their bytes, 12 bytes a field:
//
//   0 u32 offset in the message   4 u32 length   8 u16 identity   10 u8 depth   11 u8 what it holds
//
// A field that holds fields is followed by them, one deeper. Every byte of the message but the attributes'
// headers belongs to one field that holds none, padding included. Where the last attribute of several is not
// padded as it should be, what padding there is, even none, is a field. Names stand in TypeScript, by identity.
import { NLA_HDRLEN, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, RTM_DELLINK, RTM_DELQDISC, RTM_DELROUTE, RTM_GETLINK, RTM_GETQDISC, RTM_GETROUTE, RTM_GETTFILTER, RTM_NEWLINK, RTM_NEWQDISC, RTM_NEWROUTE, RTM_NEWTFILTER, TCA_KIND, TCA_OPTIONS } from "./constants";
import { TCA_ACT_KIND, TCA_ACT_OPTIONS } from "./filter_constants";
import {
  HOLDS_BYTES,
  HOLDS_FIELDS,
  HOLDS_PADDING,
  HOLDS_SIGNED,
  HOLDS_UNSIGNED,
  SPACE,
  SPACE_IFLA,
  SPACE_NLMSGERR_ATTR,
  SPACE_RTA,
  SPACE_TCA,
  SPACE_TCA_ACT,
  STRUCT_DONE,
  STRUCT_IFINFOMSG,
  STRUCT_MESSAGE,
  STRUCT_NLMSGERR,
  STRUCT_NLMSGHDR,
  STRUCT_REST,
  STRUCT_RTMSG,
  STRUCT_STRIDE,
  STRUCT_TCMSG,
} from "./codes";
import { FIELD_LEN, FIELDS_AT, SCRATCH_AT, SCRATCH_LEN } from "./regions";
import { attributeType, checkAttribute, stringLength } from "./attribute";
import { errorAttributes } from "./error_record";
import { checkCount } from "./failure";
import { align4, checkBody, checkMessage, messageFlags, messageType } from "./message";
import { optionsOf } from "./options";
import { payload, PAYLOAD_FIELDS, PAYLOAD_STRUCT, structLength, structWidths } from "./payload";

/** Where the next field goes. */
let next: i32 = 0;
/** What the options of the qdisc or filter at hand hold, and those of its action: a kind stands before its options. */
let options: i32 = 0;
let actionOptions: i32 = 0;

function emit(at: i32, length: i32, identity: i32, depthAndHolds: i32): void {
  store<i32>(next, at - SCRATCH_AT);
  store<i32>(next, length, 4);
  store<i32>(next, identity | (depthAndHolds << 16), 8);
  next += FIELD_LEN;
}

function depthed(depth: i32, holds: i32): i32 {
  return depth | (holds << 8);
}

/** Emits bytes that have no meaning of their own, unless there are none. */
function bytes(at: i32, end: i32, depth: i32): void {
  if (at < end) emit(at, end - at, STRUCT_REST, depthed(depth, HOLDS_BYTES));
}

/** Emits the fields of a struct and returns the address after it. */
function struct(at: i32, identity: i32, depth: i32): i32 {
  let widths = structWidths(identity);
  let here = at;
  let field = identity;
  while (widths != 0) {
    const nibble = <i32> (widths & 15);
    const width = nibble > 8 ? nibble - 8 : nibble;
    const holds = nibble > 8 ? HOLDS_SIGNED : HOLDS_UNSIGNED;
    emit(here, width, field++, depthed(depth, holds));
    here += width;
    widths >>= 4;
  }
  return here;
}

/** What an attribute holds, where its payload has the size for that; else bytes. */
function holding(at: i32, space: i32, size: i32): i32 {
  const type = attributeType(at);
  let holds = payload(space, type);
  if (space == SPACE_TCA) {
    if (type == TCA_KIND) options = optionsOf(at, stringLength(at));
    if (type == TCA_OPTIONS) holds = options;
  } else if (space == SPACE_TCA_ACT) {
    if (type == TCA_ACT_KIND) actionOptions = optionsOf(at, stringLength(at));
    if (type == TCA_ACT_OPTIONS) holds = actionOptions;
  }
  if (holds & PAYLOAD_STRUCT) return size < structLength((holds & 15) * STRUCT_STRIDE) ? HOLDS_BYTES : holds;
  if (holds == HOLDS_UNSIGNED && (size > 8 || popcnt(size) != 1)) return HOLDS_BYTES;
  return holds;
}

function attribute(at: i32, length: i32, space: i32, depth: i32): bool {
  const start = at + NLA_HDRLEN;
  const end = at + length;
  const holds = holding(at, space, end - start);
  const holdsFields = (holds & (PAYLOAD_FIELDS | PAYLOAD_STRUCT)) != 0;
  emit(at, length, space, depthed(depth, holdsFields ? HOLDS_FIELDS : holds));
  if (holds & PAYLOAD_FIELDS) return attributes(start, end, SPACE + (holds & 15), depth + 1);
  if (holds & PAYLOAD_STRUCT) bytes(struct(start, (holds & 15) * STRUCT_STRIDE, depth + 1), end, depth + 1);
  return true;
}

function attributes(from: i32, end: i32, space: i32, depth: i32): bool {
  let at = from;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0 || !attribute(at, length, space, depth)) return false;
    const padded = min<i32>(at + align4(length), end);
    if (length & 3) emit(at + length, padded - at - length, STRUCT_REST, depthed(depth, HOLDS_PADDING));
    at = padded;
  }
  return true;
}

/** The struct at the head of a message, then its attributes. */
function body(message: i32, end: i32, identity: i32): bool {
  if (!checkBody(message, end, NLMSG_HDRLEN + structLength(identity))) return false;
  return attributes(struct(message + NLMSG_HDRLEN, identity, 1), end, spaceOf(identity), 1);
}

/** The struct that a message of this type begins with, or 0. */
function bodyOf(type: i32): i32 {
  if (type >= RTM_NEWQDISC && type <= RTM_GETQDISC) return STRUCT_TCMSG;
  if (type >= RTM_NEWTFILTER && type <= RTM_GETTFILTER) return STRUCT_TCMSG;
  if (type >= RTM_NEWLINK && type <= RTM_GETLINK) return STRUCT_IFINFOMSG;
  if (type >= RTM_NEWROUTE && type <= RTM_GETROUTE) return STRUCT_RTMSG;
  return 0;
}

/** The space of the attributes after that struct. */
function spaceOf(identity: i32): i32 {
  return identity == STRUCT_TCMSG ? SPACE_TCA : identity == STRUCT_IFINFOMSG ? SPACE_IFLA : SPACE_RTA;
}

/**
 * The echo of a request. The kernel refused it, so its attributes may be what is wrong: where they are,
 * they stay bytes.
 */
function echo(at: i32, end: i32): void {
  emit(at, end - at, STRUCT_NLMSGERR + 1, depthed(1, HOLDS_FIELDS));
  let rest = struct(at, STRUCT_NLMSGHDR, 2);
  const identity = bodyOf(messageType(at));
  if (identity != 0 && end - rest >= structLength(identity)) {
    rest = struct(rest, identity, 2);
    const first = next;
    if (attributes(rest, end, spaceOf(identity), 2)) return;
    next = first;
  }
  bytes(rest, end, 2);
}

/** What stands behind the body of an ACK or an end: attributes where a flag of its header says so, else mere bytes. */
function extended(message: i32, at: i32, end: i32): bool {
  if (messageFlags(message) & NLM_F_ACK_TLVS) return attributes(at, end, SPACE_NLMSGERR_ATTR, 1);
  bytes(at, end, 1);
  return true;
}

function errorBody(message: i32, end: i32): bool {
  if (!checkBody(message, end, NLMSG_HDRLEN + 4 + NLMSG_HDRLEN)) return false;
  const at = message + NLMSG_HDRLEN;
  emit(at, 4, STRUCT_NLMSGERR, depthed(1, HOLDS_SIGNED));
  const from = errorAttributes(message, end);
  if (from < 0) return false;
  const echoed = min<i32>(from, end);
  echo(at + 4, echoed);
  return extended(message, echoed, end);
}

function doneBody(message: i32, end: i32): bool {
  const at = message + NLMSG_HDRLEN;
  if (end - at < 4) {
    bytes(at, end, 1);
    return true;
  }
  return extended(message, struct(at, STRUCT_DONE, 1), end);
}

function messageBody(message: i32, end: i32): bool {
  const type = messageType(message);
  if (type == NLMSG_ERROR) return errorBody(message, end);
  if (type == NLMSG_DONE) return doneBody(message, end);
  const identity = bodyOf(type);
  if (identity != 0) return body(message, end, identity);
  bytes(message + NLMSG_HDRLEN, end, 1);
  return true;
}

/** Decodes the message at the start of the scratch region. Returns how many fields, or -1. */
export function decodeTree(length: i32): i32 {
  if (!checkCount(length, SCRATCH_LEN)) return -1;
  next = FIELDS_AT;
  options = HOLDS_BYTES;
  actionOptions = HOLDS_BYTES;
  const size = checkMessage(SCRATCH_AT, SCRATCH_AT + length);
  if (size < 0) return -1;
  emit(SCRATCH_AT, size, STRUCT_MESSAGE, depthed(0, HOLDS_FIELDS));
  struct(SCRATCH_AT, STRUCT_NLMSGHDR, 1);
  return messageBody(SCRATCH_AT, SCRATCH_AT + size) ? (next - FIELDS_AT) / FIELD_LEN : -1;
}
