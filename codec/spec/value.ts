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

/** A qdisc's handle, `8001:`. */
export const handle: NumberType = in32(formatHandle);
/** Where a qdisc hangs: `root`, `1:4`. */
export const parent: NumberType = in32(formatParent);
/** A class, `1:4`. */
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
  LOOP: 0x60,
  IP: 0x800,
  ARP: 0x806,
  RARP: 0x8035,
  AOE: 0x88a2,
  "8021Q": 0x8100,
  IPX: 0x8137,
  IPV6: 0x86dd,
  MPLS_UC: 0x8847,
  MPLS_MC: 0x8848,
  PPP_DISC: 0x8863,
  PPP_SES: 0x8864,
  PAE: 0x888e,
  "8021AD": 0x88a8,
  MACSEC: 0x88e5,
  LLDP: 0x88cc,
  CFM: 0x8902,
  TEB: 0x6558,
  ALL: 3,
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
