// Messages into records of 64 bytes, one a message:
//
//   0 u16 type, u16 flags    4 u32 sequence
//   8 the message's offset in the receive region in bits 0 to 19; of a qdisc which statistics there are in
//     bits 20 to 22, and the number of its kind in bits 24 to 31
//
// and from byte 12 what its type says: see qdisc_record, link_record, route_record, error_record.
// A reference to a string is a word: its offset in the message in the low half, its length in the high one.
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
} from "./constants";
import { FAIL_MESSAGE_LENGTH, CHUNK_MAX, RECEIVE_AT, RECORD_LEN, RECORDS_AT, SLOT_LEN, SLOT_LENGTHS_AT, SLOTS_MAX } from "./regions";
import { areAcks } from "./acks";
import { doneRecord, errorRecord } from "./error_record";
import { checkCount, fail, align4, checkMessage, messageLength, messageType } from "./message";
import { linkRecord } from "./link_record";
import { qdiscRecord } from "./qdisc_record";
import { routeRecord } from "./route_record";
import { straightQdisc } from "./straight_qdisc";

/** Writes what the type of the message says. Returns a qdisc's bits of word 8, 0, or -1. */
function writeBody(at: i32, end: i32, to: i32): i32 {
  const type = messageType(at);
  if (type == RTM_NEWQDISC || type == RTM_DELQDISC) return qdiscRecord(at, end, to);
  let whole = true;
  if (type == NLMSG_ERROR) whole = errorRecord(at, end, to);
  else if (type == NLMSG_DONE) whole = doneRecord(at, end, to);
  else if (type == RTM_NEWLINK || type == RTM_DELLINK) whole = linkRecord(at, end, to);
  else if (type == RTM_NEWROUTE) whole = routeRecord(at, end, to);
  return whole ? 0 : -1;
}

/** Writes the record of the message at `at`, of whatever shape. Returns its length, or -1. */
function writeRecord(at: i32, end: i32, to: i32): i32 {
  const size = checkMessage(at, end);
  if (size < 0) return -1;
  const marks = writeBody(at, at + size, to);
  if (marks < 0) return -1;
  writeHead(at, marks, to);
  return size;
}

/** Writes what every record says. */
@inline
function writeHead(at: i32, marks: i32, to: i32): void {
  store<u64>(to, load<u64>(at, 4));
  store<u32>(to, (at - RECEIVE_AT) | marks, 8);
}

/** Decodes the `length` bytes at the start of the receive region. Returns how many messages, or -1. */
export function decodeChunk(length: i32): i32 {
  if (!checkCount(length, CHUNK_MAX)) return -1;
  const end = RECEIVE_AT + length;
  let at = RECEIVE_AT;
  let to = RECORDS_AT;
  while (at < end) {
    let size = messageLength(at);
    if (<u32> size > <u32> (end - at) || !straightQdisc(at, at + size, to)) {
      size = writeRecord(at, end, to);
      if (size < 0) return -1;
    }
    to += RECORD_LEN;
    at += align4(size);
  }
  return (to - RECORDS_AT) / RECORD_LEN;
}

/**
 * Decodes the one message in each of the first `count` slots, none in one that was emptied. Returns `count`, or -1; or
 * 0 where all are plain ACKs. Then no record is written: from the type to the error a message is like its record.
 */
export function decodeSlots(count: i32): i32 {
  if (!checkCount(count, SLOTS_MAX)) return -1;
  if (areAcks(count)) return 0;
  let at = RECEIVE_AT;
  let to = RECORDS_AT;
  for (let slot = 0; slot < count; slot++) {
    if (!decodeSlot(at, load<i32>(SLOT_LENGTHS_AT + (slot << 2)), to)) return -1;
    at += SLOT_LEN;
    to += RECORD_LEN;
  }
  return count;
}

function decodeSlot(at: i32, length: i32, to: i32): bool {
  if (length == 0) {
    store<u64>(to, 0);
    store<u64>(to, at - RECEIVE_AT, 8);
    return true;
  }
  if (<u32> length > <u32> SLOT_LEN) {
    fail(FAIL_MESSAGE_LENGTH, at, length, SLOT_LEN);
    return false;
  }
  const size = writeRecord(at, at + length, to);
  if (size >= 0 && align4(size) < length) {
    fail(FAIL_MESSAGE_LENGTH, at, size, length);
    return false;
  }
  return size >= 0;
}
