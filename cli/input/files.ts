import { UsageError } from "../usage_error.ts";
import { datagramsOfText, type TextDatagrams } from "./datagrams_of_text.ts";

/** What captures begin with: pcap in its four forms, pcapng, and gzip, which may hold one. */
const CAPTURES = ["d4c3b2a1", "4d3cb2a1", "a1b2c3d4", "a1b23c4d", "0a0d0d0a", "1f8b"];

/**
 * The datagrams of a whole input: of a text, or the bytes themselves, which have zeros where no text has.
 *
 * @throws {UsageError} where it is a capture, or has no message
 */
export function datagramsOfInput(input: Uint8Array, note: (text: string) => void): TextDatagrams {
  if (isCapture(input)) throw new UsageError("standard input is a capture; read it with: plugctl decode --pcap -");
  if (input.includes(0)) return { datagrams: [input], skipped: 0 };
  return datagramsOfText(new TextDecoder().decode(input), note);
}

function isCapture(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, 4).reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "");
  return CAPTURES.some((magic) => start.startsWith(magic));
}

/** The error for a word that is the name of a file where a message is expected, or `undefined` where it is none. */
export function fileMistake(word: string): UsageError | undefined {
  const name = JSON.stringify(word);
  const start = startOf(word);
  if (start) {
    const how = isCapture(start) ? `--pcap ${word}` : `< ${word}`;
    return new UsageError(`${name} is a file, and the arguments are messages; read it with: plugctl decode ${how}`);
  }
  if (!/\/|\.(?:pcap|pcapng|cap|gz|txt|hex|bin|log|out|json|strace)$/i.test(word)) return undefined;
  return new UsageError(`${name} is no message, and there is no such file; a message is hex or the like`);
}

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
