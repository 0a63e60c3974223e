import { mistakeAt } from "./mistake.ts";
import { numbersIn } from "./numbers.ts";
import { isMessage, type TextFormat } from "./text_format.ts";

/** Four letters for three bytes; at the end two or three letters, with or without `=` up to four. */
const BASE64_FORM = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
/** Digits with what may stand before them, what separates them, or one letter that has no place in hex. */
const HEX_TOKENS = /(0x|\\x)?([0-9a-f]+)|[\s,:]+|./gis;

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
  read: (text) => [isDecimal(text) ? numbersIn(text, { text, index: 0 }) : hexBytes(text)],
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
    const isSeparator = /^[\s,:]/.test(token);
    if (digits === undefined && !isSeparator) throw mistakeAt(text, index, `${JSON.stringify(token)} is no hex digit`);
    for (const byte of isSeparator ? [] : bytesOf(digits, { text, index, prefix })) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function bytesOf(
  digits: string,
  { text, index, prefix = "" }: { text: string; index: number; prefix?: string },
): number[] {
  if (prefix && digits.length > 2) {
    throw mistakeAt(text, index, `${prefix}${digits} has more than one byte, whose order it does not say`);
  }
  if (!prefix && digits.length % 2 === 1) {
    throw mistakeAt(text, index, `${digits.length} hex digits in a row, must be two a byte`);
  }
  return (digits.match(/..?/g) ?? []).map((pair) => parseInt(pair, 16));
}
