import { DNS, DNS_OVER_TCP, DNS_PORTS, HTTP, isHttp, isTls, TLS } from "./payload.ts";
import { type Protocol, tellPorts } from "./packet.ts";

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

/** Types of chunks. */
const CHUNKS: Readonly<Record<number, string>> = {
  0: "DATA",
  1: "INIT",
  2: "INIT+ACK",
  3: "SACK",
  4: "HEARTBEAT",
  5: "HEARTBEAT+ACK",
  6: "ABORT",
  7: "SHUTDOWN",
  8: "SHUTDOWN+ACK",
  9: "ERROR",
  10: "COOKIE-ECHO",
  11: "COOKIE-ACK",
  14: "SHUTDOWN-COMPLETE",
};
/** How many chunks of a packet are told. */
const CHUNKS_MAX = 4;

/** SCTP: what chunks a packet has. */
export const SCTP: Protocol = {
  name: "SCTP",
  length: 12,
  read(packet, { at, end }) {
    const { bytes } = packet;
    tellPorts(packet, at);
    const chunks: string[] = [];
    for (let here = at + 12; here + 4 <= end && bytes.has(here, 4) && chunks.length < CHUNKS_MAX;) {
      const [type, length] = [bytes.u8(here), bytes.u16(here + 2)];
      chunks.push(CHUNKS[type] ?? `chunk ${type}`);
      if (length < 4) break;
      here += length + 3 & ~3;
    }
    packet.what.push(["SCTP", ...chunks].join(" "));
  },
};
