import { lettersOf } from "./arrays.ts";
import { isMessage, mistakeAt, type TextFormat } from "./text_format.ts";

/** The offset that a line of a dump begins with, behind the time and the name of one in the kernel's log. */
const LINE =
  /^\s*(?:\[[ \d.]+\]\s+)?(?:[\w-]+: (?=[0-9a-f]{4,16}: ))?(?:0x)?([0-9a-f]{4,16})(:?)[ \t]+(?=[0-9a-f]{2})/i;
/** Digits of one byte or several, and the spaces behind them. */
const GROUPS = /((?:[0-9a-f]{2})+)(?![^\s])( *)/giy;
/** A line that is nothing but an offset, as hexdump and od end a dump. */
const END = /^[0-9a-f]{6,16}\s*$/i;
/** How many bytes a line may have. */
const LINE_BYTES = 256;

/**
 * A dump in hex, with an offset before the bytes and what else there may be behind them: xxd, hexdump -C, od -t x1,
 * tcpdump -x, -X and -xx, Wireshark and tshark -x. Where the offsets begin again a new datagram begins, and other lines
 * may stand between two.
 */
export const HEX_DUMP: TextFormat = {
  name: "a hex dump",
  fits: (text) => text.split("\n").some((line) => isFirst(dumpLine(line))),
  read: (text, findings) => {
    const dumps = dumpsIn(text);
    if (dumps.length === 1) return [dumpBytes(text, dumps[0])];
    return dumps.flatMap((dump) => findings.attempt(() => [dumpBytes(text, dump)]));
  },
};

interface Line {
  /** As digits, whose base only a dump as a whole shows. */
  digits: string;
  offset: "zero" | "other";
  bytes: readonly number[];
  /** The same, where each group of bytes is a number that a little-endian machine has printed. */
  swapped: readonly number[];
  /** Whether bytes stand in groups of several without a colon, as in `hexdump` without -C. */
  isInWords: boolean;
}

/** The lines of one datagram, each with where it begins. */
type Dump = { index: number; text: string }[];

function dumpLine(line: string): Line | undefined {
  const found = LINE.exec(line);
  if (!found) return undefined;
  const [start, digits, colon] = found;
  const bytes: number[] = [];
  const swapped: number[] = [];
  let isInWords = false;
  GROUPS.lastIndex = start.length;
  for (let group = GROUPS.exec(line); group && bytes.length < LINE_BYTES; group = GROUPS.exec(line)) {
    const own = (group[1].match(/../g) ?? []).map((pair) => parseInt(pair, 16));
    bytes.push(...own);
    swapped.push(...own.toReversed());
    isInWords ||= colon === "" && group[1].length > 2;
    // Behind more than one space begins the same as letters, but some leave two spaces in the middle of a line
    if (group[2].length > 1 && (colon !== "" || bytes.length !== 8 || group[2].length > 2)) break;
  }
  if (bytes.length === 0) return undefined;
  return { digits, offset: /^0+$/.test(digits) ? "zero" : "other", bytes, swapped, isInWords };
}

/** Whether a line begins a dump. Words behind zeros may be hex without offsets, but for the seven digits of hexdump. */
function isFirst(line: Line | undefined): boolean {
  return line?.offset === "zero" && (!line.isInWords || line.digits.length === 7);
}

function dumpsIn(text: string): Dump[] {
  const dumps: Dump[] = [];
  let index = 0;
  for (const line of text.split("\n")) {
    if (isFirst(dumpLine(line))) dumps.push([]);
    dumps.at(-1)?.push({ index, text: line });
    index += line.length + 1;
  }
  return dumps.filter((dump, at) => !isRepeated(dump, dumps[at - 1]));
}

/** Whether a dump says the same as the one right before it: tcpdump dumps twice what it does not know. */
function isRepeated(dump: Dump, before: Dump | undefined): boolean {
  const bytes = (each: Dump) => each.flatMap(({ text }) => dumpLine(text)?.bytes ?? []);
  if (!before || before.some(({ text }) => !dumpLine(text))) return false;
  return bytes(before).join() === bytes(dump).join();
}

function dumpBytes(text: string, dump: Dump): Uint8Array {
  const bytes: number[] = [];
  const swapped: number[] = [];
  let firstInWords: number | undefined;
  const last = dump.findLastIndex(({ text }) => dumpLine(text));
  let bases = [16, 8];
  dump.forEach(({ text: line, index }, at) => {
    const read = dumpLine(line);
    if (!read) return at < last ? checkGap(line, { text, index }) : checkEnd(line, { text, index, bytes, bases });
    if (read.isInWords) firstInWords ??= index;
    bases = bases.filter((base) => parseInt(read.digits, base) === bytes.length);
    if (bases.length === 0) {
      throw firstInWords === undefined
        ? offsetMistake(read.digits, { text, index, bytes })
        : wordsMistake(text, firstInWords);
    }
    bytes.push(...read.bytes);
    swapped.push(...read.swapped);
  });
  if (!isMessage(bytes) && isMessage(swapped)) return Uint8Array.from(swapped);
  if (firstInWords === undefined) return Uint8Array.from(bytes);
  throw wordsMistake(text, firstInWords);
}

