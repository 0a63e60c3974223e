// Whether the kernel did all that it was asked, in one look.
import { NLMSG_ERROR, NLMSG_HDRLEN } from "./constants";
import { checkCount } from "./failure";
import { RECEIVE_AT, SLOT_LEN, SLOT_LENGTHS_AT, SLOTS_MAX } from "./regions";

/** Header, error, and the header of the request: no sentence, no cookie. */
const ACK_LEN = NLMSG_HDRLEN + 4 + NLMSG_HDRLEN;
const LENGTH_AND_TYPE: u64 = ACK_LEN | (<u64> NLMSG_ERROR << 32);

/**
 * Looks through the first `count` slots for plain ACKs with sequence numbers from `sequence` on. Returns
 * how many there are before the first slot that holds anything else.
 */
export function verifyAcks(count: i32, sequence: u32): i32 {
  if (!checkCount(count, SLOTS_MAX)) return -1;
  let at = RECEIVE_AT;
  for (let slot = 0; slot < count; slot++) {
    const unlike = (load<u64>(at) ^ LENGTH_AND_TYPE) & 0x0000ffffffffffff |
      <u64> (load<u32>(at, 8) ^ (sequence + slot)) | <u64> load<u32>(at, 16);
    if (unlike != 0 || load<i32>(SLOT_LENGTHS_AT + (slot << 2)) != ACK_LEN) return slot;
    at += SLOT_LEN;
  }
  return count;
}
