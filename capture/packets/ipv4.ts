import { formatIpv4 } from "../../codec/spec/value.ts";
import { behindIp, tellFragment } from "./ip.ts";
import type { Protocol } from "./packet.ts";

const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

/** IPv4. */
export const IPV4: Protocol = {
  name: "IPv4",
  length: 20,
  read(packet, { at, end }) {
    const { bytes } = packet;
    packet.from = formatIpv4(bytes.slice(at + 12, at + 16));
    packet.to = formatIpv4(bytes.slice(at + 16, at + 20));
    const header = Math.max(20, (bytes.u8(at) & 0xf) * 4);
    // What segmentation is left to the device has, with more than 64 KiB, is 0
    const total = bytes.u16(at + 2) || end - at;
    const number = bytes.u8(at + 9);
    const fragment = bytes.u16(at + 6);
    const place = { at: at + header, end: Math.min(end, at + total) };
    const offset = (fragment & OFFSET_MASK) * 8;
    if (offset > 0) return tellFragment(packet, { number, offset, size: total - header });
    if (fragment & MORE_FRAGMENTS) packet.what.push("first fragment");
    return behindIp(packet, number, place);
  },
};
