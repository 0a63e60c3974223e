import { DecodeError } from "../decode_error.ts";

/** A packet that says it is longer is none: libpcap keeps at most 256 KiB of one. */
const LENGTH_MAX = 16 << 20;

/** What has come of a capture and is not read yet. */
export class CaptureInput {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Where in the bytes the next packet begins, and how many bytes of the capture precede the bytes. */
  #at = 0;
  #before = 0;
  /** What was missing when it was asked last. */
  #lack?: { from: number; left: number; needed: number };

  /** The bytes of what has come, for numbers; `at` is where the next packet begins. */
  get view(): DataView {
    return this.#view;
  }

  /** Where in `view` the next packet begins. */
  get at(): number {
    return this.#at;
  }

  /** Takes the next part of the capture, which must stay as it is until `keep` is called. */
  append(part: Uint8Array): void {
    this.#set(joined(this.#bytes, part));
  }

  /** Copies what is left, so that the last part may be written over. */
  keep(): void {
    this.#set(this.#bytes.slice(this.#at));
  }

  #set(bytes: Uint8Array): void {
    this.#before += this.#at;
    this.#at = 0;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /**
   * Whether `needed` bytes are there, `from` bytes behind where the next packet begins.
   *
   * @throws {DecodeError} where no packet needs so many
   */
  has(needed: number, from = 0): boolean {
    if (needed > LENGTH_MAX) throw this.mistake(`a packet of ${needed} bytes, must be at most ${LENGTH_MAX}`, from);
    const left = this.#bytes.length - this.#at - from;
    this.#lack = left < needed ? { from, left, needed } : undefined;
    return left >= needed;
  }

  /** Some bytes, `from` bytes behind where the next packet begins. */
  bytes(from: number, length: number): Uint8Array {
    return this.#bytes.subarray(this.#at + from, this.#at + from + length);
  }

  /** Goes on behind `length` bytes. */
  skip(length: number): void {
    this.#at += length;
  }

  /**
   * Says that nothing more comes.
   *
   * @throws {DecodeError} where something is missing
   */
  end(): void {
    if (this.#bytes.length === this.#at) return;
    const { from, left, needed } = this.#lack ?? { from: 0, left: 0, needed: 0 };
    throw this.mistake(`${left} bytes are left of a packet that needs ${needed}`, from);
  }

  /** The error for what is wrong `from` bytes behind where the next packet begins. */
  mistake(why: string, from = 0): DecodeError {
    const offset = this.#before + this.#at + from;
    return new DecodeError(`Cannot read capture at offset ${offset}: ${why}`, offset);
  }
}

function joined(left: Uint8Array, part: Uint8Array): Uint8Array {
  if (left.length === 0) return part;
  const bytes = new Uint8Array(left.length + part.length);
  bytes.set(left);
  bytes.set(part, left.length);
  return bytes;
}

/** A packet of a capture. */
export interface CapturedPacket {
  /** When it was seen, in seconds since 1970; 0 where the capture does not say. */
  seconds: number;
  /** What of the next second had passed. */
  nanoseconds: number;
  /** What of it was captured, in the part of the capture that was given last. */
  bytes: Uint8Array;
  /** How long it was: more than `bytes` where only its beginning was captured. */
  length: number;
  /** `LINKTYPE_*` of libpcap: what it begins with. */
  linkType: number;
  /** What somebody wrote about it. */
  comment?: string;
}

/** Reads one form of capture. */
export interface CaptureForm {
  /** What the packets begin with, as far as the capture has said it by now. */
  readonly linkTypes: readonly number[];
  /** The next packet, or else whether to ask again: `false` where more of the capture must come first. */
  next(): CapturedPacket | boolean;
}
