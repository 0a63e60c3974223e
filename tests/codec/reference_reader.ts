// What the second decoder reads with.

/** Why it refused, and where. */
export class Refused extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super(`Malformed at offset ${offset}`);
    this.offset = offset;
  }
}

/** What is compared of a message. */
export type Said = Record<string, unknown>;

/** An attribute: its header at `at`, its payload from `start` to `end`. */
export interface Attribute {
  at: number;
  type: number;
  rawType: number;
  start: number;
  end: number;
  /** Where the next begins, or the end where it would be beyond. */
  next: number;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes, and the checks that every part of them needs. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(at: number): number {
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  s32(at: number): number {
    return this.view.getInt32(at, true);
  }

  u64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  text({ start, end }: Attribute): string {
    let stop = start;
    while (stop < end && this.u8(stop) !== 0) stop++;
    return utf8.decode(this.bytes.subarray(start, stop));
  }

  /** The length of the message at `at`, which must be whole before `limit`. */
  message(at: number, limit: number): number {
    if (limit - at < 16) throw new Refused(at);
    const length = this.u32(at);
    if (length < 16 || length > limit - at) throw new Refused(at);
    return length;
  }

  *attributes(from: number, limit: number): Generator<Attribute> {
    for (let at = from; at < limit;) {
      const attribute = this.attribute(at, limit);
      yield attribute;
      at = attribute.next;
    }
  }

  attribute(at: number, limit: number): Attribute {
    if (limit - at < 4) throw new Refused(at);
    const length = this.u16(at);
    if (length < 4 || length > limit - at) throw new Refused(at);
    const next = Math.min(at + Math.ceil(length / 4) * 4, limit);
    const rawType = this.u16(at + 2);
    return { at, rawType, type: rawType % 0x4000, start: at + 4, end: at + length, next };
  }

  /** Refuses an attribute whose payload is too short. */
  atLeast({ at, start, end }: Attribute, bytes: number): number {
    if (end - start < bytes) throw new Refused(at);
    return start;
  }
}

/** Refuses a message that is too short. */
export function need(at: number, end: number, bytes: number): void {
  if (end - at < bytes) throw new Refused(at);
}
