// What the module exports: numbers in, numbers out, bytes in the exchange buffer.
export { decodeChunk, decodeSlot } from "./records";
export { encodeGetLink, encodeGetRoute, encodeQdisc } from "./request";
export { decodeTree } from "./tree";
