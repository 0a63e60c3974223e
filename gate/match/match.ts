import type { FlowerKeys } from "../../codec/flower.ts";

/** Which packets are meant; what is absent is not looked at, so that an empty one means all. */
export interface Match extends Omit<FlowerKeys, "etherType"> {
  /** `ip` is IPv4. Absent where nothing is said of it, and where both IPv4 and IPv6 are meant. */
  family?: Family;
}

export type Family = "ip" | "ip6" | "arp";

/** `ETH_P_*` of `linux/if_ether.h` */
export const ETHER_TYPES: Readonly<Record<Family, number>> = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806 };

/** `IPPROTO_*` of `linux/in.h`, under the words of the language. */
export const IP_PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, icmp6: 58, sctp: 132 } as const;

export type ProtocolName = keyof typeof IP_PROTOCOLS;

/** The bits of the TCP header's flags, `linux/tcp.h`. */
export const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

export type TcpFlagName = keyof typeof TCP_FLAGS;

/** The largest number of a VLAN; 4095 is reserved. */
export const VLAN_MAX = 4094;
