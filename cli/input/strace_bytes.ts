import { joined } from "../../codec/byte_text.ts";
import { lettersOf } from "./arrays.ts";
import { INSTEAD, omissionIn, StraceError, type StraceValue } from "./strace.ts";
import * as constants from "../../codec/assembly/constants.ts";
import { ROUTE_FAMILY } from "../../codec/spec/family.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { contentsOf, numberNamed } from "../../codec/names.ts";

const { NLMSG_HDRLEN, NLA_HDRLEN } = constants;
const MAC_LEN = 6;
const REPEAT = "run it with -v -s 65536";

/** Who is told what strace does not show. */
export type Note = (text: string) => void;
/** Gives what is read, or nothing where that fails and the rest is wanted all the same. */
export type Attempt = (read: () => Uint8Array[]) => Uint8Array[];

/** What of a struct that is a header says that it is one, in strace 5.13 and before. */
const LENGTHS = ["nlmsg_len", "len"];

/**
 * The bytes of the messages of one value: strace puts a header in brackets with what follows it, and several of those in
 * brackets once more. A header that nothing follows it shows by itself, and where a buffer is longer than its messages
 * a header of zeros. Each message is read by `attempt`, which may go on without it where strace left something out of
 * it, or shows what is not known here, for which a `StraceError` is thrown.
 */
export function messagesBytes(value: StraceValue, { note, attempt }: { note: Note; attempt: Attempt }): Uint8Array {
  const isOne = lengthOf(value) !== undefined ||
    (value.is === "list" && lengthOf(value.items[0]) !== undefined && !isWhole(value.items[0]));
  const messages = isOne ? [value] : value.is === "list" ? value.items : [value];
  const runs = messages.filter((message) => headerNumber(message) !== 0)
    .flatMap((message) => attempt(() => [messageBytes(message, note)]));
  return joined(runs.flatMap((run) => [run, new Uint8Array(-run.length & 3)]));
}

/** Whether a header is a message by itself, so that what stands beside it is another. */
function isWhole(header: StraceValue): boolean {
  return headerNumber(header) === NLMSG_HDRLEN;
}

/** The length that a message's header says. */
function headerNumber(message: StraceValue): number | undefined {
  const length = lengthOf(message) ?? (message.is === "list" ? lengthOf(message.items[0]) : undefined);
  return length?.is === "words" ? Number(length.words) : undefined;
}

function lengthOf(value: StraceValue | undefined): StraceValue | undefined {
  if (value?.is !== "struct") return undefined;
  const name = LENGTHS.find((each) => value.fields.has(each) && (each === "nlmsg_len" || value.fields.has("seq")));
  return name === undefined ? undefined : value.fields.get(name);
}

function messageBytes(message: StraceValue, note: Note): Uint8Array {
  const omission = omissionIn(message);
  if (omission !== undefined) throw leftOut(omission);
  const [header, ...parts] = message.is === "list" ? message.items : [message];
  if (lengthOf(header) === undefined || header.is !== "struct") throw unknown(message, "this is not a message");
  const length = headerNumber(header) ?? NaN;
  if (!(length >= NLMSG_HDRLEN && length <= LENGTH_MAX)) throw unknown(header, `a message of ${length} bytes`);
  const [, type, flags, sequence, portId] = [...header.fields.values()];
  const head = [length, [type, 2], [flags, 2], [sequence, 4], [portId, 4]] as const;
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, length, true);
  let at = 4;
  for (const [value, width] of head.slice(1) as [StraceValue | undefined, number][]) {
    if (value) bytes.set(payload(value, width, note), at);
    at += width;
  }
  const body = partsBytes(parts, { size: length - NLMSG_HDRLEN, note });
  const isHeader = parts.length === 0 && length === NLMSG_HDRLEN;
  if (body.length + NLMSG_HDRLEN !== length && !isHeader) {
    throw unknown(message, `strace shows ${body.length + NLMSG_HDRLEN} of ${length} bytes of a message`);
  }
  bytes.set(body, NLMSG_HDRLEN);
  return bytes;
}

function leftOut(index: number): StraceError {
  return new StraceError(index, `strace left something out; ${REPEAT}, or ${INSTEAD}`);
}

/** What no message of netlink is longer than. */
const LENGTH_MAX = 1 << 20;

/** A struct, attributes behind it, and the like, one behind the other, each beginning at a multiple of 4. */
function partsBytes(parts: readonly StraceValue[], { size, note }: { size: number; note: Note }): Uint8Array {
  const runs: Uint8Array[] = [];
  let left = size;
  parts.forEach((part, index) => {
    const isLast = index === parts.length - 1;
    const bytes = partBytes(part, { size: left, isLast, note });
    const padded = isLast ? bytes : padTo4(bytes);
    runs.push(padded);
    left -= padded.length;
  });
  // Where the last attribute is padded, strace does not show it
  return joined(left > 0 && left < 4 ? [...runs, new Uint8Array(left)] : runs);
}

