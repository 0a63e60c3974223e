import { NLA_TYPE_MASK } from "./assembly/constants.ts";
import { DecodeError } from "./decode_error.ts";
import type { Field } from "./field.ts";
import { HOLDS_ROWS, NO_ATTRIBUTE, Rows } from "./rows.ts";
import type { Family } from "./spec/table.ts";
import { checkBytes } from "./wrong_input.ts";
import { describeAttributeFlags, isNetworkOrder, meaningOf, meaningOfString, numberAt, stringAt } from "./value.ts";
import { walkMessage } from "./walk.ts";

/**
 * Decodes one message into a tree of its fields, which covers each byte of the message once, but for the attributes'
 * headers.
 *
 * @throws {DecodeError} where the bytes are malformed; its `partial` is the tree up to there
 */
export function decodeTree(bytes: Uint8Array, family: Family): Field {
  checkMessageBytes(bytes);
  const rows = new Rows();
  try {
    walkMessage(rows, bytes, { family });
  } catch (error) {
    if (error instanceof DecodeError) error.partial = treeOf(rows);
    throw error;
  }
  return wholeTree(rows);
}

/**
 * Decodes a run of messages, as one read of a socket gives them.
 *
 * @throws {DecodeError} where the bytes are malformed; its offset counts from the start of the run, its `messages` are
 * those before, and its `partial` is the one at fault, as far as it goes
 */
export function decodeTrees(bytes: Uint8Array, family: Family): Field[] {
  checkMessageBytes(bytes);
  const messages: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    try {
      const message = decodeTree(bytes.subarray(at), family);
      messages.push(message);
      at += message.length + 3 & ~3;
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

function checkMessageBytes(bytes: unknown): void {
  const hex = typeof bytes === "string" ? "; of hex digits Uint8Array.fromHex makes one" : "";
  checkBytes(bytes, "decode", `a message is a Uint8Array${hex}`);
}

/** The message whose fields the rows are, as far as they go; `undefined` where there are none. */
export function treeOf(rows: Rows): Field | undefined {
  return rows.count === 0 ? undefined : wholeTree(rows);
}

function wholeTree(rows: Rows): Field {
  const fields: Field[] = [];
  addFields(rows, fields, 0, 0);
  return { name: "message", kernelName: "struct nlmsghdr", offset: 0, length: rows.length, fields };
}

/** Adds the rows from `row` on that are so deep, each with those that it holds. Returns the row behind them. */
function addFields(rows: Rows, into: Field[], row: number, depth: number): number {
  let at = row;
  while (at < rows.count && rows.depthOf(at) === depth) {
    const field = fieldOf(rows, at);
    into.push(field);
    at = field.fields ? addFields(rows, field.fields, at + 1, depth + 1) : at + 1;
  }
  return at;
}

function fieldOf(rows: Rows, row: number): Field {
  const { name, kernelName } = rows.cells[row];
  const [offset, attributeType] = [rows.offsetOf(row), rows.attributeTypeOf(row)];
  const field: Field = { name, kernelName, offset, length: rows.endOf(row) - offset };
  if (attributeType !== NO_ATTRIBUTE) field.attributeType = attributeType;
  if (attributeType > NLA_TYPE_MASK) field.attributeFlags = describeAttributeFlags(attributeType);
  if (rows.fromOf(row) === HOLDS_ROWS) field.fields = [];
  else fillValue(rows, row, field);
  const said = rows.said[row];
  if (said !== undefined) field.meaning = said;
  return field;
}

/** Reads what a row holds. */
function fillValue(rows: Rows, row: number, field: Field): void {
  const { type } = rows.cells[row];
  const [from, end] = [rows.fromOf(row), rows.endOf(row)];
  if (type?.is === "string") {
    field.value = stringAt(rows, from, end);
    const text = typeof field.value === "string" ? undefined : meaningOfString(rows, from, end);
    if (text !== undefined) field.meaning = text;
    return;
  }
  const network = type?.is === "number" && isNetworkOrder(type, rows.attributeTypeOf(row)) ? true : undefined;
  const number = type?.is === "number" ? numberAt(rows, from, { ...type, size: end - from, network }) : undefined;
  field.value = number ?? rows.bytes.slice(from, end);
  const meaning = type?.is === "number" && number !== undefined
    ? meaningOf(type, Number(number), number)
    : type?.is === "bytes"
    ? type.says?.(rows.bytes.slice(from, end))
    : undefined;
  if (meaning !== undefined) field.meaning = meaning;
  if (network && number !== undefined) field.networkOrder = true;
}
