import type { CapturedPacket } from "./capture/input.ts";
import { PacketReader } from "./capture/reader.ts";
import { NLMSG_HDRLEN } from "./assembly/constants.ts";
import { DecodeError } from "./decode_error.ts";
import type { Field } from "./field.ts";
import { Rows } from "./rows.ts";
import { genericFamily, ROUTE_FAMILY } from "./spec/family.ts";
import type { Family } from "./spec/table.ts";
import { textBeforeNul } from "./value.ts";
import { treeOf } from "./tree.ts";
import { walkMessage } from "./walk.ts";
import { checkBytes, wrongInput } from "./wrong_input.ts";

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
  /** Whether it is of `NETLINK_GENERIC`; all others are of `NETLINK_ROUTE`. */
  isGeneric?: boolean;
}

/** The netlink protocols of `linux/netlink.h` whose messages these are. */
const [NETLINK_ROUTE, NETLINK_GENERIC] = [0, 16];
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
   * The messages of `NETLINK_ROUTE` and `NETLINK_GENERIC` that the next part of the capture completes, in their order. What one that is
   * malformed or was cut short while it was captured says is its `error`. All of them must be taken before the part is
   * written over.
   *
   * @throws {DecodeError} where it is no capture
   * @throws {TypeError} where the part is no bytes
   */
  read(part: Uint8Array): Generator<CapturedMessage, void> {
    checkBytes(part, "read", "a capture is a Uint8Array, what its file holds");
    return this.#messages(part);
  }

  *#messages(part: Uint8Array): Generator<CapturedMessage, void> {
    const walker = this.#walker;
    walker.begin(part);
    while (walker.next()) {
      const { seconds, nanoseconds, comment } = walker.packet;
      const timeNs = BigInt(seconds) * SECOND_NS + BigInt(nanoseconds);
      const { message, missing } = walker;
      const captured: CapturedMessage = { timeNs, ...messageOf(message) };
      if (missing > 0) captured.missing = missing;
      if (comment !== undefined) captured.comment = comment;
      yield captured;
    }
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

/** What `CaptureReader` reads with: a cursor on the messages, which makes no object for any. */
export class CaptureWalker {
  readonly #packets = new PacketReader();
  #part: Iterator<CapturedPacket, void> = [][Symbol.iterator]();
  /** The message on which it stands. */
  readonly message: DatagramWalker = new DatagramWalker();
  /** The packet that has it. */
  packet: CapturedPacket = { seconds: 0, nanoseconds: 0, bytes: new Uint8Array(0), length: 0, linkType: LINK_TYPE };

  /** Takes the next part of the capture, which must stay as it is until `next` says that it is read. */
  begin(part: Uint8Array): void {
    this.#part = this.#packets.read(part);
  }

  /**
   * Goes on to the next message that the part completes. Returns whether there is one.
   *
   * @throws {DecodeError} where it is no capture
   */
  next(): boolean {
    while (!this.message.next()) {
      const { done, value: packet } = this.#part.next();
      if (done) return false;
      this.packet = packet;
      if (packet.linkType !== LINK_TYPE) this.#checkLinkTypes();
      else {
        const protocol = protocolOf(packet.bytes);
        const isGeneric = protocol === NETLINK_GENERIC;
        if (isGeneric || protocol === NETLINK_ROUTE) this.message.begin(packet.bytes.subarray(COOKED_LEN), isGeneric);
      }
    }
    return true;
  }

