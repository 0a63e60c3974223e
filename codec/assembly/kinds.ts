// The kinds of qdiscs seen so far, each with a number, so that TypeScript makes each string once. A hash table
// of 32 bytes a kind; nothing is ever taken out:
//
//   0 TCA_KIND's header and the first 4 bytes of the kind, which make the key; 0 where the place is free
//   8 the next 8 bytes, masked   16 which bits of the 16 bytes before do not belong to the kind
import { NLA_HDRLEN } from "./constants";
import { attributeLength, stringLength } from "./message";
import { KIND_SIZE, KINDS_AT, KINDS_MAX } from "./regions";

/** Bytes of the longest kind that is remembered, its NUL included; the kernel's own are shorter, but for one. */
const LONGEST = 12;

/** Where a kind is looked for first. */
@inline
export function firstPlace(key: u64): i32 {
  return KINDS_AT + <i32> ((key * 0x9e3779b97f4a7c15) >> 58) * KIND_SIZE;
}

/** Whether the kind at the place is that of the attribute that begins so; of a free place, whether that is all zeros. */
@inline
export function isAt(place: i32, attribute: v128): bool {
  return !v128.any_true(v128.xor(v128.andnot(attribute, v128.load(place, 16)), v128.load(place)));
}

/** A kind's number, from 1 on. */
@inline
export function kindNumber(place: i32): i32 {
  return <i32> (<u32> (place - KINDS_AT) / KIND_SIZE) + 1;
}

/** The number of the kind in the attribute at `at`, which gets one if it has none and there is room; or 0. */
export function internKind(at: i32): i32 {
  const size = attributeLength(at) - NLA_HDRLEN;
  if (size < 2 || size > LONGEST || stringLength(at) != size - 1) return 0;
  let place = firstPlace(load<u64>(at));
  for (let tries = 0; tries < KINDS_MAX; tries++) {
    if (load<u64>(place) == 0) write(place, at, size);
    if (isAt(place, v128.load(at))) return kindNumber(place);
    place += KIND_SIZE;
    if (place == KINDS_AT + KINDS_MAX * KIND_SIZE) place = KINDS_AT;
  }
  return 0;
}

function write(place: i32, at: i32, size: i32): void {
  const others: u64 = size <= 4 ? -1 : ~(<u64> -1 >> <u64> ((LONGEST - size) << 3));
  store<u64>(place, load<u64>(at));
  store<u64>(place, load<u64>(at, 8) & ~others, 8);
  store<u64>(place, others, 24);
}
