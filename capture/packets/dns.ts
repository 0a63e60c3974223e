import type { PacketBytes, Protocol } from "./packet.ts";

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
