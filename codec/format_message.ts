import { Cell, HOLDS_ROWS, IS_TEXT, NO_ATTRIBUTE, Rows } from "./rows.ts";
import { checkField, type Field } from "./field.ts";
import { checkObject, wrongInput } from "./wrong_input.ts";
import { formatHex } from "./text.ts";
import { MessageText, namesItself } from "./message_text.ts";

/**
 * Formats a message field by field, a line each: offset, the kernel's name, the value and what it says. What is
 * nested is indented.
 *
 * ```ts
 * import { decode, formatMessage } from "@plugctl/plugctl/family";
 *
 * console.log(formatMessage(decode(Uint8Array.fromHex("100000000300020065000000f9020000"))));
 * // NLMSG_DONE, 16 bytes
 * //  0  nlmsg_len    16
 * //  4  nlmsg_type   NLMSG_DONE (3)
 * //  6  nlmsg_flags  MULTI (2)
 * //  8  nlmsg_seq    101
 * // 12  nlmsg_pid    761
 * ```
 *
 * @throws {TypeError} where it is given something else than what `decode` makes
 */
export function formatMessage(message: Field, options: { padding?: boolean } = {}): string {
  checkMessage(message);
  checkObject(options, "format by", "options are an object");
  const rows = new Rows();
  addRows(rows, message.fields ?? [], { depth: 0, textOf: valueText, withPadding: options.padding });
  const text = new MessageText();
  text.fields(rows, { ...options, title: `${typeOf(message)}, ${message.length} bytes` });
  return text.toString();
}

/**
 * Formats a message as one line: its type, flags and sequence number, and of what it holds that by which one object is
 * told from another.
 *
 * @throws {TypeError} where it is given something else than what `decode` makes
 */
export function formatSummary(message: Field): string {
  checkMessage(message);
  const [, , flags, sequence] = message.fields ?? [];
  const rows = new Rows();
  addRows(rows, message.fields ?? [], { depth: 0, textOf: summaryText });
  const text = new MessageText();
  text.summary(rows, `${typeOf(message)}${flags?.meaning ? ` ${flags.meaning}` : ""} sequence ${sequence?.value}`);
  return text.toString();
}

/** @throws {TypeError} where something is no message */
function checkMessage(message: Field): void {
  checkField(message, "format");
  const header = message.fields?.slice(0, 4) ?? [];
  if (header.length === 4 && header.every((field) => typeof field?.value === "number")) return;
  throw wrongInput("format", message, "a message has the fields of its header, as decode makes them");
}

function typeOf({ fields: [, type] = [] }: Field): string {
  return type?.meaning ?? `message of type ${type?.value}`;
}

/** How fields become rows. */
interface RowsOfFields {
  depth: number;
  /** The text of a row. */
  textOf: (field: Field) => string;
  /** Whether there are rows of padding that is zero. */
  withPadding?: boolean;
}

/** Adds a row for each field, with the text of its value. */
function addRows(rows: Rows, fields: readonly Field[], how: RowsOfFields): void {
  for (const field of fields) {
    checkField(field, "format");
    if (!how.withPadding && isEmptyPadding(field)) continue;
    const { name, kernelName, offset, length, fields: inner, attributeType = NO_ATTRIBUTE } = field;
    const from = inner ? HOLDS_ROWS : IS_TEXT;
    rows.add(new Cell(name, kernelName), offset, from, offset + length, how.depth, attributeType);
    if (inner) addRows(rows, inner, { ...how, depth: how.depth + 1 });
    else rows.said[rows.count - 1] = how.textOf(field);
  }
}

/** What fills up a gap says nothing, as long as it is zero. */
function isEmptyPadding({ name, kernelName, value }: Field): boolean {
  return kernelName === "" && (name === "padding" || name === "pad") && value instanceof Uint8Array &&
    value.every((byte) => byte === 0);
}

/** What a field says, and the number behind it. */
function valueText(field: Field): string {
  const { value, meaning } = field;
  return meaning === undefined || value instanceof Uint8Array ? said(field) : `${meaning} (${value})`;
}

/** The same without the number; what names itself has nothing else to say. */
function summaryText(field: Field): string {
  return namesItself(field) ? field.meaning ?? "" : said(field);
}

/** What a field says, or else what it holds. */
function said({ value, meaning }: Field): string {
  if (meaning !== undefined) return meaning;
  if (value instanceof Uint8Array) return formatHex(value) || "empty";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
