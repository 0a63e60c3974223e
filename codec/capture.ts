import type { CapturedPacket } from "./capture/packet.ts";
import { PacketReader } from "./capture/reader.ts";
import { NLMSG_HDRLEN } from "./assembly/constants.ts";
import { DecodeError } from "./decode_error.ts";
import type { Field } from "./field.ts";
import { Rows } from "./rows.ts";
import { ROUTE_FAMILY } from "./spec/family.ts";
import { treeOf } from "./tree.ts";
import { walkMessage } from "./walk.ts";

/** A message of a capture. */
export interface CapturedMessage {
  /** When it was seen, in nanoseconds since 1970; 0 where the capture does not say. */
  timeNs: bigint;
  /** The message; of one that cannot be decoded, all that is left of its datagram. */
  bytes: Uint8Array;
  /** Its fields; of one that cannot be decoded, those before the fault, if there are any. */
  message?: Field;
  /** Why it cannot be decoded. */
  error?: DecodeError;
  /** How many bytes of its datagram were not captured, of the last message of one that was cut short. */
  missing?: number;
  /** What somebody wrote about its packet. */
  comment?: string;
}

/** A message of a capture whose fields are in the reader's rows until the next is asked for. */
export type CapturedRows = Omit<CapturedMessage, "message">;

/** The netlink protocol of `linux/netlink.h` whose messages these are. */
const NETLINK_ROUTE = 0;
/** `LINKTYPE_NETLINK` of libpcap: what an nlmon device captures. */
const LINK_TYPE = 253;
/** Two bytes of what libpcap calls the packet type, `ARPHRD_NETLINK`, ten zeros, the netlink protocol: network order. */
const COOKED_LEN = 16;

/**
 * Reads a capture made on an nlmon device, as `tcpdump -i nlmon0 -w FILE` writes it, part by part, and keeps no more of
 * it than a packet: pcap in either byte order, with microseconds or nanoseconds, and pcapng. Of its packets those of
 * link type 253 are read; the messages themselves must be little-endian.
 *
 * ```ts ignore
 * const reader = new CaptureReader();
 * for await (const part of file.readable) {
 *   for (const { timeNs, message } of reader.read(part)) console.log(formatTime(timeNs), message);
 * }
 * reader.end();
 * ```
 */
export class CaptureReader {
  readonly #walker = new CaptureWalker();

  /**
   * The messages of `NETLINK_ROUTE` that the next part of the capture completes, in their order. What one that is
   * malformed or was cut short while it was captured says is its `error`. All of them must be taken before the part is
   * written over.
   *
   * @throws {DecodeError} where it is no capture
   */
  *read(part: Uint8Array): Generator<CapturedMessage, void> {
    for (const captured of this.#walker.read(part)) yield withTree(captured, this.#walker.rows);
  }

  /**
   * Says that the capture is at its end.
   *
   * @throws {DecodeError} where it ends within a packet, or is of other packets
   */
  end(): void {
    this.#walker.end();
  }
}

/** What `CaptureReader` reads with: it leaves the fields of each message in its rows, in place of a tree. */
export class CaptureWalker {
  readonly #packets = new PacketReader();
  /** The fields of the message that was read last, as far as they go; there may be none. */
  readonly rows: Rows = new Rows();

  /** See `CaptureReader`. */
  *read(part: Uint8Array): Generator<CapturedRows, void> {
    for (const packet of this.#packets.read(part)) {
      if (packet.linkType !== LINK_TYPE) this.#checkLinkTypes();
      else if (isRoute(packet.bytes)) yield* messagesOf(packet, this.rows);
    }
  }

  /** See `CaptureReader`. */
  end(): void {
    this.#checkLinkTypes();
    this.#packets.end();
  }

  /** Checks that not all packets are of other kinds. */
  #checkLinkTypes(): void {
    const { linkTypes } = this.#packets;
    if (linkTypes.length === 0 || linkTypes.includes(LINK_TYPE)) return;
    const why = `its link type is ${linkTypes.join(", ")}, must be ${LINK_TYPE}: netlink, captured on an nlmon device`;
    throw new DecodeError(`Cannot read capture: ${why}`, 0);
  }
}

