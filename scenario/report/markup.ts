/**
 * How the report writes HTML: text that stays text, tables, and quantities with their units.
 *
 * @module
 */

/** Text that is HTML already, made by `markup` alone. */
export interface Markup {
  readonly html: string;
}

/** What may stand in a template: text, which is escaped, and markup, which is not; of `undefined` nothing is left. */
export type MarkupPart = string | number | undefined | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** Letters that cannot be seen, such as those that turn the direction of reading; not line ends, tabs and joiners. */
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}]/gu;
const CONTROL_PICTURES = 0x2400;
const DELETE_PICTURE = "\u2421";

/** Makes markup of a template: every text in it is escaped, so what a program has written stays text. */
export function markup(strings: TemplateStringsArray, ...parts: readonly MarkupPart[]): Markup {
  return { html: String.raw({ raw: strings }, ...parts.map(toHtml)) };
}

/** The text as it stands in HTML, between tags as well as in quotes; what cannot be seen is replaced by its picture. */
function escapeText(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(UNSEEN, picture).replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter]);
}

/** A value as JSON that may stand in a `script` element. */
export function scriptJson(value: unknown): Markup {
  return { html: JSON.stringify(value).replaceAll("<", "\\u003c") };
}

function toHtml(part: MarkupPart): string {
  if (part === undefined) return "";
  if (typeof part === "string" || typeof part === "number") return escapeText(String(part));
  return isMarkup(part) ? part.html : part.map(({ html }) => html).join("");
}

function isMarkup(part: Markup | readonly Markup[]): part is Markup {
  return "html" in part;
}

function picture(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code);
  return code === 0x7f ? DELETE_PICTURE : `\\u{${code.toString(16)}}`;
}

/** A column of a table; numbers stand at the right. */
export interface Column<T> {
  title: string;
  isNumber?: boolean;
  cell: (row: T) => MarkupPart;
}

/** What a table is called, and what is said where it has no rows. */
export interface TableWords {
  label: string;
  none?: string;
}

/** A table, or where there are no rows, what is said instead. */
export function tableHtml<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  { label, none = "" }: TableWords,
): Markup {
  if (rows.length === 0) return markup`<p>${none}</p>\n`;
  const heads = columns.map((column) => markup`<th scope="col"${kind(column)}>${column.title}</th>`);
  const cells = (row: T) =>
    columns.map((column) => markup`<td data-title="${column.title}"${kind(column)}>${column.cell(row)}</td>`);
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${label}, ${
    formatNumberOf(rows.length, "row")
  }">
<table>
<thead><tr>${heads}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${cells(row)}</tr>\n`)}</tbody>
</table>
</div>\n`;
}

/** Several texts in one cell, a line each. */
export function cellLines(texts: readonly string[]): readonly Markup[] {
  return texts.map((text) => markup`<div>${text}</div>`);
}

function kind<T>({ isNumber }: Column<T>): Markup | undefined {
  return isNumber ? markup` class="number"` : undefined;
}

const KIB = 1024;

/** A time in words that fit its size: `850 µs`, `12.3 ms`, `4.56 s`, `2 min 5.0 s`. */
export function formatTime(microseconds: number): string {
  if (microseconds < 1000) return `${Math.round(microseconds)} µs`;
  if (microseconds < 999_500) return `${threeDigits(microseconds / 1000)} ms`;
  const seconds = microseconds / 1e6;
  if (seconds < 60) return `${threeDigits(seconds)} s`;
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)} min ${((tenths % 600) / 10).toFixed(1)} s`;
}

/** A moment since the beginning, to the millisecond: `12.345 s`. */
export function formatMoment(microseconds: number): string {
  return `${(microseconds / 1e6).toFixed(3)} s`;
}

/** A count with its thousands apart: `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** A size in 1024-based units, exact below 1 KiB: `640 B`, `12.5 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(KIB)), units.length);
  return `${threeDigits(bytes / KIB ** power)} ${units[power - 1]}`;
}

/** A number in words: `no packets`, `1 packet`, `2 packets`. */
export function formatNumberOf(count: number, thing: string): string {
  return `${count === 0 ? "no" : formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}

function threeDigits(number: number): string {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}
