import { joined } from "../codec/byte_text.ts";

/** An interface of a capture: whose packets they are. */
export interface CaptureInterface {
  /** As Wireshark shows it: the name of a gate or a device. */
  name: string;
  /** More about it. */
  description?: string;
  /** `LINKTYPE_*` of libpcap: what its packets begin with. */
  linkType: number;
  /** How many bytes of a packet are kept at the most, 0 for all. */
  snapLength: number;
}

/** A packet to be written. */
export interface WrittenPacket {
  /** Which of the interfaces, by the order in which they were written, from 0 on. */
  interface: number;
  /** Nanoseconds since 1970. */
  timeNs: bigint;
  /** What was captured of it. */
  bytes: Uint8Array;
  /** How long it was. */
  length: number;
  /** What is said of it. */
  comment?: string;
}

/** `LINKTYPE_ETHERNET` and `LINKTYPE_RAW`: packets that begin with an Ethernet header, or with that of IP. */
export const LINKTYPE = { ethernet: 1, ip: 101 } as const;

const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 6 };
const OPTION = { comment: 1, name: 2, description: 3, application: 4, timeResolution: 9 };
const ORDER = 0x1a2b3c4d;
const VERSION = 1;
/** The power of ten by which a second is divided: nanoseconds. */
const NANOSECONDS = Uint8Array.of(9);
const encoder = new TextEncoder();

/** What a capture begins with. pcapng, little-endian: section header, of a length that is not said. */
export function writeSection(application: string): Uint8Array<ArrayBuffer> {
  return block(BLOCK.section, [words(ORDER, VERSION, 0xffffffff, 0xffffffff), option(OPTION.application, application)]);
}

/** The description of an interface, which precedes its packets. */
export function writeInterface(
  { name, description, linkType, snapLength }: CaptureInterface,
): Uint8Array<ArrayBuffer> {
  return block(BLOCK.interface, [
    words(linkType, snapLength),
    option(OPTION.name, name),
    ...description === undefined ? [] : [option(OPTION.description, description)],
    option(OPTION.timeResolution, NANOSECONDS),
  ]);
}

/** What a packet's block has beside its bytes and its comment: seven words before, the end of options and the length behind. */
const AROUND_LEN = 28 + 8;

/** A packet with its time and its comment. In one piece: there may be 100,000 a second. */
export function writePacket(packet: WrittenPacket): Uint8Array<ArrayBuffer> {
  const { timeNs, bytes, length, comment } = packet;
  const said = comment === undefined ? undefined : encoder.encode(comment).subarray(0, 0xffff);
  const padded = bytes.length + 3 & ~3;
  const total = AROUND_LEN + padded + (said ? 4 + (said.length + 3 & ~3) : 0);
  const block = new Uint8Array(total);
  const view = new DataView(block.buffer);
  view.setUint32(0, BLOCK.packet, true);
  view.setUint32(4, total, true);
  view.setUint32(8, packet.interface, true);
  const time = BigInt.asUintN(64, timeNs);
  view.setUint32(12, Number(time >> 32n), true);
  view.setUint32(16, Number(time & 0xffffffffn), true);
  view.setUint32(20, bytes.length, true);
  view.setUint32(24, length, true);
  block.set(bytes, 28);
  if (said) {
    view.setUint16(28 + padded, OPTION.comment, true);
    view.setUint16(30 + padded, said.length, true);
    block.set(said, 32 + padded);
  }
  // The end of the options is four zeros
  view.setUint32(total - 4, total, true);
  return block;
}

/** A block: its type, its length, its parts, options ended, its length again. */
function block(type: number, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = 8 + parts.reduce((sum, part) => sum + part.length, 0) + 4 + 4;
  // The end of the options is four zeros
  return joined([words(type, length), ...parts, words(0, length)]);
}

function option(type: number, value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const said = typeof value === "string" ? encoder.encode(value).subarray(0, 0xffff) : value;
  const bytes = new Uint8Array(4 + (said.length + 3 & ~3));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type, true);
  view.setUint16(2, said.length, true);
  bytes.set(said, 4);
  return bytes;
}

function words(...values: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value, true));
  return bytes;
}
