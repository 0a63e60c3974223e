import { hexBytes } from "./digits.ts";
import { mistakeAt } from "./mistake.ts";
import { isMessage, type TextFormat } from "./text_format.ts";

/** A string literal, closed or not, and the dots with which strace cuts one short. */
const LITERALS = /"((?:\\.|[^"\\])*)("?)(\.\.\.)?|b'((?:\\.|[^'\\])*)('?)/gs;
/** One letter: as an escape of C, `\x1f`, `\037`, `\n` or `\u001f`, or as itself. */
const LETTERS = /\\x([0-9a-f]{1,2})|\\u00([0-9a-f]{2})|\\([0-7]{1,3})|\\(.)|(.)/gis;
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
 * String literals of C, Python, Rust and the like. Those with nothing but space, `+` or a backslash between them are one
 * datagram; what is all hex digits inside is hex.
 */
export const STRINGS: TextFormat = {
  name: "a string literal",
  fits: (text) => /"|\bb'/.test(text),
  read: (text) => {
    const datagrams: Uint8Array[] = [];
    let end = -1;
    for (
      const { 0: literal, 1: double, 2: close, 3: dots, 4: single, 5: closeSingle, index } of text.matchAll(LITERALS)
    ) {
      if (!(close ?? closeSingle)) throw mistakeAt(text, index, "the string that begins here has no end");
      if (dots) throw mistakeAt(text, index + literal.length - 3, CUT);
      const start = literal.startsWith("b") ? 2 : 1;
      const bytes = insideBytes(double ?? single, { text, index: index + start });
      const isJoined = end >= 0 && /^[\s+\\]*$/.test(text.slice(end, index));
      datagrams.push(isJoined ? joined(datagrams.pop(), bytes) : bytes);
      end = index + literal.length;
    }
    const messages = datagrams.filter(isMessage);
    return messages.length > 0 ? messages : datagrams.filter(({ length }) => length > 0);
  },
};

/** What to do where strace cuts a string. */
export const CUT = "strace cut the string short; run it with -s 65536";

function insideBytes(inside: string, { text, index }: { text: string; index: number }): Uint8Array {
  const isHex = inside.length >= 32 && inside.length % 2 === 0 && /^[0-9a-f]+$/i.test(inside);
  return isHex ? hexBytes(inside) : Uint8Array.from(lettersOf(inside, (at, why) => mistakeAt(text, index + at, why)));
}

function joined(first: Uint8Array = new Uint8Array(0), second: Uint8Array): Uint8Array {
  return Uint8Array.from([...first, ...second]);
}

/** The bytes of the inside of a string literal; where a letter is no byte, throws what `mistake` makes of its place. */
export function lettersOf(inside: string, mistake: (at: number, why: string) => Error): number[] {
  return inside.matchAll(LETTERS).map(({ 0: letter, 1: hex, 2: unicode, 3: octal, 4: name, index: at }) => {
    const digits = hex ?? unicode;
    const value = digits !== undefined
      ? parseInt(digits, 16)
      : octal !== undefined
      ? parseInt(octal, 8)
      : NAMED[name] ?? letter.charCodeAt(0);
    const known = name === undefined || name in NAMED;
    if (known && value <= (digits || octal ? 0xff : 0x7f)) return value;
    throw mistake(at, `${JSON.stringify(letter)} is no byte; strace -xx writes all of them in hex`);
  }).toArray();
}
