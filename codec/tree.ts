import {
  NLA_F_NESTED,
  NLA_F_NET_BYTEORDER,
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
} from "./assembly/constants.ts";
import {
  FAIL_ATTRIBUTE_HEADER,
  FAIL_ATTRIBUTE_LENGTH,
  FAIL_ATTRIBUTE_PAYLOAD,
  FAIL_MESSAGE_BODY,
  FAIL_MESSAGE_HEADER,
  FAIL_MESSAGE_LENGTH,
} from "./assembly/codes.ts";
import { DecodeError, decodeError } from "./decode_error.ts";
import { explainAnswer, explainHandle } from "./explain.ts";
import type { Field } from "./field.ts";
import { describeFlags, describeType } from "./header.ts";
import { done, NLMSGERR, nlmsgerr, nlmsghdr, rtgenmsg } from "./spec/control.ts";
import type { ArrayType, Family, KindType, MessageSpec, NumberType, Space, Struct, Type } from "./spec/table.ts";
import { textOf } from "./text.ts";

/** What is left out of a tree. */
export interface DecodeOptions {
  /** Leaves out the padding behind attributes that is zero, for who shows none. */
  withoutPadding?: boolean;
}

/** The bytes that are being decoded, and what is known of them. */
interface Source extends DecodeOptions {
  bytes: Uint8Array;
  view: DataView;
  family: Family;
}

/** A list of attributes, and the list in which it stands. */
interface Scope {
  space?: Space;
  from: number;
  end: number;
  outer?: Scope;
}

/**
 * Decodes one message into a tree of its fields, which covers each byte of the message once, but for the attributes'
 * headers.
 *
 * @throws {DecodeError} where the bytes are malformed; its `partial` is the tree up to there
 */
export function decodeTree(bytes: Uint8Array, family: Family, { withoutPadding }: DecodeOptions = {}): Field {
  checkBytes(bytes);
  const source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), family, withoutPadding };
  const length = checkMessage(source, 0, bytes.length);
  const fields: Field[] = [];
  const message: Field = { name: "message", kernelName: "struct nlmsghdr", offset: 0, length, fields };
  try {
    readHeader(source, fields, 0);
    readBody(source, fields, length);
  } catch (error) {
    if (error instanceof DecodeError) error.partial = message;
    throw error;
  } finally {
    explainAnswer(message, family);
  }
  return message;
}

/**
 * Decodes a run of messages, as one read of a socket gives them.
 *
 * @throws {DecodeError} where the bytes are malformed; its offset counts from the start of the run, its `messages` are
 * those before, and its `partial` is the one at fault, as far as it goes
 */
export function decodeTrees(bytes: Uint8Array, family: Family): Field[] {
  checkBytes(bytes);
  const messages: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    try {
      const message = decodeTree(bytes.subarray(at), family);
      messages.push(message);
      at += align4(message.length);
    } catch (error) {
      throw error instanceof DecodeError ? inRun(error, at, messages) : error;
    }
  }
  return messages;
}

function inRun(error: DecodeError, at: number, messages: Field[]): DecodeError {
  const moved = new DecodeError(`${error.message} (of the message at offset ${at})`, at + error.offset);
  moved.messages = messages;
  moved.partial = error.partial;
  return moved;
}

function checkBytes(bytes: unknown): asserts bytes is Uint8Array {
  if (bytes instanceof Uint8Array) return;
  const what = typeof bytes === "string" ? `the string ${JSON.stringify(bytes.slice(0, 20))}` : `${bytes}`;
  const advice = typeof bytes === "string" ? "; of hex digits Uint8Array.fromHex makes one" : "";
  throw new TypeError(`Cannot decode ${what}: a message is a Uint8Array${advice}`);
}

function align4(length: number): number {
  return length + 3 & ~3;
}

/** Checks that a whole message stands at `at`. Returns its length. */
function checkMessage({ view }: Source, at: number, end: number): number {
  const left = end - at;
  if (left < NLMSG_HDRLEN) throw decodeError([FAIL_MESSAGE_HEADER, at, left, NLMSG_HDRLEN]);
  const length = view.getUint32(at, true);
  if (length < NLMSG_HDRLEN) throw decodeError([FAIL_MESSAGE_LENGTH, at, length, NLMSG_HDRLEN]);
  if (length > left) throw decodeError([FAIL_MESSAGE_LENGTH, at, length, left]);
  return length;
}