function partBytes(
  part: StraceValue,
  { size, isLast, note }: { size: number; isLast: boolean; note: Note },
): Uint8Array {
  if (part.is === "struct" && part.fields.has("error")) return errorBytes(part, { size, note });
  if (part.is === "list" && part.items[0]?.is === "struct" && part.items[0].fields.has("error")) {
    return partsBytes(part.items, { size, note });
  }
  if (part.is === "struct" && !part.fields.has("nla_len")) {
    return structBytes(part, { size: isLast ? size : undefined, note });
  }
  if (part.is === "words") return payload(part, Math.min(size, 4), note);
  return isAttributes(part) ? attributesBytes(part, note) : payload(part, size, note);
}

/** `struct nlmsgerr`: the errno, and the request or its header. */
function errorBytes(
  { fields }: StraceValue & { is: "struct" },
  { size, note }: { size: number; note: Note },
): Uint8Array {
  const [error, message] = [fields.get("error"), fields.get("msg")];
  const errno = error ? payload(error, 4, note) : new Uint8Array(4);
  if (!message) return errno;
  if (message.is === "struct") return joined([errno, headerBytes(message, note)]);
  return joined([errno, messageBytes(message, note)]).subarray(0, Math.max(size, 4));
}

/** The header alone of a request, whose length counts what does not follow. */
function headerBytes(header: StraceValue & { is: "struct" }, note: Note): Uint8Array {
  const widths = [4, 2, 2, 4, 4];
  return joined([...header.fields.values()].slice(0, 5).map((value, index) => payload(value, widths[index], note)));
}

/** Whether a value is an attribute, or several. */
function isAttributes(value: StraceValue): boolean {
  return isAttributeHead(value) || (value.is === "list" && value.items.length > 0 && isAttributes(value.items[0]));
}

function isAttributeHead(value: StraceValue | undefined): boolean {
  return value?.is === "struct" && value.fields.has("nla_len");
}

/** One attribute is its head and what follows it, in brackets; several are in brackets once more. */
function attributesBytes(value: StraceValue, note: Note): Uint8Array {
  const isOne = value.is !== "list" || (isAttributeHead(value.items[0]) && !isEmptyAttribute(value.items[0]));
  const attributes = isOne ? [value] : value.is === "list" ? value.items : [];
  const runs = attributes.map((each) => attributeBytes(each, note));
  return joined(runs.map((run, index) => index < runs.length - 1 ? padTo4(run) : run));
}

/** Whether nothing follows this head, so that what stands beside it is another attribute. */
function isEmptyAttribute(head: StraceValue): boolean {
  const length = head.is === "struct" ? head.fields.get("nla_len") : undefined;
  return length?.is === "words" && Number(length.words) <= NLA_HDRLEN;
}

function attributeBytes(value: StraceValue, note: Note): Uint8Array {
  const [head, ...parts] = value.is === "list" ? value.items : [value];
  const [length, type] = ["nla_len", "nla_type"].map((name) =>
    head?.is === "struct" ? head.fields.get(name) : undefined
  );
  if (!length || !type) throw unknown(value, "this is not an attribute");
  const size = Number(new DataView(payload(length, 4, note).buffer).getUint32(0, true)) - NLA_HDRLEN;
  if (size < 0 || size > LENGTH_MAX) throw unknown(value, `an attribute of ${size + NLA_HDRLEN} bytes`);
  const bytes = new Uint8Array(NLA_HDRLEN + size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, bytes.length, true);
  view.setUint16(2, Number(BigInt.asUintN(16, numberIn(type, note))), true);
  const inside = parts.length === 1 ? payload(parts[0], size, note) : partsBytes(parts, { size, note });
  if (inside.length !== size) throw unknown(value, `strace shows ${inside.length} of ${size} bytes`);
  bytes.set(inside, NLA_HDRLEN);
  return bytes;
}

/** The `size` bytes of a value. */
function payload(value: StraceValue, size: number, note: Note): Uint8Array {
  switch (value.is) {
    case "string":
      return stringBytes(value, size);
    case "words":
      return wordsBytes(value, size, note);
    case "struct":
      return isAttributeHead(value) ? filled(attributesBytes(value, note), size) : structBytes(value, { size, note });
    case "indexed":
      return evenBytes(value.items, size, note);
    case "list":
      if (isAttributes(value)) return filled(attributesBytes(value, note), size);
      return evenBytes(value.items, size, note);
    case "omitted":
      throw leftOut(value.index);
    default:
      return value satisfies never;
  }
}

