/**
 * Encodes requests about plugs, queueing disciplines and links, and decodes what the kernel answers and tells of them:
 * bytes to meaning and back, without I/O, in any JavaScript engine with WebAssembly on a little-endian machine. The entry
 * point `family` decodes every message of rtnetlink, and generic netlink's controller, field by field.
 *
 * Messages are written and read in place, in one fixed exchange buffer (`sendRegion`, `receiveRegion`);
 * a result is there until the next call.
 *
 * @module
 */
export * from "./assembly/constants.ts";
export { CHUNK_MAX, RECEIVE_LEN, SEND_LEN, SLOT_LEN, SLOTS_MAX } from "./assembly/regions.ts";
export { DecodeError } from "./decode_error.ts";
export { encode, type FieldInput } from "./encode.ts";
export { errnoName } from "./errno_name.ts";
export { receiveRegion, sendRegion, slotLengths } from "./exchange.ts";
export type { Field } from "./field.ts";
export { formatHex } from "./text.ts";
export {
  formatHandle,
  formatParent,
  parseHandle,
  parseParent,
  TC_H_CLSACT,
  TC_H_INGRESS,
  TC_H_MIN_EGRESS,
  TC_H_MIN_INGRESS,
  TC_H_ROOT,
} from "./handle.ts";
export type {
  AnswerMessage,
  LinkMessage,
  Message,
  MessageHeader,
  OtherMessage,
  QdiscMessage,
  QdiscStats,
  RouteMessage,
} from "./message.ts";
export { decodeReceived, decodeSlots, readReceived, verifyAcks } from "./received.ts";
export { Records } from "./records.ts";
export {
  type ClsactRequest,
  type LinkChangeRequest,
  type LinkQuery,
  type TreeRequest,
  treeRequest,
} from "./tree_request.ts";
export {
  encodeChange,
  encodeRequest,
  type FieldsRequest,
  type LinkRequest,
  type PlugOptions,
  type QdiscRequest,
  type Request,
  type RouteRequest,
} from "./request.ts";