/** Checks that a whole attribute stands at `at`. Returns its length. */
function checkAttribute({ view }: Source, at: number, end: number): number {
  const left = end - at;
  if (left < NLA_HDRLEN) throw decodeError([FAIL_ATTRIBUTE_HEADER, at, left, NLA_HDRLEN]);
  const length = view.getUint16(at, true);
  if (length < NLA_HDRLEN) throw decodeError([FAIL_ATTRIBUTE_LENGTH, at, length, NLA_HDRLEN]);
  if (length > left) throw decodeError([FAIL_ATTRIBUTE_LENGTH, at, length, left]);
  return length;
}

function readHeader(source: Source, into: Field[], at: number): void {
  readStruct(source, into, { struct: nlmsghdr, at, end: at + NLMSG_HDRLEN });
  const [, type, flags] = into;
  const number = Number(type.value);
  const name = describeType(number, source.family);
  if (name !== undefined) type.meaning = name;
  const said = describeFlags(Number(flags.value), number);
  if (said !== "") flags.meaning = said;
}

function readBody(source: Source, into: Field[], end: number): void {
  const type = source.view.getUint16(4, true);
  if (type === NLMSG_ERROR) return readError(source, into, end);
  if (type === NLMSG_DONE) return readDone(source, into, end);
  const spec = source.family.messages[type];
  if (spec) readKnown(source, into, { spec, at: NLMSG_HDRLEN, end });
  else readRest(source, into, NLMSG_HDRLEN, end);
}

/** Where a body of a known type begins and ends. */
interface Body {
  spec: MessageSpec;
  at: number;
  end: number;
}

/** The struct at the head of a message, then its attributes. Who asks may send no more than the address family. */
function readKnown(source: Source, into: Field[], { spec, at, end }: Body): void {
  const { body, asks } = spec;
  const isShort = end - at < body.size;
  const first = into.length;
  if (isShort && asks) return readAddressFamily(source, into, at, end);
  readStruct(source, into, { struct: body, at, end });
  if (isShort) {
    throw decodeError([FAIL_MESSAGE_BODY, at - NLMSG_HDRLEN, end - at + NLMSG_HDRLEN, NLMSG_HDRLEN + body.size]);
  }
  try {
    readAttributes(source, into, { space: spaceOf(source, spec, at), from: at + body.size, end });
  } finally {
    if (spec.about === "filter") explainHandle(into.slice(first));
  }
}

/** The body of the shortest of requests. */
function readAddressFamily(source: Source, into: Field[], at: number, end: number): void {
  const here = readStruct(source, into, { struct: rtgenmsg, at, end });
  if (here < end) into.push({ ...padding(source, here, end), name: "pad" });
}

function spaceOf({ bytes }: Source, { space }: MessageSpec, at: number): Space {
  return typeof space === "function" ? space(bytes[at]) : space;
}

function readError(source: Source, into: Field[], end: number): void {
  const needed = NLMSG_HDRLEN + nlmsgerr.size + NLMSG_HDRLEN;
  readStruct(source, into, { struct: nlmsgerr, at: NLMSG_HDRLEN, end: Math.min(end, NLMSG_HDRLEN + nlmsgerr.size) });
  const at = NLMSG_HDRLEN + nlmsgerr.size;
  if (end < needed) {
    readRest(source, into, at, end);
    throw decodeError([FAIL_MESSAGE_BODY, 0, end, needed]);
  }
  const echoed = Math.min(afterEcho(source, end), end);
  const request: Field = { name: "request", kernelName: "msg", offset: at, length: echoed - at, fields: [] };
  into.push(request);
  readEcho(source, request, echoed);
  readExtended(source, into, echoed, end);
}

/** Where the request ends that an error echoes: behind its header, or whole, unless all is well or it was capped. */
function afterEcho(source: Source, end: number): number {
  const at = NLMSG_HDRLEN + nlmsgerr.size;
  const isCapped = (source.view.getUint16(6, true) & NLM_F_CAPPED) !== 0;
  if (source.view.getInt32(NLMSG_HDRLEN, true) === 0 || isCapped) return at + NLMSG_HDRLEN;
  return at + align4(checkMessage(source, at, end));
}

