import { lettersOf } from "./arrays.ts";
import { type Findings, isMessage, mistakeAt, type TextFormat } from "./text_format.ts";

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
    if (dumps.length === 1) return [dumpBytes(text, dumps[0], findings)];
    return dumps.flatMap((dump) => findings.attempt(() => [dumpBytes(text, dump, findings)]));
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

/** The bases of offsets: of most, of od, of od -A d. */
const BASES = [16, 8, 10];

/** The bytes of a dump: in the base in which its offsets are right, and if there are several are a message. */
function dumpBytes(text: string, dump: Dump, findings: Findings): Uint8Array {
  const readings = BASES.map((base) => new Reading(text, base));
  for (const reading of readings) reading.add(dump);
  const right = readings.filter(({ mistake }) => !mistake);
  const best = right.find(({ bytes }) => isMessage(bytes)) ?? right[0];
  if (best) return best.inOrder();
  const furthest = readings.reduce((one, other) => other.bytes.length > one.bytes.length ? other : one);
  const { mistake } = furthest;
  const whole = wholeMessages(furthest.bytes);
  if (whole.length === 0 || furthest.firstInWords !== undefined) throw mistake;
  findings.attempt(() => {
    throw mistake;
  });
  return whole;
}

/** The bytes of the messages that are whole, from the first on. */
function wholeMessages(bytes: readonly number[]): Uint8Array {
  const all = Uint8Array.from(bytes);
  const view = new DataView(all.buffer);
  let end = 0;
  while (isMessage(all.subarray(end))) end += (view.getUint32(end, true) + 3) & ~3;
  return all.subarray(0, end);
}

/** A dump as it is read where its offsets are in one base, up to what is wrong with it. */
class Reading {
  readonly #text: string;
  readonly #base: number;
  readonly bytes: number[] = [];
  readonly #swapped: number[] = [];
  /** How many bytes the line before has. */
  #width = 0;
  /** Where a star stands, behind which no line has come yet. */
  #star: number | undefined;
  firstInWords: number | undefined;
  mistake: Error | undefined;

  constructor(text: string, base: number) {
    this.#text = text;
    this.#base = base;
  }

