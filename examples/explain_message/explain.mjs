// @ts-check
// Explains netlink messages byte by byte, in Node, Deno or Bun:
//
//   npm install plugctl-codec
//   node explain.mjs 3c000000240005009c31016b00000000…
//   strace -e trace=sendmsg,recvmsg -e write=all -e read=all tc qdisc show 2>&1 | node explain.mjs
//
// It takes hex digits, what xxd, hexdump -C and strace -e write=all dump, and the strings of strace -xx.
import { readFileSync } from "node:fs";
import process from "node:process";
import { decodeAll, DecodeError, formatHex } from "plugctl-codec/family";

/** Where hex digits are: in a dump between the offset and the letters; in a string that is a whole message. */
const PLACES = [
  /^(?: \| )?[0-9a-f]{5,8} {2}(.{1,48})/gim,
  /^[0-9a-f]{8}: ((?:[0-9a-f]+ )+)/gim,
  /"((?:\\x..){16,})"(?!\]|\.)/g,
];

/**
 * The bytes that a text shows.
 *
 * @param {string} text
 */
function bytesIn(text) {
  const found = PLACES.map((place) => [...text.matchAll(place)].map(([, digits]) => digits).join(""));
  const hex = (found.find((digits) => digits !== "") ?? text).replaceAll(/0x|\\x|[\s,:]/g, "");
  if (/^([0-9a-f]{2})+$/i.test(hex)) return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  throw new SyntaxError("Cannot explain this: there is no hex in it. Let strace dump bytes: -e write=all -e read=all");
}

/**
 * A line for each field: its offset, its bytes, the kernel's name for it, what it holds and what that says. Of what
 * holds fields, the bytes are its header.
 *
 * @param {import("plugctl-codec/family").Field} field
 * @param {Uint8Array} bytes the message
 * @returns {string[]}
 */
function explain({ offset, length, kernelName, value, meaning, attributeType, fields }, bytes, depth = 0) {
  const own = fields ? (attributeType === undefined ? 0 : 4) : length;
  const hex = formatHex(bytes.subarray(offset, offset + own)).replaceAll(/..(?=.)/g, "$& ");
  const holds = typeof value === "string" ? JSON.stringify(value) : value instanceof Uint8Array ? "" : value;
  const words = ["  ".repeat(depth) + (kernelName || "padding"), holds, meaning && `is ${meaning}`];
  const line = [String(offset).padStart(5), hex.padEnd(26), ...words].filter((word) => word !== undefined).join("  ");
  return [line.trimEnd(), ...(fields ?? []).flatMap((field) => explain(field, bytes, depth + 1))];
}

try {
  const [, , ...words] = process.argv;
  const bytes = bytesIn(words.length > 0 ? words.join(" ") : readFileSync(0, "utf8"));
  let at = 0;
  for (const message of decodeAll(bytes)) {
    console.log(explain(message, bytes.subarray(at)).join("\n"));
    at += message.length + 3 & ~3;
  }
} catch (error) {
  if (!(error instanceof DecodeError || error instanceof SyntaxError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
