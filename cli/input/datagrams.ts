import { joined } from "../../codec/byte_text.ts";
import { UsageError } from "../exit_status.ts";
import { NUMBERS, STRINGS } from "./arrays.ts";
import { BASE64, DIGITS } from "./digits.ts";
import { COLUMNS, HEX_DUMP } from "./hex_dump.ts";
import { LIBNL_DEBUG } from "./libnl_debug.ts";
import { asGeneric, Findings, isMessage, mistakeAt, protocolBefore, type TextFormat } from "./text_format.ts";
import { protocolName, STRACE } from "./strace_text.ts";

/**
 * The bytes of a file, or of standard input where it is `-`.
 *
 * @throws {Error} where it cannot be read
 */
export function readAll(file: string): Uint8Array<ArrayBuffer> {
  if (file === "-") return readInput();
  try {
    return Deno.readFileSync(file);
  } catch (error) {
    throw cannotRead(file, error);
  }
}

/** The error for a file that cannot be read. */
export function cannotRead(file: string, cause: unknown): unknown {
  if (cause instanceof Deno.errors.NotFound) return new Error(`Cannot read ${file}: there is no such file`, { cause });
  if (cause instanceof Deno.errors.IsADirectory) return new Error(`Cannot read ${file}: it is a folder`, { cause });
  return cause;
}

function readInput(): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = new Uint8Array(1 << 16);
    const length = Deno.stdin.readSync(part);
    if (length === null) return joined(parts);
    parts.push(part.subarray(0, length));
  }
}

const PART_LEN = 1 << 16;
/** The first two bytes of gzip. */
const GZIP = [0x1f, 0x8b];

/**
 * The bytes of a capture, part by part, from a file or from standard input where it is `-`; what gzip has compressed is
 * decompressed. A part is written over when the next is asked for.
 *
 * @throws {Error} where it cannot be read
 */
export async function* captureParts(file: string): AsyncGenerator<Uint8Array, void> {
  using input = openInput(file);
  const parts = partsOf(input.source, file);
  const first = parts.next().value ?? new Uint8Array(0);
  if (!GZIP.every((byte, at) => first[at] === byte)) {
    yield first;
    yield* parts;
    return;
  }
  yield* decompressed(copies(first, parts), file);
}

async function* decompressed(parts: Iterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array, void> {
  const [{ createGunzip }, { pipeline, Readable }] = await Promise.all([import("node:zlib"), import("node:stream")]);
  try {
    yield* pipeline(Readable.from(parts), createGunzip(), () => {});
  } catch (cause) {
    if (cause instanceof Error && !("code" in cause)) throw cause;
    const name = file === "-" ? "standard input" : file;
    throw new Error(`Cannot decompress all of ${name}: ${(cause as Error).message}`, { cause });
  }
}

interface Source {
  readSync(bytes: Uint8Array): number | null;
}

function openInput(file: string): Disposable & { source: Source } {
  if (file === "-") return { source: Deno.stdin, [Symbol.dispose]: () => {} };
  try {
    const source = Deno.openSync(file);
    return { source, [Symbol.dispose]: () => source.close() };
  } catch (error) {
    throw cannotRead(file, error);
  }
}

function* partsOf(source: Source, file: string): Generator<Uint8Array, void> {
  const part = new Uint8Array(PART_LEN);
  const read = () => {
    try {
      return source.readSync(part);
    } catch (error) {
      throw cannotRead(file, error);
    }
  };
  for (let length = read(); length !== null; length = read()) yield part.subarray(0, length);
}

/** The parts, each in memory of its own, since a stream reads ahead. */
function* copies(first: Uint8Array, parts: Iterable<Uint8Array>): Generator<Uint8Array, void> {
  yield first.slice();
  for (const part of parts) yield part.slice();
}

/** What captures begin with: pcap in its four forms, pcapng, and gzip, which may hold one. */
const CAPTURES = ["d4c3b2a1", "4d3cb2a1", "a1b2c3d4", "a1b23c4d", "0a0d0d0a", "1f8b"];

/**
 * The datagrams of a whole input: of a text, or the bytes themselves, which have zeros where no text has.
 *
 * @throws {UsageError} where it is a capture, or has no message
 */
export function datagramsOfInput(input: Uint8Array, note: (text: string) => void): TextDatagrams {
  if (isCapture(input)) throw new UsageError("standard input is a capture; read it with: plugctl decode --pcap -");
  if (input.includes(0)) return { datagrams: [input], generic: new Set(), skipped: 0 };
  return datagramsOfText(new TextDecoder().decode(input), note);
}

function isCapture(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, 4).reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "");
  return CAPTURES.some((magic) => start.startsWith(magic));
}

/** The error for a word that is the name of a file where a message is expected, or `undefined` where it is none. */
export function fileMistake(word: string): UsageError | undefined {
  const name = JSON.stringify(word);
  if (isFolder(word)) return new UsageError(`${name} is a folder; give a message as hex or in another form`);
  const start = startOf(word);
  if (start) {
    const how = isCapture(start) ? `--pcap ${word}` : `< ${word}`;
    return new UsageError(`${name} is a file, and the arguments are messages; read it with: plugctl decode ${how}`);
  }
  if (!/\/|\.(?:pcap|pcapng|cap|gz|txt|hex|bin|log|out|json|strace)$/i.test(word)) return undefined;
  return new UsageError(`${name} is neither a message nor a file; give a message as hex or in another form`);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // As in startOf
    return false;
  }
}

