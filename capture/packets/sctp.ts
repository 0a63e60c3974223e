import { type Protocol, tellPorts } from "./packet.ts";

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
