import { joined } from "../../codec/byte_text.ts";
import { fromHex } from "../../codec/exchange.ts";
import { base64Bytes, type Findings, isMessage, mistakeAt, placeOf, type TextFormat } from "./text_format.ts";

/** A letter in quotes, as C and Rust have it: `'\x14'`. */
const LETTER = String.raw`b?'(\\[^']{1,3}|\\'|[^'\\])'`;
/** What gdb writes behind a number or a letter that stands there several times. */
const REPEATS = String.raw`<repeats (\d+) times>`;
/** A list in brackets; of Node's `<Buffer 10 00>` and `Uint8Array.of(16, 0)` what stands before the numbers. */
const LISTS = new RegExp(
  String.raw`(?:[[{]|<<|<Buffer\b|\bof\()((?:[^[\]{}<>']|${uncaptured(REPEATS)}|${uncaptured(LETTER)})*)[\]}>)]|` +
    // In mere brackets only what can be nothing but the bytes of a message: a tuple of Python
    String.raw`\((\s*(?:0x)?[0-9a-f]{1,3}(?:\s*,\s*(?:0x)?[0-9a-f]{1,3}){15,}\s*,?\s*)\)`,
  "gi",
);
/** The letter that gdb shows behind a number with `print/c`. */
const SHOWN_LETTERS = new RegExp(String.raw`(?<=\d )${LETTER}`, "g");
/** The places that JSON of a Uint8Array has before its numbers: `{"0":16,"1":0}`. */
const PLACES = /(?<=[{,]\s*)"\d+"\s*:(?=\s*\d)/g;
/** The end of a list that Node has cut short. */
const MORE = /[\s,]*\.{3}\s*(\d+) more (?:bytes?|items?)\s*$/;
/** What a list of numbers begins with: a number, and another behind it. A single one is an index or a length. */
const BEGINNING = new RegExp(
  String.raw`^\s*(?:\(\w+\)\s*)?(?:${uncaptured(LETTER)}|-?(?:0x)?[0-9a-f]{1,3}(?:_?[ui]\w*|l{1,2}u?)?)\s*[\s,]\s*\S`,
  "i",
);
/** A number with the cast or the suffix that a language gives it, what separates two, or anything else. */
const TOKENS = new RegExp(
  `${REPEATS}|${LETTER}|` +
    String
      .raw`(?:\(\w+\)\s*)?(-?(?:0x)?[0-9a-f]+)(?:_?[ui](?:8|int8)?|u?l{1,2}u?|u)?(?![\w.])|[\s,;]+|\.{3}|\S+?(?=[\s,]|$)`,
  "gi",
);

function uncaptured(form: string): string {
  return form.replaceAll(/(?<!\\)\((?!\?)/g, "(?:");
}

/**
 * Numbers in brackets, as programs print or declare an array of bytes: C, Rust, Go, JavaScript, Python, Java, gdb. Each
 * array is a datagram.
 */
export const NUMBERS: TextFormat = {
  name: "an array of bytes",
  fits: (text) => listsIn(text).length > 0,
  read: (text, findings) =>
    listsIn(text).map(({ inside, index }) => {
      const more = MORE.exec(inside);
      if (!more) return numbersIn(inside, { text, index, findings });
      const place = placeOf(text, index + more.index);
      findings.note(`${place}: ${more[1]} bytes are left out; have all of them printed`);
      findings.lost++;
      return numbersIn(inside.slice(0, more.index), { text, index, findings });
    }),
};

interface List {
  inside: string;
  index: number;
}

function listsIn(text: string): List[] {
  const blank = (found: string) => found.replaceAll(/[^\n]/g, " ");
  const plain = text.replaceAll(/\/\*.*?\*\/|\/\/.*?$/gms, blank).replaceAll(PLACES, blank)
    .replaceAll(SHOWN_LETTERS, blank);
  const found = plain.matchAll(LISTS).map(({ 0: list, 1: bracketed, 2: tuple, index }) => {
    const inside = bracketed ?? tuple;
    return { inside, index: index + list.length - 1 - inside.length };
  });
  return found.filter(({ inside }) => BEGINNING.test(inside)).toArray();
}

/** Where a list of numbers stands, and who is told how it is read. */
interface ListPlace {
  text: string;
  index: number;
  findings: Findings;
}

/**
 * The bytes of a list of numbers, which stands at `index` of a text: in hex where one has `0x` or a letter or all have
 * two digits, else decimal; and in hex where only so they are a message, as `{:x?}` of Rust prints one.
 *
 * @throws {UsageError} where one is not a byte
 */
export function numbersIn(list: string, { text, index: start, findings }: ListPlace): Uint8Array {
  const tokens = list.matchAll(TOKENS).filter(({ 0: token }) => !/^[\s,;]/.test(token)).toArray();
  const digits = tokens.flatMap(({ 3: number }) => number ?? []);
  const isC = text[start - 1] === "{";
  const read = (isHex: boolean): Uint8Array => {
    const bytes: number[] = [];
    for (const { 0: token, 1: repeats, 2: letter, 3: number, index } of tokens) {
      const at = start + index;
      if (token === "...") throw mistakeAt(text, at, "here bytes are left out; have all of them printed");
      if (repeats !== undefined) {
        for (let count = Math.min(Number(repeats), REPEATS_MAX); count > 1; count--) bytes.push(bytes.at(-1) ?? 0);
        continue;
      }
      const value = letter !== undefined
        ? lettersOf(letter, (at, why) => mistakeAt(text, start + index + at, why))[0]
        : number === undefined
        ? NaN
        : valueOf(number, isHex, isC);
      if (!(value >= -128 && value <= 255)) {
        throw mistakeAt(text, at, `${JSON.stringify(token)} is not a byte: use 0 to 255, or 0x00 to 0xff`);
      }
      bytes.push(value);
    }
    return Uint8Array.from(bytes);
  };
  const isHex = digits.every((number) => /^[0-9a-f]{2}$/i.test(number)) ||
    digits.some((number) => /^[0-9a-f]{0,1}[a-f]/i.test(number));
  const bytes = read(isHex);
  if (isHex || isMessage(bytes) || !digits.every((number) => /^[0-9a-f]{1,2}$/i.test(number))) return bytes;
  const others = read(true);
  if (!isMessage(others)) return bytes;
  findings.note("the numbers are read as hex, since only so are they a message");
  return others;
}

/** No message has as many bytes. */
const REPEATS_MAX = 1 << 20;

/** `NaN` for what a decimal cannot be; `010` is 8 in C, whose arrays stand in braces, and 10 elsewhere. */
function valueOf(number: string, isHex: boolean, isC: boolean): number {
  if (/^-?0x/i.test(number)) return number.startsWith("-") ? -Number(number.slice(1)) : Number(number);
  if (isHex) return /^[0-9a-f]{1,2}$/i.test(number) ? parseInt(number, 16) : NaN;
  if (isC && /^0[0-7]+$/.test(number)) return parseInt(number, 8);
  return /^-?(?:0|[1-9]\d*)$/.test(number) ? Number(number) : NaN;
}

/**
 * A string literal, closed or not, and the dots with which strace cuts one short; in other quotes only of hex, or a letter
 * that gdb says is there several times.
 */
const LITERALS = new RegExp(
  String
    .raw`"((?:\\.|[^"\\])*)("?)(\.\.\.)?|b'((?:\\.|[^'\\])*)('?)|['\`]([0-9a-f]{32,})(['\`])|'(\\\d+|\\?.)' ${REPEATS}(\.\.\.)?`,
  "gis",
);
/** What only gdb prints. */
const GDB = /^\$\d+ = |<repeats \d+ times>/m;
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
 * datagram; what is all hex digits inside is hex, and what is a message in base64 is that.
 */
export const STRINGS: TextFormat = {
  name: "a string literal",
  fits: (text) => /"|\bb'|['`][0-9a-f]{32,}['`]|' <repeats \d+ times>/i.test(text),
  read: (text, findings) => {
    const datagrams: Uint8Array[] = [];
    const isGdb = GDB.test(text);
    const between = isGdb ? /^[\s+\\,]*$/ : /^[\s+\\]*$/;
    let end = -1;
    for (const found of text.matchAll(LITERALS)) {
      const { 0: literal, 1: double, 2: close, 3: dots, 4: single, 5: closeSingle, 6: hex, index } = found;
      const [letter, repeats, dotsBehind] = found.slice(8);
      const inside = double ?? single ?? hex ?? letter;
      if (!(close ?? closeSingle ?? hex ?? letter)) {
        throw mistakeAt(text, index, "the string that begins here has no end");
      }
      if (dots ?? dotsBehind) throw mistakeAt(text, index + literal.length - 3, isGdb ? CUT_BY_GDB : CUT);
      const start = literal.startsWith("b") ? 2 : 1;
      const once = insideBytes(inside, { text, index: index + start });
      const bytes = repeats === undefined ? once : new Uint8Array(Math.min(Number(repeats), REPEATS_MAX)).fill(once[0]);
      const isJoined = end >= 0 && between.test(text.slice(end, index));
      datagrams.push(isJoined ? joined([datagrams.pop() ?? new Uint8Array(0), bytes]) : bytes);
      end = index + literal.length;
    }
    if (isGdb) return datagrams.map((bytes) => withLastZero(bytes, findings));
    const messages = datagrams.filter(isMessage);
    return messages.length > 0 ? messages : datagrams.filter(({ length }) => length > 0);
  },
};

/** A message with the NUL at its end, which gdb leaves out of an array of letters. */
function withLastZero(bytes: Uint8Array, findings: Findings): Uint8Array {
  const whole = joined([bytes, new Uint8Array(1)]);
  if (isMessage(bytes) || !isMessage(whole)) return bytes;
  findings.note("the last byte is taken to be 0, which gdb leaves out");
  return whole;
}

const CUT_BY_GDB = "gdb cut the string short; have all of it with: set print elements 0";
/** What to do where strace cuts a string. */
export const CUT = "strace cut the string short; run it with -s 65536";

function insideBytes(inside: string, { text, index }: { text: string; index: number }): Uint8Array {
  const isHex = inside.length >= 32 && inside.length % 2 === 0 && /^[0-9a-f]+$/i.test(inside);
  return isHex
    ? fromHex(inside)
    : base64Bytes(inside) ?? Uint8Array.from(lettersOf(inside, (at, why) => mistakeAt(text, index + at, why)));
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
