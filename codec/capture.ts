import { DecodeError } from "./decode_error.ts";
import type { Field } from "./field.ts";
import { decode } from "./tree.ts";

/** A message of a capture. */
export interface CapturedMessage {
  /** When it was seen, in nanoseconds since 1970. */
  timeNs: bigint;
  /** The message; of one that cannot be decoded, all that is left of its datagram. */
  bytes: Uint8Array;
  /** Its fields; absent where it cannot be decoded. */
  message?: Field;
  /** Why it cannot be decoded. */
  error?: DecodeError;
}

/** The netlink protocol of `linux/netlink.h` whose messages these are. */
const NETLINK_ROUTE = 0;
/** `LINKTYPE_NETLINK` of libpcap: what an nlmon device captures. */
const LINK_TYPE = 253;
const FILE_HEADER_LEN = 24;
const PACKET_HEADER_LEN = 16;
/** Two bytes of what libpcap calls the packet type, `ARPHRD_NETLINK`, ten zeros, the netlink protocol: network order. */
const COOKED_LEN = 16;
/** The first four bytes of a capture as a big-endian number: how its numbers are ordered, and nanoseconds a tick. */
const MAGIC: Readonly<Record<number, readonly [littleEndian: boolean, tickNs: bigint]>> = {
  0xd4c3b2a1: [true, 1000n],
  0x4d3cb2a1: [true, 1n],
  0xa1b2c3d4: [false, 1000n],
  0xa1b23c4d: [false, 1n],
};
const PCAPNG = 0x0a0d0d0a;

/**
 * Reads a capture made on an nlmon device, as `tcpdump -i nlmon0 -w FILE` writes it: pcap of link type 253, in either
 * byte order, with microseconds or nanoseconds; the messages themselves must be little-endian. Gives each message of `NETLINK_ROUTE`, in its order; what one that is
 * malformed or was cut short while it was captured says is its `error`.
 *
 * @throws {DecodeError} where the file is something else, or ends within a packet, which the messages before precede
 */
export function* readCapture(file: Uint8Array): Generator<CapturedMessage, void> {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const [littleEndian, tickNs] = readFileHeader(view);
  for (let at = FILE_HEADER_LEN; at < file.length;) {
    checkLeft(view, at, PACKET_HEADER_LEN);
    const [seconds, ticks, length] = [0, 4, 8].map((offset) => view.getUint32(at + offset, littleEndian));
    at += PACKET_HEADER_LEN;
    checkLeft(view, at, length);
    if (length >= COOKED_LEN && view.getUint16(at + COOKED_LEN - 2) === NETLINK_ROUTE) {
      const timeNs = BigInt(seconds) * 1_000_000_000n + BigInt(ticks) * tickNs;
      yield* messagesOf(file.subarray(at + COOKED_LEN, at + length), timeNs);
    }
    at += length;
  }
}

/** Formats the time of a message in UTC, as ISO 8601 has it with nanoseconds: `2026-02-03T04:05:06.000000789Z`. */
export function formatTime(timeNs: bigint): string {
  const milliseconds = new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, -1);
  return `${milliseconds}${String(timeNs % 1_000_000n).padStart(6, "0")}Z`;
}

/** Reads what its magic number says. */
function readFileHeader(view: DataView): readonly [littleEndian: boolean, tickNs: bigint] {
  if (view.byteLength < FILE_HEADER_LEN) throw unreadable(0, `${view.byteLength} bytes are no pcap file`);
  const magic = view.getUint32(0);
  if (magic === PCAPNG) throw unreadable(0, "it is pcapng; make it pcap with: editcap -F pcap IN OUT");
  const known = MAGIC[magic];
  if (!known) throw unreadable(0, `it begins with 0x${magic.toString(16).padStart(8, "0")}, which no pcap file does`);
  const linkType = view.getUint32(20, known[0]) & 0xffff;
  if (linkType === LINK_TYPE) return known;
  throw unreadable(20, `its link type is ${linkType}, must be ${LINK_TYPE}: netlink, captured on an nlmon device`);
}

function checkLeft(view: DataView, at: number, needed: number): void {
  const left = view.byteLength - at;
  if (left < needed) throw unreadable(at, `${left} bytes are left of a packet that needs ${needed}`);
}

function unreadable(at: number, why: string): DecodeError {
  return new DecodeError(`Cannot read capture at offset ${at}: ${why}`, at);
}

/** The messages of a datagram, up to one that is malformed. */
function* messagesOf(datagram: Uint8Array, timeNs: bigint): Generator<CapturedMessage, void> {
  for (let at = 0; at < datagram.length;) {
    const bytes = datagram.subarray(at);
    try {
      const message = decode(bytes);
      yield { timeNs, bytes: bytes.subarray(0, message.length), message };
      at += message.length + 3 & ~3;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return yield { timeNs, bytes, error };
    }
  }
}
