// Whether the kernel did all that it was asked, in one look.
import { NLM_F_ACK_TLVS, NLMSG_ERROR, NLMSG_HDRLEN } from "./constants";
import { checkCount } from "./message";
import { RECEIVE_AT, SLOT_LEN, SLOT_LENGTHS_AT, SLOTS_MAX } from "./regions";

/** Header, error, and the header of the request: no sentence, no cookie. */
const ACK_LEN = NLMSG_HDRLEN + 4 + NLMSG_HDRLEN;
/** The length and the type of a plain ACK, and which bits must be like that: all but most flags. */
const ACK_HEAD: u64 = ACK_LEN | <u64> NLMSG_ERROR << 32;
const ACK_MASK: u64 = 0xffffffffffff | <u64> NLM_F_ACK_TLVS << 48;

/** How many of the first `count` slots have the length of a plain ACK before the first that has not: four in a look. */
function ackLengths(count: i32): i32 {
  const alike = i32x4.splat(ACK_LEN);
  let slot = 0;
  while (slot + 4 <= count && !v128.any_true(v128.xor(v128.load(SLOT_LENGTHS_AT + (slot << 2)), alike))) slot += 4;
  while (slot < count && load<i32>(SLOT_LENGTHS_AT + (slot << 2)) == ACK_LEN) slot++;
  return slot;
}

/** In what a message of a plain ACK's length differs from one. */
@inline
function unlikeAck(at: i32): u64 {
  return (load<u64>(at) ^ ACK_HEAD) & ACK_MASK | <u64> load<u32>(at, NLMSG_HDRLEN);
}

/**
 * Looks through the first `count` slots for plain ACKs with sequence numbers from `sequence` on. Returns
 * how many there are before the first slot that holds anything else.
 */
export function verifyAcks(count: i32, sequence: u32): i32 {
  if (!checkCount(count, SLOTS_MAX)) return -1;
  const most = ackLengths(count);
  let at = RECEIVE_AT;
  for (let slot = 0; slot < most; slot++) {
    if ((unlikeAck(at) | <u64> (load<u32>(at, 8) ^ (sequence + slot))) != 0) return slot;
    at += SLOT_LEN;
  }
  return most;
}

/** Whether the first `count` slots hold plain ACKs, with whatever sequence numbers. */
export function areAcks(count: i32): bool {
  const end = RECEIVE_AT + count * SLOT_LEN;
  if (ackLengths(count) != count) return false;
  for (let at = RECEIVE_AT; at < end; at += SLOT_LEN) {
    if (unlikeAck(at) != 0) return false;
  }
  return true;
}
