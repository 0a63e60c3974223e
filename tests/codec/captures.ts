// Captures put together by hand, in the forms that libpcap and Wireshark have.
import { concat } from "./bytes.ts";

/** How a pcap file is written. */
export interface PcapForm {
  littleEndian?: boolean;
  magic?: number;
  linkType?: number;
  /** How many bytes of each packet are kept. */
  snapLength?: number;
}

/** Numbers of 32 bits in one order or the other. */
export function numbers(values: readonly number[], littleEndian = true): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => view.setUint32(index * 4, value, littleEndian));
  return new Uint8Array(view.buffer);
}

/** A datagram as an nlmon device shows it. */
export function cooked(datagram: Uint8Array, protocol = 0): Uint8Array {
  return concat(Uint8Array.of(0, 4, 3, 56, ...new Uint8Array(10), protocol >> 8, protocol & 0xff), datagram);
}

/** `pcap_file_header`, and each datagram behind `pcap_pkthdr` and the cooked header; the first at 5 s and 7 ticks. */
export function pcap(datagrams: readonly Uint8Array[], form: PcapForm = {}): Uint8Array<ArrayBuffer> {
  const { littleEndian = true, magic = 0xa1b2c3d4, linkType = 253, snapLength = 0x40000 } = form;
  const header = numbers([magic, 0x40002, 0, 0, snapLength, linkType], littleEndian);
  return concat(header, ...datagrams.map((each, index) => pcapPacket(cooked(each), { ...form, index })));
}

/** `pcap_pkthdr` and a packet, or its beginning. */
export function pcapPacket(
  bytes: Uint8Array,
  { index = 0, littleEndian = true, snapLength = bytes.length }: PcapForm & { index?: number } = {},
): Uint8Array<ArrayBuffer> {
  const kept = bytes.subarray(0, snapLength);
  return concat(numbers([5 + index, 7, kept.length, bytes.length], littleEndian), kept);
}

/** A block of pcapng: its type, its length, its body padded, its length again. */
export function block(type: number, body: Uint8Array, littleEndian = true): Uint8Array<ArrayBuffer> {
  const length = 12 + (body.length + 3 & ~3);
  const padding = new Uint8Array(-body.length & 3);
  return concat(numbers([type, length], littleEndian), body, padding, numbers([length], littleEndian));
}

/** An option of a block, padded. */
export function option(type: number, value: Uint8Array, littleEndian = true): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(4));
  header.setUint16(0, type, littleEndian);
  header.setUint16(2, value.length, littleEndian);
  return concat(new Uint8Array(header.buffer), value, new Uint8Array(-value.length & 3));
}

/** The header of a section. */
export function section(littleEndian = true): Uint8Array<ArrayBuffer> {
  return block(0x0a0d0d0a, numbers([0x1a2b3c4d, 0x10000, 0xffffffff, 0xffffffff], littleEndian), littleEndian);
}

/** How the packets of an interface are written. */
export interface InterfaceForm {
  littleEndian?: boolean;
  linkType?: number;
  snapLength?: number;
  options?: readonly Uint8Array[];
}

/** The description of an interface. */
export function describeInterface(
  { littleEndian = true, linkType = 253, snapLength = 0, options = [] }: InterfaceForm = {},
): Uint8Array<ArrayBuffer> {
  const type = new DataView(new ArrayBuffer(4));
  type.setUint16(0, linkType, littleEndian);
  return block(1, concat(new Uint8Array(type.buffer), numbers([snapLength], littleEndian), ...options), littleEndian);
}

/** How an enhanced packet is written. */
export interface EnhancedForm {
  littleEndian?: boolean;
  index?: number;
  ticks?: bigint;
  snapLength?: number;
  options?: readonly Uint8Array[];
}

/** A packet of an interface. */
export function enhanced(bytes: Uint8Array, form: EnhancedForm = {}): Uint8Array<ArrayBuffer> {
  const { littleEndian = true, index = 0, ticks = 0n, snapLength = bytes.length, options = [] } = form;
  const kept = bytes.subarray(0, snapLength);
  const head = [index, Number(ticks >> 32n), Number(ticks & 0xffffffffn), kept.length, bytes.length];
  const padding = new Uint8Array(-kept.length & 3);
  return block(6, concat(numbers(head, littleEndian), kept, padding, ...options), littleEndian);
}
