// Any message into a flat list of fields in the order of their bytes, 12 bytes a field:
//
//   0 u32 offset in the message   4 u32 length   8 u16 identity   10 u8 depth   11 u8 what it holds
//
// A field that holds fields is followed by them, one deeper. Every byte of the message belongs to one
// field that holds none, padding included. Names stand in TypeScript, by identity.
import {
  GNET_STATS_BASIC_LEN,
  GNET_STATS_QUEUE_LEN,
  IFINFOMSG_LEN,
  NLA_HDRLEN,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
  RTMSG_LEN,
  TC_PLUG_QOPT_LEN,
  TCA_KIND,
  TCA_OPTIONS,
  TCMSG_LEN,
} from "./constants";
import {
  FAIL_MESSAGE_BODY,
  FAIL_OUT_OF_REGION,
  FAIL_TOO_MANY_FIELDS,
  HOLDS_BYTES,
  HOLDS_FIELDS,
  HOLDS_PADDING,
  HOLDS_SIGNED,
  HOLDS_UNSIGNED,
  SPACE_IFLA,
  SPACE_NLMSGERR_ATTR,
  SPACE_RTA,
  SPACE_TCA,
  STRUCT_DONE,
  STRUCT_IFINFOMSG,
  STRUCT_MESSAGE,
  STRUCT_NLMSGERR,
  STRUCT_NLMSGHDR,
  STRUCT_REST,
  STRUCT_RTMSG,
  STRUCT_TC_PLUG_QOPT,
  STRUCT_TCMSG,
} from "./codes";
import { FIELD_LEN, FIELDS_AT, FIELDS_LEN, SCRATCH_AT, SCRATCH_LEN } from "./regions";
import { attributeType, checkAttribute, stringLength } from "./attribute";
import { errorAttributes } from "./error_record";
import { fail } from "./failure";
import { align4, checkMessage, messageFlags, messageType } from "./message";
import { isPlug } from "./plug_options";
import { payload, PAYLOAD_FIELDS, PAYLOAD_STRUCT, structLength, structWidths } from "./payload";

/** Where the next field goes. */
let next: i32 = FIELDS_AT;
/** Whether the qdisc at hand is a plug: its kind stands before its options. */
let plug: bool = false;

function emit(at: i32, length: i32, identity: i32, depthAndHolds: i32): bool {
  if (next + FIELD_LEN > FIELDS_AT + FIELDS_LEN) {
    fail(FAIL_TOO_MANY_FIELDS, at, next - FIELDS_AT, FIELDS_LEN);
    return false;
  }
  store<i32>(next, at - SCRATCH_AT);
  store<i32>(next, length, 4);
  store<i32>(next, identity | (depthAndHolds << 16), 8);
  next += FIELD_LEN;
  return true;
}

// @ts-ignore: decorator

function depthed(depth: i32, holds: i32): i32 {
  return depth | (holds << 8);
}

/** Emits bytes that have no meaning of their own, unless there are none. */
function bytes(at: i32, length: i32, depth: i32, holds: i32): bool {
  return length <= 0 || emit(at, length, STRUCT_REST, depthed(depth, holds));
}

/**
 * Emits the fields of a struct and returns the address after it, or -1.
 */
function struct(at: i32, identity: i32, depth: i32): i32 {
  let widths = structWidths(identity);
  let here = at;
  let field = identity;
  while (widths != 0) {
    const nibble = <i32> (widths & 15);
    const width = nibble > 8 ? nibble - 8 : nibble;
    const holds = nibble > 8 ? HOLDS_SIGNED : HOLDS_UNSIGNED;
    if (!emit(here, width, field, depthed(depth, holds))) return -1;
    here += width;
    field++;
    widths >>= 4;
  }
  return here;
}

function attribute(at: i32, length: i32, space: i32, depth: i32): bool {
  const type = attributeType(at);
  const start = at + NLA_HDRLEN;
  const size = length - NLA_HDRLEN;
  let holds = payload(space, type);
  if (space == SPACE_TCA) {
    if (type == TCA_KIND) plug = isPlug(at, stringLength(at));
    if (type == TCA_OPTIONS && plug && size >= TC_PLUG_QOPT_LEN) {
      holds = PAYLOAD_STRUCT | STRUCT_TC_PLUG_QOPT;
    }
  }
  if (holds & PAYLOAD_FIELDS) {
    return emit(at, length, space, depthed(depth, HOLDS_FIELDS)) &&
      attributes(start, at + length, holds & ~PAYLOAD_FIELDS, depth + 1);
  }
  if (holds & PAYLOAD_STRUCT) {
    const identity = holds & ~PAYLOAD_STRUCT;
    const needed = structLength(identity);
    if (size < needed) {
      return emit(at, length, space, depthed(depth, HOLDS_BYTES));
    }
    if (!emit(at, length, space, depthed(depth, HOLDS_FIELDS))) return false;
    return struct(start, identity, depth + 1) >= 0 &&
      bytes(start + needed, size - needed, depth + 1, HOLDS_BYTES);
  }
  if (
    holds == HOLDS_UNSIGNED && size != 1 && size != 2 && size != 4 && size != 8
  ) holds = HOLDS_BYTES;
  return emit(at, length, space, depthed(depth, holds));
}

