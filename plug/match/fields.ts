import {
  TCA_FLOWER_KEY_ARP_SIP,
  TCA_FLOWER_KEY_ARP_SIP_MASK,
  TCA_FLOWER_KEY_ARP_TIP,
  TCA_FLOWER_KEY_ARP_TIP_MASK,
  TCA_FLOWER_KEY_CT_STATE,
  TCA_FLOWER_KEY_CT_STATE_MASK,
  TCA_FLOWER_KEY_ETH_DST,
  TCA_FLOWER_KEY_ETH_DST_MASK,
  TCA_FLOWER_KEY_ETH_SRC,
  TCA_FLOWER_KEY_ETH_SRC_MASK,
  TCA_FLOWER_KEY_FLAGS,
  TCA_FLOWER_KEY_FLAGS_MASK,
  TCA_FLOWER_KEY_ICMPV6_TYPE,
  TCA_FLOWER_KEY_ICMPV6_TYPE_MASK,
  TCA_FLOWER_KEY_IP_PROTO,
  TCA_FLOWER_KEY_IP_TOS,
  TCA_FLOWER_KEY_IP_TOS_MASK,
  TCA_FLOWER_KEY_IP_TTL,
  TCA_FLOWER_KEY_IP_TTL_MASK,
  TCA_FLOWER_KEY_IPV4_DST,
  TCA_FLOWER_KEY_IPV4_DST_MASK,
  TCA_FLOWER_KEY_IPV4_SRC,
  TCA_FLOWER_KEY_IPV4_SRC_MASK,
  TCA_FLOWER_KEY_IPV6_DST,
  TCA_FLOWER_KEY_IPV6_DST_MASK,
  TCA_FLOWER_KEY_IPV6_SRC,
  TCA_FLOWER_KEY_IPV6_SRC_MASK,
  TCA_FLOWER_KEY_PORT_DST_MAX,
  TCA_FLOWER_KEY_PORT_DST_MIN,
  TCA_FLOWER_KEY_PORT_SRC_MAX,
  TCA_FLOWER_KEY_PORT_SRC_MIN,
  TCA_FLOWER_KEY_SCTP_DST,
  TCA_FLOWER_KEY_SCTP_DST_MASK,
  TCA_FLOWER_KEY_SCTP_SRC,
  TCA_FLOWER_KEY_SCTP_SRC_MASK,
  TCA_FLOWER_KEY_TCP_DST,
  TCA_FLOWER_KEY_TCP_DST_MASK,
  TCA_FLOWER_KEY_TCP_FLAGS,
  TCA_FLOWER_KEY_TCP_FLAGS_MASK,
  TCA_FLOWER_KEY_TCP_SRC,
  TCA_FLOWER_KEY_TCP_SRC_MASK,
  TCA_FLOWER_KEY_UDP_DST,
  TCA_FLOWER_KEY_UDP_DST_MASK,
  TCA_FLOWER_KEY_UDP_SRC,
  TCA_FLOWER_KEY_UDP_SRC_MASK,
  TCA_FLOWER_KEY_VLAN_ID,
} from "../../codec/numbers.ts";
import { BESIDE } from "../../linux/bpf.ts";
import { type Attributes, type Bits, bits, type Cube, type Field, intersect, is } from "./cube.ts";
import { bytes, type Packet, wideBytes } from "./packet.ts";

// The fields that several words of the match language look at, and those by which it is told what a match would hold; one
// that belongs to a single word stands beside that word.

/** Whether there is an 802.1Q tag: 0 or 1. */
export const TAGGED: Field = {
  name: "VLAN tag",
  bytes: 1,
  by: "value",
  read: ({ vlan }) => vlan === undefined ? 0 : 1,
};

/** The number of the VLAN that the tag says. */
export const VLAN_ID: Field = {
  name: "VLAN",
  bytes: 2,
  by: "value",
  attributes: [TCA_FLOWER_KEY_VLAN_ID],
  read: ({ vlan }) => vlan,
};

/** `ETH_P_*`, behind a VLAN tag. */
export const ETHER_TYPE: Field = { name: "EtherType", bytes: 2, by: "value", read: ({ etherType }) => etherType };

