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

/** Where a kind stands, or the free place where it should, or 0 where neither is. */
function placeOf(low: u64, high: u64): i32 {
  let index = <i32> (((low ^ high) * 0x9e3779b97f4a7c15) >> 58);
  for (let tries = 0; tries < KINDS_MAX; tries++) {
    const place = KINDS_AT + index * KIND_SIZE;
    const found = load<u64>(place);
    if (found == 0 || (found == low && load<u64>(place, 8) == high)) return place;
    index = (index + 1) & (KINDS_MAX - 1);
  }
  return 0;
}

/** A kind's number, from 1 on. A place holds no empty name, so it is never taken for a free one. */
function numberOf(place: i32): i32 {
  return ((place - KINDS_AT) / KIND_SIZE) + 1;
}

/**
 * The number of the kind whose `length` bytes, 1 to 16 with a NUL or several at the end, stand at `at`;
 * 0 where it was not seen yet. Bytes after a NUL in their midst match nothing.
 */
export function findKind(at: i32, length: i32): i32 {
  const low = word(at, length);
  const place = placeOf(low, secondWord(at, length));
  return low != 0 && place != 0 && load<u64>(place) == low ? numberOf(place) : 0;
}

/** As `findKind` for a string without its NUL, which it notes if it must; 0 where it is empty or has no room. */
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
