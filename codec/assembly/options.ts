// What `TCA_OPTIONS` and `TCA_ACT_OPTIONS` hold, which depends on the kind that stands before them.
import { NLA_HDRLEN } from "./constants";
import {
  HOLDS_BYTES,
  SPACE,
  SPACE_TCA_FLOWER,
  SPACE_TCA_MIRRED,
  STRUCT_STRIDE,
  STRUCT_TC_PLUG_QOPT,
} from "./codes";
import { PAYLOAD_FIELDS, PAYLOAD_STRUCT } from "./payload";
import { isPlug } from "./plug_options";

/** "flower" and "mirred" as little-endian words of six bytes. */
const FLOWER: u64 = 0x7265776f6c66;
const MIRRED: u64 = 0x64657272696d;

/** Whether the payload of a kind attribute is "flower". */
export function isFlower(at: i32, length: i32): bool {
  return isWord(at, length, FLOWER);
}

/** Whether the payload of a kind attribute is "mirred". */
export function isMirred(at: i32, length: i32): bool {
  return isWord(at, length, MIRRED);
}

function isWord(at: i32, length: i32, word: u64): bool {
  return length == 6 && (<u64> load<u32>(at + NLA_HDRLEN) | (<u64> load<u16>(at + NLA_HDRLEN + 4) << 32)) == word;
}

/** What the options of a kind hold, as `payload` says it; `at` is the kind's attribute. */
export function optionsOf(at: i32, length: i32): i32 {
  if (isPlug(at, length)) return PAYLOAD_STRUCT | STRUCT_TC_PLUG_QOPT / STRUCT_STRIDE;
  if (isFlower(at, length)) return PAYLOAD_FIELDS | SPACE_TCA_FLOWER - SPACE;
  if (isMirred(at, length)) return PAYLOAD_FIELDS | SPACE_TCA_MIRRED - SPACE;
  return HOLDS_BYTES;
}