/** `IPPROTO_*` */
export const PROTOCOL: Field = {
  name: "protocol",
  bytes: 1,
  by: "value",
  attributes: [TCA_FLOWER_KEY_IP_PROTO],
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

/** A field that is compared by any of its bits, with the numbers of its attribute and of that of its mask. */
export function field(
  name: string,
  attributes: Attributes,
  own: Pick<Field, "bytes" | "read" | "tcpdump">,
): Field {
  return { name, by: "bits", attributes, ...own };
}

/** What stands in the network header, which is as long as is said. */
function inNetwork(at: number, count: number): Pick<Field, "bytes" | "read"> {
  return { bytes: count, read: ({ frame, network }) => wideBytes(frame, network + at, count) };
}

/** What stands at the beginning of the frame. */
function inFrame(at: number, count: number): Pick<Field, "bytes" | "read"> {
  return { bytes: count, read: ({ frame }) => wideBytes(frame, at, count) };
}

/** The hardware addresses of Ethernet. */
export const MACS: Readonly<Record<End, Field>> = {
  src: field("source MAC", [TCA_FLOWER_KEY_ETH_SRC, TCA_FLOWER_KEY_ETH_SRC_MASK], inFrame(6, 6)),
  dst: field("destination MAC", [TCA_FLOWER_KEY_ETH_DST, TCA_FLOWER_KEY_ETH_DST_MASK], inFrame(0, 6)),
};

/** An address, of 4 bytes in IPv4 and ARP and of 16 in IPv6. */
export interface Address {
  field: Field;
  family: Cube;
}

const ARP = is(ETHER_TYPE, ETHER_TYPES.arp);

/** Where an address stands, by its bytes and its end: in IPv4 in the header, and in ARP as well. */
export const ADDRESSES: Readonly<Record<End, Readonly<Record<4 | 16, readonly Address[]>>>> = {
  src: {
    4: [{
      field: field("source address", [TCA_FLOWER_KEY_IPV4_SRC, TCA_FLOWER_KEY_IPV4_SRC_MASK], inNetwork(12, 4)),
      family: IPV4,
    }, {
      field: field("ARP sender", [TCA_FLOWER_KEY_ARP_SIP, TCA_FLOWER_KEY_ARP_SIP_MASK], inNetwork(14, 4)),
      family: ARP,
    }],
    16: [{
      field: field("source address", [TCA_FLOWER_KEY_IPV6_SRC, TCA_FLOWER_KEY_IPV6_SRC_MASK], inNetwork(8, 16)),
      family: IPV6,
    }],
  },
  dst: {
    4: [
      {
        field: field("destination address", [TCA_FLOWER_KEY_IPV4_DST, TCA_FLOWER_KEY_IPV4_DST_MASK], inNetwork(16, 4)),
        family: IPV4,
      },
      {
        field: field("ARP target", [TCA_FLOWER_KEY_ARP_TIP, TCA_FLOWER_KEY_ARP_TIP_MASK], inNetwork(24, 4)),
        family: ARP,
      },
    ],
    16: [{
      field: field("destination address", [TCA_FLOWER_KEY_IPV6_DST, TCA_FLOWER_KEY_IPV6_DST_MASK], inNetwork(24, 16)),
      family: IPV6,
    }],
  },
};

/** The attributes of a port and of its mask by the protocol, and those of the ends of a range. */
type PortAttributes = Pick<Field, "attributes" | "rangeAttributes">;

const PORT_ATTRIBUTES: Readonly<Record<End, PortAttributes>> = {
  src: {
    attributes: new Map([
      [PROTOCOLS.tcp, [TCA_FLOWER_KEY_TCP_SRC, TCA_FLOWER_KEY_TCP_SRC_MASK]],
      [PROTOCOLS.udp, [TCA_FLOWER_KEY_UDP_SRC, TCA_FLOWER_KEY_UDP_SRC_MASK]],
      [PROTOCOLS.sctp, [TCA_FLOWER_KEY_SCTP_SRC, TCA_FLOWER_KEY_SCTP_SRC_MASK]],
    ]),
    rangeAttributes: [TCA_FLOWER_KEY_PORT_SRC_MIN, TCA_FLOWER_KEY_PORT_SRC_MAX],
  },
  dst: {
    attributes: new Map([
      [PROTOCOLS.tcp, [TCA_FLOWER_KEY_TCP_DST, TCA_FLOWER_KEY_TCP_DST_MASK]],
      [PROTOCOLS.udp, [TCA_FLOWER_KEY_UDP_DST, TCA_FLOWER_KEY_UDP_DST_MASK]],
      [PROTOCOLS.sctp, [TCA_FLOWER_KEY_SCTP_DST, TCA_FLOWER_KEY_SCTP_DST_MASK]],
    ]),
    rangeAttributes: [TCA_FLOWER_KEY_PORT_DST_MIN, TCA_FLOWER_KEY_PORT_DST_MAX],
  },
};

function port(end: End): Field {
  return {
    name: end === "src" ? "source port" : "destination port",
    bytes: 2,
    by: "range",
    ...PORT_ATTRIBUTES[end],
    read: (packet) => inTransport(packet, end === "src" ? 0 : 2, 2),
  };
}

/** The ports of TCP, UDP and SCTP. */
export const PORTS: Readonly<Record<End, Field>> = { src: port("src"), dst: port("dst") };

/** The flags of TCP: 12 bits. */
export const TCP_FLAGS_FIELD: Field = field("TCP flags", [TCA_FLOWER_KEY_TCP_FLAGS, TCA_FLOWER_KEY_TCP_FLAGS_MASK], {
  bytes: 2,
  tcpdump: (wanted, family) =>
    family === 4 ? tested("tcp[12:2]", wanted) : `(ip6[6] = 6 and ${tested("ip6[52:2]", wanted)})`,
  read: (packet) => (inTransport(packet, 12, 2) ?? 0) & 0xfff,
});

/** The traffic class: the whole byte of IPv4's type of service, of IPv6's traffic class. */
export const TOS: Field = field("traffic class", [TCA_FLOWER_KEY_IP_TOS, TCA_FLOWER_KEY_IP_TOS_MASK], {
  bytes: 1,
  tcpdump: ({ value, mask }, family) =>
    family === 4 ? tested("ip[1]", { value, mask }) : tested("ip6[0:2]", { value: value << 4n, mask: mask << 4n }),
  read: ({ frame, network, etherType }) =>
    etherType === ETHER_TYPES.ip ? bytes(frame, network + 1, 1) : bytes(frame, network, 2) >> 4 & 0xff,
});

/** IPv4's time to live, IPv6's hop limit. */
export const TTL: Field = field("TTL", [TCA_FLOWER_KEY_IP_TTL, TCA_FLOWER_KEY_IP_TTL_MASK], {
  bytes: 1,
  tcpdump: (wanted, family) => tested(family === 4 ? "ip[8]" : "ip6[7]", wanted),
  read: ({ frame, network, etherType }) => bytes(frame, network + (etherType === ETHER_TYPES.ip ? 8 : 7), 1),
});

/** `TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT` is 1. */
export const FRAGMENT: Field = field("fragment", [TCA_FLOWER_KEY_FLAGS, TCA_FLOWER_KEY_FLAGS_MASK], {
  bytes: 4,
  tcpdump: (_, family) => family === 4 ? "ip[6:2] & 0x3fff != 0" : "ip6[6] = 44",
  read: ({ fragment }) => fragment === undefined ? 0 : fragment === "first" ? 3 : 1,
});

/** `ICMPV6_*` and `NDISC_*` */
export const ICMP6_TYPE: Field = field("ICMPv6 type", [TCA_FLOWER_KEY_ICMPV6_TYPE, TCA_FLOWER_KEY_ICMPV6_TYPE_MASK], {
  bytes: 1,
  tcpdump: (wanted) => tested("icmp6[0]", wanted),
  read: (packet) => inTransport(packet, 0, 1),
});

/** The mark that nft, iptables or another program gave it: `skb->mark`. */
export const MARK: Field = {
  name: "mark",
  bytes: 4,
  by: "bits",
  isBeyond: true,
  tcpdump: (wanted) => tested(`link[0x${BESIDE.MARK.toString(16)}:4]`, wanted),
  read: () => undefined,
};

/** What connection tracking has found of it: `TCA_FLOWER_KEY_CT_FLAGS_*`. */
export const CT_STATE: Field = {
  name: "connection state",
  bytes: 2,
  by: "bits",
  attributes: [TCA_FLOWER_KEY_CT_STATE, TCA_FLOWER_KEY_CT_STATE_MASK],
  read: () => undefined,
};

/** How tcpdump compares bits of what stands in a place. */
export function tested(place: string, { value, mask }: Bits): string {
  return `${place} & 0x${mask.toString(16)} = 0x${value.toString(16)}`;
}

/** All of these that the kernel says in attributes of their own. */
export const FIELDS: readonly Field[] = [
  ...Object.values(MACS),
  VLAN_ID,
  PROTOCOL,
  ...[ADDRESSES.src, ADDRESSES.dst].flatMap((sizes) => [...sizes[4], ...sizes[16]]).map(({ field }) => field),
  ...Object.values(PORTS),
  TCP_FLAGS_FIELD,
  TOS,
  TTL,
  FRAGMENT,
  ICMP6_TYPE,
];

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