  /** How many bytes of its datagram were not captured, of a message that was cut short by that. */
  get missing(): number {
    return this.message.error ? this.packet.length - this.packet.bytes.length : 0;
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

/** The netlink protocol that stands before the messages; -1 where it was not captured. */
function protocolOf(packet: Uint8Array): number {
  return packet.length < COOKED_LEN ? -1 : packet[COOKED_LEN - 2] << 8 | packet[COOKED_LEN - 1];
}

/**
 * Reads a whole capture at once; see `CaptureReader`.
 *
 * @throws {DecodeError} where it is something else, or ends within a packet, which the messages before precede
 * @throws {TypeError} where it is given something else than bytes
 */
export function readCapture(file: Uint8Array): Generator<CapturedMessage, void> {
  const reader = new CaptureReader();
  return toTheEnd(reader, reader.read(file));
}

function* toTheEnd(
  reader: CaptureReader,
  messages: Generator<CapturedMessage, void>,
): Generator<CapturedMessage, void> {
  yield* messages;
  reader.end();
}

/**
 * Formats the time of a message in UTC, as ISO 8601 has it with nanoseconds: `2026-02-03T04:05:06.000000789Z`.
 *
 * @throws {TypeError} where it is given something else than a bigint
 */
export function formatTime(timeNs: bigint): string {
  if (typeof timeNs !== "bigint") throw wrongInput("format", timeNs, "a time is a bigint, in nanoseconds since 1970");
  const nanoseconds = (timeNs % SECOND_NS + SECOND_NS) % SECOND_NS;
  return formatMoment(Number((timeNs - nanoseconds) / SECOND_NS), Number(nanoseconds));
}

/** The same, of a time in seconds, and nanoseconds of the next. */
export function formatMoment(seconds: number, nanoseconds: number): string {
  // Messages come thousands in a second
  if (seconds !== lastSecond.seconds) lastSecond = { seconds, text: formatSecond(seconds) };
  return `${lastSecond.text}${String(nanoseconds).padStart(9, "0")}Z`;
}

/** A second as a time begins; in years that ISO 8601 does not have, as a number. */
function formatSecond(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds}.` : date.toISOString().slice(0, -4);
}

const SECOND_NS = 1_000_000_000n;
let lastSecond: { seconds: number; text: string } = { seconds: NaN, text: "" };

/** A message of a datagram. */
export type DatagramMessage = Omit<CapturedMessage, "timeNs">;

/**
 * Decodes the messages of a datagram, up to one that is malformed, whose `error` says why, and whose fields go as far as
 * it does.
 */
export function* decodeDatagram(datagram: Uint8Array): Generator<DatagramMessage, void> {
  const walker = new DatagramWalker();
  walker.begin(datagram);
  while (walker.next()) yield messageOf(walker);
}

/** The message on which a cursor stands, with the tree of its fields. */
function messageOf({ bytes, error, rows, isGeneric }: DatagramWalker): DatagramMessage {
  const message: DatagramMessage = { bytes };
  if (isGeneric) message.isGeneric = true;
  const tree = treeOf(rows);
  if (tree) message.message = tree;
  if (error) message.error = error;
  if (tree && error) error.partial = tree;
  return message;
}

/** A cursor on the messages of a datagram. */
export class DatagramWalker {
  #datagram: Uint8Array = new Uint8Array(0);
  /** Where the message begins on which it stands, and the next. */
  #at = 0;
  #next = 0;
  /** The fields of the message on which it stands, as far as they go; there may be none. */
  readonly rows: Rows = new Rows();
  /** Why the message cannot be decoded; it is the last. */
  error?: DecodeError;
  /** Whether the datagram is of `NETLINK_GENERIC`. */
  isGeneric = false;
  /** What is known of generic netlink: its controller, and the families that this has named in a datagram. */
  #generic?: Family;
  readonly #named: Record<number, string> = {};

  /** Takes a datagram, of `NETLINK_ROUTE` or else of `NETLINK_GENERIC`. */
  begin(datagram: Uint8Array, isGeneric = false): void {
    this.isGeneric = isGeneric;
    this.#datagram = datagram;
    this.#next = 0;
    this.error = undefined;
  }

  /** The message on which it stands; of one that cannot be decoded, all that is left of the datagram. */
  get bytes(): Uint8Array {
    return this.#datagram.subarray(this.#at, this.error ? undefined : this.#at + this.rows.length);
  }

  /** Goes on to the next message. Returns whether there is one. */
  next(): boolean {
    const at = this.#at = this.#next;
    const datagram = this.#datagram;
    if (at >= datagram.length) return false;
    const bytes = at === 0 ? datagram : datagram.subarray(at);
    // `ip` sends more room than its message needs; a length of 0 ends what the kernel reads
    if (at > 0 && bytes[0] === 0 && bytes.every((byte) => byte === 0)) return false;
    const error = walkPartly(this.rows, bytes, this.isGeneric ? this.#generic ??= genericFamily() : ROUTE_FAMILY);
    if (this.isGeneric && !error) this.#learn();
    this.error = error && (at === 0 ? error : errorWithin(error, at));
    this.#next = error ? datagram.length : at + (this.rows.length + 3 & ~3);
    return true;
  }

  /** Keeps which type the messages of a family have, where the controller says so. */
  #learn(): void {
    const { rows } = this;
    const [id, name] = ["CTRL_ATTR_FAMILY_ID", "CTRL_ATTR_FAMILY_NAME"].map((each) => rows.find(each, 0));
    if (id < 0 || name < 0 || rows.endOf(id) - rows.fromOf(id) !== 2) return;
    const type = rows.view.getUint16(rows.fromOf(id), true);
    const text = textBeforeNul(rows, rows.fromOf(name), rows.endOf(name));
    if (this.#named[type] === text) return;
    this.#named[type] = text;
    this.#generic = genericFamily(this.#named);
  }
}

/** Walks through a message as far as it goes, also through one that says it is longer. Returns why it goes no further. */
function walkPartly(rows: Rows, bytes: Uint8Array, family: Family): DecodeError | undefined {
  try {
    walkMessage(rows, bytes, { family });
    return undefined;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (rows.count === 0) walkBeginning(rows, bytes, family);
    return error;
  }
}

/** The fields that are there of a message that says it is longer; none where its header is not. */
function walkBeginning(rows: Rows, bytes: Uint8Array, family: Family): void {
  if (bytes.length < NLMSG_HDRLEN || rows.view.getUint32(0, true) <= bytes.length) return;
  try {
    walkMessage(rows, bytes, { family, length: bytes.length });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

function errorWithin({ message, offset }: DecodeError, at: number): DecodeError {
  return new DecodeError(`${message} (of the message at offset ${at})`, at + offset);
}
