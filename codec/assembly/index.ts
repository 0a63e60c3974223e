// What the module exports: numbers in, numbers out, bytes in the exchange buffer.
export { verifyAcks } from "./acks";
export { decodeChunk, decodeSlots } from "./records";
