import { fromHex } from "../../codec/exchange.ts";
import { numbersIn } from "./arrays.ts";
import { base64Bytes, type Findings, mistakeAt, placeOf, type TextFormat } from "./text_format.ts";

/** Digits with what may stand before them, what separates them, or one letter that has no place in hex. */
const HEX_TOKENS = /(0x|\\x)?([0-9a-f]+)|[\s,:-]+|./gis;
/** The address that gdb shows before bytes: `0x7fff0010 <request+16>:`. */
const ADDRESSES = /^\s*0x[0-9a-f]+(?: <[^>]*>)?:(?=\s+(?:0x[0-9a-f]{2}|\d{1,3})\b)/gim;
/** More digits than this behind `0x` are bytes, not one number. */
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

/** Digits without more: two hex digits a byte, or decimals, which have one digit or three now and then. */
export const DIGITS: TextFormat = {
  name: "hex",
  fits: () => true,
  read: (text, findings) => {
    const plain = text.replaceAll(ADDRESSES, (address) => address.replaceAll(/[^\n]/g, " "));
    if (isDecimal(plain)) return [numbersIn(plain, { text, index: 0, findings })];
    try {
      return [hexBytes(plain)];
    } catch (error) {
      const found = amongWords(plain, findings);
      if (found.length === 0) throw error;
      return found;
    }
  },
};

/** Words of a text, and what stands beside them. */
const WORDS = /[^\s,;:=()[\]"'`|-]+/g;
/** A word that is nothing but bytes in hex. */
const HEX_WORD = /^(?:(?:[0-9a-f]{2})+|0x(?:[0-9a-f]{2}|(?:[0-9a-f]{2}){16,})|(?:\\x[0-9a-f]{2})+)$/i;
/** What is left out is told with so many letters at the most. */
const LEFT_OUT_MAX = 60;

/**
 * The messages that stand as hex among other words: comments, prompts, what a log says. A message begins with a word
 * that begins its length, and has as many bytes of hex behind it. What is left out is noted.
 */
function amongWords(text: string, findings: Findings): Uint8Array[] {
  const words = text.matchAll(WORDS).map(({ 0: word, index }) => {
    const bytes = HEX_WORD.test(word) ? fromHex(word.replaceAll(/0x|\\x/gi, "")) : undefined;
    return { index, end: index + word.length, bytes };
  }).toArray();
  const found: Uint8Array[] = [];
  let shownTo = 0;
  for (let at = 0; at < words.length;) {
    const run = runFrom(words, at);
    if (!run) {
      at++;
      continue;
    }
    leaveOut(text, { from: shownTo, to: words[at].index }, findings);
    found.push(run.bytes);
    at = run.next;
    shownTo = words[at - 1].end;
  }
  if (found.length > 0) leaveOut(text, { from: shownTo, to: text.length }, findings);
  return found;
}

/** The bytes of a message from a word on, and which word is the next. */
function runFrom(
  words: readonly { bytes?: Uint8Array }[],
  from: number,
): { bytes: Uint8Array; next: number } | undefined {
  const bytes: number[] = [];
  let wanted = Infinity;
  for (let at = from; at < words.length; at++) {
    const own = words[at].bytes;
    if (!own) return undefined;
    bytes.push(...own);
    if (bytes.length >= 4) wanted = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
    if (wanted < MESSAGE_MIN || (wanted !== Infinity && wanted > MESSAGE_MAX)) return undefined;
    const isPadding = (each?: Uint8Array) => bytes.length % 4 !== 0 && each?.length === 1 && each[0] === 0;
    if (bytes.length < wanted) continue;
    let next = at + 1;
    for (; isPadding(words[next]?.bytes); next++) bytes.push(0);
    return { bytes: Uint8Array.from(bytes), next };
  }
  return undefined;
}

const [MESSAGE_MIN, MESSAGE_MAX] = [16, 1 << 20];

/** Notes what stands beside messages, if it says anything. */
function leaveOut(text: string, { from, to }: { from: number; to: number }, findings: Findings): void {
  const words = text.slice(from, to).replaceAll(/\s+/g, " ").trim();
  if (!/[^\s,;:=()[\]"'`|-]/.test(words)) return;
  const start = from + (/\S/.exec(text.slice(from))?.index ?? 0);
  const shown = words.length > LEFT_OUT_MAX ? `${words.slice(0, LEFT_OUT_MAX)}...` : words;
  findings.note(`left out at ${placeOf(text, start)}: ${shown}`);
  if (findings.hasOperand(from, to) || beginsMessage(text.slice(from, to))) findings.lost++;
}

/** How many letters are looked at for what is meant as a message. */
const MEANT_LEN = 16;

/** Whether a word of a text begins as a message does, with its length and more hex, but for a mistyped digit. */
function beginsMessage(text: string): boolean {
  return text.split("\n").some((line) =>
    line.matchAll(/\S+/g).some(({ index }) => {
      const digits = line.slice(index).replaceAll(/0x|\\x|[\s,:-]/gi, "").slice(0, MEANT_LEN);
      const hasLength = /^(?!0[0-9a-f]00)[0-9a-f]{4}[01][0-9a-f]00/i.test(digits);
      return hasLength && digits.replaceAll(/[^0-9a-f]/gi, "").length >= MEANT_LEN - 2;
    })
  );
}

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