function attributes(from: i32, end: i32, space: i32, depth: i32): bool {
  let at = from;
  while (at < end) {
    const length = checkAttribute(at, end);
    if (length < 0) return false;
    if (!attribute(at, length, space, depth)) return false;
    const padded = min<i32>(at + align4(length), end);
    if (!bytes(at + length, padded - at - length, depth, HOLDS_PADDING)) {
      return false;
    }
    at = padded;
  }
  return true;
}

/** The struct at the head of a message, then attributes of `space`. */
function body(at: i32, end: i32, identity: i32, space: i32): bool {
  const needed = structLength(identity);
  if (end - at < needed) {
    fail(
      FAIL_MESSAGE_BODY,
      at - NLMSG_HDRLEN,
      end - at + NLMSG_HDRLEN,
      needed + NLMSG_HDRLEN,
    );
    return false;
  }
  return struct(at, identity, 1) >= 0 && attributes(at + needed, end, space, 1);
}

/** The echo of a request: its header, and the rest as bytes, which `decode` draws when it is asked to. */
function echo(at: i32, end: i32): bool {
  if (!emit(at, end - at, STRUCT_NLMSGERR + 1, depthed(1, HOLDS_FIELDS))) {
    return false;
  }
  const rest = struct(at, STRUCT_NLMSGHDR, 2);
  if (rest < 0) return false;
  const type = messageType(at);
  const identity = isQdisc(type) ? STRUCT_TCMSG : isLink(type) ? STRUCT_IFINFOMSG : 0;
  if (identity == 0 || end - rest < structLength(identity)) {
    return bytes(rest, end - rest, 2, HOLDS_BYTES);
  }
  const after = struct(rest, identity, 2);
  // The kernel refused this request: its attributes may be what is wrong, so they stay bytes.
  return after >= 0 && bytes(after, end - after, 2, HOLDS_BYTES);
}

function errorBody(message: i32, end: i32): bool {
  const at = message + NLMSG_HDRLEN;
  if (end - at < 4 + NLMSG_HDRLEN) {
    fail(
      FAIL_MESSAGE_BODY,
      message,
      end - message,
      NLMSG_HDRLEN + 4 + NLMSG_HDRLEN,
    );
    return false;
  }
  if (!emit(at, 4, STRUCT_NLMSGERR, depthed(1, HOLDS_SIGNED))) return false;
  const from = errorAttributes(message, end);
  if (from < 0) return false;
  const echoed = min<i32>(from, end);
  if (!echo(at + 4, echoed)) return false;
  if ((messageFlags(message) & NLM_F_ACK_TLVS) == 0) {
    return bytes(echoed, end - echoed, 1, HOLDS_BYTES);
  }
  return attributes(echoed, end, SPACE_NLMSGERR_ATTR, 1);
}

function doneBody(message: i32, end: i32): bool {
  const at = message + NLMSG_HDRLEN;
  if (end - at < 4) return bytes(at, end - at, 1, HOLDS_BYTES);
  if (!emit(at, 4, STRUCT_DONE, depthed(1, HOLDS_SIGNED))) return false;
  if ((messageFlags(message) & NLM_F_ACK_TLVS) == 0) {
    return bytes(at + 4, end - at - 4, 1, HOLDS_BYTES);
  }
  return attributes(at + 4, end, SPACE_NLMSGERR_ATTR, 1);
}

function isQdisc(type: i32): bool {
  return type >= RTM_NEWQDISC && type <= RTM_GETQDISC;
}

function isLink(type: i32): bool {
  return type >= RTM_NEWLINK && type <= RTM_GETLINK;
}

/** Decodes the message at the start of the scratch region. Returns how many fields, or -1. */
export function decodeTree(length: i32): i32 {
  if (<u32> length > <u32> SCRATCH_LEN) {
    return fail(FAIL_OUT_OF_REGION, SCRATCH_AT, length, SCRATCH_LEN);
  }
  next = FIELDS_AT;
  plug = false;
  const at = SCRATCH_AT;
  const size = checkMessage(at, at + length);
  if (size < 0) return -1;
  const end = at + size;
  if (!emit(at, size, STRUCT_MESSAGE, depthed(0, HOLDS_FIELDS))) return -1;
  const rest = struct(at, STRUCT_NLMSGHDR, 1);
  if (rest < 0) return -1;
  const type = messageType(at);
  let whole: bool;
  if (isQdisc(type)) whole = body(rest, end, STRUCT_TCMSG, SPACE_TCA);
  else if (isLink(type)) whole = body(rest, end, STRUCT_IFINFOMSG, SPACE_IFLA);
  else if (type >= RTM_NEWROUTE && type <= RTM_GETROUTE) {
    whole = body(rest, end, STRUCT_RTMSG, SPACE_RTA);
  } else if (type == NLMSG_ERROR) whole = errorBody(at, end);
  else if (type == NLMSG_DONE) whole = doneBody(at, end);
  else whole = bytes(rest, end - rest, 1, HOLDS_BYTES);
  return whole ? (next - FIELDS_AT) / FIELD_LEN : -1;
}
