import { joined } from "../../codec/byte_text.ts";
import { isMessage, mistakeAt, placeOf, type TextFormat } from "./text_format.ts";

/** A list in brackets; of Node's `<Buffer 10 00>` and `Uint8Array.of(16, 0)` what stands before the numbers. */
const LISTS = /(?:[[{]|<<|<Buffer\b|\bof\()([^[\]{}<>]*)[\]}>)]/g;
/** The places that JSON of a Uint8Array has before its numbers: `{"0":16,"1":0}`. */
const PLACES = /(?<=[{,]\s*)"\d+"\s*:(?=\s*\d)/g;
/** The end of a list that Node has cut short. */
const MORE = /[\s,]*\.{3}\s*(\d+) more (?:bytes?|items?)\s*$/;
/** What a list of numbers begins with: a number, and another behind it. A single one is an index or a length. */
const BEGINNING = /^\s*(?:\(\w+\)\s*)?-?(?:0x)?[0-9a-f]{1,3}(?:_?[ui]\w+)?\s*[\s,]\s*\S/i;
/** A number with the cast or the suffix that a language gives it, what separates two, or anything else. */
const TOKENS = /(?:\(\w+\)\s*)?(-?(?:0x)?[0-9a-f]+)(?:_?[ui](?:8|int8)?)?(?![\w.])|[\s,;]+|\.{3}|\S+?(?=[\s,]|$)/gi;

/**
 * Numbers in brackets, as programs print or declare an array of bytes: C, Rust, Go, JavaScript, Python, Java. Each array
 * is a datagram.
 */
export const NUMBERS: TextFormat = {
  name: "an array of bytes",
  fits: (text) => listsIn(text).length > 0,
  read: (text, findings) =>
    listsIn(text).map(({ inside, index }) => {
      const more = MORE.exec(inside);
      if (!more) return numbersIn(inside, { text, index });
      const place = placeOf(text, index + more.index);
      findings.note(`${place}: ${more[1]} bytes are left out; have all of them printed`);
      return numbersIn(inside.slice(0, more.index), { text, index });
    }),
};

interface List {
  inside: string;
  index: number;
}

function listsIn(text: string): List[] {
  const blank = (found: string) => found.replaceAll(/[^\n]/g, " ");
  const plain = text.replaceAll(/\/\*.*?\*\/|\/\/.*?$/gms, blank).replaceAll(PLACES, blank);
  const found = plain.matchAll(LISTS).map(({ 0: list, 1: inside, index }) => {
    return { inside, index: index + list.length - 1 - inside.length };
  });
  return found.filter(({ inside }) => BEGINNING.test(inside)).toArray();
}

/**
 * The bytes of a list of numbers, which stands at `index` of a text: in hex where one has `0x` or all have two digits,
 * else decimal.
 *
 * @throws {UsageError} where one is not a byte
 */
export function numbersIn(list: string, { text, index: start }: { text: string; index: number }): Uint8Array {
  const tokens = list.matchAll(TOKENS).filter(({ 0: token }) => !/^[\s,;]/.test(token)).toArray();
  const digits = tokens.map(({ 1: number }) => number ?? "");
  const isHex = digits.every((number) => /^(?:[0-9a-f]{2})?$/i.test(number)) || digits.some((n) => /^[a-f]/i.test(n));
  return Uint8Array.from(tokens, ({ 0: token, 1: number, index }) => {
    const at = start + index;
    if (token === "...") throw mistakeAt(text, at, "here bytes are left out; have all of them printed");
    const value = number === undefined ? NaN : valueOf(number, isHex);
    if (value >= -128 && value <= 255) return value;
    throw mistakeAt(text, at, `${JSON.stringify(token)} is not a byte: use 0 to 255, or 0x00 to 0xff`);
  });
}

/** `NaN` for what a decimal cannot be; `010` is 8 in C and 10 elsewhere. */
function valueOf(number: string, isHex: boolean): number {
  if (/^-?0x/i.test(number)) return number.startsWith("-") ? -Number(number.slice(1)) : Number(number);
  if (isHex) return /^[0-9a-f]{2}$/i.test(number) ? parseInt(number, 16) : NaN;
  return /^-?(?:0|[1-9]\d*)$/.test(number) ? Number(number) : NaN;
}

/** A string literal, closed or not, and the dots with which strace cuts one short; in other quotes only of hex. */
const LITERALS = /"((?:\\.|[^"\\])*)("?)(\.\.\.)?|b'((?:\\.|[^'\\])*)('?)|['`]([0-9a-f]{32,})(['`])/gis;
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
  fits: (text) => /"|\bb'|['`][0-9a-f]{32,}['`]/i.test(text),
  read: (text) => {
    const datagrams: Uint8Array[] = [];
    let end = -1;
    for (
      const { 0: literal, 1: double, 2: close, 3: dots, 4: single, 5: closeSingle, 6: hex, index } of text.matchAll(
        LITERALS,
      )
    ) {
      if (!(close ?? closeSingle ?? hex)) throw mistakeAt(text, index, "the string that begins here has no end");
      if (dots) throw mistakeAt(text, index + literal.length - 3, CUT);
      const start = literal.startsWith("b") ? 2 : 1;
      const bytes = insideBytes(double ?? single ?? hex, { text, index: index + start });
      const isJoined = end >= 0 && /^[\s+\\]*$/.test(text.slice(end, index));
      datagrams.push(isJoined ? joined([datagrams.pop() ?? new Uint8Array(0), bytes]) : bytes);
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

/** The bytes of the inside of a string literal; where a letter is not a byte, throws what `mistake` makes of its place. */
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
    throw mistake(at, `${JSON.stringify(letter)} is not a byte; strace -xx writes all of them in hex`);
  }).toArray();
}