/** The kernel refused the request, so its attributes may be what is wrong: where they are, they stay bytes. */
function readEcho(source: Source, { offset, fields = [] }: Field, end: number): void {
  readHeader(source, fields, offset);
  const at = offset + NLMSG_HDRLEN;
  if (at >= end) return;
  const spec = source.family.messages[source.view.getUint16(offset + 4, true)];
  const count = fields.length;
  try {
    if (spec) return readKnown(source, fields, { spec, at, end });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  fields.length = count;
  const isWhole = spec !== undefined && end - at >= spec.body.size;
  if (isWhole) readStruct(source, fields, { struct: spec.body, at, end: at + spec.body.size });
  readRest(source, fields, isWhole ? at + spec.body.size : at, end);
}

function readDone(source: Source, into: Field[], end: number): void {
  const at = NLMSG_HDRLEN + done.size;
  if (end < at) return readRest(source, into, NLMSG_HDRLEN, end);
  readStruct(source, into, { struct: done, at: NLMSG_HDRLEN, end: at });
  readExtended(source, into, at, end);
}

/** What stands behind the body of an ACK or an end: attributes where a flag of its header says so, else mere bytes. */
function readExtended(source: Source, into: Field[], at: number, end: number): void {
  const isExtended = (source.view.getUint16(6, true) & NLM_F_ACK_TLVS) !== 0;
  if (isExtended) readAttributes(source, into, { space: NLMSGERR, from: at, end });
  else readRest(source, into, at, end);
}

/** Bytes that have no meaning of their own, unless there are none. */
function readRest({ bytes }: Source, into: Field[], at: number, end: number): void {
  if (at < end) into.push({ name: "rest", kernelName: "", offset: at, length: end - at, value: bytes.slice(at, end) });
}

/** Attributes up to the end of the scope. Without a space each is named by its number, and what it holds is `holds`. */
function readAttributes(source: Source, into: Field[], scope: Scope, unnamed?: { prefix: string; holds: Type }): void {
  const { end, space } = scope;
  for (let at = scope.from; at < end;) {
    const length = checkAttribute(source, at, end);
    const attributeType = source.view.getUint16(at + 2, true);
    const number = attributeType & NLA_TYPE_MASK;
    const known = space?.byNumber.get(number);
    const kernelName = known?.kernelName ?? `${space?.prefix ?? unnamed?.prefix}${number}`;
    const name = known?.name ?? kernelName.slice(kernelName.indexOf("_") + 1);
    const field: Field = { name, kernelName, offset: at, length, attributeType };
    if (attributeType > NLA_TYPE_MASK) field.attributeFlags = describeAttributeFlags(attributeType);
    into.push(field);
    fill(source, field, { type: known?.type ?? unnamed?.holds, at: at + NLA_HDRLEN, end: at + length, scope });
    const padded = Math.min(at + align4(length), end);
    if (length & 3) pad(source, into, at + length, padded);
    at = padded;
  }
}

function describeAttributeFlags(attributeType: number): string {
  const names = [];
  if (attributeType & NLA_F_NESTED) names.push("NLA_F_NESTED");
  if (attributeType & NLA_F_NET_BYTEORDER) names.push("NLA_F_NET_BYTEORDER");
  return names.join("|");
}

/** Adds what stands between an attribute and the next. */
function pad(source: Source, into: Field[], at: number, end: number): void {
  if (!source.withoutPadding || !isZero(source.bytes, at, end)) into.push(padding(source, at, end));
}

function isZero(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}

function padding({ bytes }: Source, at: number, end: number): Field {
  return { name: "padding", kernelName: "", offset: at, length: end - at, value: bytes.slice(at, end) };
}

/** What a field holds: its type, its bytes, and the attributes beside it. */
interface Payload {
  type?: Type;
  at: number;
  end: number;
  scope: Scope;
}

/** Reads what a field holds into it. */
function fill(source: Source, field: Field, payload: Payload): void {
  const { type, at, end, scope } = payload;
  switch (type?.is) {
    case "number":
      return fillNumber(source, field, type, payload);
    case "string":
      field.value = stringAt(source, at, end);
      return;
    case "kind":
      return fill(source, field, { ...payload, type: kindAt(source, type, scope) });
    case "nest": {
      const space = typeof type.space === "function" ? type.space() : type.space;
      return readAttributes(source, field.fields = [], { space, from: at, end, outer: scope });
    }
    case "list":
      return readAttributes(source, field.fields = [], { from: at, end, outer: scope }, {
        prefix: type.prefix,
        holds: type.of,
      });
    case "struct":
      return fillStruct(source, field.fields = [], type, payload);
    case "array":
      return fillArray(source, field.fields = [], type, payload);
    case "run":
      return fillRun(source, field, type, payload);
    case "bytes":
    case undefined:
      return fillBytes(source, field, payload);
    default:
      throw new TypeError(`No type is like ${type satisfies never}`);
  }
}

function fillBytes({ bytes }: Source, field: Field, { type, at, end }: Payload): void {
  const value = bytes.slice(at, end);
  field.value = value;
  const meaning = type?.is === "bytes" ? type.says?.(value) : undefined;
  if (meaning !== undefined) field.meaning = meaning;
}

function fillNumber(source: Source, field: Field, type: NumberType, payload: Payload): void {
  const { at, end } = payload;
  const value = numberAt(source, at, { size: end - at, signed: type.signed, network: type.network });
  if (value === undefined) return fillBytes(source, field, payload);
  field.value = value;
  const meaning = meaningOf(type, value);
  if (meaning !== undefined) field.meaning = meaning;
  if (type.network) field.networkOrder = true;
}

function numberAt(
  { view }: Source,
  at: number,
  { size, signed, network }: Pick<NumberType, "size" | "signed" | "network">,
): number | bigint | undefined {
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return signed ? view.getInt16(at, !network) : view.getUint16(at, !network);
    case 4:
      return signed ? view.getInt32(at, !network) : view.getUint32(at, !network);
    case 8:
      return signed ? view.getBigInt64(at, !network) : view.getBigUint64(at, !network);
    default:
      return undefined;
  }
}

