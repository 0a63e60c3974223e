import { LIMIT_MAX } from "./plug_requests.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["k", 2 ** 10],
  ["kb", 2 ** 10],
  ["kib", 2 ** 10],
  ["m", 2 ** 20],
  ["mb", 2 ** 20],
  ["mib", 2 ** 20],
  ["g", 2 ** 30],
  ["gb", 2 ** 30],
  ["gib", 2 ** 30],
]);

/**
 * Parses a size as tc reads it, and with the binary units' own names: `32768`, `64k`, `1m`, `1.5MiB`. All units
 * are 1024-based. Returns bytes, a whole number from 1 to 2^32 - 1.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {RangeError} where the size is out of range
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text);
  const unit = UNITS.get(match?.[2].toLowerCase() ?? "");
  if (!match || unit === undefined) {
    throw new SyntaxError(
      `${JSON.stringify(text)} is no size: one is a number of bytes, or 64k, 1m, 1MiB (1024-based)`,
    );
  }
  const bytes = Number(match[1]) * unit;
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= LIMIT_MAX) return bytes;
  if (bytes === 0) throw new RangeError(`the limit is ${text}: with 0 every packet is dropped; the least is 1`);
  throw new RangeError(`the limit ${text} is ${bytes} bytes, must be a whole number from 1 to ${LIMIT_MAX}`);
}
