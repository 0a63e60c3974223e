import { formatHardware } from "../../codec/spec/value.ts";
import { ARP } from "./arp.ts";
import { IPV4 } from "./ipv4.ts";
import { IPV6 } from "./ipv6.ts";
import type { Next, Packet, Place, Protocol } from "./packet.ts";

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
