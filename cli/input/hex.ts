import { mistakeAt } from "./mistake.ts";

/** Digits with what may stand before them, what separates them, or one letter that has no place in hex. */
const TOKENS = /(0x|\\x)?([0-9a-f]+)|[\s,:]+|./gis;

/**
 * The bytes of hex, two digits each; after `0x` and `\x` one digit will do.
 *
 * @throws {UsageError} where something else stands in it
 */
export function hexBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const { 0: token, 1: prefix, 2: digits, index } of text.matchAll(TOKENS)) {
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
