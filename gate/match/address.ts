import { type Reader, wholeNumber, type Word } from "./reader.ts";

const GROUP = /^[0-9a-f]{1,4}$/i;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;

/** Parses an IPv4 or IPv6 address, without a zone. Returns its 4 or 16 bytes, or `undefined` where it is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const octets = text.split(".");
  const valid = octets.length === 4 && octets.every((octet) => OCTET.test(octet) && Number(octet) < 256);
  return valid ? Uint8Array.from(octets, Number) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  // Two colons stand for one group or more.
  if (tail ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array(missing).fill(0), ...tail ?? []]);
}

/** The bytes of groups between single colons, the last of which may be an IPv4 address. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const last = groups.at(-1) ?? "";
  const dotted = last.includes(".") ? parseIpv4(last) : undefined;
  const plain = dotted ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => GROUP.test(group))) return undefined;
  return [...plain.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]), ...dotted ?? []];
}

/** Formats an address of 4 or 16 bytes; IPv6 as RFC 5952 says. */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const view = new DataView(address.buffer, address.byteOffset);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(2 * index).toString(16));
  const gap = longestGap(groups);
  if (gap.length < 2) return groups.join(":");
  return `${groups.slice(0, gap.start).join(":")}::${groups.slice(gap.start + gap.length).join(":")}`;
}

/** The longest run of groups that are 0, the first of several. */
function longestGap(groups: readonly string[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > longest.length) longest = { start, length };
  }
  return longest;
}

/** The address with the bits behind the first `length` cleared. */
export function maskAddress(address: Uint8Array, length: number): Uint8Array {
  return address.map((byte, index) => byte & 0xff00 >> Math.min(8, Math.max(0, length - 8 * index)));
}

/** A network: an address, and how many of its bits count. */
export interface Prefix {
  address: Uint8Array;
  length: number;
}

/** Reads an address or a network; of `net`, with fewer octets, or with a mask behind it. */
export function readPrefix(
  reader: Reader,
  { word, expected, isNet = false }: { word: Word; expected: string; isNet?: boolean },
): Prefix {
  const [text, lengthText, ...more] = word.text.split("/");
  const octets = isNet && /^\d+(?:\.\d+){0,2}$/.test(text) ? text.split(".").length : 4;
  const address = parseAddress(text + ".0".repeat(4 - octets));
  if (!address || more.length > 0) throw reader.fault(word, expected);
  const bitCount = 8 * address.length;
  const told = isNet && lengthText === undefined && reader.takeIf("mask") ? readMask(reader) : undefined;
  const length = told ??
    (lengthText === undefined ? (octets < 4 ? 8 * octets : bitCount) : wholeNumber(lengthText, bitCount));
  if (length === undefined) throw reader.fault(lengthPart(word), `a length from 1 to ${bitCount}`);
  if (length === 0) {
    throw fitsAll(reader, { word, size: address.length, mask: told === undefined ? "" : " mask 0.0.0.0" });
  }
  const masked = maskAddress(address, length);
  if (masked.some((byte, index) => byte !== address[index])) {
    throw reader.fault(word, `no bits behind the first ${length}: ${formatAddress(masked)}/${length}`);
  }
  return { address, length };
}

/** The kernel takes no filter that compares no bit of an address. */
function fitsAll(
  reader: Reader,
  { word, size, mask }: { word: Word; size: number; mask: string },
): ReturnType<Reader["fault"]> {
  const [name, family] = size === 4 ? ["IPv4", "ip"] : ["IPv6", "ip6"];
  const before = reader.expression.slice(0, word.position).match(/\b(?:ip6?|r?arp|icmp6?)(?=\s)/g);
  return reader.fault(
    { ...word, text: word.text + mask },
    `a longer prefix, or for every address: ${before?.at(-1) ?? family}`,
    { problem: `every ${name} address fits ${word.text}${mask}` },
  );
}

/** What stands behind the slash, or all where nothing does. */
function lengthPart({ text, position }: Word): Word {
  const slash = text.indexOf("/") + 1;
  return slash === text.length ? { text, position } : { text: text.slice(slash), position: position + slash };
}

/** The length that a mask of IPv4 means. */
function readMask(reader: Reader): number {
  const expected = "a mask, as 255.255.0.0";
  const word = reader.take(expected);
  const mask = parseAddress(word.text);
  const binary = mask?.length === 4 ? [...mask].map((byte) => byte.toString(2).padStart(8, "0")).join("") : "";
  if (!/^1*0*$/.test(binary) || binary === "") throw reader.fault(word, expected);
  return binary.lastIndexOf("1") + 1;
}
