import { NLA_TYPE_MASK } from "./assembly/constants.ts";
import { ByteText, digitsOf } from "./byte_text.ts";
import { type Cell, HOLDS_ROWS, IS_TEXT, type Rows } from "./rows.ts";
import type { NumberType } from "./spec/table.ts";
import { describeAttributeFlags, isNetworkOrder, meaningOf, meaningOfString, stringAt } from "./value.ts";

const encoder = new TextEncoder();
const [NEW_LINE, SPACE, QUOTE, BACKSLASH, CLOSE, DELETE] = [10, 32, 34, 92, 41, 127];
/** How many texts of the values of a field are kept, at the most. */
const MEANINGS_MAX = 1024;

/** What a line that sums up a message has, by its name or by the kernel's. */
const SUMMED = new Set(
  `error ifindex handle parent action limit qlen backlog drops KIND IFNAME INFO_KIND ACT_KIND ATTR_MSG
  IFA_ADDRESS RTA_DST RTA_GATEWAY RTA_OIF NDA_DST NDA_LLADDR NHA_ID FRA_PRIORITY NETNSA_NSID cmd CTRL_ATTR_FAMILY_NAME
  destinationLength prefixLength table`.split(/\s+/),
);
/** The numbers of the names in such a line; what it says names itself, as in `pref 10 protocol ip`, of number 1. */
const [SUMMARY_NONE, SUMMARY_SELF] = [0, 1];
const summaryNames = ["", ""];

/** How a message is written. */
export interface FieldsOptions {
  /** Whether padding is shown that is zero. */
  padding?: boolean;
  /** Its first line, where that is not to be made of the rows. */
  title?: string;
}

/** Writes messages as text, field by field or as a line each, from the rows that a walk leaves. */
export class MessageText extends ByteText {
  /** Which names were told, by their numbers, in the line that has this number. */
  readonly #told: number[] = [];
  #line = 0;

  /**
   * Adds a message field by field: a line with its title, then a line for each row, each behind a line break: offset, the
   * kernel's name, the value and what it says. What is nested is indented.
   */
  fields(rows: Rows, { padding = false, title }: FieldsOptions = {}): void {
    if (title === undefined) this.#fieldsTitle(rows);
    else this.text(title);
    const [offsetWidth, nameWidth] = widthsOf(rows, padding);
    for (let row = 0; row < rows.count; row++) {
      if (!padding && isEmptyPadding(rows, row)) continue;
      this.#row(rows, row, offsetWidth, nameWidth);
    }
  }

