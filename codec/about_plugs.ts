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
import { textOf } from "./text.ts";
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
  const requests = new Latest<string, true>(REQUESTS);
  return (captured) => {
    const { bytes, error, isGeneric } = captured ?? {};
    if (isGeneric) return false;
    if (error) return true;
    checkBytes(bytes, "look at", "a captured message has bytes, a Uint8Array");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint16(4, true) === NLMSG_ERROR) return requests.delete(headerAt(view, ECHO_AT));
    const isAbout = concerns(bytes, view, devices);
    if (isAbout && view.getUint16(6, true) & NLM_F_REQUEST) requests.set(headerAt(view, 0), true);
    return isAbout;
  };
}

/** The bytes of a header as a string, by which an answer finds its request. */
function headerAt(view: DataView, at: number): string {
  const half = (index: number) => view.getUint16(at + 2 * index, true);
  return String.fromCharCode(half(0), half(1), half(2), half(3), half(4), half(5), half(6), half(7));
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
function concerns(bytes: Uint8Array, view: DataView, devices: Latest<number, boolean>): boolean {
  switch (view.getUint16(4, true)) {
    case RTM_NEWQDISC:
    case RTM_DELQDISC: {
      const kind = stringOf(bytes, attribute(view, { from: TCMSG_END, end: bytes.length }, TCA_KIND));
      return kind === undefined || kind === "plug" || kind === "clsact";
    }
    case RTM_NEWTFILTER:
    case RTM_DELTFILTER: {
      const kind = stringOf(bytes, attribute(view, { from: TCMSG_END, end: bytes.length }, TCA_KIND));
      return kind === undefined || kind === "flower";
    }
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return isIfb(bytes, view, devices);
    default:
      return false;
  }
}

/** What the kernel tells of a device says its kind, or that it has none; a request says it of a device to be made. */
function isIfb(bytes: Uint8Array, view: DataView, devices: Latest<number, boolean>): boolean {
  const flags = view.getUint16(6, true);
  const index = view.getInt32(IFI_INDEX_AT, true);
  const info = attribute(view, { from: IFINFOMSG_END, end: bytes.length }, IFLA_LINKINFO);
  const kind = stringOf(bytes, info && attribute(view, info, IFLA_INFO_KIND));
  const isAsked = (flags & NLM_F_REQUEST) !== 0;
  if (!isAsked) devices.set(index, kind === "ifb");
  return (flags & NLM_F_MULTI) === 0 && (kind === undefined ? devices.get(index) ?? isAsked : kind === "ifb");
}

/** Where the attributes of a list are, or what one of them holds. */
interface Range {
  from: number;
  end: number;
}

/** What the first attribute of that number holds, of a message that is well formed. */
function attribute(view: DataView, { from, end }: Range, number: number): Range | undefined {
  for (let at = from; at + NLA_HDRLEN <= end;) {
    const length = view.getUint16(at, true);
    if (length < NLA_HDRLEN) return undefined;
    if ((view.getUint16(at + 2, true) & NLA_TYPE_MASK) === number) return { from: at + NLA_HDRLEN, end: at + length };
    at += length + 3 & ~3;
  }
  return undefined;
}

/** A string without its NUL. */
function stringOf(bytes: Uint8Array, range: Range | undefined): string | undefined {
  return range && textOf(bytes, range.from, bytes[range.end - 1] === 0 ? range.end - 1 : range.end);
}