function wordsMistake(text: string, index: number): Error {
  return mistakeAt(text, index, "bytes stand in words, whose order it does not say; use hexdump -C");
}

interface Place {
  text: string;
  index: number;
}

/** Checks a line without bytes before the last with some. */
function checkGap(line: string, { text, index }: Place): void {
  if (line.trim() === "") return;
  if (line.trim() === "*") throw mistakeAt(text, index, "here lines are left out; have them all with: hexdump -vC");
  throw mistakeAt(text, index, "this line is not part of the dump");
}

/** Checks a line behind the bytes. Any may stand there, but what says that bytes are missing. */
function checkEnd(line: string, { text, index, bytes, bases }: Place & { bytes: number[]; bases: number[] }): void {
  if (line.trim() === "*") return checkGap(line, { text, index });
  const isEnd = END.test(line) && line.trim().length >= 6;
  if (isEnd && !bases.some((base) => parseInt(line, base) === bytes.length)) {
    throw offsetMistake(line.trim(), { text, index, bytes });
  }
}

function offsetMistake(digits: string, { text, index, bytes }: Place & { bytes: number[] }): Error {
  const offset = parseInt(digits, 16);
  return mistakeAt(text, index, `the line begins at byte ${offset}, but ${bytes.length} bytes stand before it`);
}

/** An offset, in octal, decimal or hex, and cells of the same width, a byte each. */
const COLUMNS_LINE = /^([0-9a-f]{6,7})((?: {1,4}\S{1,4}){1,16}) *$/i;
/** An offset that nothing follows: where a dump ends. */
const COLUMNS_END = /^[0-9a-f]{6,7} *$/i;
/** The widths of cells: of three digits or an escape, and of three digits with a sign. */
const WIDTHS = [4, 5];

/** What a cell may be, by how od is asked: letters, numbers of three octal digits, decimals. */
const READINGS: readonly ((cell: string) => number)[] = [
  (cell) => /^[0-7]{3}$/.test(cell) ? parseInt(cell, 8) : letterOf(cell),
  (cell) => /^-?(?:0|[1-9]\d{0,2})$/.test(cell) ? Number(cell) : NaN,
];

function letterOf(cell: string): number {
  if (cell.length !== 1 && !/^\\[0abefnrtv\\]$/.test(cell)) return NaN;
  return lettersOf(cell, (_, why) => new RangeError(why))[0];
}

interface Row {
  offset: string;
  cells: string[];
  index: number;
}

/**
 * A dump in columns that are not hex: od -c, -b, -t u1 and -t d1, hexdump -c and -b. Where the offsets begin again a new
 * datagram begins.
 */
export const COLUMNS: TextFormat = {
  name: "a dump in columns",
  fits: (text) =>
    columnsIn(text).some((rows) =>
      messageOf(rows) !== undefined || (rows.some(isStar) && rows[0].cells.includes("\\0"))
    ),
  read: (text, findings) =>
    columnsIn(text).flatMap((rows) =>
      findings.attempt(() => {
        const left = rows.find(isStar);
        if (left) {
          throw mistakeAt(text, left.index, "here lines are left out; have them all with: od -v, or hexdump -v");
        }
        const bytes = messageOf(rows);
        if (!bytes) throw mistakeAt(text, rows[0].index, "the dump that begins here is of no message");
        return [bytes];
      })
    ),
};

/** Whether a row says that others like the one before it are left out. */
function isStar({ offset }: Row): boolean {
  return offset === "";
}

/** The rows of each dump; a line of a star is one of its own. */
function columnsIn(text: string): Row[][] {
  const dumps: Row[][] = [];
  let index = 0;
  for (const line of text.split("\n")) {
    const found = COLUMNS_LINE.exec(line);
    const cells = found && cellsOf(found[2]);
    if (found && cells) {
      if (/^0+$/.test(found[1])) dumps.push([]);
      dumps.at(-1)?.push({ offset: found[1], cells, index });
    } else if (line.trim() === "*") dumps.at(-1)?.push({ offset: "", cells: ["*"], index });
    else if (!COLUMNS_END.test(line) && dumps.at(-1)?.length === 0) dumps.pop();
    index += line.length + 1;
  }
  return dumps.filter((rows) => rows.length > 0);
}

/** The cells of a line, where all are as wide. */
function cellsOf(columns: string): string[] | undefined {
  for (const width of WIDTHS) {
    if (columns.length % width !== 0) continue;
    const cells = columns.match(new RegExp(`.{${width}}`, "gs")) ?? [];
    if (cells.every((cell) => /^ +\S+$/.test(cell))) return cells.map((cell) => cell.trim());
  }
  return undefined;
}

/** The bytes of a dump in the way in which they are a message, if its offsets are those of its rows. */
function messageOf(rows: readonly Row[]): Uint8Array | undefined {
  for (const read of READINGS) {
    const bytes: number[] = [];
    let bases = [8, 10, 16];
    for (const { offset, cells } of rows) {
      bases = bases.filter((base) => parseInt(offset, base) === bytes.length);
      for (const cell of cells) bytes.push(read(cell));
    }
    const areBytes = bytes.every((byte) => byte >= -128 && byte <= 255);
    const whole = Uint8Array.from(bytes);
    if (bases.length > 0 && areBytes && isMessage(whole)) return whole;
  }
  return undefined;
}