/** Four letters for three bytes; at the end two or three letters, with or without `=` up to four. */
const BASE64_FORM = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
/** Digits with what may stand before them, what separates them, or one letter that has no place in hex. */
const HEX_TOKENS = /(0x|\\x)?([0-9a-f]+)|[\s,:-]+|./gis;
/** The address that gdb shows before bytes: `0x7fff0010 <request+16>:`. */
const ADDRESSES = /^\s*0x[0-9a-f]+(?: <[^>]*>)?:(?=\s+0x[0-9a-f]{2}\b)/gim;
/** So many digits behind `0x` are no number any more. */
const LONG = 32;

/**
 * Base64, broken into lines or not, of something that begins with a message's length. Without that, a mistake in hex
 * would be base64.
 */
export const BASE64: TextFormat = {
  name: "base64",
  fits: (text) => base64Bytes(text) !== undefined,
  read: (text) => [base64Bytes(text) ?? new Uint8Array(0)],
};

function base64Bytes(text: string): Uint8Array | undefined {
  const letters = text.replaceAll(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/");
  if (/^[0-9a-f]*$/i.test(letters) || !BASE64_FORM.test(letters)) return undefined;
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  return isMessage(bytes) ? bytes : undefined;
}

/** Digits without more: two hex digits a byte, or decimals, which have one digit or three now and then. */
export const DIGITS: TextFormat = {
  name: "hex",
  fits: () => true,
  read: (text) => {
    const plain = text.replaceAll(ADDRESSES, (address) => address.replaceAll(/[^\n]/g, " "));
    return [isDecimal(plain) ? numbersIn(plain, { text, index: 0 }) : hexBytes(plain)];
  },
};

/** A header alone has more than ten bytes that are 0, which a decimal writes as one digit. */
function isDecimal(text: string): boolean {
  const numbers: string[] = /^[\s\d,;]*$/.test(text) ? text.match(/\d+/g) ?? [] : [];
  return numbers.length >= 16 && numbers.includes("0") && numbers.every((number) => number.length <= 3);
}

/**
 * The bytes of hex, two digits each; after `0x` and `\x` one digit will do.
 *
 * @throws {UsageError} where something else stands in it
 */
export function hexBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const { 0: token, 1: prefix, 2: digits, index } of text.matchAll(HEX_TOKENS)) {
    const isSeparator = /^[\s,:-]/.test(token);
    if (digits === undefined && !isSeparator) {
      throw mistakeAt(text, index, `${JSON.stringify(token)} is not a hex digit`);
    }
    for (const byte of isSeparator ? [] : bytesOf(digits, { text, index, prefix })) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function bytesOf(
  digits: string,
  { text, index, prefix = "" }: { text: string; index: number; prefix?: string },
): number[] {
  if (prefix && digits.length > 2 && (digits.length < LONG || digits.length % 2 === 1)) {
    throw mistakeAt(text, index, `${prefix}${digits} has more than one byte, whose order it does not say`);
  }
  if (!prefix && digits.length % 2 === 1) {
    throw mistakeAt(text, index, `${digits.length} hex digits in a row, must be two a byte`);
  }
  return (digits.match(/..?/g) ?? []).map((pair) => parseInt(pair, 16));
}
