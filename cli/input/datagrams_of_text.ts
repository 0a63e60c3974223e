import { BASE64, DIGITS, NUMBERS, STRINGS } from "./arrays.ts";
import { HEX_DUMP } from "./hex_dump.ts";
import { LIBNL_DEBUG } from "./libnl_debug.ts";
import { Findings, mistakeAt, type TextFormat } from "./text_format.ts";
import { STRACE } from "./strace_text.ts";

/** The formats, of which a text is of the first that fits: a form is told from those behind it by what only it has. */
const FORMATS: readonly TextFormat[] = [LIBNL_DEBUG, STRACE, HEX_DUMP, NUMBERS, STRINGS, BASE64, DIGITS];

/** What the datagrams of a text are, and what is wrong with those that were skipped. */
export interface TextDatagrams {
  datagrams: Uint8Array[];
  /** How many were skipped, which were noted. */
  skipped: number;
}

/**
 * The datagrams that a text stands for, in whatever of the formats it is. What cannot be known of them, and what is
 * skipped, `note` is told.
 *
 * @throws {UsageError} where the text has none; it says where it is wrong, or what was expected
 */
export function datagramsOfText(text: string, note: (text: string) => void): TextDatagrams {
  if (text.trim() === "") throw mistakeAt(text, 0, `there is nothing; ${EXPECTED}`);
  const findings = new Findings(note);
  const format = FORMATS.find((each) => each.fits(text)) ?? DIGITS;
  const datagrams = format.read(text, findings).flatMap((bytes) => uncooked(bytes, findings));
  if (datagrams.length === 0 && findings.mistakes.length > 0) throw findings.mistakes[0];
  findings.conclude();
  if (datagrams.length === 0 && !findings.hasOthers) {
    throw mistakeAt(text, 0, `it looks like ${format.name}, but has no message of netlink`);
  }
  return { datagrams, skipped: findings.mistakes.length };
}

const EXPECTED = `expected ${FORMATS.map(({ name }) => name).join(", ")}`;

const NETLINK_ROUTE = 0;
const COOKED_LEN = 16;
/** `ARPHRD_NETLINK` */
const COOKED_TYPE = 824;

/** A datagram without the header that an nlmon device puts before it, which no message can begin with. */
function uncooked(bytes: Uint8Array, findings: Findings): Uint8Array[] {
  const isCooked = bytes.length >= COOKED_LEN && (bytes[2] << 8 | bytes[3]) === COOKED_TYPE && bytes[0] === 0 &&
    bytes.subarray(4, COOKED_LEN - 2).every((byte) => byte === 0);
  if (!isCooked) return [bytes];
  const protocol = bytes[COOKED_LEN - 2] << 8 | bytes[COOKED_LEN - 1];
  if (protocol === NETLINK_ROUTE) return [bytes.subarray(COOKED_LEN)];
  findings.leaveOut(`netlink protocol ${protocol}`);
  return [];
}
