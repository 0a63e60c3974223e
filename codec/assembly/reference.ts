// A reference to a string attribute from a record.
import { NLA_HDRLEN } from "./constants";
import { stringLength } from "./attribute";

/** Offset in the message in the low 16 bits, length in the high: both are below 65,536. */
export function reference(message: i32, at: i32): u32 {
  return <u32> (at + NLA_HDRLEN - message) | <u32> stringLength(at) << 16;
}
