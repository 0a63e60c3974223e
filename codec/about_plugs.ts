import {
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
  TCA_KIND,
} from "./assembly/constants.ts";
import { IFI_INDEX_AT, IFINFOMSG_END, TCMSG_END } from "./numbers.ts";
import type { CapturedMessage } from "./capture.ts";
import { checkBytes, wrongInput } from "./wrong_input.ts";

/** Where an answer echoes the header of its request. */
const ECHO_AT = NLMSG_HDRLEN + 4;

/** How many requests without an answer are remembered at least: a socket's buffer holds some 300 answers. */
const REQUESTS = 1 << 12;
/** How many devices are remembered at least. */
const DEVICES = 1 << 16;

/**
 * Of the messages of a capture those about plugs and gates, in their order: what creates, changes, deletes or tells of
 * a plug, a clsact qdisc, a flower filter or an ifb device, the answers to it, and what cannot be decoded. So is a
 * request that does not say, and of which is not known, what it changes or deletes; a request to be told something, and
 * a list of devices, is not.
 *
 * @throws {TypeError} where it is given something else than messages of a capture
 */
export function aboutPlugs(messages: Iterable<CapturedMessage>): Generator<CapturedMessage, void> {
  if (typeof messages !== "object" || typeof messages?.[Symbol.iterator] !== "function") {
    throw wrongInput("choose from", messages, "it takes what readCapture() gives");
  }
  return chosenFrom(messages);
}

function* chosenFrom(messages: Iterable<CapturedMessage>): Generator<CapturedMessage, void> {
  const isAboutPlugs = plugFilter();
  for (const captured of messages) if (isAboutPlugs(captured)) yield captured;
}

/**
 * Makes what says of each message of a capture, given in their order, whether `aboutPlugs` gives it. That throws a
 * `TypeError` for something else than a message of a capture.
 */
export function plugFilter(): (captured: Pick<CapturedMessage, "bytes" | "error" | "isGeneric">) => boolean {
  const devices = new Latest<number, boolean>(DEVICES);
  const requests = new Requests();
  return (captured) => {
    const { bytes, error, isGeneric } = captured ?? {};
    if (isGeneric) return false;
    if (error) return true;
    checkBytes(bytes, "look at", "a captured message has bytes, a Uint8Array");
    if (u16At(bytes, 4) === NLMSG_ERROR) return requests.take(bytes, ECHO_AT);
    const isAbout = concerns(bytes, devices);
    if (isAbout && u16At(bytes, 6) & NLM_F_REQUEST) requests.add(bytes, 0);
    return isAbout;
  };
}

/** Numbers of two and four bytes. Bytes are read one by one, as a `DataView` a message takes longer than the reading. */
function u16At(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8;
}

function s32At(bytes: Uint8Array, at: number): number {
  return u16At(bytes, at) | u16At(bytes, at + 2) << 16;
}

/** The header of a request, number by number, and of another request whose key is the same. */
interface Header {
  length: number;
  typeAndFlags: number;
  sequence: number;
  port: number;
  next?: Header;
}

/** The requests without an answer: an answer echoes the header of its request. */
class Requests {
  readonly #headers = new Latest<number, Header>(REQUESTS);

  add(bytes: Uint8Array, at: number): void {
    this.take(bytes, at);
    const key = keyAt(bytes, at);
    this.#headers.set(key, {
      length: s32At(bytes, at),
      typeAndFlags: s32At(bytes, at + 4),
      sequence: s32At(bytes, at + 8),
      port: s32At(bytes, at + 12),
      next: this.#headers.get(key),
    });
  }

  /** Takes out the request with the header that stands there, and returns whether there was one. */
  take(bytes: Uint8Array, at: number): boolean {
    const key = keyAt(bytes, at);
    let before: Header | undefined;
    for (let header = this.#headers.get(key); header; before = header, header = header.next) {
      if (!isAt(header, bytes, at)) continue;
      if (before) before.next = header.next;
      else if (header.next) this.#headers.set(key, header.next);
      else this.#headers.delete(key);
      return true;
    }
    return false;
  }
}

