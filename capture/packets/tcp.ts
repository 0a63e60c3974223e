import { DNS_OVER_TCP, DNS_PORTS } from "./dns.ts";
import { HTTP, isHttp } from "./http.ts";
import { type Protocol, tellPorts } from "./packet.ts";
import { isTls, TLS } from "./tls.ts";

/** What a flag says, in the order in which people say them; that data is to be passed on at once says nothing of it. */
const FLAGS = [[0x02, "SYN"], [0x01, "FIN"], [0x04, "RST"], [0x10, "ACK"], [0x20, "URG"]] as const;
const SYN_FIN_RST = 0x07;

/** TCP: its flags, how much data, and whose. */
export const TCP: Protocol = {
  name: "TCP",
  length: 20,
  read(packet, { at, end }) {
    const { bytes } = packet;
    const ports = tellPorts(packet, at);
    const flags = bytes.u8(at + 13);
    const start = at + Math.max(20, (bytes.u8(at + 12) >> 4) * 4);
    const size = Math.max(0, end - start);
    const names = FLAGS.filter(([bit]) => flags & bit).map(([, name]) => name).join("+");
    if (size === 0 || flags & SYN_FIN_RST) packet.what.push(names || "TCP");
    if (size === 0) return;
    packet.what.push(`DATA ${size}`);
    const place = { at: start, end };
    if (isTls(bytes, place)) return { protocol: TLS, ...place };
    if (isHttp(bytes, place)) return { protocol: HTTP, ...place };
    if (DNS_PORTS.has(ports.from) || DNS_PORTS.has(ports.to)) return { protocol: DNS_OVER_TCP, ...place };
  },
};