  #row(rows: Rows, row: number, offsetWidth: number, nameWidth: number): void {
    const offset = rows.offsetOf(row);
    const label = labelOf(rows.cells[row]);
    this.room(offsetWidth + nameWidth + 5);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = NEW_LINE;
    for (let pad = offsetWidth - digitsOf(offset); pad > 0; pad--) bytes[at++] = SPACE;
    this.length = at;
    this.number(offset);
    at = this.length;
    for (let pad = 2 + 2 * rows.depthOf(row); pad > 0; pad--) bytes[at++] = SPACE;
    for (let index = 0; index < label.length; index++) bytes[at++] = label[index];
    const end = this.length + nameWidth + 4;
    while (at < end) bytes[at++] = SPACE;
    this.length = end;
    this.#value(rows, row);
    if (this.length === end) { while (this.bytes[this.length - 1] === SPACE) this.length--; }
  }

  #value(rows: Rows, row: number): void {
    const from = rows.fromOf(row);
    if (from === HOLDS_ROWS) {
      this.number(rows.endOf(row) - rows.offsetOf(row));
      this.text(" bytes");
    } else this.#said(rows, row, true);
    const attributeType = rows.attributeTypeOf(row);
    if (attributeType > NLA_TYPE_MASK) this.text(`, ${describeAttributeFlags(attributeType)}`);
  }

  /**
   * Adds a message as one line: its title, flags and sequence number, and of what it holds that by which one object is told from
   * another, each name once.
   */
  summary(rows: Rows, title?: string): void {
    if (title === undefined) this.#summaryTitle(rows);
    else this.text(title);
    const line = ++this.#line;
    for (let row = 0; row < rows.count; row++) {
      const cell = rows.cells[row];
      const name = cell.summary ??= summaryOf(cell);
      if (name === SUMMARY_NONE || rows.fromOf(row) === HOLDS_ROWS) continue;
      if (name === SUMMARY_SELF) this.#self(rows, row, cell);
      else if (this.#told[name] !== line) {
        this.#told[name] = line;
        this.byte(SPACE);
        this.text(cell.name);
        this.byte(SPACE);
        this.#said(rows, row, false);
      }
    }
  }

  #fieldsTitle(rows: Rows): void {
    this.text(typeOf(rows));
    this.text(", ");
    this.number(rows.length);
    this.text(" bytes");
  }

  #summaryTitle(rows: Rows): void {
    this.text(typeOf(rows));
    const flags = rows.said[2];
    if (flags) this.byte(SPACE);
    if (flags) this.text(flags);
    this.text(" sequence ");
    this.number(rows.view.getUint32(8, true));
  }

  /** Adds what names itself, where it says something. */
  #self(rows: Rows, row: number, cell: Cell): void {
    const before = this.length;
    this.byte(SPACE);
    if (rows.fromOf(row) === IS_TEXT) this.#said(rows, row, false);
    else this.#meaning(rows, row, cell, numberOf(rows, row));
    if (this.length === before + 1) this.length = before;
  }

  /** Adds what a field says, or else what it holds; of a number both, where that is asked for. */
  #said(rows: Rows, row: number, withNumber: boolean): void {
    const [from, end] = [rows.fromOf(row), rows.endOf(row)];
    if (from === IS_TEXT) return this.text(rows.said[row] ?? "");
    const cell = rows.cells[row];
    switch (cell.type?.is) {
      case "number":
        if (isNumberSize(end - from)) return this.#number(rows, row, cell, withNumber);
        break;
      case "string":
        return this.#string(rows, from, end);
      case "bytes": {
        const says = cell.type.says?.(rows.bytes.slice(from, end));
        if (says !== undefined) return this.text(says);
        break;
      }
      // A row of these holds rows, unless they are cut short: then it is bytes
      case "nest":
      case "list":
      case "struct":
      case "array":
      case "run":
      case "kind":
      case undefined:
        break;
      default:
        cell.type satisfies never;
    }
    if (from === end) this.text("empty");
    else this.hex(rows.bytes, from, end);
  }

  #number(rows: Rows, row: number, cell: Cell, withNumber: boolean): void {
    const value = numberOf(rows, row);
    const hasMeaning = this.#meaning(rows, row, cell, value);
    if (hasMeaning && !withNumber) return;
    if (hasMeaning) this.text(" (");
    if (Number.isSafeInteger(value)) this.number(value);
    else this.text(String(bigAt(rows, row)));
    if (hasMeaning) this.byte(CLOSE);
  }

  /** Adds what a number says. Returns whether it says anything, if only nothing. */
  #meaning(rows: Rows, row: number, cell: Cell, value: number): boolean {
    const said = rows.said[row];
    if (said !== undefined) {
      this.text(said);
      return true;
    }
    const type = cell.type as NumberType;
    if (!type.names && !type.says) return false;
    if (!Number.isSafeInteger(value)) return this.#meaningOfBig(type, value, bigAt(rows, row));
    const bytes = meaningBytes(cell, type, value);
    if (bytes) this.copy(bytes);
    return bytes !== null;
  }

  /** Of a number that is as near to others as to this one. */
  #meaningOfBig(type: NumberType, value: number, exact: bigint): boolean {
    const meaning = meaningOf(type, value, exact);
    if (meaning !== undefined) this.text(meaning);
    return meaning !== undefined;
  }

  /** Adds a string in quotes: as JSON has it, which of plain letters is what they are. */
  #string(rows: Rows, from: number, end: number): void {
    const { bytes } = rows;
    const last = end - 1;
    let at = from;
    while (at < last && isPlain(bytes[at])) at++;
    if (last < from || at < last || bytes[last] !== 0) return this.#odd(rows, from, end);
    this.room(end - from + 1);
    this.byte(QUOTE);
    for (at = from; at < last; at++) this.bytes[this.length++] = bytes[at];
    this.byte(QUOTE);
  }

  #odd(rows: Rows, from: number, end: number): void {
    const value = stringAt(rows, from, end);
    const text = typeof value === "string" ? JSON.stringify(value) : meaningOfString(rows, from, end);
    if (text !== undefined) this.text(text);
    else if (from === end) this.text("empty");
    else this.hex(rows.bytes, from, end);
  }
}

