import { checkObject, checkWhole, wrongInput } from "./wrong_input.ts";

/** One field of a message: a number, a string or bytes, or a struct or attribute that holds fields. */
export interface Field {
  /** The name without its prefix: `ifindex`, `KIND`. */
  name: string;
  /** The kernel's name: `tcm_ifindex`, `TCA_KIND`. Empty for bytes that have none, and for padding. */
  kernelName: string;
  /** Bytes from the start of the message. */
  offset: number;
  /** Bytes; an attribute's include its header and leave out the padding after it, which is a field of its own. */
  length: number;
  /** What it holds, unless it holds fields. A number of 64 bits is a bigint. */
  value?: number | bigint | string | Uint8Array;
  /** What the value says: `RTM_NEWQDISC`, `REQUEST|ACK`, `1:4`, `root`, `10.0.0.1`. */
  meaning?: string;
  /** Whether the number is in network order. */
  networkOrder?: true;
  /** `nla_type` with its flags, of an attribute. */
  attributeType?: number;
  /** What the flags of `nla_type` say: `NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`. */
  attributeFlags?: string;
  /** The fields that it holds. */
  fields?: Field[];
}

/**
 * The innermost field that the byte at `offset` of the message belongs to.
 *
 * @throws {TypeError} where it is given something else than a field
 * @throws {RangeError} where the offset is not a whole number from 0 on
 */
export function fieldAt(field: Field, offset: number): Field | undefined {
  checkField(field, "look into");
  checkWhole("offset", offset);
  if (offset < field.offset || offset >= field.offset + field.length) return undefined;
  for (const inner of field.fields ?? []) {
    const found = fieldAt(inner, offset);
    if (found) return found;
  }
  return field;
}

/** @throws {TypeError} where something is no field, whatever it may hold */
export function checkField(field: Field, deed: string): void {
  const wanted = "a field is an object, as decode makes it";
  checkObject(field, deed, wanted);
  const { name, kernelName, offset, length, value, fields } = field;
  const isHolding = fields === undefined ? isValue(value) : Array.isArray(fields);
  if (typeof name !== "string" || typeof kernelName !== "string" || !isHolding) throw wrongInput(deed, field, wanted);
  checkWhole(`offset of ${name}`, offset);
  checkWhole(`length of ${name}`, length);
}

function isValue(value: unknown): boolean {
  return ["number", "bigint", "string"].includes(typeof value) || value instanceof Uint8Array;
}
