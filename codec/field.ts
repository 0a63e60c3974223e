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

/** The innermost field that the byte at `offset` of the message belongs to. */
export function fieldAt(field: Field, offset: number): Field | undefined {
  if (offset < field.offset || offset >= field.offset + field.length) return undefined;
  for (const inner of field.fields ?? []) {
    const found = fieldAt(inner, offset);
    if (found) return found;
  }
  return field;
}
