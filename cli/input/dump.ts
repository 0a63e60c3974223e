import { mistakeAt } from "./mistake.ts";

/** A line of a dump: before the bytes its offset, behind them the same as letters. */
const LINES = [
  // strace -e write=all, -e read=all: " | 00010  00 00 00 00 01 00 00 00  00 00 00 00 ff ff ff ff  ................ |"
  { form: /^ \| ([0-9a-f]{5,}) {2}(.{1,49})/, restarts: true },
  // hexdump -C: "00000010  00 00 00 00 01 00 00 00  00 00 00 00 ff ff ff ff  |................|"
  { form: /^([0-9a-f]{8}) {2}((?:[0-9a-f]{2}(?: |$)| ){1,49})/i, restarts: false },
  // xxd: "00000010: 0000 0000 0100 0000  ........", tcpdump -x: "	0x0010:  0000 0000 0100 0000"
  { form: /^\s*(?:0x)?([0-9a-f]{4,8}):\s+((?:[0-9a-f]{2})+(?: (?:[0-9a-f]{2})+)*)(?= {2}|\s*$)/i, restarts: false },
] as const;

/**
 * The bytes of a dump, or `undefined` where the text is none. Of strace's output only what is dumped is read.
 *
 * @throws {UsageError} where a line does not follow from the one before it
 */
export function dumpBytes(text: string): Uint8Array | undefined {
  const lines = text.split("\n");
  const found = LINES.find(({ form }) => lines.some((line) => form.test(line)));
  if (!found) return undefined;
  const { form, restarts } = found;
  const dump: number[] = [];
  let [index, since] = [0, 0];
  for (const line of lines) {
    const [, offset, bytes] = form.exec(line) ?? [];
    if (offset !== undefined) {
      if (restarts && Number(`0x${offset}`) === 0) since = dump.length;
      checkOffset(Number(`0x${offset}`), dump.length - since, { text, index });
      dump.push(...(bytes.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => parseInt(pair, 16)));
    } else if (!restarts) checkEnd(line, dump.length, { text, index });
    index += line.length + 1;
  }
  return Uint8Array.from(dump);
}

interface Place {
  text: string;
  index: number;
}

function checkOffset(offset: number, count: number, { text, index }: Place): void {
  if (offset === count) return;
  throw mistakeAt(text, index, `the line begins at byte ${offset}, but ${count} bytes stand before it`);
}

/** Checks a line without bytes: there may be none, or the last offset of hexdump. */
function checkEnd(line: string, count: number, { text, index }: Place): void {
  if (line.trim() === "") return;
  if (line.trim() === "*") throw mistakeAt(text, index, "here lines are left out; have them all with: hexdump -vC");
  if (!/^[0-9a-f]{8}\s*$/i.test(line)) throw mistakeAt(text, index, "this is no line of the dump");
  checkOffset(parseInt(line, 16), count, { text, index });
}
