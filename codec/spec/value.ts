// Types of values that several objects have, as people read them.
import { formatHandle, formatParent } from "../handle.ts";
import {
  type AttributeInput,
  attributes,
  be16,
  be32,
  type BytesType,
  names,
  nest,
  type NumberType,
  oneOf,
  saying,
  type Space,
  u32,
  u8,
} from "./table.ts";

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

/** An IPv4 address of 4 bytes as people write it. */
export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** An IPv6 address of 16 bytes as RFC 5952 writes it. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes[2 * index] << 8 | bytes[2 * index + 1]);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes.subarray(12))}`;
  }
  const [start, length] = longestZeros(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best[1]) best = [start, length];
  }
  return best;
}

/** An address of IPv4 or IPv6, which its length tells apart. */
export function formatAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return formatIpv4(bytes);
  return bytes.length === 16 ? formatIpv6(bytes) : undefined;
}

/** A hardware address: pairs of digits; of a tunnel an IP address. */
export function formatHardware(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  return formatAddress(bytes) ?? Array.from(bytes, hex).join(":");
}

/** A string in a field of a fixed size, up to its NUL. */
function formatFixed(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  return /^[ -~]*$/.test(text) ? JSON.stringify(text) : undefined;
}

/** An address of IPv4 or IPv6. */
export const address: BytesType = { is: "bytes", says: formatAddress };
/** An address of IPv4 in a struct. */
export const ipv4: BytesType = { is: "bytes", size: 4, says: formatAddress };
/** An address of IPv6 in a struct. */
export const ipv6: BytesType = { is: "bytes", size: 16, says: formatAddress };
/** A hardware address. */
export const hardware: BytesType = { is: "bytes", says: formatHardware };
/** A MAC address in a struct. */
export const mac: BytesType = { is: "bytes", size: 6, says: formatHardware };

/** A string in a struct, of `size` bytes. */
export function text(size: number): BytesType {
  return { is: "bytes", size, says: formatFixed };
}

/** Bytes in a struct. */
export function room(size: number): BytesType {
  return { is: "bytes", size };
}

/** Small numbers in a struct, a byte each. */
export function octets(size: number): BytesType {
  return { is: "bytes", size, says: (bytes) => bytes.join(" ") };
}

/** A number that is shown in hex, where that is another way to write it. */
export function inHex(type: NumberType): NumberType {
  return saying(type, (value, exact) => value > 9 ? `0x${exact.toString(16)}` : undefined);
}

/** What a number of 32 bits says; one that is found in 64 may be longer, and says nothing. */
const in32 = (says: (value: number) => string) =>
  saying(u32, (value) => value >>> 0 === value ? says(value) : undefined);

/** Where a qdisc hangs: `root`, `1:4`. */
export const parent: NumberType = in32(formatParent);
/** A class, `1:4`, or a qdisc, `8001:`, whose minor number is 0. */
export const classId: NumberType = in32((value) => {
  return `${formatHandle(value)}${value & 0xffff ? (value & 0xffff).toString(16) : ""}`;
});

/** `AF_*` of `linux/socket.h` */
export const AF = names("AF_", {
  UNSPEC: 0,
  UNIX: 1,
  INET: 2,
  BRIDGE: 7,
  INET6: 10,
  NETLINK: 16,
  PACKET: 17,
  MPLS: 28,
  IPMR: 128,
  IP6MR: 129,
});

/** `IPPROTO_*` of `linux/in.h` */
export const IPPROTO = names("IPPROTO_", {
  IP: 0,
  ICMP: 1,
  IGMP: 2,
  IPIP: 4,
  TCP: 6,
  EGP: 8,
  UDP: 17,
  DCCP: 33,
  IPV6: 41,
  RSVP: 46,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  PIM: 103,
  L2TP: 115,
  SCTP: 132,
  UDPLITE: 136,
  MPLS: 137,
});

/** `ETH_P_*` of `linux/if_ether.h`, and what tc calls them. */
export const ETH_P = names("ETH_P_", {
  "802_3": 0x1,
  AX25: 0x2,
  ALL: 0x3,
  "802_2": 0x4,
  SNAP: 0x5,
  DDCMP: 0x6,
  WAN_PPP: 0x7,
  PPP_MP: 0x8,
  LOCALTALK: 0x9,
  CAN: 0xc,
  CANFD: 0xd,
  CANXL: 0xe,
  PPPTALK: 0x10,
  TR_802_2: 0x11,
  MOBITEX: 0x15,
  CONTROL: 0x16,
  IRDA: 0x17,
  ECONET: 0x18,
  HDLC: 0x19,
  ARCNET: 0x1a,
  DSA: 0x1b,
  TRAILER: 0x1c,
  LOOP: 0x60,
  PHONET: 0xf5,
  IEEE802154: 0xf6,
  CAIF: 0xf7,
  XDSA: 0xf8,
  MAP: 0xf9,
  MCTP: 0xfa,
  PUP: 0x200,
  PUPAT: 0x201,
  IP: 0x800,
  X25: 0x805,
  ARP: 0x806,
  BPQ: 0x8ff,
  IEEEPUP: 0xa00,
  IEEEPUPAT: 0xa01,
  ERSPAN2: 0x22eb,
  TSN: 0x22f0,
  BATMAN: 0x4305,
  DEC: 0x6000,
  DNA_DL: 0x6001,
  DNA_RC: 0x6002,
  DNA_RT: 0x6003,
  LAT: 0x6004,
  DIAG: 0x6005,
  CUST: 0x6006,
  SCA: 0x6007,
  TEB: 0x6558,
  RARP: 0x8035,
  ATALK: 0x809b,
  AARP: 0x80f3,
  "8021Q": 0x8100,
  IPX: 0x8137,
  IPV6: 0x86dd,
  PAUSE: 0x8808,
  SLOW: 0x8809,
  WCCP: 0x883e,
  MPLS_UC: 0x8847,
  MPLS_MC: 0x8848,
  ATMMPOA: 0x884c,
  PPP_DISC: 0x8863,
  PPP_SES: 0x8864,
  LINK_CTL: 0x886c,
  ATMFATE: 0x8884,
  PAE: 0x888e,
  PROFINET: 0x8892,
  REALTEK: 0x8899,
  AOE: 0x88a2,
  ETHERCAT: 0x88a4,
  "8021AD": 0x88a8,
  "802_EX1": 0x88b5,
  ERSPAN: 0x88be,
  PREAUTH: 0x88c7,
  TIPC: 0x88ca,
  LLDP: 0x88cc,
  MRP: 0x88e3,
  MACSEC: 0x88e5,
  "8021AH": 0x88e7,
  MVRP: 0x88f5,
  "1588": 0x88f7,
  NCSI: 0x88f8,
  PRP: 0x88fb,
  CFM: 0x8902,
  FCOE: 0x8906,
  TDLS: 0x890d,
  FIP: 0x8914,
  IBOE: 0x8915,
  "80221": 0x8917,
  HSR: 0x892f,
  NSH: 0x894f,
  LOOPBACK: 0x9000,
  QINQ1: 0x9100,
  QINQ2: 0x9200,
  QINQ3: 0x9300,
  EDSA: 0xdada,
  DSA_8021Q: 0xdadb,
  DSA_A5PSW: 0xe001,
  IFE: 0xed3e,
  AF_IUCV: 0xfbfb,
});

const PROTOCOLS: Readonly<Record<string, string>> = { "8021Q": "802.1Q", "8021AD": "802.1ad" };

/** A protocol as tc writes it: `ip`, `802.1Q`, `[4660]`. */
export function formatProtocol(etherType: number): string {
  const name = Object.keys(ETH_P.numbers).find((each) => ETH_P.numbers[each] === etherType);
  return name === undefined ? `[${etherType}]` : PROTOCOLS[name] ?? name.toLowerCase();
}

/** An ether type in network order. */
export const etherType: NumberType = oneOf({ is: "number", size: 2, network: true }, ETH_P);

const GENEVE = { CLASS: [1, be16], TYPE: [2, u8], DATA: [3] } as const;
const VXLAN = { GBP: [1, u32] } as const;
const ERSPAN = { VER: [1, u8], INDEX: [2, be32], DIR: [3, u8], HWID: [4, u8] } as const;

/** Options of tunnels, whose attributes are named alike wherever they are: `TCA_TUNNEL_KEY_ENC_OPT`. */
export function tunnelOptions(name: string, more: Readonly<Record<string, AttributeInput>> = {}): Space {
  return attributes(`${name}S_`, {
    GENEVE: [1, nest(attributes(`${name}_GENEVE_`, GENEVE))],
    VXLAN: [2, nest(attributes(`${name}_VXLAN_`, VXLAN))],
    ERSPAN: [3, nest(attributes(`${name}_ERSPAN_`, ERSPAN))],
    ...more,
  });
}
