const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const HEX = encoder.encode("0123456789abcdef");
const [ZERO, SPACE, MINUS] = [48, 32, 45];
/** The longest number: a bigint of 64 bits with its sign. */
const DIGITS_MAX = 20;

/** Text as it is written, in UTF-8: what is printed by the hundred megabytes must not become strings on the way. */
export class ByteText {
  /** What was written, up to `length`. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 12);
  /** How many bytes were written. */
  length = 0;

  /** Sees that there is room for so many bytes more. */
  room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.length + count, 2 * this.bytes.length));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
  }

  /** Gives what was written, which the next that is written overwrites. */
  take(): Uint8Array<ArrayBuffer> {
    const { length } = this;
    this.length = 0;
    return this.bytes.subarray(0, length);
  }

  /** What was written, as a string. */
  toString(): string {
    return decoder.decode(this.bytes.subarray(0, this.length));
  }

  /** Adds a byte. */
  byte(byte: number): void {
    this.room(1);
    this.bytes[this.length++] = byte;
  }

  /** Adds a text. */
  text(text: string): void {
    this.room(3 * text.length);
    const { bytes, length } = this;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.length = length + encoder.encodeInto(text, bytes.subarray(length)).written;
        return;
      }
      bytes[length + index] = code;
    }
    this.length = length + text.length;
  }

  /** Adds bytes of a text. */
  copy(from: Uint8Array): void {
    this.room(from.length);
    const { bytes, length } = this;
    for (let index = 0; index < from.length; index++) bytes[length + index] = from[index];
    this.length = length + from.length;
  }

  /** Adds spaces up to `end` bytes, where there are fewer. */
  padTo(end: number): void {
    this.room(end - this.length);
    const { bytes } = this;
    let { length } = this;
    while (length < end) bytes[length++] = SPACE;
    this.length = length;
  }

  /** Adds a whole number between -2^53 and 2^53. */
  number(value: number): void {
    this.room(DIGITS_MAX);
    let rest = value;
    if (rest < 0) {
      this.bytes[this.length++] = MINUS;
      rest = -rest;
    }
    const end = this.length + digitsOf(rest);
    this.length = end;
    let at = end - 1;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 10)) this.bytes[at--] = ZERO + rest % 10;
    // Of numbers of 31 bits division is fast
    let small = rest | 0;
    do {
      const tenth = small / 10 | 0;
      this.bytes[at--] = ZERO + small - tenth * 10;
      small = tenth;
    } while (small > 0);
  }

  /** Adds bytes in hex, two digits each. */
  hex(from: Uint8Array, start = 0, end = from.length): void {
    this.room(2 * (end - start));
    const { bytes } = this;
    for (let at = start; at < end; at++) {
      bytes[this.length++] = HEX[from[at] >> 4];
      bytes[this.length++] = HEX[from[at] & 15];
    }
  }
}

/** Bytes one behind another. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** How many digits a number has. */
export function digitsOf(number: number): number {
  if (number < 10) return 1;
  if (number < 100) return 2;
  if (number < 1000) return 3;
  let count = 4;
  for (let limit = 10_000; number >= limit; limit *= 10) count++;
  return count;
}
