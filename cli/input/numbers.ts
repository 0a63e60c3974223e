import { mistakeAt } from "./mistake.ts";
import type { TextFormat } from "./text_format.ts";

/** A list in brackets, and for Node's `<Buffer 10 00>` what stands before the numbers. */
const LISTS = /(?:[[{]|<Buffer\b)([^[\]{}<>]*)[\]}>]/g;
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
  read: (text) => listsIn(text).map(({ inside, index }) => numbersIn(inside, { text, index })),
};

interface List {
  inside: string;
  index: number;
}

function listsIn(text: string): List[] {
  const plain = text.replaceAll(/\/\*.*?\*\/|\/\/.*?$/gms, (comment) => comment.replaceAll(/[^\n]/g, " "));
  const found = plain.matchAll(LISTS).map(({ 0: list, 1: inside, index }) => {
    return { inside, index: index + list.length - 1 - inside.length };
  });
  return found.filter(({ inside }) => BEGINNING.test(inside)).toArray();
}

/**
 * The bytes of a list of numbers, which stands at `index` of a text: in hex where one has `0x` or all have two digits,
 * else decimal.
 *
 * @throws {UsageError} where one is no byte
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
    throw mistakeAt(text, at, `${JSON.stringify(token)} is no byte, must be from 0 to 255 or 0xff`);
  });
}

/** `NaN` for what a decimal cannot be; `010` is 8 in C and 10 elsewhere. */
function valueOf(number: string, isHex: boolean): number {
  if (/^-?0x/i.test(number)) return number.startsWith("-") ? -Number(number.slice(1)) : Number(number);
  if (isHex) return /^[0-9a-f]{2}$/i.test(number) ? parseInt(number, 16) : NaN;
  return /^-?(?:0|[1-9]\d*)$/.test(number) ? Number(number) : NaN;
}
