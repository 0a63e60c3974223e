/**
 * Encodes and decodes rtnetlink messages about queueing disciplines, links and routes: bytes to
 * meaning and back, without I/O, in any JavaScript engine with WebAssembly on a little-endian machine.
 *
 * Messages are written and read in place, in one fixed exchange buffer (`sendRegion`, `receiveRegion`);
 * a result is there until the next call.
 *
 * @module
 */
export * from "./assembly/constants.ts";
export { CHUNK_MAX, RECEIVE_LEN, SEND_LEN, SLOT_LEN } from "./assembly/regions.ts";
export { DecodeError } from "./decode_error.ts";
export { receiveRegion, sendRegion } from "./exchange.ts";
export {
  formatHandle,
  formatParent,
  parseHandle,
  parseParent,
  TC_H_CLSACT,
  TC_H_INGRESS,
  TC_H_ROOT,
} from "./handle.ts";
export {
  type AnswerMessage,
  decodeReceived,
  decodeSlot,
  type LinkMessage,
  type Message,
  type OtherMessage,
  type QdiscMessage,
  type QdiscStats,
  type RouteMessage,
} from "./received.ts";
export {
  encodeRequest,
  type LinkRequest,
  type PlugOptions,
  type QdiscRequest,
  type Request,
  type RouteRequest,
} from "./request.ts";
export { decode, decodeAll, type Field } from "./tree.ts";
