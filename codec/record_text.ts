import { NLA_HDRLEN } from "./assembly/constants.ts";
import { KIND_SIZE } from "./assembly/regions.ts";
import { kindRegion, receiveRegion, recordWords } from "./exchange.ts";
import { textOf } from "./text.ts";

/** The strings of the kinds that the module has numbered, made when they are first asked for. */
const kinds: string[] = [];

/** The kind of the qdisc whose record begins at word `at`: the same string each time. */
export function kindAt(at: number): string {
  const number = recordWords[at + 2] >>> 24;
  // Without a number it is empty, longer than any kind of the kernel's, or one too many to remember.
  if (number === 0) return textAt(at, recordWords[at + 6]);
  return kinds[number] ??= kindNumbered(number);
}

function kindNumbered(number: number): string {
  const start = (number - 1) * KIND_SIZE + NLA_HDRLEN;
  return textOf(kindRegion, start, kindRegion.indexOf(0, start));
}

/**
 * The string that a reference of the record at word `at` names: offset in the message in its low half,
 * length in its high one.
 */
export function textAt(at: number, reference: number): string {
  return textIn(at, reference & 0xffff, reference >>> 16);
}

/** The string of `length` bytes at `offset` in the message whose record begins at word `at`. */
export function textIn(at: number, offset: number, length: number): string {
  const start = (recordWords[at + 2] & 0xfffff) + offset;
  return textOf(receiveRegion, start, start + length);
}
