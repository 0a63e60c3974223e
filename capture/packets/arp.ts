import { formatHardware, formatIpv4 } from "../../codec/spec/value.ts";
import type { Protocol } from "./packet.ts";

const REPLY = 2;

/** ARP for IPv4 over Ethernet: who has an address, and who has it. */
export const ARP: Protocol = {
  name: "ARP",
  length: 28,
  read(packet, { at }) {
    const { bytes } = packet;
    const [sender, target] = [14, 24].map((offset) => formatIpv4(bytes.slice(at + offset, at + offset + 4)));
    packet.from = sender;
    packet.to = target;
    const isReply = bytes.u16(at + 6) === REPLY;
    packet.what.push(
      isReply ? `ARP ${sender} is at ${formatHardware(bytes.slice(at + 8, at + 14))}` : `ARP who has ${target}`,
    );
  },
};
