import type { Protocol } from "./packet.ts";

/** Types of messages. */
const TYPES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "unreachable",
  5: "redirect",
  8: "echo",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp",
  14: "timestamp reply",
};
/** What cannot be reached. */
const UNREACHABLE: Readonly<Record<number, string>> = {
  0: "network",
  1: "host",
  2: "protocol",
  3: "port",
  4: "fragmentation needed",
  13: "prohibited",
};

/** ICMP. */
export const ICMP: Protocol = {
  name: "ICMP",
  length: 4,
  read(packet, { at }) {
    const [type, code] = [packet.bytes.u8(at), packet.bytes.u8(at + 1)];
    const why = type === 3 ? ` ${UNREACHABLE[code] ?? `code ${code}`}` : "";
    packet.what.push(`ICMP ${TYPES[type] ?? `type ${type}`}${why}`);
  },
};
