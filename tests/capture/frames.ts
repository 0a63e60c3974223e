// Packets put together by hand.
import { concat } from "../codec/bytes.ts";

/** Numbers of 16 bits in network order. */
export function u16(...values: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values.flatMap((value) => [value >> 8 & 0xff, value & 0xff]));
}

/** The letters of a text. */
export function letters(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

const MACS = Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1);

/** An Ethernet frame, in VLANs where some are given. */
export function ethernet(type: number, payload: Uint8Array, ...vlans: number[]): Uint8Array<ArrayBuffer> {
  return concat(MACS, ...vlans.map((vlan) => u16(0x8100, vlan)), u16(type), payload);
}

/** A packet of IPv4, 10.0.0.1 to 10.0.0.2. */
export function ipv4(
  protocol: number,
  payload: Uint8Array,
  { fragment = 0, total = 20 + payload.length }: { fragment?: number; total?: number } = {},
): Uint8Array<ArrayBuffer> {
  const head = concat(u16(0x4500, total, 1, fragment), Uint8Array.of(64, protocol, 0, 0));
  return concat(head, Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2), payload);
}

/** A packet of IPv6, fd00::1 to fd00::2. */
export function ipv6(next: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const address = (last: number) => Uint8Array.of(0xfd, ...new Uint8Array(14), last);
  return concat(u16(0x6000, 0, payload.length), Uint8Array.of(next, 64), address(1), address(2), payload);
}

/** TCP with these flags, from port 41234. */
export function tcp(flags: number, data: Uint8Array = new Uint8Array(0), port = 80): Uint8Array<ArrayBuffer> {
  return concat(u16(41234, port, 0, 1, 0, 2, 0x5000 | flags, 64240, 0, 0), data);
}

/** UDP from port 41234. */
export function udp(data: Uint8Array, port = 9000): Uint8Array<ArrayBuffer> {
  return concat(u16(41234, port, 8 + data.length, 0), data);
}

/** A query of DNS for a name of type AAAA, or an answer to it with this code. */
export function dns(name: string, { code }: { code?: number } = {}): Uint8Array<ArrayBuffer> {
  const labels = name.split(".").flatMap((label) => [label.length, ...letters(label)]);
  const flags = code === undefined ? 0x100 : 0x8180 | code;
  return concat(u16(7, flags, 1, code === 0 ? 2 : 0, 0, 0), Uint8Array.from([...labels, 0]), u16(28, 1));
}

/** The hello of a client of TLS that asks for a server. */
export function clientHello(server: string): Uint8Array<ArrayBuffer> {
  const name = letters(server);
  const serverName = concat(u16(0, 5 + name.length, 3 + name.length), Uint8Array.of(0), u16(name.length), name);
  const extensions = concat(u16(10, 4, 2, 29), serverName);
  const lists = concat(
    Uint8Array.of(0),
    u16(4, 0x1301, 0x1302),
    Uint8Array.of(1, 0),
    u16(extensions.length),
    extensions,
  );
  const body = concat(u16(0x303), new Uint8Array(32), lists);
  return concat(Uint8Array.of(22, 3, 1), u16(body.length + 4), Uint8Array.of(1, 0), u16(body.length), body);
}
