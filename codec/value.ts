import { NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_TYPE_MASK } from "./assembly/constants.ts";
import type { NumberType } from "./spec/table.ts";
import { textOf } from "./text.ts";

/** The bytes of a message, and the same for numbers. */
export interface Source {
  bytes: Uint8Array;
  view: DataView;
}

/** The number of `size` bytes at `at`; `undefined` where no number has so many. */
export function numberAt(
  { view }: Source,
  at: number,
  { size, signed, network }: Pick<NumberType, "size" | "signed" | "network">,
): number | bigint | undefined {
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return signed ? view.getInt16(at, !network) : view.getUint16(at, !network);
    case 4:
      return signed ? view.getInt32(at, !network) : view.getUint32(at, !network);
    case 8:
      return signed ? view.getBigInt64(at, !network) : view.getBigUint64(at, !network);
    default:
      return undefined;
  }
}

/**
 * What a number says: the name of its value or of its bits, or what its type makes of it. One of 64 bits that no number
 * is exactly is `exact`.
 */
export function meaningOf(
  { names, bits, says }: NumberType,
  value: number,
  exact: number | bigint = value,
): string | undefined {
  if (names && bits) return bitNames(names.numbers, value);
  return names?.byNumber.get(value) ?? says?.(value, exact);
}

/** The names of the bits that are set, of 32 at most; what is left has none. */
function bitNames(numbers: Readonly<Record<string, number>>, value: number): string | undefined {
  let rest = value;
  let text = "";
  for (const name in numbers) {
    const bit = numbers[name];
    // Not `&`, which knows no more than 32 bits
    if (bit === 0 || Math.floor(rest / bit) % 2 !== 1) continue;
    text += text === "" ? name : `|${name}`;
    rest -= bit;
  }
  if (rest === 0) return text || undefined;
  return `${text === "" ? "" : `${text}|`}0x${rest.toString(16)}`;
}

/** A string that ends in its only NUL; anything else keeps its bytes, so that none is lost. */
export function stringAt({ bytes }: Source, at: number, end: number): string | Uint8Array {
  const last = end - 1;
  if (last < at || bytes.indexOf(0, at) !== last) return bytes.slice(at, end);
  const text = textOf(bytes, at, last);
  return text.includes("\ufffd") ? bytes.slice(at, end) : text;
}

/** The text of a string up to its first NUL, as the kernel reads it; iproute2 sends many without any. */
export function textBeforeNul({ bytes }: Source, at: number, end: number): string {
  const nul = bytes.subarray(at, end).indexOf(0);
  return textOf(bytes, at, nul < 0 ? end : at + nul);
}

/** What the bytes say that `stringAt` keeps of a string: a text without NUL, or with more NULs than one at its end. */
export function meaningOfString(source: Source, at: number, end: number): string | undefined {
  const text = textBeforeNul(source, at, end);
  if (text === "" || /[\p{Cc}\ufffd]/u.test(text)) return undefined;
  const nul = source.bytes.subarray(at, end).indexOf(0);
  if (nul >= 0 && source.bytes.subarray(at + nul, end).some((byte) => byte !== 0)) return undefined;
  return JSON.stringify(text);
}

/** Whether a number is in network order: its type is, or the flags of its attribute say so. */
export function isNetworkOrder({ network }: NumberType, attributeType: number): boolean {
  return network === true || (attributeType > NLA_TYPE_MASK && (attributeType & NLA_F_NET_BYTEORDER) !== 0);
}

/** Says what the flags of an `nla_type` are. */
export function describeAttributeFlags(attributeType: number): string {
  const names = [];
  if (attributeType & NLA_F_NESTED) names.push("NLA_F_NESTED");
  if (attributeType & NLA_F_NET_BYTEORDER) names.push("NLA_F_NET_BYTEORDER");
  return names.join("|");
}
