import { textOf } from "../../codec/text.ts";
import type { PacketBytes, Place, Protocol } from "./packet.ts";

const LINE =
  /^(?:(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) [!-~]+ HTTP\/\d\.\d|HTTP\/\d\.\d \d{3}[ -~]*)/;
/** How much of the first line is read, and how much of it is told. */
const READ_MAX = 512;
const TOLD_MAX = 80;

/** Whether data begins with the first line of HTTP. */
export function isHttp(bytes: PacketBytes, place: Place): boolean {
  return firstLine(bytes, place) !== undefined;
}

function firstLine(bytes: PacketBytes, { at, end }: Place): string | undefined {
  const start = bytes.slice(at, Math.min(end, at + READ_MAX));
  const text = textOf(start, 0, start.length).split(/[\r\n]/, 1)[0];
  // A long target may not have been captured to its end
  return LINE.exec(text)?.[0] ?? /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \/[!-~]*$/.exec(text)?.[0];
}

/** HTTP 1: the method and the target, or the status. */
export const HTTP: Protocol = {
  name: "HTTP",
  length: 1,
  read(packet, place) {
    const line = (firstLine(packet.bytes, place) ?? "").replace(/^HTTP\/\d\.\d | HTTP\/\d\.\d$/, "").trimEnd();
    packet.what.push(`HTTP ${line.length > TOLD_MAX ? `${line.slice(0, TOLD_MAX)}…` : line}`);
  },
};

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const RECORDS: Readonly<Record<number, string>> = {
  20: "change cipher spec",
  21: "alert",
  22: "handshake",
  23: "application data",
};
const HANDSHAKES: Readonly<Record<number, string>> = {
  1: "client hello",
  2: "server hello",
  4: "new session ticket",
  11: "certificate",
  12: "server key exchange",
  14: "server hello done",
  16: "client key exchange",
};

/** Whether data begins with a record of TLS. */
export function isTls(bytes: PacketBytes, { at, end }: Place): boolean {
  return end - at >= 5 && bytes.has(at, 5) && Object.hasOwn(RECORDS, bytes.u8(at)) && bytes.u8(at + 1) === 3 &&
    bytes.u8(at + 2) <= 4 && bytes.u16(at + 3) > 0 && bytes.u16(at + 3) <= 0x4800;
}

/** TLS: the kind of the first record, and the server's name that a client asks for. */
export const TLS: Protocol = {
  name: "TLS",
  length: 5,
  read(packet, { at, end }) {
    const { bytes } = packet;
    const kind = bytes.u8(at);
    const type = kind === HANDSHAKE && bytes.has(at + 5, 1) ? bytes.u8(at + 5) : undefined;
    const name = type === CLIENT_HELLO ? serverName(bytes, { at: at + 9, end }) : undefined;
    const what = (type === undefined ? undefined : HANDSHAKES[type]) ?? RECORDS[kind];
    packet.what.push(`TLS ${what}${name === undefined ? "" : ` ${name}`}`);
  },
};

/** The name in a client's hello, as far as that was captured: behind the version, 32 random bytes, and three lists. */
function serverName(bytes: PacketBytes, { at, end }: Place): string | undefined {
  let here = at + 34;
  here += 1 + bytes.u8(here);
  here += 2 + bytes.u16(here);
  here += 1 + bytes.u8(here);
  const last = Math.min(end, here + 2 + bytes.u16(here));
  for (here += 2; here + 4 <= last && bytes.has(here, 4); here += 4 + bytes.u16(here + 2)) {
    if (bytes.u16(here) !== SERVER_NAME) continue;
    const length = bytes.u16(here + 7);
    const name = bytes.slice(here + 9, here + 9 + length);
    return name.length === length && length > 0 ? printable(name) : undefined;
  }
  return undefined;
}

function printable(name: Uint8Array): string | undefined {
  const text = textOf(name, 0, name.length);
  return /^[!-~]+$/.test(text) ? text : undefined;
}

/** The ports of DNS, and of multicast DNS. */
export const DNS_PORTS: ReadonlySet<number> = new Set([53, 5353]);

const HEADER_LEN = 12;
const RESPONSE = 0x8000;
const TYPES: Readonly<Record<number, string>> = {
  1: "A",
  2: "NS",
  5: "CNAME",
  6: "SOA",
  12: "PTR",
  15: "MX",
  16: "TXT",
  28: "AAAA",
  33: "SRV",
  65: "HTTPS",
  255: "ANY",
};
const CODES: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
};
const LABELS_MAX = 128;

/** DNS: the first name that is asked for, and of an answer how many there are, or what is wrong. */
export const DNS: Protocol = {
  name: "DNS",
  length: HEADER_LEN,
  read(packet, { at }) {
    const { bytes } = packet;
    const flags = bytes.u16(at + 2);
    const question = bytes.u16(at + 4) > 0 ? questionAt(bytes, at + HEADER_LEN) : undefined;
    const words = ["DNS", ...flags & RESPONSE ? [CODES[flags & 0xf] ?? `${bytes.u16(at + 6)} answers`] : []];
    packet.what.push([...words, ...question === undefined ? [] : [question]].join(" "));
  },
};

/** DNS over TCP, behind its length. */
export const DNS_OVER_TCP: Protocol = {
  name: "DNS",
  length: HEADER_LEN + 2,
  read: (packet, { at, end }) => DNS.read(packet, { at: at + 2, end }),
};

/** The name at a place, and the type that is asked for. */
function questionAt(bytes: PacketBytes, at: number): string | undefined {
  const labels: string[] = [];
  let here = at;
  for (let length = bytes.u8(here); length > 0; length = bytes.u8(here)) {
    // A question points nowhere
    if (length > 63 || labels.length >= LABELS_MAX || !bytes.has(here + 1, length)) return undefined;
    labels.push(String.fromCharCode(...bytes.slice(here + 1, here + 1 + length)).replaceAll(/[^!-~]/g, "?"));
    here += 1 + length;
  }
  if (!bytes.has(here, 3)) return undefined;
  const type = bytes.u16(here + 1);
  return `${labels.join(".") || "."} ${TYPES[type] ?? `type ${type}`}`;
}
