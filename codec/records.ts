import { RECORD_LEN } from "./assembly/regions.ts";
import { receiveRegion, recordWords } from "./exchange.ts";
import type { Message } from "./message.ts";
import { messageAt } from "./message_at.ts";
import { kindAt } from "./record_text.ts";

const RECORD_WORDS = RECORD_LEN / 4;

/**
 * A cursor over decoded messages. It reads from the exchange buffer, so it is good until the next chunk or slots
 * are decoded. What is said of a qdisc means nothing while it stands on another kind of message.
 */
export class Records {
  /** How many messages there are. */
  readonly count: number;
  /** The word at which the record begins that it stands on. */
  #at = -RECORD_WORDS;

  /** Stands before the first of the `count` messages that were decoded last. */
  constructor(count: number) {
    this.count = count;
  }

  /** Moves to the next message, the first at first; `false` where there is none. */
  next(): boolean {
    this.#at += RECORD_WORDS;
    return this.#at < this.count * RECORD_WORDS;
  }

  /** Moves to message `index`, from 0 on. */
  moveTo(index: number): this {
    this.#at = index * RECORD_WORDS;
    return this;
  }

  /** `nlmsg_type` */
  get type(): number {
    return recordWords[this.#at] & 0xffff;
  }

  /** `nlmsg_flags` */
  get flags(): number {
    return recordWords[this.#at] >>> 16;
  }

  /** `nlmsg_seq` */
  get sequence(): number {
    return recordWords[this.#at + 1];
  }

  /** Where in `receiveRegion` the message begins, in bytes. */
  get offset(): number {
    return recordWords[this.#at + 2] & 0xfffff;
  }

  /** A positive errno, or 0 for success, of `NLMSG_ERROR` and `NLMSG_DONE`. */
  get errno(): number {
    return 0 - (recordWords[this.#at + 3] | 0);
  }

  /** The device of a qdisc or a link. */
  get ifindex(): number {
    return recordWords[this.#at + 3] | 0;
  }

  /** A qdisc's handle. */
  get handle(): number {
    return recordWords[this.#at + 4];
  }

  /** Where a qdisc hangs. */
  get parent(): number {
    return recordWords[this.#at + 5];
  }

  /** The word at `offset` of the message, as the machine orders it; 0 where it does not end within the message. */
  word(offset: number): number {
    const at = this.offset;
    return offset + 4 > readWord(at) ? 0 : readWord(at + offset);
  }

  /** A qdisc's kind. The same string each time: nothing is made. */
  get kind(): string {
    return kindAt(this.#at);
  }

  /** Whether a qdisc's counters were sent; where not, they are 0. */
  get hasStats(): boolean {
    return (recordWords[this.#at + 2] & 0x700000) !== 0;
  }

  /** Bytes that a qdisc has sent, exact up to 2^53. */
  get bytes(): number {
    return recordWords[this.#at + 7] + recordWords[this.#at + 8] * 0x100000000;
  }

  /** Packets that a qdisc has sent. */
  get packets(): number {
    return recordWords[this.#at + 9] + recordWords[this.#at + 10] * 0x100000000;
  }

  /** Packets that a qdisc holds. */
  get backlogPackets(): number {
    return recordWords[this.#at + 11];
  }

  /** Bytes that a qdisc holds. */
  get backlogBytes(): number {
    return recordWords[this.#at + 12];
  }

  /** Packets that a qdisc has dropped. */
  get drops(): number {
    return recordWords[this.#at + 13];
  }

  /** Packets that the device gave back to a qdisc. */
  get requeues(): number {
    return recordWords[this.#at + 14];
  }

  /** How often a qdisc had to wait. */
  get overlimits(): number {
    return recordWords[this.#at + 15];
  }

  /** The message as an object, which stays good. */
  message(): Message {
    return messageAt(this.#at);
  }
}

function readWord(at: number): number {
  return (receiveRegion[at] | receiveRegion[at + 1] << 8 | receiveRegion[at + 2] << 16 |
    receiveRegion[at + 3] << 24) >>>
    0;
}