/** Zeros behind what is a little short: padding. */
function filled(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.length < size && size - bytes.length < 4 ? joined([bytes, new Uint8Array(size - bytes.length)]) : bytes;
}

/** Values of the same size each. */
function evenBytes(items: readonly StraceValue[], size: number, note: Note): Uint8Array {
  const width = items.length === 0 ? 0 : Math.floor(size / items.length);
  return joined(items.map((item) => payload(item, width, note)));
}

/** A struct by the fields that strace shows; what it does not show of it is zeros. */
function structBytes(
  struct: StraceValue & { is: "struct" },
  { size, note }: { size?: number; note: Note },
): Uint8Array {
  const names = [...struct.fields.keys()];
  const [family, data] = [struct.fields.get("family"), struct.fields.get("data")];
  // Of a type that strace does not know: a byte, and all that follows it
  if (names.length === 2 && family && data?.is === "string") {
    if (data.isCut) throw new StraceError(data.index, `strace cut the string short; ${REPEAT}`);
    return joined([payload(family, 1, note), Uint8Array.from(data.bytes)]);
  }
  const widths = layoutWith(names, size) ?? evenly(names, size ?? 4 * names.length);
  const runs = widths.map(([name, width]) => {
    const value = struct.fields.get(name);
    return value ? filled(payload(value, width, note), width) : new Uint8Array(width);
  });
  const bytes = joined(runs);
  if (size === undefined || bytes.length >= size) return bytes;
  return joined([bytes, new Uint8Array(size - bytes.length)]);
}

/** Sizes for fields of a struct of which no more is known than what they have together. */
function evenly(names: readonly string[], size: number): [name: string, size: number][] {
  const even = [8, 4, 2, 1].find((each) => each * names.length <= size) ?? 1;
  return names.map((name) => [name, even]);
}

/** The bytes of a string; where strace shows it without the NUL at its end, with that. */
function stringBytes({ bytes, isCut, index }: StraceValue & { is: "string" }, size: number): Uint8Array {
  if (bytes.length > size) {
    throw new StraceError(index, `strace shows ${bytes.length} bytes where ${size} fit; ${INSTEAD}`);
  }
  if ((isCut && bytes.length < size) || bytes.length < size - 1) {
    throw new StraceError(index, `strace shows ${bytes.length} of ${size} bytes; ${REPEAT}`);
  }
  return Uint8Array.from({ ...bytes, length: size });
}

function wordsBytes(value: StraceValue & { is: "words" }, size: number, note: Note): Uint8Array {
  const { words, index } = value;
  const hardware = /^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(words) || (size === MAC_LEN && /^[0-9a-f]{2}$/i.test(words));
  if (hardware) return Uint8Array.from(words.split(":"), (pair) => parseInt(pair, 16));
  const address = /^inet_(?:addr|pton)\((?:AF_INET6?, )?"([^"]*)"/.exec(words)?.[1];
  if (address !== undefined) return addressBytes(plain(address, index), index);
  const network = /^hton[sl]\((.*)\)$/.exec(words)?.[1];
  const number = numberIn(network === undefined ? value : { ...value, words: network }, note);
  if (![1, 2, 4, 8].includes(size)) throw unknown(value, `a number of ${size} bytes`);
  if (BigInt.asUintN(size * 8, number) !== number && BigInt.asIntN(size * 8, number) !== number) {
    throw unknown(value, `${words} does not fit into ${size} bytes`);
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, number), true);
  const own = bytes.slice(0, size);
  return network === undefined ? own : own.reverse();
}

function addressBytes(address: string, index: number): Uint8Array {
  const bytes = address.includes(":") ? ipv6(address) : address.split(".").map(Number);
  if ((bytes.length === 4 || bytes.length === 16) && bytes.every((byte) => byte >= 0 && byte <= 255)) {
    return Uint8Array.from(bytes);
  }
  throw new StraceError(index, `${address} is not an address`);
}

