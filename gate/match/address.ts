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
