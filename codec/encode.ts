import { NLA_HDRLEN } from "./assembly/constants.ts";
import { LAYS_ATTRIBUTE, LAYS_FIELDS, LAYS_PADDING } from "./assembly/codes.ts";
import { FIELD_LEN, FIELDS_LEN, SCRATCH_LEN } from "./assembly/regions.ts";
import { failureWords, fieldWords, layTree, scratchRegion, scratchView } from "./exchange.ts";

/**
 * One field of a message to be encoded. Every `Field` that `decode` makes is one; of a field that holds a value
 * little need be given.
 */
export interface FieldInput {
  /** For errors, and `padding` is what fills up the attribute before it. */
  name: string;
  /** What it holds, unless it holds fields. A string gets a NUL at its end. */
  value?: number | bigint | string | Uint8Array;
  /** Bytes of a number: 1, 2, 4 or 8; an attribute's include its header. Default 4; nothing else needs it. */
  length?: number;
  /** `nla_type` with its flags: makes it an attribute. */
  attributeType?: number;
  /** The fields that it holds, in the order of their bytes. */
  fields?: readonly FieldInput[];
}

const FIELD_WORDS = FIELD_LEN / 4;
const DEPTH_MAX = 32;
const encoder = new TextEncoder();

/**
 * Encodes a tree of fields, the first of which is the message, into bytes: the exact inverse of `decode`. The
 * length of the message, those of the attributes and the zeros that align them follow from the tree. Where a tree
 * has fields named `padding`, what they say is kept as far as it fits; an empty one means that the last attribute
 * is not padded.
 *
 * ```ts
 * import { encode, RTM_GETLINK, NLM_F_REQUEST } from "@plugctl/plugctl/codec";
 *
 * const bytes = encode({
 *   name: "message",
 *   fields: [
 *     { name: "len", value: 0 },
 *     { name: "type", value: RTM_GETLINK, length: 2 },
 *     { name: "flags", value: NLM_F_REQUEST, length: 2 },
 *     { name: "sequence", value: 1 },
 *     { name: "portId", value: 0 },
 *     { name: "struct ifinfomsg", value: new Uint8Array(16) },
 *     { name: "IFNAME", attributeType: 3, value: "lo" },
 *   ],
 * });
 * console.log(bytes.length); // 40
 * ```
 *
 * @throws {RangeError} where a number does not fit its length, or the message is shorter than its header or longer
 * than 65,536 bytes
 */
export function encode(message: FieldInput): Uint8Array<ArrayBuffer> {
  const list: Listed[] = [];
  addTo(list, message, 0);
  if (list.length * FIELD_LEN > FIELDS_LEN) throw tooLong(list.length * FIELD_WORDS);
  list.forEach(describe);
  const length = layTree(list.length);
  if (length < 0) throw tooLong(failureWords[2]);
  list.forEach(writeValue);
  scratchView.setUint32(0, length, true);
  return scratchRegion.slice(0, length);
}

/** A field of the list that the module lays out. */
interface Listed {
  field: FieldInput;
  depth: number;
  /** What it holds, unless that is a number or fields. */
  bytes?: Uint8Array;
}

function addTo(list: Listed[], field: FieldInput, depth: number): void {
  if (depth > DEPTH_MAX) throw new RangeError(`Cannot encode ${field.name}: it is more than ${DEPTH_MAX} fields deep`);
  list.push({ field, depth, bytes: bytesOf(field) });
  for (const inner of field.fields ?? []) addTo(list, inner, depth + 1);
}

function bytesOf({ value }: FieldInput): Uint8Array | undefined {
  return typeof value === "string" ? encoder.encode(`${value}\0`) : value instanceof Uint8Array ? value : undefined;
}

/** Writes what the module must know of the field at `index` of the list. */
function describe({ field, depth, bytes }: Listed, index: number): void {
  const what = (field.fields ? LAYS_FIELDS : 0) | (field.attributeType === undefined ? 0 : LAYS_ATTRIBUTE) |
    (field.name === "padding" ? LAYS_PADDING : 0);
  fieldWords[index * FIELD_WORDS + 1] = field.fields ? 0 : bytes?.length ?? numberWidth(field);
  fieldWords[index * FIELD_WORDS + 2] = (field.attributeType ?? 0) & 0xffff | depth << 16 | what << 24;
}

function numberWidth({ name, value, length, attributeType }: FieldInput): number {
  const width = length === undefined ? 4 : length - (attributeType === undefined ? 0 : NLA_HDRLEN);
  if (value !== undefined && [1, 2, 4, 8].includes(width)) return width;
  throw new RangeError(`Cannot encode ${name}: a number of ${width} bytes, must have 1, 2, 4 or 8`);
}

/** Writes the value of the field at `index` of the list where the module has put the field. */
function writeValue({ field, bytes }: Listed, index: number): void {
  if (field.fields) return;
  const header = field.attributeType === undefined ? 0 : NLA_HDRLEN;
  const offset = fieldWords[index * FIELD_WORDS] + header;
  const length = fieldWords[index * FIELD_WORDS + 1] - header;
  if (bytes) scratchRegion.set(bytes.subarray(0, length), offset);
  else writeNumber(field, offset, length);
}

function writeNumber({ name, value = 0 }: FieldInput, offset: number, width: number): void {
  const whole = typeof value === "bigint" || Number.isInteger(value) ? BigInt(value as number | bigint) : undefined;
  if (
    whole === undefined || (BigInt.asUintN(width * 8, whole) !== whole && BigInt.asIntN(width * 8, whole) !== whole)
  ) {
    throw new RangeError(`Cannot encode ${name}: ${value} does not fit into ${width} bytes`);
  }
  if (width === 8) scratchView.setBigUint64(offset, BigInt.asUintN(64, whole), true);
  else if (width === 4) scratchView.setUint32(offset, Number(whole), true);
  else if (width === 2) scratchView.setUint16(offset, Number(whole), true);
  else scratchView.setUint8(offset, Number(whole));
}

function tooLong(length: number): RangeError {
  return new RangeError(`Cannot encode message: length is ${length}, must be from 16 to ${SCRATCH_LEN}`);
}