/**
 * Checks that what should be a capture does not begin as text.
 *
 * @throws {UsageError} where it does
 */
export function checkCapture(start: Uint8Array, file: string): void {
  const isText = start.length >= 4 && !isCapture(start) &&
    start.subarray(0, TEXT_LEN).every((byte) => (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d));
  if (!isText) return;
  const [name, how] = file === "-" ? ["standard input", ""] : [file, `: plugctl decode < ${file}`];
  throw new UsageError(`${name} looks like text, not a capture; leave out --pcap${how}`);
}

/** How many bytes are looked at for whether they are text. */
const TEXT_LEN = 64;

/** The first bytes of a file; `undefined` where it is none, or may not be looked at. */
function startOf(file: string): Uint8Array | undefined {
  try {
    using opened = Deno.openSync(file);
    const start = new Uint8Array(4);
    return start.subarray(0, opened.readSync(start) ?? 0);
  } catch {
    // It only makes the words of another error better
    return undefined;
  }
}

/** The formats, of which a text is of the first that fits: a form is told from those behind it by what only it has. */
const FORMATS: readonly TextFormat[] = [LIBNL_DEBUG, STRACE, COLUMNS, HEX_DUMP, NUMBERS, STRINGS, BASE64, DIGITS];

/** What the datagrams of a text are, and what is wrong with those that were skipped. */
export interface TextDatagrams {
  datagrams: Uint8Array[];
  /** Those of them that are of `NETLINK_GENERIC`; all others are of `NETLINK_ROUTE`. */
  generic: ReadonlySet<Uint8Array>;
  /** How many were skipped or are not whole, which were noted. */
  skipped: number;
}

/**
 * The datagrams that a text stands for, in whatever of the formats it is. What cannot be known of them, and what is
 * skipped, `note` is told. Of words of a command line each is a message, or a part of one.
 *
 * @throws {UsageError} where the text has none; it says where it is wrong, or what was expected
 */
export function datagramsOfText(given: string | readonly string[], note: (text: string) => void): TextDatagrams {
  const operands = typeof given === "string" ? [] : given;
  const text = typeof given === "string" ? given : given.join(" ");
  if (operands.length > 1 && operands.some(isComplete)) return datagramsOfEach(operands, note);
  if (text.trim() === "") throw mistakeAt(text, 0, `there is nothing; ${EXPECTED}`);
  const findings = new Findings(note, operands);
  const [heading = "", protocol] = HEADING.exec(text) ?? [];
  const plain = " ".repeat(heading.length) + text.slice(heading.length);
  const format = FORMATS.find((each) => each.fits(plain)) ?? DIGITS;
  const generic = new Set<Uint8Array>();
  const read = format.read(plain, findings);
  const datagrams = (protocol === "GENERIC" ? read.map(asGeneric) : read).flatMap((bytes) =>
    uncooked(bytes, findings, generic)
  );
  if (datagrams.length === 0 && findings.mistakes.length > 0) throw findings.mistakes[0];
  findings.conclude();
  if (datagrams.length === 0 && !findings.hasOthers) {
    throw mistakeAt(text, 0, `it looks like ${format.name}, but has no message of netlink`);
  }
  return { datagrams, generic, skipped: findings.mistakes.length + findings.lost };
}

/** Whether a word is a message in a form other than hex, so that those beside it are no parts of it. */
function isComplete(word: string): boolean {
  const format = FORMATS.find((each) => each.fits(word)) ?? DIGITS;
  if (format === DIGITS) return false;
  const findings = new Findings(() => {});
  return findings.attempt(() => format.read(word, findings)).some(isMessage);
}

/** The datagrams of words that are messages each in a form of its own. */
function datagramsOfEach(words: readonly string[], note: (text: string) => void): TextDatagrams {
  const all: TextDatagrams[] = [];
  let skipped = 0;
  for (const word of words) {
    try {
      all.push(datagramsOfText(word, note));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const shown = word.length > SHOWN_MAX ? `${word.slice(0, SHOWN_MAX)}...` : word;
      note(`skipped ${JSON.stringify(shown)}: ${error.message}`);
      skipped++;
    }
  }
  return {
    datagrams: all.flatMap(({ datagrams }) => datagrams),
    generic: new Set(all.flatMap(({ generic }) => [...generic])),
    skipped: all.reduce((sum, each) => sum + each.skipped, skipped),
  };
}

/** How many letters of a word are shown. */
const SHOWN_MAX = 40;

/** The name of a protocol before bytes, which by themselves do not say of which they are. */
const HEADING = /^\s*NETLINK_(ROUTE|GENERIC)\b:?(?=\s)/;
const EXPECTED = `expected ${FORMATS.map(({ name }) => name).join(", ")}`;

const [NETLINK_ROUTE, NETLINK_GENERIC] = [0, 16];

/** A datagram without the header that an nlmon device puts before it; those of generic netlink are kept in `generic`. */
function uncooked(bytes: Uint8Array, findings: Findings, generic: Set<Uint8Array>): Uint8Array[] {
  const { protocol, datagram } = protocolBefore(bytes) ?? { protocol: NETLINK_ROUTE, datagram: bytes };
  if (protocol === NETLINK_GENERIC) generic.add(datagram);
  if (protocol === NETLINK_ROUTE || protocol === NETLINK_GENERIC) return [datagram];
  findings.leaveOut(protocolName(protocol));
  return [];
}
