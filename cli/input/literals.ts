import { mistakeAt } from "./mistake.ts";

/** A string literal, closed or not, and the dots with which strace cuts one short. */
const LITERALS = /"((?:\\.|[^"\\])*)("?)(\.\.\.)?/gs;
/** One letter: as an escape of C, `\x1f`, `\037` or `\n`, or as itself. */
const LETTERS = /\\x([0-9a-f]{1,2})|\\([0-7]{1,3})|\\(.)|(.)/gis;
const NAMED: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  e: 27,
  '"': 34,
  "'": 39,
  "\\": 92,
};

/**
 * The bytes of the string literals in a text, all in a row, as strace writes what it does not understand.
 *
 * @throws {UsageError} where one is cut short, or holds what is no byte
 */
export function literalBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const { 0: literal, 1: inside, 2: close, 3: dots, index } of text.matchAll(LITERALS)) {
    if (!close) throw mistakeAt(text, index, "the string that begins here has no end");
    if (dots) throw mistakeAt(text, index + literal.length - 3, "strace cut the string short; run it with -s 65536");
    for (const byte of lettersOf(inside, { text, index: index + 1 })) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** The bytes of the inside of a string literal that begins at `index` of a text. */
export function lettersOf(inside: string, { text, index }: { text: string; index: number }): number[] {
  return inside.matchAll(LETTERS).map(({ 0: letter, 1: hex, 2: octal, 3: name, index: at }) => {
    const value = hex !== undefined
      ? parseInt(hex, 16)
      : octal !== undefined
      ? parseInt(octal, 8)
      : NAMED[name] ?? letter.charCodeAt(0);
    const known = name === undefined || name in NAMED;
    if (known && value <= (hex || octal ? 0xff : 0x7f)) return value;
    throw mistakeAt(text, index + at, `${JSON.stringify(letter)} is no byte; strace -xx writes all of them in hex`);
  }).toArray();
}
