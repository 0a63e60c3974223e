import { DNS, DNS_PORTS } from "./dns.ts";
import { type Protocol, tellPorts } from "./packet.ts";

const HEADER_LEN = 8;

/** UDP: how much data, and of DNS what is asked. */
export const UDP: Protocol = {
  name: "UDP",
  length: HEADER_LEN,
  read(packet, { at, end }) {
    const { from, to } = tellPorts(packet, at);
    // 0 where the device cuts it into datagrams
    const length = packet.bytes.u16(at + 4) || end - at;
    packet.what.push(`UDP ${Math.max(0, length - HEADER_LEN)}`);
    const isDns = DNS_PORTS.has(from) || DNS_PORTS.has(to);
    if (isDns) return { protocol: DNS, at: at + HEADER_LEN, end: Math.min(end, at + length) };
  },
};