/** Of 30 bits, which are the fastest key that a map can have; ports differ where programs count from the same second. */
function keyAt(bytes: Uint8Array, at: number): number {
  return (s32At(bytes, at + 8) ^ Math.imul(s32At(bytes, at + 12), 0x9e3779b1)) & 0x3fffffff;
}

function isAt({ length, typeAndFlags, sequence, port }: Header, bytes: Uint8Array, at: number): boolean {
  return length === s32At(bytes, at) && typeAndFlags === s32At(bytes, at + 4) && sequence === s32At(bytes, at + 8) &&
    port === s32At(bytes, at + 12);
}

/**
 * A map that forgets its oldest keys, and has at least the latest `size`. It has two halves and drops one whole: to find the
 * oldest key of a map passes by all that were deleted before it.
 */
class Latest<Key, Value> {
  readonly #size: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  constructor(size: number) {
    this.#size = size;
  }

  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: Key, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#size) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Returns whether it was there. */
  delete(key: Key): boolean {
    const wasYoung = this.#young.delete(key);
    return this.#old.delete(key) || wasYoung;
  }
}

/** Whether a message is about a plug or a gate; `devices` says of each device that was met whether it is an ifb. */
function concerns(bytes: Uint8Array, devices: Latest<number, boolean>): boolean {
  switch (u16At(bytes, 4)) {
    case RTM_NEWQDISC:
    case RTM_DELQDISC: {
      const kind = attribute(bytes, { from: TCMSG_END, end: bytes.length }, TCA_KIND);
      return !kind || isText(bytes, kind, "plug") || isText(bytes, kind, "clsact");
    }
    case RTM_NEWTFILTER:
    case RTM_DELTFILTER: {
      const kind = attribute(bytes, { from: TCMSG_END, end: bytes.length }, TCA_KIND);
      return !kind || isText(bytes, kind, "flower");
    }
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return isIfb(bytes, devices);
    default:
      return false;
  }
}

/** What the kernel tells of a device says its kind, or that it has none; a request says it of a device to be made. */
function isIfb(bytes: Uint8Array, devices: Latest<number, boolean>): boolean {
  const flags = u16At(bytes, 6);
  const index = s32At(bytes, IFI_INDEX_AT);
  const info = attribute(bytes, { from: IFINFOMSG_END, end: bytes.length }, IFLA_LINKINFO);
  const kind = info && attribute(bytes, info, IFLA_INFO_KIND);
  const isOne = kind !== undefined && isText(bytes, kind, "ifb");
  const isAsked = (flags & NLM_F_REQUEST) !== 0;
  if (!isAsked) devices.set(index, isOne);
  return (flags & NLM_F_MULTI) === 0 && (kind ? isOne : devices.get(index) ?? isAsked);
}

/** Where the attributes of a list are, or what one of them holds. */
interface Range {
  from: number;
  end: number;
}

/** What the first attribute of that number holds, of a message that is well formed. */
function attribute(bytes: Uint8Array, { from, end }: Range, number: number): Range | undefined {
  for (let at = from; at + NLA_HDRLEN <= end;) {
    const length = u16At(bytes, at);
    if (length < NLA_HDRLEN) return undefined;
    if ((u16At(bytes, at + 2) & NLA_TYPE_MASK) === number) return { from: at + NLA_HDRLEN, end: at + length };
    at += length + 3 & ~3;
  }
  return undefined;
}

/** Whether a string, with or without its NUL, is a word of ASCII. */
function isText(bytes: Uint8Array, { from, end }: Range, word: string): boolean {
  const length = bytes[end - 1] === 0 ? end - 1 - from : end - from;
  if (length !== word.length) return false;
  for (let at = 0; at < length; at++) if (bytes[from + at] !== word.charCodeAt(at)) return false;
  return true;
}