/** What a number says: the name of its value or of its bits, or what its type makes of it. */
function meaningOf({ names, bits, says }: NumberType, value: number | bigint): string | undefined {
  const number = Number(value);
  if (names && bits) return bitNames(names.numbers, number);
  return names?.byNumber.get(number) ?? says?.(number);
}

/** The names of the bits that are set, of 32 at most; what is left has none. */
function bitNames(numbers: Readonly<Record<string, number>>, value: number): string | undefined {
  let rest = value;
  let text = "";
  for (const name in numbers) {
    const bit = numbers[name];
    // Not `&`, which knows no more than 32 bits
    if (bit === 0 || Math.floor(rest / bit) % 2 !== 1) continue;
    text += text === "" ? name : `|${name}`;
    rest -= bit;
  }
  if (rest === 0) return text || undefined;
  return `${text === "" ? "" : `${text}|`}0x${rest.toString(16)}`;
}

/** A string that ends in its only NUL; anything else keeps its bytes, so that none is lost. */
function stringAt({ bytes }: Source, at: number, end: number): string | Uint8Array {
  const last = end - 1;
  if (last < at || bytes.indexOf(0, at) !== last) return bytes.slice(at, end);
  const text = textOf(bytes, at, last);
  return text.includes("\ufffd") ? bytes.slice(at, end) : text;
}

/** Where a struct is to be read. */
interface Place {
  struct: Struct;
  at: number;
  end: number;
}

/** Reads a struct, as far as it goes: what is left of a member that is cut off are bytes. Returns where it ends. */
function readStruct(source: Source, into: Field[], { struct, at, end }: Place): number {
  let here = at;
  for (const { name, kernelName, type, size } of struct.members) {
    if (end - here < size) {
      readRest(source, into, here, end);
      return end;
    }
    if (type.is === "number") into.push(numberMember(source, { name, kernelName, type, size }, here));
    else {
      const field: Field = { name, kernelName, offset: here, length: size };
      into.push(field);
      fill(source, field, { type, at: here, end: here + size, scope: { from: here, end: here + size } });
    }
    here += size;
  }
  return here;
}

/** A member that is a number, made at once: most fields are one, and an object that grows costs more than all else here. */
function numberMember(
  source: Source,
  { name, kernelName, type, size }: { name: string; kernelName: string; type: NumberType; size: number },
  offset: number,
): Field {
  const value = numberAt(source, offset, type) ?? 0;
  const meaning = meaningOf(type, value);
  const field: Field = meaning === undefined
    ? { name, kernelName, offset, length: size, value }
    : { name, kernelName, offset, length: size, value, meaning };
  if (type.network) field.networkOrder = true;
  return field;
}

