// Whether the kernel did all that it was asked, in one look.
import { NLM_F_ACK_TLVS, NLMSG_ERROR, NLMSG_HDRLEN } from "./constants";
import { checkCount } from "./failure";
import { RECEIVE_AT, SLOT_LEN, SLOT_LENGTHS_AT, SLOTS_MAX } from "./regions";

/** Header, error, and the header of the request: no sentence, no cookie. */
export const ACK_LEN = NLMSG_HDRLEN + 4 + NLMSG_HDRLEN;
/** The length and the type of a plain ACK, and which bits must be like that: all but most flags. */
export const ACK_HEAD: u64 = ACK_LEN | <u64> NLMSG_ERROR << 32;
export const ACK_MASK: u64 = 0xffffffffffff | <u64> NLM_F_ACK_TLVS << 48;

/**
 * Looks through the first `count` slots for plain ACKs with sequence numbers from `sequence` on. Returns
 * how many there are before the first slot that holds anything else.
 */
export function verifyAcks(count: i32, sequence: u32): i32 {
  if (!checkCount(count, SLOTS_MAX)) return -1;
  let at = RECEIVE_AT;
  for (let slot = 0; slot < count; slot++) {
    const unlike = (load<u64>(at) ^ ACK_HEAD) & ACK_MASK | <u64> (load<u32>(at, 8) ^ (sequence + slot)) |
      <u64> load<u32>(at, NLMSG_HDRLEN) | <u64> (load<u32>(SLOT_LENGTHS_AT + (slot << 2)) ^ ACK_LEN);
    if (unlike != 0) return slot;
    at += SLOT_LEN;
  }
  return count;
}
