// What makes a qdisc message a plug's: `TCA_KIND` "plug", and `TCA_OPTIONS` with
// `struct tc_plug_qopt { int action; __u32 limit; }` of linux/pkt_sched.h.
import { NLA_HDRLEN, TC_PLUG_QOPT_LEN, TCA_KIND, TCA_OPTIONS } from "./constants";

/** "plug" as a little-endian word. */
const PLUG: u32 = 0x67756c70;
/** nla_len of the kind: header, four letters and a NUL; padded to 12. */
const KIND_NLA_LEN = NLA_HDRLEN + 5;

export const KIND_LEN = 12;
export const OPTIONS_LEN = NLA_HDRLEN + TC_PLUG_QOPT_LEN;

export function writeKind(at: i32): void {
  store<u64>(
    at,
    <u64> (KIND_NLA_LEN | (TCA_KIND << 16)) | ((<u64> PLUG) << 32),
  );
  store<u32>(at, 0, 8);
}

/** Writes the options as tc does, without `NLA_F_NESTED`; the action is the low word, the limit the high one. */
export function writeOptions(at: i32, options: u64): void {
  store<u32>(at, OPTIONS_LEN | (TCA_OPTIONS << 16));
  store<u64>(at, options, NLA_HDRLEN);
}

/** Tells whether the payload of a `TCA_KIND` attribute is "plug". */
export function isPlug(at: i32, length: i32): bool {
  return length == 4 && load<u32>(at + NLA_HDRLEN) == PLUG;
}
