import { ETHERNET } from "./ethernet.ts";
import { IPV4 } from "./ipv4.ts";
import { IPV6 } from "./ipv6.ts";
import { type LinkType, type Packet, PacketBytes, type Protocol, readPacket } from "./packet.ts";

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
