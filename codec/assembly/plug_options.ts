// What makes a qdisc message a plug's: `TCA_KIND` "plug", and `TCA_OPTIONS` with
// `struct tc_plug_qopt { int action; __u32 limit; }` of linux/pkt_sched.h.
import { NLA_HDRLEN, TC_PLUG_QOPT_LEN, TCA_KIND, TCA_OPTIONS } from "./constants";

/** "plug" as a little-endian word. */
export const PLUG: i32 = 0x67756c70;
/** Header, four letters and a NUL. */
const KIND_NLA_LEN = NLA_HDRLEN + 5;

/** `TCA_KIND` with its padding, and its header. */
export const KIND_LEN = 12;
export const KIND_HEAD = KIND_NLA_LEN | TCA_KIND << 16;
/** `TCA_OPTIONS` as tc sends it, without `NLA_F_NESTED`, and its header. */
export const OPTIONS_LEN = NLA_HDRLEN + TC_PLUG_QOPT_LEN;
export const OPTIONS_HEAD = OPTIONS_LEN | TCA_OPTIONS << 16;

/** Tells whether the payload of a `TCA_KIND` attribute is "plug". */
export function isPlug(at: i32, length: i32): bool {
  return length == 4 && load<i32>(at + NLA_HDRLEN) == PLUG;
}
