import type { CapturedPacket, CaptureForm, CaptureInput } from "./input.ts";

const FILE_HEADER_LEN = 24;
const PACKET_HEADER_LEN = 16;
const SECOND_NS = 1e9;
/** The first four bytes as a big-endian number: how its numbers are ordered, and nanoseconds a tick. */
const MAGIC: Readonly<Record<number, readonly [littleEndian: boolean, tickNs: number]>> = {
  0xd4c3b2a1: [true, 1000],
  0x4d3cb2a1: [true, 1],
  0xa1b2c3d4: [false, 1000],
  0xa1b23c4d: [false, 1],
};

/** Whether a capture that begins with this number, read as big-endian, is pcap. */
export function isPcap(magic: number): boolean {
  return Object.hasOwn(MAGIC, magic);
}

/** Reads pcap: `pcap_file_header`, then `pcap_pkthdr` and the bytes of each packet. */
export class Pcap implements CaptureForm {
  readonly #input: CaptureInput;
  /** What the file header says, once that has come. */
  #header?: { littleEndian: boolean; tickNs: number; linkType: number };

  /** Takes where the capture comes from. */
  constructor(input: CaptureInput) {
    this.#input = input;
  }

  /** That of the file. */
  get linkTypes(): readonly number[] {
    return this.#header ? [this.#header.linkType] : [];
  }

  /** The next packet, or whether to ask again. */
  next(): CapturedPacket | boolean {
    if (!this.#header) return this.#readHeader();
    const { littleEndian, tickNs, linkType } = this.#header;
    const input = this.#input;
    if (!input.has(PACKET_HEADER_LEN)) return false;
    const { view, at } = input;
    const captured = view.getUint32(at + 8, littleEndian);
    if (!input.has(captured, PACKET_HEADER_LEN)) return false;
    const ticks = view.getUint32(at + 4, littleEndian);
    const isWithinSecond = ticks * tickNs < SECOND_NS;
    const packet = {
      seconds: view.getUint32(at, littleEndian) + (isWithinSecond ? 0 : Math.floor(ticks * tickNs / SECOND_NS)),
      nanoseconds: isWithinSecond ? ticks * tickNs : ticks * tickNs % SECOND_NS,
      bytes: input.bytes(PACKET_HEADER_LEN, captured),
      length: view.getUint32(at + 12, littleEndian),
      linkType,
    };
    input.skip(PACKET_HEADER_LEN + captured);
    return packet;
  }

  #readHeader(): boolean {
    if (!this.#input.has(FILE_HEADER_LEN)) return false;
    const { view, at } = this.#input;
    const [littleEndian, tickNs] = MAGIC[view.getUint32(at)];
    this.#header = { littleEndian, tickNs, linkType: view.getUint32(at + 20, littleEndian) & 0xffff };
    this.#input.skip(FILE_HEADER_LEN);
    return true;
  }
}
