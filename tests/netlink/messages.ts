// What a kernel answers, as bytes: only what the tests need of each message.
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  RTM_NEWQDISC,
  TCA_KIND,
} from "../../codec/mod.ts";

/** Joins runs of bytes. */
export function bytes(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Numbers of 32 bits. */
export function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** Numbers of 16 bits. */
export function u16(...values: number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(values).buffer);
}

/** A string with the NUL that ends it. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** `struct nlattr`, the payload, and padding up to a multiple of 4. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  return bytes(u16(payload.length + 4, type), payload, new Uint8Array(-payload.length & 3));
}

/** `struct nlmsghdr` and what follows it. */
export function message(
  { type, flags = 0, sequence }: { type: number; flags?: number; sequence: number },
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const payload = bytes(...parts);
  return bytes(u32(NLMSG_HDRLEN + payload.length), u16(type, flags), u32(sequence, 0), payload);
}

/** The answer to a request that was carried out. */
export function ack(sequence: number): Uint8Array {
  return refusal(sequence, 0);
}

/** The answer to a request that was refused, which is not echoed. */
export function refusal(
  sequence: number,
  errno: number,
  { sentence, offset }: { sentence?: string; offset?: number } = {},
): Uint8Array {
  const attributes = [
    ...sentence === undefined ? [] : [attribute(NLMSGERR_ATTR_MSG, cString(sentence))],
    ...offset === undefined ? [] : [attribute(NLMSGERR_ATTR_OFFS, u32(offset))],
  ];
  const flags = NLM_F_CAPPED | (attributes.length === 0 ? 0 : NLM_F_ACK_TLVS);
  const request = new Uint8Array(NLMSG_HDRLEN);
  return message({ type: NLMSG_ERROR, flags, sequence }, u32(-errno), request, ...attributes);
}

/** The end of a dump, or of one that failed. */
export function done(sequence: number, { errno = 0, flags = 0 } = {}): Uint8Array {
  return message({ type: NLMSG_DONE, flags: NLM_F_MULTI | flags, sequence }, u32(-errno));
}

/** A qdisc in a dump. */
export function qdisc(sequence: number, { ifindex = 1, kind = "plug", flags = 0 } = {}): Uint8Array {
  const tcmsg = u32(0, ifindex, 0x10000, 0xffffffff, 2);
  return message(
    { type: RTM_NEWQDISC, flags: NLM_F_MULTI | flags, sequence },
    tcmsg,
    attribute(TCA_KIND, cString(kind)),
  );
}

/** `nlmsg_seq` of the first message. */
export function sequenceOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(8, true);
}
