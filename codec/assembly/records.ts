// A run of messages into records of 64 bytes, one a message:
//
//   0 u16 type, u16 flags    4 u32 sequence    8 u32 offset of the message in the run
//
// and from byte 12 what its type says: see qdisc_record, link_record, route_record, error_record.
// A reference to a string is a word: its offset in the run below, its length in bits 16 to 23.
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
} from "./constants";
import { FAIL_MESSAGE_LENGTH, FAIL_OUT_OF_REGION } from "./codes";
import { CHUNK_MAX, RECEIVE_AT, RECEIVE_LEN, RECORD_LEN, RECORDS_AT, SLOT_LEN } from "./regions";
import { doneRecord, errorRecord } from "./error_record";
import { fail } from "./failure";
import { linkRecord } from "./link_record";
import { align4, checkMessage, messageType } from "./message";
import { qdiscRecord } from "./qdisc_record";
import { routeRecord } from "./route_record";

/** Writes the record of the whole message at `at`. False where the message is malformed. */
function writeRecord(base: i32, at: i32, length: i32, to: i32): bool {
  store<u64>(to, load<u64>(at, 4));
  store<i32>(to, at - base, 8);
  const end = at + length;
  const type = messageType(at);
  if (type == RTM_NEWQDISC || type == RTM_DELQDISC) {
    return qdiscRecord(base, at, end, to);
  }
  if (type == NLMSG_ERROR) return errorRecord(base, at, end, to);
  if (type == NLMSG_DONE) return doneRecord(base, at, end, to);
  if (type == RTM_NEWLINK || type == RTM_DELLINK) {
    return linkRecord(base, at, end, to);
  }
  if (type == RTM_NEWROUTE) return routeRecord(base, at, end, to);
  return true;
}

/** Decodes the `length` bytes at the start of the receive region. Returns how many messages, or -1. */
export function decodeChunk(length: i32): i32 {
  if (<u32> length > <u32> CHUNK_MAX) {
    return fail(FAIL_OUT_OF_REGION, RECEIVE_AT, length, CHUNK_MAX);
  }
  const end = RECEIVE_AT + length;
  let at = RECEIVE_AT;
  let count = 0;
  while (at < end) {
    const size = checkMessage(at, end);
    if (size < 0) return -1;
    if (!writeRecord(RECEIVE_AT, at, size, RECORDS_AT + count * RECORD_LEN)) {
      return -1;
    }
    count++;
    at += align4(size);
  }
  return count;
}

/** Decodes the one message in slot `index` of the receive region into record 0. Returns 1, or -1. */
export function decodeSlot(index: i32, length: i32): i32 {
  const slots = RECEIVE_LEN / SLOT_LEN;
  if (<u32> index >= <u32> slots) {
    return fail(FAIL_OUT_OF_REGION, RECEIVE_AT, index, slots);
  }
  if (<u32> length > <u32> SLOT_LEN) {
    return fail(FAIL_OUT_OF_REGION, RECEIVE_AT, length, SLOT_LEN);
  }
  const at = RECEIVE_AT + index * SLOT_LEN;
  const size = checkMessage(at, at + length);
  if (size < 0) return -1;
  if (align4(size) < length) return fail(FAIL_MESSAGE_LENGTH, at, size, length);
  return writeRecord(at, at, size, RECORDS_AT) ? 1 : -1;
}
