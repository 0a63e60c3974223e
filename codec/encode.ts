import { NLA_HDRLEN, NLMSG_HDRLEN } from "./assembly/constants.ts";
import { SCRATCH_LEN } from "./assembly/regions.ts";
import { checkObject, checkWhole, wrongInput } from "./wrong_input.ts";
import { scratchRegion, scratchView } from "./exchange.ts";

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
  /** Whether the number is in network order. */
  networkOrder?: true;
  /** `nla_type` with its flags: makes it an attribute. */
  attributeType?: number;
  /** The fields that it holds, in the order of their bytes. */
  fields?: readonly FieldInput[];
}

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
 * @throws {TypeError} where the message is no object, or a field of it none, or holds something of another kind
 */
export function encode(message: FieldInput): Uint8Array<ArrayBuffer> {
  checkObject(message, "encode", "a message has fields, as decode makes them");
  const length = putFields(message.fields ?? [], 0, 1);
  if (length < NLMSG_HDRLEN) throw badLength(length);
  scratchView.setUint32(0, length, true);
  return scratchRegion.slice(0, length);
}

/** Writes fields from `at` on. Attributes begin at multiples of 4 bytes, and end what holds them at one. */
function putFields(fields: readonly FieldInput[], at: number, depth: number): number {
  checkObject(fields, "encode", "fields are an array", true);
  let here = at;
  let isOpen = false;
  for (const field of fields) {
    checkObject(field, "encode", "a field is an object, with a value or fields");
    if (depth > DEPTH_MAX) {
      throw new RangeError(`Cannot encode ${field.name}: it is more than ${DEPTH_MAX} fields deep`);
    }
    const isAttribute = field.attributeType !== undefined;
    here = putField(field, isAttribute ? aligned(here) : here, depth);
    isOpen = isAttribute;
  }
  return isOpen ? aligned(here) : here;
}

/** Writes one field, and returns where it ends. */
function putField(field: FieldInput, at: number, depth: number): number {
  const { attributeType } = field;
  if (attributeType === undefined) return putPayload(field, at, depth);
  checkWhole(`attributeType of ${field.name}`, attributeType, 0xffff);
  room(at, NLA_HDRLEN);
  const end = putPayload(field, at + NLA_HDRLEN, depth);
  scratchView.setUint16(at, end - at, true);
  scratchView.setUint16(at + 2, attributeType, true);
  return end;
}

function putPayload(field: FieldInput, at: number, depth: number): number {
  const { fields, value } = field;
  if (fields) return putFields(fields, at, depth + 1);
  if (typeof value === "string") return putBytes(encoder.encode(`${value}\0`), at);
  if (!(value instanceof Uint8Array)) return putNumber(field, at);
  // No more padding than there is room for, which would shift what follows
  return putBytes(field.name === "padding" ? value.subarray(0, -at & 3) : value, at);
}

function putBytes(bytes: Uint8Array, at: number): number {
  room(at, bytes.length);
  scratchRegion.set(bytes, at);
  return at + bytes.length;
}

function putNumber({ name, value, length, attributeType, networkOrder }: FieldInput, at: number): number {
  const width = length === undefined
    ? 4
    : checkWhole(`length of ${name}`, length) - (attributeType === undefined ? 0 : NLA_HDRLEN);
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw wrongInput(`encode ${name} as`, value, "a value is a number, a bigint, a string or a Uint8Array");
  }
  if (![1, 2, 4, 8].includes(width)) {
    throw new RangeError(`Cannot encode ${name}: a number of ${width} bytes, must have 1, 2, 4 or 8`);
  }
  const whole = typeof value === "bigint" || Number.isInteger(value) ? BigInt(value) : undefined;
  if (
    whole === undefined || (BigInt.asUintN(width * 8, whole) !== whole && BigInt.asIntN(width * 8, whole) !== whole)
  ) {
    throw new RangeError(`Cannot encode ${name}: ${value} does not fit into ${width} bytes`);
  }
  room(at, width);
  const isLittle = !networkOrder;
  if (width === 8) scratchView.setBigUint64(at, BigInt.asUintN(64, whole), isLittle);
  else if (width === 4) scratchView.setUint32(at, Number(whole), isLittle);
  else if (width === 2) scratchView.setUint16(at, Number(whole), isLittle);
  else scratchView.setUint8(at, Number(whole));
  return at + width;
}

/** `at`, or as far beyond as it takes to be a multiple of 4, with zeros on the way. */
function aligned(at: number): number {
  const end = at + 3 & ~3;
  scratchRegion.fill(0, at, end);
  return end;
}

function room(at: number, length: number): void {
  if (at + length > SCRATCH_LEN) throw badLength(at + length);
}

function badLength(length: number): RangeError {
  return new RangeError(`Cannot encode message: length is ${length}, must be from ${NLMSG_HDRLEN} to ${SCRATCH_LEN}`);
}