function fillStruct(
  source: Source,
  into: Field[],
  type: Extract<Type, { is: "struct" }>,
  { at, end, scope }: Payload,
): void {
  const here = readStruct(source, into, { struct: type.struct, at, end });
  if (type.then?.is === "nest") {
    const space = typeof type.then.space === "function" ? type.then.space() : type.then.space;
    // Attributes begin at a multiple of 4, also behind a struct that does not end there
    const from = Math.min(align4(here), end);
    if (here < from) into.push({ ...padding(source, here, from), name: "pad" });
    readAttributes(source, into, { space, from, end, outer: scope });
  } else if (type.then?.is === "array") {
    fillArray(source, into, type.then, { at: here, end, scope });
  } else if (type.then && here < end) {
    const field: Field = { name: "rest", kernelName: "", offset: here, length: end - here };
    into.push(field);
    fill(source, field, { type: type.then, at: here, end, scope });
  } else readRest(source, into, here, end);
}

/** The elements of an array, each named by its place. */
function fillArray(source: Source, into: Field[], { of }: ArrayType, { at, end, scope }: Payload): void {
  const size = of.is === "struct" ? of.struct.size : of.size;
  let here = at;
  for (let index = 0; end - here >= size; index++, here += size) {
    const name = `[${index}]`;
    const kernelName = of.is === "struct" ? `struct ${of.struct.name}` : "";
    const field: Field = { name, kernelName, offset: here, length: size };
    into.push(field);
    fill(source, field, { type: of, at: here, end: here + size, scope });
  }
  readRest(source, into, here, end);
}

/** Structs that say how long each is with the attributes behind it. */
function fillRun(source: Source, field: Field, type: Extract<Type, { is: "run" }>, payload: Payload): void {
  const { struct, space } = type;
  const { at, end, scope } = payload;
  const fields: Field[] = field.fields = [];
  for (let here = at; here < end;) {
    const left = end - here;
    const length = left < struct.size ? 0 : source.view.getUint16(here, true);
    if (length < struct.size || length > left) {
      readRest(source, fields, here, end);
      throw decodeError([FAIL_ATTRIBUTE_PAYLOAD, at - NLA_HDRLEN, Math.min(left, length), struct.size]);
    }
    const inner: Field[] = [];
    fields.push({ name: struct.name, kernelName: `struct ${struct.name}`, offset: here, length, fields: inner });
    const from = readStruct(source, inner, { struct, at: here, end: here + length });
    readAttributes(source, inner, { space: space(), from, end: here + length, outer: scope });
    const padded = Math.min(here + align4(length), end);
    if (length & 3) pad(source, fields, here + length, padded);
    here = padded;
  }
}

/** What is known of the kind that is named beside an attribute, or else around it. */
function kindAt(source: Source, { by, part }: KindType, scope: Scope): Type | undefined {
  for (let around: Scope | undefined = scope; around; around = around.outer) {
    const attribute = around.space?.byName.get(by);
    if (!attribute) continue;
    const kind = lastOf(source, around, attribute.number, attribute.type.is === "number");
    const kinds = source.family.kinds[around.space?.kindsOf ?? ""] ?? {};
    return kind !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind][part] : undefined;
  }
  return undefined;
}

/** What the last attribute of that number says, as the kernel reads them too; it may stand behind what depends on it. */
function lastOf(source: Source, { from, end }: Scope, number: number, isNumber: boolean): string | undefined {
  let found: string | undefined;
  for (let at = from; end - at >= NLA_HDRLEN;) {
    const length = source.view.getUint16(at, true);
    if (length < NLA_HDRLEN || length > end - at) break;
    if ((source.view.getUint16(at + 2, true) & NLA_TYPE_MASK) === number) {
      const start = at + NLA_HDRLEN;
      if (isNumber) found = String(numberAt(source, start, { size: at + length - start }));
      else {
        const nul = source.bytes.subarray(start, at + length).indexOf(0);
        found = textOf(source.bytes, start, nul < 0 ? at + length : start + nul);
      }
    }
    at += align4(length);
  }
  return found;
}
