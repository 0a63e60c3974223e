import { NLA_HDRLEN, NLMSG_HDRLEN } from "../../codec/assembly/constants.ts";
import { encode, type FieldInput } from "../../codec/encode.ts";
import { ROUTE_FAMILY } from "../../codec/family.ts";
import { numberNamed } from "../../codec/names.ts";
import { mistakeAt } from "./mistake.ts";
import { straceNumber } from "./strace_number.ts";
import { INSTEAD, StraceReader, type StraceValue } from "./strace_value.ts";

/** The fields that have more or less than four bytes, and how many bytes that strace does not show follow them. */
const WIDTHS: readonly (readonly [names: RegExp, width: number, hidden?: number])[] = [
  [/^nlmsg_(type|flags)$|^ifi_type$/, 2],
  [/^tcm_family$/, 1, 3],
  [/^ifi_family$/, 1, 1],
  [/^rtm_(?!flags)/, 1],
  [/^bytes$/, 8],
];

/** The whole text, and who is told what could not be known of it. */
interface Source {
  text: string;
  /** Is told each thing once. */
  note: (text: string) => void;
}

/**
 * The bytes of the messages that strace shows field by field. The index of a device that it shows by its name is 0,
 * which `note` is told.
 *
 * @throws {UsageError} where it left something out, or shows what is not known here
 */
export function straceBytes(text: string, note: (text: string) => void): Uint8Array {
  const notes = new Set<string>();
  const source = { text, note: (text: string) => notes.has(text) || notes.add(text) && note(text) };
  const runs: Uint8Array[] = [];
  const form = /\[*\{nlmsg_len=/g;
  for (;;) {
    const found = form.exec(text);
    if (!found) return Uint8Array.from(runs.flatMap((run) => [...run, ...new Uint8Array(-run.length & 3)]));
    const reader = new StraceReader(text, found.index);
    runs.push(...partsOf(reader.value(), "nlmsg_len").map((message) => messageBytes(message, source)));
    form.lastIndex = reader.index;
  }
}

/**
 * What a list has in it: strace puts a header in brackets with what follows it, and several of those in brackets once
 * more. A header that nothing follows it shows by itself.
 */
function partsOf(value: StraceValue, length: "nlmsg_len" | "nla_len"): readonly StraceValue[] {
  if (value.is !== "list") return [value];
  const [head] = value.items;
  const first = head?.is === "struct" ? head.fields.get(length) : undefined;
  const isOne = first?.is === "words" && Number(first.words) > HEADER_LENGTHS[length];
  return isOne ? [value] : value.items;
}

const HEADER_LENGTHS = { nlmsg_len: NLMSG_HDRLEN, nla_len: NLA_HDRLEN };

function messageBytes(message: StraceValue, source: Source): Uint8Array {
  const fields = messageFields(message, source);
  try {
    const bytes = encode({ name: "message", fields });
    if (bytes.length === fields[0].value) return bytes;
    throw new RangeError(`strace shows ${bytes.length} bytes of a message of ${fields[0].value}`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw mistakeAt(source.text, message.index, `${error.message}; ${INSTEAD}`);
  }
}

function messageFields(message: StraceValue, source: Source): FieldInput[] {
  const parts = message.is === "list" ? message.items : [message];
  return parts.flatMap((part) => partFields(part, source));
}

/** The fields of one part of a message: a struct, attributes, bytes, or the number that ends a dump. */
function partFields(part: StraceValue, source: Source): FieldInput[] {
  if (part.is === "struct" && !part.fields.has("nla_len")) return structFields(part.fields, source);
  if (part.is === "string") return [{ name: "bytes", value: stringBytes(part, source) }];
  if (part.is === "words") return [{ name: "number", value: number(part, source) }];
  // An error and its attributes have brackets of their own
  if (part.is === "list" && part.items[0]?.is === "struct" && part.items[0].fields.has("error")) {
    return part.items.flatMap((each) => partFields(each, source));
  }
  return partsOf(part, "nla_len").map((each) => attribute(each, source));
}

function structFields(fields: ReadonlyMap<string, StraceValue>, source: Source): FieldInput[] {
  return [...fields].flatMap(([name, value]) => {
    if (name === "msg") return messageFields(value, source);
    const [, length, hidden = 0] = WIDTHS.find(([names]) => names.test(name)) ?? [name, 4];
    const field = { name, value: number(value, source), length };
    return hidden === 0 ? [field] : [field, { name: "hidden", value: new Uint8Array(hidden) }];
  });
}

function attribute(value: StraceValue, source: Source): FieldInput {
  const head = value.is === "list" ? value.items[0] : value;
  const [length, type] = ["nla_len", "nla_type"].map((name) =>
    head?.is === "struct" ? head.fields.get(name) : undefined
  );
  if (!length || !type) throw mistakeAt(source.text, value.index, `this is no attribute; ${INSTEAD}`);
  const field = { name: "attribute", attributeType: attributeType(type, source) };
  const size = number(length, source) - NLA_HDRLEN;
  const payload = value.is === "list" ? value.items[1] : undefined;
  if (payload === undefined) return { ...field, value: new Uint8Array(0) };
  if (payload.is === "string") return { ...field, value: stringBytes(payload, source, size) };
  if (payload.is === "words") return { ...field, value: number(payload, source), length: size + NLA_HDRLEN };
  const fields = partFields(payload, source);
  const rest = size - fields.reduce((sum, { length = 0 }) => sum + length, 0);
  return { ...field, fields: payload.is === "struct" && rest > 0 ? [...fields, zeros(rest)] : fields };
}

function zeros(length: number): FieldInput {
  return { name: "rest", value: new Uint8Array(length) };
}

/** The bytes of a string; where strace shows it without the NUL at its end, with that. */
function stringBytes(value: StraceValue & { is: "string" }, { text }: Source, size = value.bytes.length): Uint8Array {
  const { bytes, isCut, index } = value;
  if (bytes.length > size || (isCut && bytes.length < size) || bytes.length < size - 1) {
    throw mistakeAt(text, index, `strace shows ${bytes.length} bytes of ${size}; run it with -v -s 65536`);
  }
  return Uint8Array.from({ ...bytes, length: size });
}

function number(value: StraceValue, { text, note }: Source): number {
  const words = value.is === "words" ? value.words : "";
  const [, device] = /^if_nametoindex\((.*)\)$/.exec(words) ?? [];
  if (device !== undefined) {
    note(`the index of ${device} is shown as 0, strace shows its name alone`);
    return 0;
  }
  const known = straceNumber(words);
  if (known !== undefined) return known;
  throw mistakeAt(text, value.index, `no number is known for ${words || "this"}; ${INSTEAD}`);
}

/** The number of an attribute's type with its flags, by their names or as numbers. */
function attributeType(value: StraceValue, source: Source): number {
  const words = value.is === "words" ? value.words.split("|") : [];
  const named = words.map((word) =>
    numberNamed(word, ROUTE_FAMILY) ?? number({ ...value, is: "words", words: word }, source)
  );
  return named.reduce((sum, each) => sum | each, 0);
}
