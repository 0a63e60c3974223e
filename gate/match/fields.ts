import { bits, type Cube, type Field, intersect, is } from "./cube.ts";

/** A packet from its Ethernet header on, and where its layers begin, as flower sees them. */
export interface Packet {
  /** All of it. */
  readonly frame: Uint8Array;
  /** The VLAN that the outermost tag says; absent where there is none. */
  readonly vlan?: number;
  /** `ETH_P_*`, behind a VLAN tag. */
  readonly etherType: number;
  /** Where the network layer begins. */
  readonly network: number;
  /** `IPPROTO_*`, behind the extension headers of IPv6. */
  readonly protocol?: number;
  /** Where the transport layer begins; absent in a fragment, in which flower looks for none. */
  readonly transport?: number;
  /** Whether it is a part of a larger packet, and the first. */
  readonly fragment?: "first" | "later";
}

const ETH_P_8021Q = 0x8100;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
/** Hop-by-hop options, routing, destination options: each says the next, and its length. */
const EXTENSIONS: readonly number[] = [0, 43, 60];
const FRAGMENT = 44;

/** Finds the layers of a packet. What is cut short has no layer there. */
export function dissect(frame: Uint8Array): Packet {
  const outer = bytes(frame, 12, 2);
  const tagged = outer === ETH_P_8021Q;
  const network = tagged ? 18 : 14;
  const link = {
    frame,
    network,
    etherType: tagged ? bytes(frame, 16, 2) : outer,
    ...tagged ? { vlan: bytes(frame, 14, 2) & 0xfff } : {},
  };
  if (link.etherType === ETH_P_IP) return { ...link, ...ipv4(frame, network) };
  return link.etherType === ETH_P_IPV6 ? { ...link, ...ipv6(frame, network) } : link;
}

type Layers = Pick<Packet, "protocol" | "transport" | "fragment">;

function ipv4(frame: Uint8Array, network: number): Layers {
  const protocol = bytes(frame, network + 9, 1);
  const fragment = bytes(frame, network + 6, 2);
  if ((fragment & 0x3fff) !== 0) return { protocol, fragment: (fragment & 0x1fff) === 0 ? "first" : "later" };
  return { protocol, transport: network + 4 * (bytes(frame, network, 1) & 0xf) };
}

function ipv6(frame: Uint8Array, network: number): Layers {
  let protocol = bytes(frame, network + 6, 1);
  let at = network + 40;
  while (EXTENSIONS.includes(protocol) && at < frame.length) {
    protocol = bytes(frame, at, 1);
    at += 8 * (bytes(frame, at + 1, 1) + 1);
  }
  if (protocol !== FRAGMENT) return { protocol, transport: at };
  const isFirst = (bytes(frame, at + 2, 2) & 0xfff8) === 0;
  return { protocol: bytes(frame, at, 1), fragment: isFirst ? "first" : "later" };
}

/** Up to 6 bytes in network order; behind the end of the packet there are zeros. */
export function bytes(frame: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) value = value * 256 + (frame[at + index] ?? 0);
  return value;
}

/** An address of 16 bytes, or of any other number. */
export function wideBytes(frame: Uint8Array, at: number, count: number): bigint {
  return frame.subarray(at, at + count).reduce((value, byte) => value << 8n | BigInt(byte), 0n);
}

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
