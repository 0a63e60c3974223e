import type { Field } from "./field.ts";

/**
 * Formats a message field by field, a line each: offset, the kernel's name, the value and what it says. What is
 * nested is indented.
 *
 * ```ts
 * import { decode, formatMessage } from "@plugctl/plugctl/codec";
 *
 * console.log(formatMessage(decode(Uint8Array.fromHex("100000000300020065000000f9020000"))));
 * // NLMSG_DONE, 16 bytes
 * //  0  nlmsg_len    16
 * //  4  nlmsg_type   NLMSG_DONE (3)
 * //  6  nlmsg_flags  MULTI (2)
 * //  8  nlmsg_seq    101
 * // 12  nlmsg_pid    761
 * ```
 */
export function formatMessage(message: Field, options: { padding?: boolean } = {}): string {
  const { fields = [] } = message;
  const page: Page = { offset: 1, name: 0, padding: options.padding ?? false };
  measure(fields, 0, page);
  return `${typeOf(message)}, ${message.length} bytes${rowsOf(fields, 0, page)}`;
}

/**
 * Formats a message as one line: its type, flags and sequence number, and of what it holds that by which one object is
 * told from another.
 */
export function formatSummary(message: Field): string {
  const [, , flags, sequence] = message.fields ?? [];
  const start = `${typeOf(message)}${flags?.meaning ? ` ${flags.meaning}` : ""} sequence ${sequence?.value}`;
  return start + factsOf(message.fields ?? [], new Set());
}

/** What fields tell, each name once, each behind a space. */
function factsOf(fields: readonly Field[], told: Set<string>): string {
  let text = "";
  for (const field of fields) {
    if (field.fields) {
      text += factsOf(field.fields, told);
      continue;
    }
    const { name, kernelName, meaning } = field;
    // What it says names itself: `pref 10 protocol ip`
    const isNamedByItself = kernelName === "tcm_info" && meaning !== undefined && meaning !== "";
    if (!isNamedByItself && (told.has(name) || !(SUMMED.has(name) || SUMMED.has(kernelName)))) continue;
    told.add(name);
    text += isNamedByItself ? ` ${meaning}` : ` ${name} ${said(field)}`;
  }
  return text;
}

/** Formats bytes in hex, two digits each. */
export function formatHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** What a line tells, by its name or by the kernel's. */
const SUMMED = new Set(
  `error ifindex handle parent action limit qlen backlog drops KIND IFNAME INFO_KIND ACT_KIND ATTR_MSG
  IFA_ADDRESS RTA_DST RTA_GATEWAY RTA_OIF NDA_DST NDA_LLADDR NHA_ID FRA_PRIORITY NETNSA_NSID cmd CTRL_ATTR_FAMILY_NAME
  destinationLength prefixLength table`.split(/\s+/),
);

function typeOf({ fields: [, type] = [] }: Field): string {
  return type?.meaning ?? `message of type ${type?.value}`;
}

/** How wide the columns are, and whether padding that is zero is shown. */
interface Page {
  offset: number;
  name: number;
  padding: boolean;
}

/** Widens the columns to what the fields need. */
function measure(fields: readonly Field[], depth: number, page: Page): void {
  for (const field of fields) {
    if (!page.padding && isEmptyPadding(field)) continue;
    const offset = digitsOf(field.offset);
    const name = 2 * depth + (field.kernelName || field.name).length;
    if (offset > page.offset) page.offset = offset;
    if (name > page.name) page.name = name;
    if (field.fields) measure(field.fields, depth + 1, page);
  }
}

function digitsOf(number: number): number {
  return number < 10 ? 1 : number < 100 ? 2 : number < 1000 ? 3 : String(number).length;
}

/** A line for each field, each behind a line break. */
function rowsOf(fields: readonly Field[], depth: number, page: Page): string {
  let text = "";
  for (const field of fields) {
    if (!page.padding && isEmptyPadding(field)) continue;
    const value = valueText(field);
    text += offsetCell(field.offset, page.offset) + nameCell(field.kernelName || field.name, depth, page.name) + value;
    if (value === "") text = text.trimEnd();
    if (field.fields) text += rowsOf(field.fields, depth + 1, page);
  }
  return text;
}

/** Cells that were made before: what is the same in thousands of messages is padded once. */
const offsetCells: string[][] = [];
const nameCells: Map<string, string>[][] = [];
const CELLS_MAX = 4096;

function offsetCell(offset: number, width: number): string {
  const cells = offsetCells[width] ??= [];
  const known = cells[offset];
  if (known !== undefined) return known;
  const cell = `\n${String(offset).padStart(width)}  `;
  if (offset < CELLS_MAX) cells[offset] = cell;
  return cell;
}

function nameCell(name: string, depth: number, width: number): string {
  const cells = (nameCells[depth] ??= [])[width] ??= new Map<string, string>();
  const known = cells.get(name);
  if (known !== undefined) return known;
  const cell = `${("  ".repeat(depth) + name).padEnd(width)}  `;
  if (cells.size < CELLS_MAX) cells.set(name, cell);
  return cell;
}

/** What fills up a gap says nothing, as long as it is zero. */
function isEmptyPadding({ name, kernelName, value }: Field): boolean {
  return kernelName === "" && (name === "padding" || name === "pad") && value instanceof Uint8Array &&
    value.every((byte) => byte === 0);
}

function valueText(field: Field): string {
  const { value, meaning, fields, length, attributeFlags } = field;
  const flags = attributeFlags === undefined ? "" : `, ${attributeFlags}`;
  if (fields) return `${length} bytes${flags}`;
  const isSaid = meaning === undefined || value instanceof Uint8Array;
  return `${isSaid ? said(field) : `${meaning} (${value})`}${flags}`;
}

/** What a field says, or else what it holds. */
function said({ value, meaning }: Field): string {
  if (meaning !== undefined) return meaning;
  if (value instanceof Uint8Array) return formatHex(value) || "empty";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