/** The bytes of an address of IPv6, the last four of which may be written as IPv4 is. */
function ipv6(address: string): number[] {
  const [, before, last] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? [];
  const tail = last?.split(".").map(Number);
  const plain = tail
    ? `${before}${(tail[0] << 8 | tail[1]).toString(16)}:${(tail[2] << 8 | tail[3]).toString(16)}`
    : address;
  const [head, rest] = plain.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = rest === undefined ? 0 : Math.max(0, 8 - head.length - rest.length);
  return [...head, ...new Array<string>(zeros).fill("0"), ...rest ?? []].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** The number that strace writes, by digits, by names, or by the name of a device, which has none here. */
function numberIn(value: StraceValue, note: Note): bigint {
  const words = value.is === "words" ? value.words : "";
  const [, device] = /^if_nametoindex\((.*)\)$/.exec(words) ?? [];
  if (device !== undefined) {
    const name = JSON.stringify(plain(device.replaceAll('"', ""), value.index));
    note(`the index of ${name} is shown as 0, strace shows its name alone`);
    return 0n;
  }
  const known = straceNumber(words);
  if (known !== undefined) return known;
  throw unknown(value, `no number is known for ${words || "this"}`);
}

/** What stands in a string, which -xx writes in hex. */
function plain(inside: string, index: number): string {
  return String.fromCharCode(...lettersOf(inside, (_, why) => new StraceError(index, why)));
}

function unknown({ index }: StraceValue, why: string): StraceError {
  return new StraceError(index, `${why}; ${INSTEAD}`);
}

function padTo4(bytes: Uint8Array): Uint8Array {
  return bytes.length & 3 ? joined([bytes, new Uint8Array(-bytes.length & 3)]) : bytes;
}

const ERRNO_MAX = 133;

/** Names that strace shows and the tables of messages do not have. */
const OTHERS: Readonly<Record<string, number>> = {
  ARPHRD_NETROM: 0,
  GENL_ID_CTRL: 0x10,
  nlctrl: 0x10,
  NLM_F_ECHO: 0x8,
  NLM_F_DUMP_INTR: 0x10,
  NLM_F_DUMP_FILTERED: 0x20,
  NLM_F_ROOT: 0x100,
  NLM_F_NONREC: 0x100,
  NLM_F_MATCH: 0x200,
  NLM_F_ATOMIC: 0x400,
  NLM_F_APPEND: 0x800,
  IF_RS_SENT: 0x10,
  IF_RA_RCVD: 0x20,
  IF_RA_MANAGED: 0x40,
  IF_RA_OTHERCONF: 0x80,
  IF_READY: 0x80000000,
  NUD_NONE: 0,
  BR_BOOLOPT_NO_LL_LEARN: 0,
  BR_BOOLOPT_MCAST_VLAN_SNOOPING: 1,
  BR_BOOLOPT_MST_ENABLE: 2,
  TCA_CLS_FLAGS_IN_HW: 4,
};

type Constant = keyof typeof constants;

/** The number that strace writes in words, `NLM_F_REQUEST|0x300` or `-ENOENT`; `undefined` where it is not known. */
export function straceNumber(words: string): bigint | undefined {
  let sum = 0n;
  for (const word of words.split("|")) {
    const number = numberOf(word);
    if (number === undefined) return undefined;
    sum += BigInt(number);
  }
  return sum;
}

function numberOf(word: string): bigint | number | undefined {
  if (/^(0x[0-9a-f]+|[0-9]+)$/i.test(word)) return BigInt(word);
  if (/^-[0-9]+$/.test(word)) return -BigInt(word.slice(1));
  const shifted = /^1<<(\w+)$/.exec(word)?.[1];
  if (shifted !== undefined) return shift(numberOf(shifted));
  if (word.startsWith("-E")) return errnoOf(word.slice(1));
  if (Object.hasOwn(OTHERS, word)) return OTHERS[word];
  const known = numberNamed(word, ROUTE_FAMILY) ??
    (Object.hasOwn(constants, word) ? constants[word as Constant] : undefined);
  return known ?? (word.endsWith("_UNSPEC") ? 0 : undefined);
}

function shift(by: bigint | number | undefined): bigint | undefined {
  return by === undefined || by > 63 ? undefined : 1n << BigInt(by);
}

function errnoOf(name: string): number | undefined {
  for (let errno = 1; errno <= ERRNO_MAX; errno++) if (errnoName(errno) === name) return -errno;
  return undefined;
}

/** The fields of a struct with their sizes. */
export type Layout = readonly (readonly [name: string, size: number])[];

/** The structs of all messages, made when they are first asked for. */
let layouts: readonly Layout[] | undefined;

/** The shortest struct that has these fields and is no longer than `size`; `undefined` where none is known. */
export function layoutWith(names: readonly string[], size = Infinity): Layout | undefined {
  layouts ??= [...contentsOf(ROUTE_FAMILY).structs].map(({ members }) =>
    members.map(({ kernelName, size }) => [kernelName, size] as const)
  ).sort((one, other) => one.length - other.length);
  return layouts.find((layout) =>
    names.every((name) => layout.some(([each]) => each === name)) &&
    layout.reduce((sum, [, size]) => sum + size, 0) <= size
  );
}