  add(dump: Dump): void {
    const last = dump.findLastIndex(({ text }) => dumpLine(text));
    for (const [at, { text: line, index }] of dump.entries()) {
      const read = dumpLine(line);
      this.mistake = read
        ? this.#addLine(read, index)
        : line.trim() === "*"
        ? this.#addStar(index)
        : at < last
        ? this.#checkGap(line, index)
        : this.#checkEnd(line, index);
      if (this.mistake) return;
    }
    if (this.#star !== undefined) this.mistake = mistakeAt(this.#text, this.#star, NO_OFFSET);
  }

  /** The bytes in the order in which they are a message; throws where that is not known. */
  inOrder(): Uint8Array {
    if (!isMessage(this.bytes) && isMessage(this.#swapped)) return Uint8Array.from(this.#swapped);
    if (this.firstInWords === undefined) return Uint8Array.from(this.bytes);
    throw wordsMistake(this.#text, this.firstInWords);
  }

  #addLine(line: Line, index: number): Error | undefined {
    if (line.isInWords) this.firstInWords ??= index;
    const mistake = this.#checkOffset(line.digits, index);
    if (mistake) return this.firstInWords === undefined ? mistake : wordsMistake(this.#text, this.firstInWords);
    for (const byte of line.bytes) this.bytes.push(byte);
    for (const byte of line.swapped) this.#swapped.push(byte);
    this.#width = line.bytes.length;
    return undefined;
  }

  #addStar(index: number): Error | undefined {
    if (this.#width === 0 || this.#star !== undefined) return mistakeAt(this.#text, index, NO_OFFSET);
    this.#star = index;
    return undefined;
  }

  /** Checks where a line begins, or the dump ends; behind a star repeats the line before it up to there. */
  #checkOffset(digits: string, index: number): Error | undefined {
    const offset = parseInt(digits, this.#base);
    const { length } = this.bytes;
    if (this.#star === undefined) {
      if (offset === length) return undefined;
      const said = parseInt(digits, 16);
      return mistakeAt(this.#text, index, `the line begins at byte ${said}, but ${length} bytes stand before it`);
    }
    const count = repeatsTo(offset, length, this.#width);
    if (count === undefined) return mistakeAt(this.#text, index, starMistake(digits, length, this.#width));
    const [line, swapped] = [this.bytes.slice(-this.#width), this.#swapped.slice(-this.#width)];
    for (let times = 0; times < count; times++) {
      this.bytes.push(...line);
      this.#swapped.push(...swapped);
    }
    this.#star = undefined;
    return undefined;
  }

  /** Checks a line without bytes before the last with some. */
  #checkGap(line: string, index: number): Error | undefined {
    if (line.trim() === "") return undefined;
    return mistakeAt(this.#text, index, "this line is not part of the dump");
  }

  /** Checks a line behind the bytes. Any may stand there, but what says that bytes are missing. */
  #checkEnd(line: string, index: number): Error | undefined {
    return END.test(line) ? this.#checkOffset(line.trim(), index) : undefined;
  }
}

const NO_OFFSET = "the star stands for lines like the one before it, but no offset behind it says how many";
/** What no dump of a message is longer than. */
const DUMP_MAX = 1 << 24;

/** How often a star repeats the line before it; `undefined` where the offset behind it cannot be. */
function repeatsTo(offset: number, length: number, width: number): number | undefined {
  const isRight = offset > length && offset <= DUMP_MAX && (offset - length) % width === 0;
  return isRight ? (offset - length) / width : undefined;
}

function starMistake(digits: string, length: number, width: number): string {
  return `the star stands for lines of ${width} bytes from byte ${length} on, which do not end at offset ${digits}`;
}

function wordsMistake(text: string, index: number): Error {
  return mistakeAt(text, index, "bytes stand in words, whose order it does not say; use hexdump -C");
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
        const bytes = messageOf(rows);
        if (bytes) return [bytes];
        const star = rows.findIndex(isStar);
        if (star < 0 || rowsBytes(rows.slice(0, star)).length === 0) {
          throw mistakeAt(text, rows[0].index, "the dump that begins here is of no message");
        }
        throw mistakeAt(text, rows[star].index, STAR_OF_COLUMNS);
      })
    ),
};

const STAR_OF_COLUMNS =
  "the star stands for lines like the one before it, but the offset behind it does not say how many";

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
    else if (COLUMNS_END.test(line)) {
      const rows = dumps.at(-1) ?? [];
      if (rows.length > 0 && isStar(rows[rows.length - 1])) rows.push({ offset: line.trim(), cells: [], index });
    } else if (dumps.at(-1)?.length === 0) dumps.pop();
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
  return rowsBytes(rows).find(isMessage);
}

/** The bytes of a dump in all the ways in which its cells are bytes and its offsets are right. */
function rowsBytes(rows: readonly Row[]): Uint8Array[] {
  return READINGS.flatMap((read) => [8, 10, 16].map((base) => columnBytes(rows, { read, base })))
    .filter((bytes) => bytes?.every((byte) => byte >= -128 && byte <= 255) ?? false)
    .map((bytes) => Uint8Array.from(bytes ?? []));
}

/** The numbers of a dump, those of a star repeated; `undefined` where an offset is wrong. */
function columnBytes(
  rows: readonly Row[],
  { read, base }: { read: (cell: string) => number; base: number },
): number[] | undefined {
  const bytes: number[] = [];
  let [line, isRepeated]: [number[], boolean] = [[], false];
  for (const row of rows) {
    if (isStar(row)) {
      if (isRepeated || line.length === 0) return undefined;
      isRepeated = true;
      continue;
    }
    const offset = parseInt(row.offset, base);
    const count = isRepeated ? repeatsTo(offset, bytes.length, line.length) : offset === bytes.length ? 0 : undefined;
    if (count === undefined) return undefined;
    for (let times = 0; times < count; times++) bytes.push(...line);
    line = row.cells.map(read);
    bytes.push(...line);
    isRepeated = false;
  }
  return isRepeated ? undefined : bytes;
}
