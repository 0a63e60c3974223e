import { RECEIVE_AT, RECORD_LEN, RECORDS_AT, SLOT_LEN } from "./assembly/regions.ts";
import { counter, type Message, messageAt } from "./message.ts";
import { memoryWords, receiveRegion } from "./exchange.ts";
import { kindAt } from "./text.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "./assembly/constants.ts";
import { checkWhole, notWhole } from "./wrong_input.ts";
import { DecodeError } from "./decode_error.ts";

/**
 * A constant of this module, not an import: V8 knows where its bytes are and how many, instead of finding that out
 * at each read. That is 1.6 ns of an ACK's 5.8.
 */
const words = memoryWords;
/** How far records are apart, and where the first is; and plain ACKs in their slots, from their types on: in words. */
const RECORD_WORDS = RECORD_LEN / 4;
const FIRST_RECORD = RECORDS_AT / 4;
const SLOT_WORDS = SLOT_LEN / 4;
const FIRST_ACK = RECEIVE_AT / 4 + 1;

/** A function of this module, not an import: with that, V8 would make each cursor, instead of none. */
function noCount(given: unknown): RangeError {
  return notWhole("count", given, 0xffffffff);
}

/**
 * A cursor over decoded messages. It reads from the exchange buffer, so it is good until the next chunk or slots
 * are received or decoded. What is said of a qdisc means nothing while it stands on another kind of message.
 */
export class Records {
  /** How many messages there are. */
  readonly count: number;
  // Not `#`: such fields cost 0.6 ns a message more, and more than that until V8 has compiled what reads them.
  private readonly stride: number;
  /** The word of the memory behind the last record. */
  private readonly end: number;
  /** The word of the memory at which the record begins that it stands on. */
  private at: number;

  /**
   * Stands before the first of the `count` messages that were decoded last. Plain ACKs are read `inPlace`, since from
   * its type to its error a message is like its record.
   */
  constructor(count: number, inPlace = false) {
    if (typeof count !== "number" || count >>> 0 !== count) throw noCount(count);
    this.count = count;
    const first = inPlace ? FIRST_ACK : FIRST_RECORD;
    this.stride = inPlace ? SLOT_WORDS : RECORD_WORDS;
    this.end = first + count * this.stride;
    this.at = first - this.stride;
  }

  /** Moves to the next message, the first at first; `false` where there is none. */
  next(): boolean {
    this.at += this.stride;
    return this.at < this.end;
  }

  /**
   * Moves to message `index`, from 0 on.
   *
   * @throws {RangeError} where there is none
   */
  moveTo(index: number): this {
    this.at = this.end + (checkWhole("index", index, this.count - 1) - this.count) * this.stride;
    return this;
  }

  /** `nlmsg_type` */
  get type(): number {
    return words[this.at] & 0xffff;
  }

  /** `nlmsg_flags` */
  get flags(): number {
    return words[this.at] >>> 16;
  }

  /** `nlmsg_seq` */
  get sequence(): number {
    return words[this.at + 1];
  }

  /** Where in `receiveRegion` the message begins, in bytes. */
  get offset(): number {
    return this.stride === RECORD_WORDS ? words[this.at + 2] & 0xfffff : (this.at - FIRST_ACK) * 4;
  }

  /** A positive errno, or 0 for success, of `NLMSG_ERROR` and `NLMSG_DONE`. */
  get errno(): number {
    return 0 - (words[this.at + 3] | 0);
  }

  /** The device of a qdisc or a link. */
  get ifindex(): number {
    return words[this.at + 3] | 0;
  }

  /** A qdisc's handle. */
  get handle(): number {
    return words[this.at + 4];
  }

  /** Where a qdisc hangs. */
  get parent(): number {
    return words[this.at + 5];
  }

  /** The word at `offset` of the message, as the machine orders it; 0 where it does not end within the message. */
  word(offset: number): number {
    const at = this.offset;
    checkWhole("offset", offset);
    return offset + 4 > readWord(at) ? 0 : readWord(at + offset);
  }

  /** A qdisc's kind. The same string each time: nothing is made. */
  get kind(): string {
    return kindAt(this.at);
  }

  /** Whether a qdisc's counters were sent; where not, they are 0. */
  get hasStats(): boolean {
    return (words[this.at + 2] & 0x700000) !== 0;
  }

  /** Bytes that a qdisc has sent, exact up to 2^53. */
  get bytes(): number {
    return counter(words[this.at + 7], words[this.at + 8]);
  }

  /** Packets that a qdisc has sent. */
  get packets(): number {
    return counter(words[this.at + 9], words[this.at + 10]);
  }

  /** Packets that a qdisc holds. */
  get backlogPackets(): number {
    return words[this.at + 11];
  }

  /** Bytes that a qdisc holds. */
  get backlogBytes(): number {
    return words[this.at + 12];
  }

  /** Packets that a qdisc has dropped. */
  get drops(): number {
    return words[this.at + 13];
  }

  /** Packets that the device gave back to a qdisc. */
  get requeues(): number {
    return words[this.at + 14];
  }

  /** How often a qdisc had to wait. */
  get overlimits(): number {
    return words[this.at + 15];
  }

  /** The message as an object, which stays good. */
  message(): Message {
    return messageAt(this.at);
  }
}

function readWord(at: number): number {
  return (receiveRegion[at] | receiveRegion[at + 1] << 8 | receiveRegion[at + 2] << 16 |
    receiveRegion[at + 3] << 24) >>>
    0;
}

/** An attribute as it stands in a message: `struct nlattr`. */
export interface Attribute {
  /** `nla_type` without its flags. */
  type: number;
  /** What it holds, without padding; it belongs to the bytes that were read. */
  value: Uint8Array;
}

/**
 * Reads the attributes in `bytes` from `start` on, to the end.
 *
 * ```ts
 * import { readAttributes } from "./records.ts";
 *
 * console.log(readAttributes(Uint8Array.fromHex("0600010034120000"))); // [{ type: 1, value: 34 12 }]
 * ```
 *
 * @throws {DecodeError} where one is longer than what is left, or shorter than its header
 */
export function readAttributes(bytes: Uint8Array, start = 0): Attribute[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Attribute[] = [];
  for (let at = start; at < bytes.length;) {
    const left = bytes.length - at;
    const length = left < NLA_HDRLEN ? 0 : view.getUint16(at, true);
    if (length < NLA_HDRLEN || length > left) {
      throw new DecodeError(`Cannot decode attribute at offset ${at}: length is ${length}, ${left} bytes are left`, at);
    }
    found.push({
      type: view.getUint16(at + 2, true) & NLA_TYPE_MASK,
      value: bytes.subarray(at + NLA_HDRLEN, at + length),
    });
    at += length + 3 & ~3;
  }
  return found;
}

/** What the attribute of a type holds; `undefined` where there is none. */
export function findAttribute(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.find((attribute) => attribute.type === type)?.value;
}

/** The 32 bits at an offset of what an attribute holds, as the machine orders them; `undefined` where it ends before. */
export function wordAt(value: Uint8Array | undefined, offset = 0): number | undefined {
  if (!value || value.length < offset + 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, value.length).getUint32(offset, true);
}

/** The bytes of the message on which a cursor stands; they change with the next that are received. */
export function bytesOf(records: Records): Uint8Array {
  return receiveRegion.subarray(records.offset, records.offset + records.word(0));
}
