import { formatHardware, formatIpv4 } from "../../codec/spec/value.ts";
import { IPV4, IPV6 } from "./ip.ts";
import { type Next, type Packet, PacketBytes, type Place, type Protocol, readPacket } from "./packet.ts";

const REPLY = 2;

/** ARP for IPv4 over Ethernet: who has an address, and who has it. */
export const ARP: Protocol = {
  name: "ARP",
  length: 28,
  read(packet, { at }) {
    const { bytes } = packet;
    const [sender, target] = [14, 24].map((offset) => formatIpv4(bytes.slice(at + offset, at + offset + 4)));
    packet.from = sender;
    packet.to = target;
    const isReply = bytes.u16(at + 6) === REPLY;
    packet.what.push(
      isReply ? `ARP ${sender} is at ${formatHardware(bytes.slice(at + 8, at + 14))}` : `ARP who has ${target}`,
    );
  },
};

/** What stands behind an ether type. */
const PROTOCOLS: Readonly<Record<number, Protocol>> = { 0x800: IPV4, 0x806: ARP, 0x86dd: IPV6 };
/** Ether types that are told by their name alone. */
const NAMES: Readonly<Record<number, string>> = {
  0x8847: "MPLS",
  0x8863: "PPPoE discovery",
  0x8864: "PPPoE",
  0x888e: "EAPOL",
  0x88cc: "LLDP",
  0x88f7: "PTP",
};
/** The ether types of tags, 802.1Q and 802.1ad. */
const TAGS = new Set([0x8100, 0x88a8, 0x9100]);
/** Below this it is a length, of an IEEE 802.3 frame. */
const ETHER_TYPE_MIN = 0x600;

/** An Ethernet frame: two addresses and the ether type, with the tags of VLANs in between. */
export const ETHERNET: Protocol = {
  name: "Ethernet",
  length: 14,
  read(packet, { at, end }) {
    const { bytes } = packet;
    packet.to = formatHardware(bytes.slice(at, at + 6));
    packet.from = formatHardware(bytes.slice(at + 6, at + 12));
    return behindType(packet, { at: at + 12, end });
  },
};

/** What the ether type at this place says comes next. */
function behindType(packet: Packet, { at, end }: Place): Next | void {
  let here = at;
  while (TAGS.has(packet.bytes.u16(here)) && packet.bytes.has(here, 6)) {
    packet.vlans.push(packet.bytes.u16(here + 2) & 0xfff);
    here += 4;
  }
  const type = packet.bytes.u16(here);
  if (Object.hasOwn(PROTOCOLS, type)) return { protocol: PROTOCOLS[type], at: here + 2, end };
  packet.what.push(
    type < ETHER_TYPE_MIN ? `IEEE 802.3 ${type}` : NAMES[type] ?? `0x${type.toString(16).padStart(4, "0")}`,
  );
}

/** What people want to know of a packet. */
export interface Description {
  /** Where it comes from: an address with its port, or alone; absent where no address was read. */
  from?: string;
  /** Where it goes. */
  to?: string;
  /** Its VLANs, from the outermost on. */
  vlans: readonly number[];
  /** What it is: `SYN`, `DATA 517 HTTP GET /`. */
  what: string;
  /** All of that in a line: `10.0.0.1:41234 > 10.0.0.2:80 SYN`. */
  line: string;
}

/** How a packet begins: with an Ethernet header, or with that of IP at once, as on a tunnel. */
export type LinkType = "ethernet" | "ip";

/** IP of either version, which the first four bits tell. */
const IP: Protocol = {
  name: "IP",
  length: 1,
  read({ bytes }, { at, end }) {
    return { protocol: bytes.u8(at) >> 4 === 6 ? IPV6 : IPV4, at, end };
  },
};

/** Describes a packet, whatever its bytes are; `length` is how long it was where it was not captured whole. */
export function describePacket(
  bytes: Uint8Array,
  { length = bytes.length, linkType = "ethernet" }: { length?: number; linkType?: LinkType } = {},
): Description {
  const packet = readPacket(new PacketBytes(bytes, length), linkType === "ip" ? IP : ETHERNET);
  const what = packet.what.join(" ");
  return { from: packet.from, to: packet.to, vlans: packet.vlans, what, line: lineOf(packet, what) };
}

function lineOf({ from, to, vlans }: Packet, what: string): string {
  const who = from === undefined || to === undefined ? [] : [`${from} > ${to}`];
  return [...who, ...vlans.map((vlan) => `VLAN ${vlan}`), what].join(" ");
}