/** Whether JSON has a byte of a string as it is. */
function isPlain(byte: number): boolean {
  return byte >= SPACE && byte < DELETE && byte !== QUOTE && byte !== BACKSLASH;
}

function isNumberSize(size: number): boolean {
  return size === 1 || size === 2 || size === 4 || size === 8;
}

/** The number of a row; one of 64 bits as near as a number can be, which is not exact from 2^53 on. */
function numberOf(rows: Rows, row: number): number {
  const from = rows.fromOf(row);
  const type = rows.cells[row].type as NumberType;
  const { signed } = type;
  const network = isNetworkOrder(type, rows.attributeTypeOf(row));
  const { view } = rows;
  switch (rows.endOf(row) - from) {
    case 1:
      return signed ? view.getInt8(from) : view.getUint8(from);
    case 2:
      return signed ? view.getInt16(from, !network) : view.getUint16(from, !network);
    case 4:
      return signed ? view.getInt32(from, !network) : view.getUint32(from, !network);
    default:
      return !network && view.getUint32(from + 4, true) === 0 ? view.getUint32(from, true) : Number(bigAt(rows, row));
  }
}

function bigAt(rows: Rows, row: number): bigint {
  const from = rows.fromOf(row);
  const type = rows.cells[row].type as NumberType;
  const { signed } = type;
  const network = isNetworkOrder(type, rows.attributeTypeOf(row));
  return signed ? rows.view.getBigInt64(from, !network) : rows.view.getBigUint64(from, !network);
}

/** What a number of this field says, in bytes; `null` where nothing. */
function meaningBytes(cell: Cell, type: NumberType, value: number): Uint8Array | null {
  const known = cell.meanings ??= new Map();
  const bytes = known.get(value);
  if (bytes !== undefined) return bytes;
  const meaning = meaningOf(type, value);
  const made = meaning === undefined ? null : encoder.encode(meaning);
  if (known.size >= MEANINGS_MAX) known.clear();
  known.set(value, made);
  return made;
}

/** What a message is: its type is the second row. */
function typeOf(rows: Rows): string {
  return rows.said[1] ?? `message of type ${rows.view.getUint16(4, true)}`;
}

/** How wide the columns of offsets and of names are. */
function widthsOf(rows: Rows, padding: boolean): [offset: number, name: number] {
  let [lastOffset, nameWidth] = [0, 0];
  for (let row = 0; row < rows.count; row++) {
    if (!padding && isEmptyPadding(rows, row)) continue;
    const offset = rows.offsetOf(row);
    const width = 2 * rows.depthOf(row) + labelOf(rows.cells[row]).length;
    if (offset > lastOffset) lastOffset = offset;
    if (width > nameWidth) nameWidth = width;
  }
  return [digitsOf(lastOffset), nameWidth];
}

function labelOf(cell: Cell): Uint8Array {
  return cell.label ??= encoder.encode(cell.kernelName || cell.name);
}

/** What fills up a gap says nothing, as long as it is zero. */
function isEmptyPadding(rows: Rows, row: number): boolean {
  if (!rows.cells[row].isPadding) return false;
  const end = rows.endOf(row);
  for (let at = rows.fromOf(row); at < end; at++) if (rows.bytes[at] !== 0) return false;
  return true;
}

/** Whether what a field says names itself: `pref 10 protocol ip`. */
export function namesItself({ kernelName }: { kernelName: string }): boolean {
  return kernelName === "tcm_info";
}

/** Which of the names it has in a line that sums up a message. */
function summaryOf(cell: Cell): number {
  const { name, kernelName } = cell;
  if (namesItself(cell)) return SUMMARY_SELF;
  return SUMMED.has(name) || SUMMED.has(kernelName) ? numberOfName(name) : SUMMARY_NONE;
}

function numberOfName(name: string): number {
  const number = summaryNames.indexOf(name, SUMMARY_SELF + 1);
  return number < 0 ? summaryNames.push(name) - 1 : number;
}
