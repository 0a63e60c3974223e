import { bits, type Cube, type Field, intersect, is } from "./cube.ts";
import { bytes, type Packet, wideBytes } from "./packet.ts";

// The fields that several words of the language look at; one that belongs to a single word stands beside that word.

/** Whether there is an 802.1Q tag: 0 or 1. */
export const TAGGED: Field = {
  name: "VLAN tag",
  bytes: 1,
  by: "value",
  read: ({ vlan }) => vlan === undefined ? 0 : 1,
};

/** `ETH_P_*`, behind a VLAN tag. */
export const ETHER_TYPE: Field = { name: "EtherType", bytes: 2, by: "value", read: ({ etherType }) => etherType };

/** `IPPROTO_*` */
export const PROTOCOL: Field = {
  name: "protocol",
  bytes: 1,
  by: "value",
  attributes: [9],
  read: ({ protocol }) => protocol,
};

/** `ETH_P_*` of `linux/if_ether.h` */
export const ETHER_TYPES = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806, rarp: 0x8035 } as const;

/** `IPPROTO_*` of `linux/in.h`, under tcpdump's words. */
export const PROTOCOLS = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  icmp6: 58,
  igmp: 2,
  esp: 50,
  ah: 51,
  pim: 103,
  vrrp: 112,
};

export const IPV4 = is(ETHER_TYPE, ETHER_TYPES.ip);
export const IPV6 = is(ETHER_TYPE, ETHER_TYPES.ip6);
export const TCP = is(PROTOCOL, PROTOCOLS.tcp);

/** Both families with something that either has. */
export function inBoth(cube: Cube): Cube[] {
  return [IPV4, IPV6].map((family) => all(family, cube));
}

/** Cubes that do not contradict each other, as one. */
export function all(...cubes: readonly Cube[]): Cube {
  const together = cubes.reduce<Cube | undefined>((one, other) => one && intersect(one, other), new Map());
  if (!together) throw new TypeError("cubes contradict each other");
  return together;
}

/** Which end of a connection. */
export type End = "src" | "dst";

/** An address, of 4 bytes in IPv4 and ARP and of 16 in IPv6. */
export interface Address {
  field: Field;
  family: Cube;
}

function address(name: string, value: number, size: number, at: number): Field {
  return {
    name,
    bytes: size,
    by: "bits",
    attributes: [value, value + 1],
    read: ({ frame, network }) => wideBytes(frame, network + at, size),
  };
}

const ARP = is(ETHER_TYPE, ETHER_TYPES.arp);

/** Where an address stands, by its bytes and its end: in IPv4 in the header, and in ARP as well. */
export const ADDRESSES: Readonly<Record<End, Readonly<Record<4 | 16, readonly Address[]>>>> = {
  src: {
    4: [{ field: address("source address", 10, 4, 12), family: IPV4 }, {
      field: address("ARP sender", 57, 4, 14),
      family: ARP,
    }],
    16: [{ field: address("source address", 14, 16, 8), family: IPV6 }],
  },
  dst: {
    4: [{ field: address("destination address", 12, 4, 16), family: IPV4 }, {
      field: address("ARP target", 59, 4, 24),
      family: ARP,
    }],
    16: [{ field: address("destination address", 16, 16, 24), family: IPV6 }],
  },
};

function port(end: End): Field {
  const source = end === "src" ? 0 : 1;
  return {
    name: end === "src" ? "source port" : "destination port",
    bytes: 2,
    by: "range",
    attributes: new Map([
      [PROTOCOLS.tcp, [18 + source, 35 + source]],
      [PROTOCOLS.udp, [20 + source, 37 + source]],
      [PROTOCOLS.sctp, [41 + source, 39 + source]],
    ]),
    rangeAttributes: [87 + 2 * source, 88 + 2 * source],
    read: (packet) => inTransport(packet, 2 * source, 2),
  };
}

/** The ports of TCP, UDP and SCTP. */
export const PORTS: Readonly<Record<End, Field>> = { src: port("src"), dst: port("dst") };

/** The flags of TCP: 12 bits. */
export const TCP_FLAGS_FIELD: Field = {
  name: "TCP flags",
  bytes: 2,
  by: "bits",
  attributes: [71, 72],
  read: (packet) => (inTransport(packet, 12, 2) ?? 0) & 0xfff,
};

/** `ICMPV6_*` and `NDISC_*` */
export const ICMP6_TYPE: Field = {
  name: "ICMPv6 type",
  bytes: 1,
  by: "bits",
  attributes: [55, 56],
  read: (packet) => inTransport(packet, 0, 1),
};

/** The bits of `linux/tcp.h`. */
export const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

export type TcpFlag = keyof typeof TCP_FLAGS;

/** TCP of either family with these bits of its flags. */
export function tcpFlags(set: number, mask: number): Cube[] {
  return inBoth(all(TCP, bits(TCP_FLAGS_FIELD, set, mask)));
}

/** A number in the transport header; in a fragment flower finds 0. */
export function inTransport({ frame, transport }: Packet, at: number, count: number): number | undefined {
  return transport === undefined ? 0 : bytes(frame, transport + at, count);
}
