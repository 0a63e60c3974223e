import { NLA_F_NESTED, NLA_HDRLEN, NLMSG_ERROR } from "../../codec/assembly/constants.ts";
import { asGeneric, type Findings, mistakeAt, type TextFormat } from "./text_format.ts";

const BEGIN = /^-+ +BEGIN NETLINK MESSAGE -+$/;
const END = /^-+ +END NETLINK MESSAGE +-+$/;
/** `[ATTR 03] 3 octets`, `[ATTR 18 NESTED] 40 octets`, `[PAYLOAD] 16 octets`, indented by their depth. */
const PART = /^(\s*)\[([A-Z ]+?)(?: (\d+))?( NESTED)?\] (\d+) octets$/;
/** `.nlmsg_len = 40`, `.type = 18 <route/link::get>`, `.error = -2 "No such file"` */
const GENERIC = /^\s*\[GENERIC NETLINK HEADER\]/;
const NUMBER = /^\s*\.(\w+) = (-?\d+)/;
const BYTES = /^\s*((?:[0-9a-f]{2} ?)+)/;
/** What is shown of an answer: two headers and the errno between them. */
const ANSWER_LEN = 36;
/** Bytes of the numbers that it writes of a header, and of the generic header behind that. */
const SIZES: Readonly<Record<string, number>> = {
  nlmsg_len: 4,
  type: 2,
  nlmsg_type: 2,
  flags: 2,
  nlmsg_flags: 2,
  seq: 4,
  nlmsg_seq: 4,
  port: 4,
  nlmsg_pid: 4,
  error: 4,
  cmd: 1,
  version: 1,
  unused: 2,
};

/** What libnl prints of the messages of a program that is run with `NLCB=debug`. */
export const LIBNL_DEBUG: TextFormat = {
  name: "what libnl prints with NLCB=debug",
  fits: (text) => text.split("\n").some((line) => BEGIN.test(line.trim())),
  read: (text, findings) =>
    messagesIn(text).flatMap((message) =>
      findings.attempt(() => {
        const bytes = messageBytes(message, { text, findings });
        return [message.lines.some(({ line }) => GENERIC.test(line)) ? asGeneric(bytes) : bytes];
      })
    ),
};

interface Source {
  text: string;
  findings: Findings;
}

/** The lines of a message, each with where it stands. */
interface Message {
  index: number;
  lines: { line: string; index: number }[];
  hasEnd: boolean;
}

function messagesIn(text: string): Message[] {
  const messages: Message[] = [];
  let index = 0;
  for (const line of text.split("\n")) {
    const current = messages.at(-1);
    if (BEGIN.test(line.trim())) messages.push({ index, lines: [], hasEnd: false });
    else if (current && END.test(line.trim())) current.hasEnd = true;
    else if (current && !current.hasEnd) current.lines.push({ line, index });
    index += line.length + 1;
  }
  return messages;
}

function messageBytes({ index, lines, hasEnd }: Message, { text, findings }: Source): Uint8Array {
  if (!hasEnd) throw mistakeAt(text, index, "the message that begins here has no end");
  const bytes: number[] = [];
  let left = 0;
  for (const { line, index } of lines) {
    const part = PART.exec(line);
    const number = NUMBER.exec(line);
    if (left > 0 && (part ?? number)) throw mistakeAt(text, index, `${left} bytes are missing here`);
    if (part) {
      left = partBegins(part, bytes);
    } else if (number) {
      bytes.push(...numberBytes(number[1], Number(number[2]), (why) => mistakeAt(text, index, why)));
    } else if (left > 0) {
      const pairs = BYTES.exec(line)?.[1].trim().split(/\s+/).slice(0, left) ?? [];
      if (pairs.length === 0) throw mistakeAt(text, index, `${left} bytes are missing here`);
      bytes.push(...pairs.map((pair) => parseInt(pair, 16)));
      left -= pairs.length;
    }
  }
  const length = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
  if (bytes.length === ANSWER_LEN && (bytes[4] | bytes[5] << 8) === NLMSG_ERROR && length > ANSWER_LEN) {
    findings.note(`of an answer libnl shows ${ANSWER_LEN} bytes, the rest is left out`);
    return Uint8Array.of(bytes.length, 0, 0, 0, ...bytes.slice(4));
  }
  if (bytes.length === length) return Uint8Array.from(bytes);
  throw mistakeAt(text, index, `${bytes.length} bytes are shown of a message of ${length}`);
}

/** Adds what a part begins with, and returns how many bytes of it the next lines have. */
function partBegins([, , name, type, nested, octets]: RegExpExecArray, bytes: number[]): number {
  const size = Number(octets);
  if (name !== "ATTR") return name.endsWith("HEADER") || name === "ERRORMSG" || name === "ORIGINAL MESSAGE" ? 0 : size;
  const flags = nested ? NLA_F_NESTED : 0;
  const length = size + NLA_HDRLEN;
  bytes.push(length & 0xff, length >> 8, Number(type) & 0xff, (Number(type) | flags) >> 8);
  return nested ? 0 : size;
}

function numberBytes(name: string, value: number, mistake: (why: string) => Error): number[] {
  const size = SIZES[name];
  if (size === undefined) throw mistake(`${JSON.stringify(name)} is not a field that libnl prints`);
  return Array.from({ length: size }, (_, index) => value >> 8 * index & 0xff);
}
