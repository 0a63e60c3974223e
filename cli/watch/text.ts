import { eastAsianWidth } from "get-east-asian-width";
import { numberOf } from "../../plug/quantity.ts";

/** What takes no room of its own: it stands on the character before. */
const MARK = /^[\p{M}\u200b-\u200f\ufe00-\ufe0f]$/u;
/** What cannot be seen, or moves the cursor. */
const CONTROL = /\p{Cc}|[\u2028\u2029]/gu;

/** A text without what would move the cursor. */
export function visible(text: string): string {
  return text.replaceAll(CONTROL, "�");
}

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  return MARK.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}

/** A text of at most so many columns: cut behind a word where it is longer, and within one only where that is longer. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return "";
  let [at, width] = [0, 0];
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    at += character.length;
  }
  const head = text.slice(0, at);
  const space = /\s/.test(text[at] ?? "") ? at : head.lastIndexOf(" ");
  return `${space > 0 ? head.slice(0, space).trimEnd() : head}…`;
}

/** A text with spaces on one side, so that it takes so many columns. */
export function pad(text: string, columns: number, side: "left" | "right" = "right"): string {
  const spaces = " ".repeat(Math.max(0, columns - widthOf(text)));
  return side === "left" ? spaces + text : text + spaces;
}

/** A time that passes, with its largest unit: `<1 ms`, `812 ms`, `3.2 s`, `42 s`, `12 min`, `3 h`, `5 d`. */
export function timeText(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 119_500) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_170_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_000_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
}

/** A count with its thousands apart, or in millions where it is long: `12,345`, `12.3M`. */
export function countText(count: number): string {
  if (count >= 10_000_000) return `${(count / 1e6).toFixed(count < 1e9 ? 1 : 0)}M`;
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** A size in bytes: `812 B`, `1.2 KiB`, `16 MiB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [bytes, 0];
  while (size >= 999.5 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 || size >= 99.95 ? Math.round(size) : Number(size.toFixed(1))} ${units[unit]}`;
}

/** `3 packets wait`, `1 packet waits`. */
export function waitText(packets: number): string {
  return `${numberOf(packets, "packet").replace(/^\d+/, countText(packets))} ${packets === 1 ? "waits" : "wait"}`;
}

const BARS = "▁▂▃▄▅▆▇█";

/** Numbers as bars of one line, the highest the most; nothing where there is no number. */
export function sparkline(values: readonly (number | undefined)[]): string {
  const most = values.reduce<number>((highest, value) => Math.max(highest, value ?? 0), 0);
  return values.map((value) => {
    if (value === undefined) return " ";
    // What is more than nothing is to be seen.
    const height = value === 0 ? 0 : Math.max(1, Math.round(value / most * (BARS.length - 1)));
    return BARS[height];
  }).join("");
}