function isRoute(packet: Uint8Array): boolean {
  return packet.length >= COOKED_LEN && (packet[COOKED_LEN - 2] << 8 | packet[COOKED_LEN - 1]) === NETLINK_ROUTE;
}

/**
 * Reads a whole capture at once; see `CaptureReader`.
 *
 * @throws {DecodeError} where it is something else, or ends within a packet, which the messages before precede
 */
export function* readCapture(file: Uint8Array): Generator<CapturedMessage, void> {
  const reader = new CaptureReader();
  yield* reader.read(file);
  reader.end();
}

/** Formats the time of a message in UTC, as ISO 8601 has it with nanoseconds: `2026-02-03T04:05:06.000000789Z`. */
export function formatTime(timeNs: bigint): string {
  const seconds = timeNs / SECOND_NS;
  // Messages come thousands in a second
  if (seconds !== lastSecond.seconds) {
    lastSecond = { seconds, text: new Date(Number(seconds) * 1000).toISOString().slice(0, -4) };
  }
  return `${lastSecond.text}${String(Number(timeNs - seconds * SECOND_NS)).padStart(9, "0")}Z`;
}

const SECOND_NS = 1_000_000_000n;
let lastSecond: { seconds: bigint; text: string } = { seconds: -1n, text: "" };

/** A message of a datagram. */
export type DatagramMessage = Omit<CapturedMessage, "timeNs">;

/** The messages of a packet. */
function* messagesOf(packet: CapturedPacket, rows: Rows): Generator<CapturedRows, void> {
  const { timeNs, bytes, length, comment } = packet;
  const missing = length - bytes.length;
  for (const message of walkDatagram(rows, bytes.subarray(COOKED_LEN))) {
    const captured: CapturedRows = { timeNs, bytes: message.bytes };
    if (message.error) captured.error = message.error;
    if (message.error && missing > 0) captured.missing = missing;
    if (comment !== undefined) captured.comment = comment;
    yield captured;
  }
}

/** A message with the tree of its fields. */
function withTree<Message extends { error?: DecodeError }>(
  message: Message,
  rows: Rows,
): Message & { message?: Field } {
  const tree = treeOf(rows);
  if (tree && message.error) message.error.partial = tree;
  return tree ? { ...message, message: tree } : message;
}

/**
 * Decodes the messages of a datagram, up to one that is malformed, whose `error` says why, and whose fields go as far as
 * it does.
 */
export function* decodeDatagram(datagram: Uint8Array): Generator<DatagramMessage, void> {
  const rows = new Rows();
  for (const message of walkDatagram(rows, datagram)) yield withTree(message, rows);
}

/** The same, with the fields in `rows` until the next message is asked for. */
export function* walkDatagram(rows: Rows, datagram: Uint8Array): Generator<Omit<DatagramMessage, "message">, void> {
  for (let at = 0; at < datagram.length;) {
    const bytes = at === 0 ? datagram : datagram.subarray(at);
    // `ip` sends more room than its message needs; a length of 0 ends what the kernel reads
    if (at > 0 && bytes[0] === 0 && bytes.every((byte) => byte === 0)) return;
    const error = walkPartly(rows, bytes);
    if (error) return yield { bytes, error: at === 0 ? error : errorWithin(error, at) };
    const { length } = rows;
    yield { bytes: bytes.subarray(0, length) };
    at += length + 3 & ~3;
  }
}

/** Walks through a message as far as it goes, also through one that says it is longer. Returns why it goes no further. */
function walkPartly(rows: Rows, bytes: Uint8Array): DecodeError | undefined {
  try {
    walkMessage(rows, bytes, { family: ROUTE_FAMILY });
    return undefined;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (rows.count === 0) walkBeginning(rows, bytes);
    return error;
  }
}

/** The fields that are there of a message that says it is longer; none where its header is not. */
function walkBeginning(rows: Rows, bytes: Uint8Array): void {
  if (bytes.length < NLMSG_HDRLEN || rows.view.getUint32(0, true) <= bytes.length) return;
  try {
    walkMessage(rows, bytes, { family: ROUTE_FAMILY, length: bytes.length });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

function errorWithin({ message, offset }: DecodeError, at: number): DecodeError {
  return new DecodeError(`${message} (of the message at offset ${at})`, at + offset);
}
