// A reference to a string attribute from a record.
import { NLA_HDRLEN } from "./constants";
import { stringLength } from "./attribute";

/** Offset in the message in the low 16 bits, length in the next 8; no string here is longer than that. */
export function reference(message: i32, at: i32): u32 {
  const length = min<i32>(stringLength(at), 255);
  return <u32> ((at + NLA_HDRLEN - message) | (length << 16));
}
