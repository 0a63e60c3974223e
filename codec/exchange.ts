import { hex } from "./wasm.ts";
import {
  FAILURE_AT,
  KIND_SIZE,
  KINDS_AT,
  KINDS_MAX,
  RECEIVE_AT,
  RECEIVE_LEN,
  SCRATCH_AT,
  SCRATCH_LEN,
  SEND_AT,
  SEND_LEN,
  SLOT_LENGTHS_AT,
  SLOTS_MAX,
} from "./assembly/regions.ts";

/** What the WebAssembly module exports; see `assembly/` for what each does. */
interface Exports {
  memory: WebAssembly.Memory & { readonly buffer: ArrayBuffer };
  verifyAcks(count: number, sequence: number): number;
  decodeChunk(length: number): number;
  decodeSlots(count: number): number;
}

/** Bytes from two digits each, by `Uint8Array.fromHex` where the engine has it: Node 20 has not. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const native = Uint8Array as unknown as {
    fromHex?: (text: string) => Uint8Array<ArrayBuffer>;
  };
  if (native.fromHex) return native.fromHex(text);
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

/**
 * The one piece of module state: the exchange buffer and the code that works in it. Every call leaves
 * its result there until the next call, and nothing is awaited in between. Each function is a constant
 * of its own, which engines call in half the time.
 */
export const {
  memory: wasmMemory,
  verifyAcks,
  decodeChunk,
  decodeSlots,
}: Exports = new WebAssembly.Instance(
  new WebAssembly.Module(fromHex(hex)),
).exports as unknown as Exports;

const memory = wasmMemory.buffer;

function bytesAt(at: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(memory, at, length);
}

function wordsAt(at: number, length: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(memory, at, length / 4);
}

/** The bytes that requests are encoded into and a socket sends, `SEND_LEN` of them. */
export const sendRegion: Uint8Array<ArrayBuffer> = bytesAt(SEND_AT, SEND_LEN);

/**
 * The bytes that a socket receives, `RECEIVE_LEN` of them: a run of messages of up to `CHUNK_MAX` bytes for
 * `decodeReceived`, or `SLOTS_MAX` slots of `SLOT_LEN` bytes with a message each.
 */
export const receiveRegion: Uint8Array<ArrayBuffer> = bytesAt(RECEIVE_AT, RECEIVE_LEN);

/** The length in bytes of the datagram in each slot; whoever receives them writes it. */
export const slotLengths: Uint32Array<ArrayBuffer> = wordsAt(SLOT_LENGTHS_AT, SLOTS_MAX * 4);

/** The kinds of qdiscs seen so far, `KIND_SIZE` bytes each: an attribute's header, then the kind. */
export const kindRegion: Uint8Array<ArrayBuffer> = bytesAt(KINDS_AT, KINDS_MAX * KIND_SIZE);

export const scratchRegion: Uint8Array<ArrayBuffer> = bytesAt(SCRATCH_AT, SCRATCH_LEN);
export const scratchView: DataView<ArrayBuffer> = new DataView(memory, SCRATCH_AT, SCRATCH_LEN);
/** The whole memory: what decoded messages say is read from it. */
export const memoryWords: Uint32Array<ArrayBuffer> = new Uint32Array(memory);
/** Why a call returned -1: code, address, the value found, the value needed. */
export const failureWords: Uint32Array<ArrayBuffer> = wordsAt(FAILURE_AT, 16);
