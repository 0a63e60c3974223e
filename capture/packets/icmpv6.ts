import { formatHardware, formatIpv6 } from "../../codec/spec/value.ts";
import type { PacketBytes, Protocol } from "./packet.ts";

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** The option with the link-layer address of who advertises. */
const TARGET_ADDRESS = 2;

/** Types of messages. */
const TYPES: Readonly<Record<number, string>> = {
  1: "unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  137: "redirect",
  143: "multicast listener report",
};

/** ICMPv6, of which neighbour discovery is a part. */
export const ICMPV6: Protocol = {
  name: "ICMPv6",
  length: 4,
  read(packet, { at, end }) {
    const { bytes } = packet;
    const type = bytes.u8(at);
    if ((type === SOLICITATION || type === ADVERTISEMENT) && bytes.has(at, 24)) {
      const target = formatIpv6(bytes.slice(at + 8, at + 24));
      const address = type === ADVERTISEMENT ? linkAddress(bytes, at + 24, end) : undefined;
      packet.what.push(type === SOLICITATION ? `ND who has ${target}` : `ND ${target} is at ${address ?? packet.from}`);
    } else packet.what.push(`ICMPv6 ${TYPES[type] ?? `type ${type}`}`);
  },
};

function linkAddress(bytes: PacketBytes, from: number, end: number): string | undefined {
  for (let at = from; at + 8 <= end && bytes.has(at, 8) && bytes.u8(at + 1) > 0; at += bytes.u8(at + 1) * 8) {
    if (bytes.u8(at) === TARGET_ADDRESS) return formatHardware(bytes.slice(at + 2, at + 8));
  }
  return undefined;
}
