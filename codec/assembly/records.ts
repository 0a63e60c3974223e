// Messages into records of 64 bytes, one a message:
//
//   0 u16 type, u16 flags    4 u32 sequence
//   8 the message's offset in the receive region in bits 0 to 23, its kind's number in bits 24 to 31
//
// and from byte 12 what its type says: see qdisc_record, link_record, route_record, filter_record, error_record.
// A reference to a string is a word: its offset in the message below, its length in bits 16 to 23.
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
  RTM_NEWTFILTER,
} from "./constants";
import { FAIL_MESSAGE_LENGTH, FAIL_OUT_OF_REGION } from "./codes";
import { CHUNK_MAX, RECEIVE_AT, RECORD_LEN, RECORDS_AT, SLOT_LEN, SLOT_LENGTHS_AT, SLOTS_MAX } from "./regions";
import { doneRecord, errorRecord } from "./error_record";
import { fail } from "./failure";
import { filterRecord } from "./filter_record";
import { linkRecord } from "./link_record";
import { align4, checkMessage, messageType } from "./message";
import { qdiscRecord } from "./qdisc_record";
import { routeRecord } from "./route_record";
import { straightQdisc } from "./straight_qdisc";

/** Writes what the type of the message says. Returns the number of a qdisc's kind, 0, or -1. */
function writeBody(at: i32, end: i32, to: i32): i32 {
  const type = messageType(at);
  if (type == RTM_NEWQDISC || type == RTM_DELQDISC) {
    const kind = straightQdisc(at, end, to);
    return kind != 0 ? kind : qdiscRecord(at, end, to);
  }
  let whole = true;
  if (type == NLMSG_ERROR) whole = errorRecord(at, end, to);
  else if (type == NLMSG_DONE) whole = doneRecord(at, end, to);
  else if (type == RTM_NEWLINK || type == RTM_DELLINK) whole = linkRecord(at, end, to);
  else if (type == RTM_NEWTFILTER || type == RTM_DELTFILTER) whole = filterRecord(at, end, to);
  else if (type == RTM_NEWROUTE) whole = routeRecord(at, end, to);
  return whole ? 0 : -1;
}

/** Writes the record of the whole message at `at`. False where the message is malformed. */
function writeRecord(at: i32, end: i32, to: i32): bool {
  store<u64>(to, load<u64>(at, 4));
  const kind = writeBody(at, end, to);
  store<u32>(to, (at - RECEIVE_AT) | (kind << 24), 8);
  return kind >= 0;
}

/** Decodes the `length` bytes at the start of the receive region. Returns how many messages, or -1. */
export function decodeChunk(length: i32): i32 {
  if (<u32> length > <u32> CHUNK_MAX) {
    return fail(FAIL_OUT_OF_REGION, RECEIVE_AT, length, CHUNK_MAX);
  }
  const end = RECEIVE_AT + length;
  let at = RECEIVE_AT;
  let to = RECORDS_AT;
  while (at < end) {
    const size = checkMessage(at, end);
    if (size < 0 || !writeRecord(at, at + size, to)) return -1;
    to += RECORD_LEN;
    at += align4(size);
  }
  return (to - RECORDS_AT) / RECORD_LEN;
}

/** Decodes the one message in each of the first `count` slots; an empty slot has an empty record. Returns `count`, or -1. */
export function decodeSlots(count: i32): i32 {
  if (<u32> count > <u32> SLOTS_MAX) return fail(FAIL_OUT_OF_REGION, RECEIVE_AT, count, SLOTS_MAX);
  let at = RECEIVE_AT;
  for (let slot = 0; slot < count; slot++) {
    const to = RECORDS_AT + slot * RECORD_LEN;
    const length = load<i32>(SLOT_LENGTHS_AT + (slot << 2));
    if (length == 0) {
      memory.fill(to, 0, RECORD_LEN);
      at += SLOT_LEN;
      continue;
    }
    if (<u32> length > <u32> SLOT_LEN) return fail(FAIL_OUT_OF_REGION, at, length, SLOT_LEN);
    const size = checkMessage(at, at + length);
    if (size < 0) return -1;
    if (align4(size) < length) return fail(FAIL_MESSAGE_LENGTH, at, size, length);
    if (!writeRecord(at, at + size, to)) return -1;
    at += SLOT_LEN;
  }
  return count;
}
