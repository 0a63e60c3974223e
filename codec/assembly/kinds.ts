// The kinds of qdiscs seen so far, each with a number, so that TypeScript makes each string once. A
// hash table with 16 bytes a kind, as two words, filled up with zeros; nothing is ever taken out.
import { KIND_SIZE, KINDS_AT, KINDS_MAX } from "./regions";

/** The first `length` bytes at `at` as a word, 0 to 8 of them; the rest is zero. */
function word(at: i32, length: i32): u64 {
  if (length >= 8) return load<u64>(at);
  return load<u64>(at) & ((<u64> 1 << (<u64> length << 3)) - 1);
}

/** The bytes from the ninth on as a word. */
function secondWord(at: i32, length: i32): u64 {
  return length <= 8 ? 0 : word(at + 8, length - 8);
}

/** Where a kind is looked for first. */
function firstPlace(low: u64, high: u64): i32 {
  return KINDS_AT + <i32> (((low ^ high) * 0x9e3779b97f4a7c15) >> 58) * KIND_SIZE;
}

/** Where a kind stands, or the free place where it should, or 0 where neither is. */
function placeOf(low: u64, high: u64): i32 {
  let place = firstPlace(low, high);
  for (let tries = 0; tries < KINDS_MAX; tries++) {
    const found = load<u64>(place);
    if (found == 0 || (found == low && load<u64>(place, 8) == high)) return place;
    place += KIND_SIZE;
    if (place == KINDS_AT + KINDS_MAX * KIND_SIZE) place = KINDS_AT;
  }
  return 0;
}

/** A kind's number, from 1 on. */
function numberOf(place: i32): i32 {
  return <i32> (<u32> (place - KINDS_AT) / KIND_SIZE) + 1;
}

/**
 * The number of the kind whose `length` bytes, 1 to 16 with a NUL or several at the end, stand at `at`; 0 where
 * it does not stand where it is looked for first. Bytes after a NUL in their midst match nothing, nor does the
 * empty name, which is what free places hold.
 */
export function findKind(at: i32, length: i32): i32 {
  const low = word(at, length);
  const high = secondWord(at, length);
  const place = firstPlace(low, high);
  return low != 0 && load<u64>(place) == low && load<u64>(place, 8) == high ? numberOf(place) : 0;
}

/** The number of the kind of `length` bytes at `at`, which it is given if it has none; 0 where there is no room. */
export function internKind(at: i32, length: i32): i32 {
  if (length == 0 || length > KIND_SIZE) return 0;
  const low = word(at, length);
  const high = secondWord(at, length);
  const place = placeOf(low, high);
  if (place == 0) return 0;
  store<u64>(place, low);
  store<u64>(place, high, 8);
  return numberOf(place);
}
