import { UsageError } from "../exit_status.ts";

/** The error for text that is no message: it says where, by line and column, both from 1 on. */
export function mistakeAt(text: string, index: number, why: string): UsageError {
  return new UsageError(`cannot read the message at ${placeOf(text, index)}: ${why}`);
}

/** Where in a text: `line 3, column 7`. */
export function placeOf(text: string, index: number): string {
  const before = text.slice(0, index).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** A way in which people have the bytes of messages as text. */
export interface TextFormat {
  /** What it is called where a text is of no format. */
  name: string;
  /** Whether a text is of this format, by what only this one has. */
  fits(text: string): boolean;
  /**
   * The datagrams of the text, in their order.
   *
   * @throws {UsageError} where it is malformed, if one datagram is all there is
   */
  read(text: string, findings: Findings): Uint8Array[];
}

/** Whether bytes begin with the length of a message that they hold, as a name beside it does not. */
export function isMessage(bytes: ArrayLike<number>): boolean {
  const length = bytes.length < 4 ? 0 : bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
  return length >= 16 && length <= bytes.length;
}

/** Four letters for three bytes; at the end two or three letters, with or without `=` up to four. */
const BASE64_FORM = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** The bytes of base64 that begins with a message; `undefined` of any other text. */
export function base64Bytes(text: string): Uint8Array | undefined {
  const letters = text.replaceAll(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/");
  if (/^[0-9a-f]*$/i.test(letters) || !BASE64_FORM.test(letters)) return undefined;
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  return isMessage(bytes) ? bytes : undefined;
}

/** Two bytes of what libpcap calls the packet type, `ARPHRD_NETLINK`, ten zeros, the netlink protocol: network order. */
const COOKED_LEN = 16;
const COOKED_TYPE = 824;
const NETLINK_GENERIC = 16;

/**
 * A datagram of which is certain that it is of `NETLINK_GENERIC`, as an nlmon device has it: the protocol stands before
 * it.
 */
export function asGeneric(datagram: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(COOKED_LEN + datagram.length);
  bytes.set([COOKED_TYPE >> 8, COOKED_TYPE & 0xff], 2);
  bytes[COOKED_LEN - 1] = NETLINK_GENERIC;
  bytes.set(datagram, COOKED_LEN);
  return bytes;
}

/** The netlink protocol that an nlmon device has put before a datagram; no message can begin with that. */
export function protocolBefore(bytes: Uint8Array): { protocol: number; datagram: Uint8Array } | undefined {
  const isCooked = bytes.length >= COOKED_LEN && (bytes[2] << 8 | bytes[3]) === COOKED_TYPE && bytes[0] === 0 &&
    bytes.subarray(4, COOKED_LEN - 2).every((byte) => byte === 0);
  if (!isCooked) return undefined;
  return { protocol: bytes[COOKED_LEN - 2] << 8 | bytes[COOKED_LEN - 1], datagram: bytes.subarray(COOKED_LEN) };
}

/** What is found in a text beside the datagrams. */
export class Findings {
  readonly #note: (text: string) => void;
  readonly #noted = new Set<string>();
  /** Where the words of a command line stand in the text. */
  readonly #operands: readonly { from: number; to: number }[];
  readonly #leftOut = new Map<string, number>();
  /** What is wrong with the messages that were skipped. */
  readonly mistakes: UsageError[] = [];
  /** How many messages are lost in whole or in part without being a mistake, which were noted. */
  lost = 0;

  /** Takes whom to tell what cannot be known of a message, and the words that the text is made of, if it is. */
  constructor(note: (text: string) => void, operands: readonly string[] = []) {
    this.#note = note;
    let from = 0;
    this.#operands = operands.map(({ length }) => {
      const place = { from, to: from + length };
      from += length + 1;
      return place;
    });
  }

  /** Whether a part of the text has a whole word of the command line. */
  hasOperand(from: number, to: number): boolean {
    return this.#operands.some((each) => each.from >= from && each.to <= to && each.from < each.to);
  }

  /** Tells something, once. */
  note(text: string): void {
    if (!this.#noted.has(text)) this.#note(text);
    this.#noted.add(text);
  }

  /** Reads something that may be malformed, and if it is goes on without it. */
  attempt(read: () => Uint8Array[]): Uint8Array[] {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.mistakes.push(error);
      return [];
    }
  }

  /** Counts a message of another netlink protocol. */
  leaveOut(protocol: string): void {
    this.#leftOut.set(protocol, (this.#leftOut.get(protocol) ?? 0) + 1);
  }

  /** Tells what was skipped and what was left out, once all is read. */
  conclude(): void {
    for (const { message } of this.mistakes) this.note(`skipped: ${message}`);
    for (const [protocol, count] of this.#leftOut) {
      const messages = count === 1 ? "1 datagram" : `${count} datagrams`;
      this.note(
        `left out ${messages} of ${protocol}: only NETLINK_ROUTE and the controller of NETLINK_GENERIC can be decoded`,
      );
    }
  }

  /** Whether something was left out that is right, but of another protocol. */
  get hasOthers(): boolean {
    return this.#leftOut.size > 0;
  }
}
