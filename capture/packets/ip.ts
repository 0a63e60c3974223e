import { ICMP } from "./icmp.ts";
import { ICMPV6 } from "./icmpv6.ts";
import type { Next, Packet, Place, Protocol } from "./packet.ts";
import { SCTP } from "./sctp.ts";
import { TCP } from "./tcp.ts";
import { UDP } from "./udp.ts";

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
