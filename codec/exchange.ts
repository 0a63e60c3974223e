import { base64 } from "./wasm.ts";
import {
  FAILURE_AT,
  FIELDS_AT,
  FIELDS_LEN,
  RECEIVE_AT,
  RECEIVE_LEN,
  RECORDS_AT,
  SCRATCH_AT,
  SCRATCH_LEN,
  SEND_AT,
  SEND_LEN,
} from "./assembly/regions.ts";

/** What the WebAssembly module exports; see `assembly/` for what each does. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer };
  encodeQdisc(
    at: number,
    typeAndFlags: number,
    sequence: number,
    ifindex: number,
    handle: number,
    parent: number,
    carries: number,
    action: number,
    limit: number,
  ): number;
  encodeGetLink(
    at: number,
    flags: number,
    sequence: number,
    ifindex: number,
  ): number;
  encodeGetRoute(
    at: number,
    flags: number,
    sequence: number,
    family: number,
    addressLength: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ): number;
  decodeChunk(length: number): number;
  decodeSlot(index: number, length: number): number;
  decodeTree(length: number): number;
}

/** `Uint8Array.fromBase64` where the engine has it: a third of the time. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = Uint8Array as unknown as {
    fromBase64?: (text: string) => Uint8Array<ArrayBuffer>;
  };
  if (native.fromBase64) return native.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/**
 * The one piece of module state: the exchange buffer and the code that works in it. Every call leaves
 * its result there until the next call, and nothing is awaited in between.
 */
export const wasm: Exports = new WebAssembly.Instance(
  new WebAssembly.Module(fromBase64(base64)),
).exports as unknown as Exports;

const memory = wasm.memory.buffer;

/** The bytes that `encodeRequest` writes and a socket sends. */
export const sendRegion: Uint8Array<ArrayBuffer> = new Uint8Array(
  memory,
  SEND_AT,
  SEND_LEN,
);

/** The bytes that a socket receives and `decodeChunk` and `decodeSlot` read. */
export const receiveRegion: Uint8Array<ArrayBuffer> = new Uint8Array(
  memory,
  RECEIVE_AT,
  RECEIVE_LEN,
);

export const scratchRegion: Uint8Array<ArrayBuffer> = new Uint8Array(
  memory,
  SCRATCH_AT,
  SCRATCH_LEN,
);
export const recordWords: Uint32Array<ArrayBuffer> = new Uint32Array(
  memory,
  RECORDS_AT,
  (FIELDS_AT - RECORDS_AT) / 4,
);
export const fieldWords: Uint32Array<ArrayBuffer> = new Uint32Array(
  memory,
  FIELDS_AT,
  FIELDS_LEN / 4,
);
export const failureWords: Int32Array<ArrayBuffer> = new Int32Array(
  memory,
  FAILURE_AT,
  4,
);
