// The inverse of `tree`: where the fields of a message stand, from a list of fields in the order of their
// bytes, one deeper than the field that holds them, 12 bytes a field:
//
//   0 u32 offset in the message, written here
//   4 u32 length: given for a field that holds none, header excluded; written here, header included
//   8 u16 nla_type   10 u8 depth   11 u8 what it is, `LAYS_*`
//
// Headers of attributes and zeros between fields are written here, values by the caller. Attributes begin at
// a multiple of 4 bytes, and end the field that holds them at one, unless its last field is padding.
import { NLA_HDRLEN, NLMSG_HDRLEN } from "./constants";
import { FAIL_MESSAGE_SIZE, LAYS_ATTRIBUTE, LAYS_FIELDS, LAYS_PADDING } from "./codes";
import { fail } from "./failure";
import { align4 } from "./message";
import { FIELD_LEN, FIELDS_AT, SCRATCH_AT, SCRATCH_LEN } from "./regions";

/** The next field to be laid out, and the address after the last. */
let next: i32 = 0;
let last: i32 = 0;

/** `at`, or as far beyond as it takes to be a multiple of 4, with zeros on the way: values are written later. */
function aligned(at: i32): i32 {
  if (at & 3) store<u32>(at & ~3, 0);
  return align4(at);
}

/** Lays out the fields of one depth from `from` on. Returns the address after them, or -1. */
function fields(from: i32, depth: i32): i32 {
  let at = from;
  let open = false;
  while (next < last && <i32> load<u8>(next, 10) == depth) {
    const what = <i32> load<u8>(next, 11);
    if (what & LAYS_ATTRIBUTE) at = aligned(at);
    at = field(at, what, depth);
    if (at < 0) return -1;
    open = (what & LAYS_ATTRIBUTE) != 0;
  }
  return open ? aligned(at) : at;
}

/** The length given, but no more padding than there is room for, which would shift what follows. */
function lengthOf(here: i32, at: i32, what: i32): i32 {
  const given = load<i32>(here, 4);
  return what & LAYS_PADDING ? min<i32>(given, align4(at) - at) : given;
}

/** Lays out one field. Returns the address after it, or -1. */
function field(at: i32, what: i32, depth: i32): i32 {
  const here = next;
  const start = what & LAYS_ATTRIBUTE ? at + NLA_HDRLEN : at;
  const given = lengthOf(here, at, what);
  if (given < 0 || given > SCRATCH_AT + SCRATCH_LEN - start) {
    return fail(FAIL_MESSAGE_SIZE, SCRATCH_AT, given, SCRATCH_LEN);
  }
  next += FIELD_LEN;
  const end = what & LAYS_FIELDS ? fields(start, depth + 1) : start + given;
  if (end < 0) return -1;
  // No attribute is longer than 16 bits can say: a message that long has no room for its header.
  if (what & LAYS_ATTRIBUTE) store<u32>(at, end - at | <i32> load<u16>(here, 8) << 16);
  store<i32>(here, at - SCRATCH_AT);
  store<i32>(here, end - at, 4);
  return end;
}

/** Lays out `count` fields, the first of which is the message. Returns its length in bytes, or -1. */
export function layTree(count: i32): i32 {
  next = FIELDS_AT;
  last = FIELDS_AT + count * FIELD_LEN;
  const length = field(SCRATCH_AT, LAYS_FIELDS, 0) - SCRATCH_AT;
  if (length < 0) return -1;
  if (length < NLMSG_HDRLEN || length > SCRATCH_LEN) {
    return fail(FAIL_MESSAGE_SIZE, SCRATCH_AT, length, NLMSG_HDRLEN);
  }
  return length;
}
