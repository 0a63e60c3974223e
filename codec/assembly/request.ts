// Changes of plugs, written into the send region: `struct tcmsg`, `TCA_KIND` and `TCA_OPTIONS`, 60 bytes with the
// header. Every other request about a qdisc is one that is cut short and has another type, which TypeScript sees to.
import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_HDRLEN, RTM_NEWQDISC, TCMSG_LEN, NLA_HDRLEN, TC_PLUG_QOPT_LEN, TCA_KIND, TCA_OPTIONS } from "./constants";
import { SEND_AT, SEND_LEN } from "./regions";

// What makes a qdisc message a plug's: `TCA_KIND` "plug", and `TCA_OPTIONS` with
// `struct tc_plug_qopt { int action; __u32 limit; }` of linux/pkt_sched.h.

/** "plug" as a little-endian word. */
const PLUG: i32 = 0x67756c70;
/** Header, four letters and a NUL. */
const KIND_NLA_LEN = NLA_HDRLEN + 5;

/** `TCA_KIND` with its padding, and its header. */
const KIND_LEN = 12;
const KIND_HEAD = KIND_NLA_LEN | TCA_KIND << 16;
/** `TCA_OPTIONS` as tc sends it, without `NLA_F_NESTED`, and its header. */
const OPTIONS_LEN = NLA_HDRLEN + TC_PLUG_QOPT_LEN;
const OPTIONS_HEAD = OPTIONS_LEN | TCA_OPTIONS << 16;

const KIND_END = NLMSG_HDRLEN + TCMSG_LEN + KIND_LEN;
const OPTIONS_END = KIND_END + OPTIONS_LEN;
/** Where the message's second and fourth 16 bytes begin; the third are the same in all. */
const PLACE = NLMSG_HDRLEN;
const KIND = 32;
const OPTIONS = OPTIONS_END - 16;
/** The header of a change, but for its sequence number. */
const CHANGE_HEAD = i32x4(OPTIONS_END, RTM_NEWQDISC | (NLM_F_REQUEST | NLM_F_ACK) << 16, 0, 0);

/**
 * A change of a plug, at offset `at` of the send region, which is to be acknowledged. Returns its length, or -1 where
 * there is no room.
 * What is the same in every change is no argument: each costs up to 0.5 ns, and words are stored rather than put
 * together to 16 bytes.
 */
export function encodeChange(
  at: i32,
  sequence: i32,
  ifindex: i32,
  handle: i32,
  parent: i32,
  action: i32,
  limit: i32,
): i32 {
  if (<u32> at > <u32> (SEND_LEN - OPTIONS_END) || (at & 3) != 0) return -1;
  const to = SEND_AT + at;
  v128.store(to, CHANGE_HEAD);
  store<u64>(to, <u64> <u32> ifindex << 32, PLACE);
  store<u64>(to, <u64> <u32> handle | <u64> <u32> parent << 32, PLACE + 8);
  v128.store(to, i32x4(0, KIND_HEAD, PLUG, 0), KIND);
  store<i32>(to, sequence, 8);
  store<u64>(to, <u64> OPTIONS_HEAD | <u64> <u32> action << 32, OPTIONS + 4);
  store<i32>(to, limit, OPTIONS + 12);
  return OPTIONS_END;
}
