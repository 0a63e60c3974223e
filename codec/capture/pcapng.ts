import { textOf } from "../text.ts";
import type { CapturedPacket, CaptureForm, CaptureInput } from "./input.ts";

/** What an interface description says. */
interface Interface {
  linkType: number;
  /** How many bytes of each packet are kept, 0 for all. */
  snapLength: number;
  ticksPerSecond: bigint;
  offsetSeconds: bigint;
}

/** The first four bytes, of a section header, which are the same in either order. */
export const PCAPNG_MAGIC = 0x0a0d0d0a;

const SECTION_ORDER = 0x1a2b3c4d;
const BLOCK_HEADER_LEN = 8;
/** A block's length stands once more at its end. */
const BLOCK_MIN = BLOCK_HEADER_LEN + 4;
const BLOCK = { interface: 1, oldPacket: 2, simplePacket: 3, packet: 6 };
/** Where in a block its options begin, or its packet does. */
const AT = { interfaceOptions: 16, packet: 28, simplePacket: 12 };
const OPTION = { comment: 1, timeResolution: 9, timeOffset: 14 };
const SECOND_NS = 1_000_000_000n;

/** Reads pcapng: blocks with a type and their length, of which it knows those for sections, interfaces and packets. */
export class Pcapng implements CaptureForm {
  readonly #input: CaptureInput;
  /** Of the section at hand. */
  #littleEndian = true;
  #interfaces: Interface[] = [];

  /** Takes where the capture comes from. */
  constructor(input: CaptureInput) {
    this.#input = input;
  }

  /** Those of the section at hand. */
  get linkTypes(): readonly number[] {
    return this.#interfaces.map(({ linkType }) => linkType);
  }

  /** The next packet, or whether to ask again. */
  next(): CapturedPacket | boolean {
    const input = this.#input;
    if (!input.has(BLOCK_MIN)) return false;
    if (input.view.getUint32(input.at) === PCAPNG_MAGIC) this.#beginSection();
    const length = this.#number(4);
    if (length < BLOCK_MIN || length % 4 !== 0) throw input.mistake(`a block of ${length} bytes`, 4);
    if (!input.has(length)) return false;
    const packet = this.#block(length);
    input.skip(length);
    return packet ?? true;
  }

  #beginSection(): void {
    const order = this.#input.view.getUint32(this.#input.at + BLOCK_HEADER_LEN, true);
    this.#littleEndian = order === SECTION_ORDER;
    if (!this.#littleEndian && this.#number(BLOCK_HEADER_LEN) !== SECTION_ORDER) {
      throw this.#input.mistake("a section that does not say how its numbers are ordered", BLOCK_HEADER_LEN);
    }
    this.#interfaces = [];
  }

  #block(length: number): CapturedPacket | undefined {
    switch (this.#number(0)) {
      case BLOCK.interface:
        this.#interfaces.push(this.#readInterface(length));
        return undefined;
      case BLOCK.packet:
        return this.#packet(this.#number(8), length);
      case BLOCK.oldPacket:
        return this.#packet(this.#number16(8), length);
      case BLOCK.simplePacket:
        return this.#simplePacket(length);
      default:
        return undefined;
    }
  }

  #readInterface(length: number): Interface {
    this.#check(AT.interfaceOptions, length);
    const resolution = this.#option(OPTION.timeResolution, AT.interfaceOptions, length)?.[0] ?? 6;
    const offset = this.#option(OPTION.timeOffset, AT.interfaceOptions, length);
    return {
      linkType: this.#number16(8),
      snapLength: this.#number(12),
      ticksPerSecond: (resolution & 0x80 ? 2n : 10n) ** BigInt(resolution & 0x7f),
      offsetSeconds: offset?.length === 8 ? viewOf(offset).getBigInt64(0, this.#littleEndian) : 0n,
    };
  }

  /** A packet with its time and its lengths, the enhanced and the older form alike. */
  #packet(index: number, length: number): CapturedPacket {
    this.#check(AT.packet, length);
    const from = this.#interface(index);
    const captured = this.#number(20);
    this.#check(AT.packet + captured, length);
    const ticks = BigInt(this.#number(12)) << 32n | BigInt(this.#number(16));
    const comment = this.#option(OPTION.comment, AT.packet + align4(captured), length);
    return {
      ...timeOf(ticks * SECOND_NS / from.ticksPerSecond + from.offsetSeconds * SECOND_NS),
      bytes: this.#input.bytes(AT.packet, captured),
      length: this.#number(24),
      linkType: from.linkType,
      ...comment && { comment: textOf(comment, 0, comment.length) },
    };
  }

  /** A packet of the first interface, without a time. */
  #simplePacket(length: number): CapturedPacket {
    this.#check(AT.simplePacket, length);
    const { linkType, snapLength } = this.#interface(0);
    const whole = this.#number(8);
    const captured = Math.min(whole, snapLength || whole);
    this.#check(AT.simplePacket + captured, length);
    return { seconds: 0, nanoseconds: 0, bytes: this.#input.bytes(AT.simplePacket, captured), length: whole, linkType };
  }

  #interface(index: number): Interface {
    const found = this.#interfaces[index];
    if (found) return found;
    throw this.#input.mistake(
      `a packet of interface ${index}, of ${this.#interfaces.length} that the section describes`,
    );
  }

  /** The value of the first option of this number, among those from `from` to the end of a block. */
  #option(number: number, from: number, blockLength: number): Uint8Array | undefined {
    const end = blockLength - 4;
    for (let at = from; at + 4 <= end;) {
      const [type, size] = [this.#number16(at), this.#number16(at + 2)];
      if (type === 0 || at + 4 + size > end) return undefined;
      if (type === number) return this.#input.bytes(at + 4, size);
      at += 4 + align4(size);
    }
    return undefined;
  }

  /** Checks that a block is long enough for `needed` bytes, and for its length once more. */
  #check(needed: number, length: number): void {
    if (needed + 4 > length) {
      throw this.#input.mistake(`a block of ${length} bytes, must have at least ${needed + 4}`, 4);
    }
  }

  #number(from: number): number {
    return this.#input.view.getUint32(this.#input.at + from, this.#littleEndian);
  }

  #number16(from: number): number {
    return this.#input.view.getUint16(this.#input.at + from, this.#littleEndian);
  }
}

function align4(length: number): number {
  return length + 3 & ~3;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function timeOf(timeNs: bigint): { seconds: number; nanoseconds: number } {
  const nanoseconds = (timeNs % SECOND_NS + SECOND_NS) % SECOND_NS;
  return { seconds: Number((timeNs - nanoseconds) / SECOND_NS), nanoseconds: Number(nanoseconds) };
}
