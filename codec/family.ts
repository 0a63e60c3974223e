/**
 * Decodes every message of rtnetlink that Linux 6.12 has: links, addresses, neighbours, routes, rules, next hops, qdiscs,
 * classes, filters, chains, actions, statistics, multicast groups and VLANs of bridges, data centre bridging, with the
 * options of every kind of device, qdisc, filter and action; and of generic netlink the controller and `psample`, by
 * `genericFamily`, and in captures of themselves. The tables behind it are about 100 KB of code, which the core of the
 * codec does without.
 *
 * @module
 */
import type { Field } from "./field.ts";
import { ROUTE_FAMILY } from "./spec/family.ts";
import { checkFamily, type Family } from "./spec/table.ts";
import { decodeTree, decodeTrees } from "./tree.ts";

export { buildMessage, type MessageInput, type Value, type Values } from "./build_message.ts";
export { aboutPlugs, plugFilter } from "./about_plugs.ts";
export { type CapturedMessage, CaptureReader, formatTime, readCapture } from "./capture.ts";
export { DecodeError } from "./decode_error.ts";
export { encode, type FieldInput } from "./encode.ts";
export { type Field, fieldAt } from "./field.ts";
export { formatMessage, formatSummary } from "./format_message.ts";
export { formatHex } from "./text.ts";
export { numberNamed } from "./names.ts";
export { genericFamily, ROUTE_FAMILY } from "./spec/family.ts";
export type {
  ArrayType,
  Attribute,
  BytesType,
  Family,
  Kind,
  KindType,
  ListType,
  Member,
  MessageSpec,
  Names,
  NestType,
  NumberType,
  RunType,
  Space,
  StringType,
  Struct,
  StructType,
  Type,
} from "./spec/table.ts";

/**
 * Decodes one netlink message into a tree of its fields, which covers each byte of the message once, but for the
 * attributes' headers. `encode` is the way back.
 * Bytes after the message are left alone: `field.length`, rounded up to 4, is where the next begins.
 *
 * ```ts
 * import { decode, formatSummary } from "@plugctl/plugctl/family";
 *
 * const request = Uint8Array.fromHex("1400000012000103010000000000000000000000");
 * console.log(formatSummary(decode(request))); // RTM_GETLINK REQUEST|ROOT|MATCH sequence 1
 * ```
 *
 * @throws {TypeError} where it is given something else than bytes, or than a family
 * @throws {DecodeError} where the bytes are malformed; it says at which offset, and has the fields before as `partial`
 */
export function decode(bytes: Uint8Array, family: Family = ROUTE_FAMILY): Field {
  checkFamily(family);
  return decodeTree(bytes, family);
}

/**
 * Decodes a run of netlink messages, as one read of a socket gives them.
 *
 * @throws {TypeError} where it is given something else than bytes, or than a family
 * @throws {DecodeError} where the bytes are malformed; its offset counts from the start of the run, its `messages` are
 * those before, and its `partial` is the one at fault, as far as it goes
 */
export function decodeAll(bytes: Uint8Array, family: Family = ROUTE_FAMILY): Field[] {
  checkFamily(family);
  return decodeTrees(bytes, family);
}
