import { lettersOf } from "./arrays.ts";
import { isMessage, mistakeAt, type TextFormat } from "./text_format.ts";

/** An offset, in octal, decimal or hex, and cells of the same width, a byte each. */
const LINE = /^([0-9a-f]{6,7})((?: {1,4}\S{1,4}){1,16}) *$/i;
/** An offset that nothing follows: where a dump ends. */
const END = /^[0-9a-f]{6,7} *$/i;
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
    dumpsIn(text).some((rows) => messageOf(rows) !== undefined || (rows.some(isGap) && rows[0].cells.includes("\\0"))),
  read: (text, findings) =>
    dumpsIn(text).flatMap((rows) =>
      findings.attempt(() => {
        const left = rows.find(isGap);
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
function isGap({ offset }: Row): boolean {
  return offset === "";
}

/** The rows of each dump; a line of a star is one of its own. */
function dumpsIn(text: string): Row[][] {
  const dumps: Row[][] = [];
  let index = 0;
  for (const line of text.split("\n")) {
    const found = LINE.exec(line);
    const cells = found && cellsOf(found[2]);
    if (found && cells) {
      if (/^0+$/.test(found[1])) dumps.push([]);
      dumps.at(-1)?.push({ offset: found[1], cells, index });
    } else if (line.trim() === "*") dumps.at(-1)?.push({ offset: "", cells: ["*"], index });
    else if (!END.test(line) && dumps.at(-1)?.length === 0) dumps.pop();
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
