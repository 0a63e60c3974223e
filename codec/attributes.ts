import { NLA_HDRLEN } from "./assembly/constants.ts";
import { DecodeError } from "./decode_error.ts";
import { receiveRegion } from "./exchange.ts";
import type { Records } from "./records.ts";

/** An attribute as it stands in a message: `struct nlattr`. */
export interface Attribute {
  /** `nla_type` without its flags. */
  type: number;
  /** What it holds, without padding; it belongs to the bytes that were read. */
  value: Uint8Array;
}

const TYPE_MASK = 0x3fff;

/**
 * Reads the attributes in `bytes` from `start` on, to the end.
 *
 * ```ts
 * import { readAttributes } from "./attributes.ts";
 *
 * console.log(readAttributes(Uint8Array.fromHex("0600010034120000"))); // [{ type: 1, value: 34 12 }]
 * ```
 *
 * @throws {DecodeError} where one is longer than what is left, or shorter than its header
 */
export function readAttributes(bytes: Uint8Array, start = 0): Attribute[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Attribute[] = [];
  for (let at = start; at < bytes.length;) {
    const left = bytes.length - at;
    const length = left < NLA_HDRLEN ? 0 : view.getUint16(at, true);
    if (length < NLA_HDRLEN || length > left) {
      throw new DecodeError(`Cannot decode attribute at offset ${at}: length is ${length}, ${left} bytes are left`, at);
    }
    found.push({ type: view.getUint16(at + 2, true) & TYPE_MASK, value: bytes.subarray(at + NLA_HDRLEN, at + length) });
    at += length + 3 & ~3;
  }
  return found;
}

/** What the attribute of a type holds; `undefined` where there is none. */
export function findAttribute(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.find((attribute) => attribute.type === type)?.value;
}

/** The 32 bits at an offset of what an attribute holds, as the machine orders them; `undefined` where it ends before. */
export function wordAt(value: Uint8Array | undefined, offset = 0): number | undefined {
  if (!value || value.length < offset + 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, value.length).getUint32(offset, true);
}

/** The bytes of the message on which a cursor stands; they change with the next that are received. */
export function bytesOf(records: Records): Uint8Array {
  return receiveRegion.subarray(records.offset, records.offset + records.word(0));
}
