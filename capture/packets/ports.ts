import type { Packet } from "./packet.ts";

/** Puts the ports, which stand first in a header, behind the addresses. Returns them. */
export function tellPorts(packet: Packet, at: number): { from: number; to: number } {
  const [from, to] = [packet.bytes.u16(at), packet.bytes.u16(at + 2)];
  packet.from = withPort(packet.from, from);
  packet.to = withPort(packet.to, to);
  return { from, to };
}

function withPort(address: string | undefined, port: number): string {
  return address?.includes(":") ? `[${address}]:${port}` : `${address ?? ""}:${port}`;
}
