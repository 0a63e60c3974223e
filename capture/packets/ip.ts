import { formatHardware, formatIpv4, formatIpv6 } from "../../codec/spec/value.ts";
import type { Next, Packet, PacketBytes, Place, Protocol } from "./packet.ts";
import { SCTP, TCP, UDP } from "./transport.ts";

const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

/** IPv4. */
export const IPV4: Protocol = {
  name: "IPv4",
  length: 20,
  read(packet, { at, end }) {
    const { bytes } = packet;
    packet.from = formatIpv4(bytes.slice(at + 12, at + 16));
    packet.to = formatIpv4(bytes.slice(at + 16, at + 20));
    const header = Math.max(20, (bytes.u8(at) & 0xf) * 4);
    // What segmentation is left to the device has, with more than 64 KiB, is 0
    const total = bytes.u16(at + 2) || end - at;
    const number = bytes.u8(at + 9);
    const fragment = bytes.u16(at + 6);
    const place = { at: at + header, end: Math.min(end, at + total) };
    const offset = (fragment & OFFSET_MASK) * 8;
    if (offset > 0) return tellFragment(packet, { number, offset, size: total - header });
    if (fragment & MORE_FRAGMENTS) packet.what.push("first fragment");
    return behindIp(packet, number, place);
  },
};

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;

/** IPv6, with the headers that may stand between it and what it carries. */
export const IPV6: Protocol = {
  name: "IPv6",
  length: 40,
  read(packet, { at, end }) {
    const { bytes } = packet;
    packet.from = formatIpv6(bytes.slice(at + 8, at + 24));
    packet.to = formatIpv6(bytes.slice(at + 24, at + 40));
    const size = bytes.u16(at + 4);
    const last = size === 0 ? end : Math.min(end, at + 40 + size);
    const found = skipHeaders(packet, bytes.u8(at + 6), { at: at + 40, end: last });
    return found && behindIp(packet, found.number, found);
  },
};

/** What stands behind the extension headers; nothing behind a fragment other than the first. */
function skipHeaders(packet: Packet, first: number, { at, end }: Place): (Place & { number: number }) | undefined {
  const { bytes } = packet;
  let [number, here] = [first, at];
  while (bytes.has(here, 8)) {
    const next = bytes.u8(here);
    if (number === FRAGMENT) {
      const offset = bytes.u16(here + 2) & 0xfff8;
      if (offset > 0) {
        tellFragment(packet, { number: next, offset, size: end - here - 8 });
        return undefined;
      }
      if (bytes.u16(here + 2) & 1) packet.what.push("first fragment");
      here += 8;
    } else if (number === AUTHENTICATION) here += (bytes.u8(here + 1) + 2) * 4;
    else if (number === HOP_BY_HOP || number === ROUTING || number === DESTINATION) {
      here += (bytes.u8(here + 1) + 1) * 8;
    } else break;
    number = next;
  }
  return { number, at: here, end };
}

/** Types of messages. */
const TYPES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "unreachable",
  5: "redirect",
  8: "echo",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp",
  14: "timestamp reply",
};
/** What cannot be reached. */
const UNREACHABLE: Readonly<Record<number, string>> = {
  0: "network",
  1: "host",
  2: "protocol",
  3: "port",
  4: "fragmentation needed",
  13: "prohibited",
};

/** ICMP. */
export const ICMP: Protocol = {
  name: "ICMP",
  length: 4,
  read(packet, { at }) {
    const [type, code] = [packet.bytes.u8(at), packet.bytes.u8(at + 1)];
    const why = type === 3 ? ` ${UNREACHABLE[code] ?? `code ${code}`}` : "";
    packet.what.push(`ICMP ${TYPES[type] ?? `type ${type}`}${why}`);
  },
};

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** The option with the link-layer address of who advertises. */
const TARGET_ADDRESS = 2;

/** Types of messages. */
const TYPES_V6: Readonly<Record<number, string>> = {
  1: "unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  137: "redirect",
  143: "multicast listener report",
};

/** ICMPv6, of which neighbour discovery is a part. */
export const ICMPV6: Protocol = {
  name: "ICMPv6",
  length: 4,
  read(packet, { at, end }) {
    const { bytes } = packet;
    const type = bytes.u8(at);
    if ((type === SOLICITATION || type === ADVERTISEMENT) && bytes.has(at, 24)) {
      const target = formatIpv6(bytes.slice(at + 8, at + 24));
      const address = type === ADVERTISEMENT ? linkAddress(bytes, at + 24, end) : undefined;
      packet.what.push(type === SOLICITATION ? `ND who has ${target}` : `ND ${target} is at ${address ?? packet.from}`);
    } else packet.what.push(`ICMPv6 ${TYPES_V6[type] ?? `type ${type}`}`);
  },
};

function linkAddress(bytes: PacketBytes, from: number, end: number): string | undefined {
  for (let at = from; at + 8 <= end && bytes.has(at, 8) && bytes.u8(at + 1) > 0; at += bytes.u8(at + 1) * 8) {
    if (bytes.u8(at) === TARGET_ADDRESS) return formatHardware(bytes.slice(at + 2, at + 8));
  }
  return undefined;
}

/** What stands behind the protocol number of IP. */
const PROTOCOLS: Readonly<Record<number, Protocol>> = { 1: ICMP, 6: TCP, 17: UDP, 58: ICMPV6, 132: SCTP };
/** Those that are told by their name alone. */
const NAMES: Readonly<Record<number, string>> = {
  2: "IGMP",
  4: "IPv4",
  33: "DCCP",
  41: "IPv6",
  46: "RSVP",
  47: "GRE",
  50: "ESP",
  51: "AH",
  59: "nothing",
  89: "OSPF",
  94: "IPIP",
  103: "PIM",
  112: "VRRP",
};

/** What is called by this number. */
export function nameOfProtocol(number: number): string {
  return PROTOCOLS[number]?.name ?? NAMES[number] ?? `IP protocol ${number}`;
}

/** What the number says comes next. */
export function behindIp(packet: Packet, number: number, place: Place): Next | void {
  if (Object.hasOwn(PROTOCOLS, number)) return { protocol: PROTOCOLS[number], ...place };
  packet.what.push(nameOfProtocol(number));
}

/** Says that a packet is a fragment other than the first, of which no more can be told. */
export function tellFragment(
  packet: Packet,
  { number, offset, size }: { number: number; offset: number; size: number },
): void {
  packet.what.push(`${nameOfProtocol(number)} fragment at ${offset}, ${size} bytes`);
}
