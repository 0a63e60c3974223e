import { formatIpv6 } from "../../codec/spec/value.ts";
import { behindIp, tellFragment } from "./ip.ts";
import type { Packet, Place, Protocol } from "./packet.ts";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;

/** IPv6, with the headers that may stand between it and what it carries. */
export const IPV6: Protocol = {
  name: "IPv6",
  length: 40,
  read(packet, { at, end }) {
    const { bytes } = packet;
    packet.from = formatIpv6(bytes.slice(at + 8, at + 24));
    packet.to = formatIpv6(bytes.slice(at + 24, at + 40));
    const size = bytes.u16(at + 4);
    const last = size === 0 ? end : Math.min(end, at + 40 + size);
    const found = skipHeaders(packet, bytes.u8(at + 6), { at: at + 40, end: last });
    return found && behindIp(packet, found.number, found);
  },
};

/** What stands behind the extension headers; nothing behind a fragment other than the first. */
function skipHeaders(packet: Packet, first: number, { at, end }: Place): (Place & { number: number }) | undefined {
  const { bytes } = packet;
  let [number, here] = [first, at];
  while (bytes.has(here, 8)) {
    const next = bytes.u8(here);
    if (number === FRAGMENT) {
      const offset = bytes.u16(here + 2) & 0xfff8;
      if (offset > 0) {
        tellFragment(packet, { number: next, offset, size: end - here - 8 });
        return undefined;
      }
      if (bytes.u16(here + 2) & 1) packet.what.push("first fragment");
      here += 8;
    } else if (number === AUTHENTICATION) here += (bytes.u8(here + 1) + 2) * 4;
    else if (number === HOP_BY_HOP || number === ROUTING || number === DESTINATION) {
      here += (bytes.u8(here + 1) + 1) * 8;
    } else break;
    number = next;
  }
  return { number, at: here, end };
}
