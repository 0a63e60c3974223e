// What the module exports: numbers in, numbers out, bytes in the exchange buffer.
export { verifyAcks } from "./acks";
export { decodeFlower } from "./flower_keys";
export { layTree } from "./layout";
export { decodeChunk, decodeSlots } from "./records";
export { encodeBatch, encodeGetLink, encodeGetRoute, encodeQdisc, patchBatch } from "./request";
export { decodeTree } from "./tree";
