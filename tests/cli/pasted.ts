// Helps test what people paste: the bytes of messages, in the ways in which programs write bytes.
import { assert } from "@std/assert";
import { UsageError } from "../../cli/exit_status.ts";
import { datagramsOfText } from "../../cli/input/datagrams.ts";
import { concat, FAMILY, words } from "../codec/bytes.ts";
import { Random } from "../codec/random.ts";

export const PLUG = FAMILY["plug change"];
export const ACK = concat(words(36, 2, 7, 9, 0), PLUG.subarray(0, 16));
export const numbers = (bytes: Uint8Array, separator = ", ") => [...bytes].join(separator);
export const hexNumbers = (bytes: Uint8Array) => [...bytes].map((byte) => `0x${byte.toString(16)}`).join(", ");
export const pairs = (bytes: Uint8Array, separator = " ") => bytes.toHex().replaceAll(/..(?=.)/g, `$&${separator}`);
export const escapes = (bytes: Uint8Array) => bytes.toHex().replaceAll(/../g, "\\x$&");
export const octal = (bytes: Uint8Array) => [...bytes].map((byte) => `\\${byte.toString(8)}`).join("");

/** The datagrams of a text in hex, with what is noted of it. */
export function read(text: string): { datagrams: string[]; notes: string[]; skipped: number } {
  const notes: string[] = [];
  const { datagrams, skipped } = datagramsOfText(text, (note) => notes.push(note));
  return { datagrams: datagrams.map((bytes) => bytes.toHex()), notes, skipped };
}

/** Lines of 16 bytes, as a program dumps them. */
export function dump(bytes: Uint8Array, line: (offset: number, part: Uint8Array) => string): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) lines.push(line(at, bytes.subarray(at, at + 16)));
  return lines.join("\n");
}

export const swapped = (bytes: Uint8Array, size: number) =>
  Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, at) => bytes.slice(at * size, (at + 1) * size).reverse().toHex(),
  );
export const letters = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte > 32 && byte < 127 ? String.fromCharCode(byte) : ".").join("");
export const offset = (at: number, digits: number, base = 16) => at.toString(base).padStart(digits, "0");

/** Checks that each of so many mutants of these texts gives datagrams, or an error that says where it stops. */
export function readMutants(texts: readonly string[], count: number): void {
  for (let seed = 1; seed <= count; seed++) {
    const random = new Random(seed);
    const text = mutated(random.pick(texts), random);
    try {
      const { datagrams } = datagramsOfText(text, () => {});
      const isLong = datagrams.some((bytes) => bytes.length > text.length);
      assert(!isLong || text.includes("<repeats "), `seed ${seed}`);
    } catch (error) {
      assert(error instanceof UsageError, `seed ${seed}: ${(error as Error).stack}`);
    }
  }
}

/** A text that is changed in up to six places: letters taken out, put in or said twice, or the rest cut off. */
function mutated(text: string, random: Random): string {
  let changed = text;
  for (let count = random.below(6); count >= 0; count--) {
    const at = random.below(changed.length + 1);
    const end = at + random.below(20);
    const [head, part, tail] = [changed.slice(0, at), changed.slice(at, end), changed.slice(end)];
    const put = random.pick([
      "{",
      "[",
      '"',
      "\\",
      ",",
      "=",
      "]",
      "}",
      " ",
      "|",
      "0x",
      "-",
      "\n",
      "9".repeat(30),
      "|",
      "<",
    ]);
    changed = random.pick([head + tail, head + put + tail, head + put + part + tail, head, head + part + part + tail]);
  }
  return changed;
}
