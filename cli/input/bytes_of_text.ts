import { base64Bytes } from "./base64.ts";
import { arraysAlone } from "./c_arrays.ts";
import { dumpBytes } from "./dump.ts";
import { hexBytes } from "./hex.ts";
import { literalBytes } from "./literals.ts";
import { mistakeAt } from "./mistake.ts";
import { straceBytes } from "./strace.ts";

/**
 * The bytes that a text stands for: hex digits, with or without what `0x`, `\x`, spaces, commas and colons make of
 * them; a dump of xxd, hexdump -C, tcpdump -x or strace; arrays in C; string literals, as strace and C write them; a
 * call, as strace shows it field by field; or base64. A form is told from the others by what only it has in it, and
 * what is all hex digits is hex. What cannot be known of it, `note` is told.
 *
 * @throws {UsageError} where it is none of them; it says where
 */
export function bytesOfText(text: string, note: (text: string) => void): Uint8Array {
  if (text.trim() === "") throw mistakeAt(text, 0, "there is nothing");
  const dumped = dumpBytes(text);
  if (dumped) return dumped;
  if (text.includes("nlmsg_len=")) return straceBytes(text, note);
  const arrays = arraysAlone(text);
  if (arrays !== undefined) return hexBytes(arrays);
  if (text.includes('"')) return literalBytes(text);
  return base64Bytes(text) ?? hexBytes(text);
}
