import { NLA_HDRLEN } from "./assembly/constants.ts";
import { KIND_SIZE } from "./assembly/regions.ts";
import { kindRegion, memoryWords, receiveRegion } from "./exchange.ts";
import { checkBytes } from "./wrong_input.ts";

/** A constant of this module, not an import: see `records`. */
const words = memoryWords;

/** Keeps a byte order mark: no byte may be lost. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of bytes `start` to `end`; names are nearly always ASCII and short, which this favours. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) {
    if (bytes[at] > 0x7f) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[at]);
  }
  return text;
}

/** The strings of kinds by their numbers, of 8 bits, made when they are first asked for and empty until then. */
const kinds: string[] = new Array(256).fill("");

/** The kind of the qdisc whose record begins at word `at`: the same string each time. */
export function kindAt(at: number): string {
  const number = words[at + 2] >>> 24;
  const kind = kinds[number];
  return kind !== "" ? kind : newKindAt(at, number);
}

function newKindAt(at: number, number: number): string {
  // No number is given to an empty kind, to one longer than the kernel's are, and to one for which there is no room.
  return number === 0 ? textAt(at, words[at + 6]) : kinds[number] = kindNumbered(number);
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
  const start = (words[at + 2] & 0xfffff) + offset;
  return textOf(receiveRegion, start, start + length);
}

/**
 * Formats bytes in hex, two digits each.
 *
 * @throws {TypeError} where it is given something else than bytes
 */
export function formatHex(bytes: Uint8Array): string {
  checkBytes(bytes, "format", "it must be a Uint8Array");
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
