/** A packet from its Ethernet header on, and where its layers begin, as flower sees them. */
export interface Packet {
  /** All of it. */
  readonly frame: Uint8Array;
  /** The VLAN that the outermost tag says; absent where there is none. */
  readonly vlan?: number;
  /** `ETH_P_*`, behind a VLAN tag. */
  readonly etherType: number;
  /** Where the network layer begins. */
  readonly network: number;
  /** `IPPROTO_*`, behind the extension headers of IPv6. */
  readonly protocol?: number;
  /** Where the transport layer begins; absent in a fragment, in which flower looks for none. */
  readonly transport?: number;
  /** Whether it is a part of a larger packet, and the first. */
  readonly fragment?: "first" | "later";
}

const ETHERNET_LEN = 14;
const ETH_P_8021Q = 0x8100;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
/** Hop-by-hop options, routing, destination options: each says the next, and its length. */
const EXTENSIONS: readonly number[] = [0, 43, 60];
const FRAGMENT = 44;

/**
 * Finds the layers of a packet. What is cut short has no layer there. One that begins with IP, as on a tunnel, is given
 * an Ethernet header without addresses.
 */
export function dissect(packet: Uint8Array, linkType: "ethernet" | "ip" = "ethernet"): Packet {
  const frame = linkType === "ip" ? withEthernet(packet) : packet;
  const outer = bytes(frame, 12, 2);
  const tagged = outer === ETH_P_8021Q;
  const network = tagged ? 18 : 14;
  const link = {
    frame,
    network,
    etherType: tagged ? bytes(frame, 16, 2) : outer,
    ...tagged ? { vlan: bytes(frame, 14, 2) & 0xfff } : {},
  };
  if (link.etherType === ETH_P_IP) return { ...link, ...ipv4(frame, network) };
  return link.etherType === ETH_P_IPV6 ? { ...link, ...ipv6(frame, network) } : link;
}

function withEthernet(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_LEN + packet.length);
  new DataView(frame.buffer).setUint16(12, packet[0] >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
  frame.set(packet, ETHERNET_LEN);
  return frame;
}

type Layers = Pick<Packet, "protocol" | "transport" | "fragment">;

function ipv4(frame: Uint8Array, network: number): Layers {
  const protocol = bytes(frame, network + 9, 1);
  const fragment = bytes(frame, network + 6, 2);
  if ((fragment & 0x3fff) !== 0) return { protocol, fragment: (fragment & 0x1fff) === 0 ? "first" : "later" };
  return { protocol, transport: network + 4 * (bytes(frame, network, 1) & 0xf) };
}

function ipv6(frame: Uint8Array, network: number): Layers {
  let protocol = bytes(frame, network + 6, 1);
  let at = network + 40;
  while (EXTENSIONS.includes(protocol) && at < frame.length) {
    protocol = bytes(frame, at, 1);
    at += 8 * (bytes(frame, at + 1, 1) + 1);
  }
  if (protocol !== FRAGMENT) return { protocol, transport: at };
  const isFirst = (bytes(frame, at + 2, 2) & 0xfff8) === 0;
  return { protocol: bytes(frame, at, 1), fragment: isFirst ? "first" : "later" };
}

/** Up to 6 bytes in network order; behind the end of the packet there are zeros. */
export function bytes(frame: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) value = value * 256 + (frame[at + index] ?? 0);
  return value;
}

/** An address of 16 bytes, or of any other number. */
export function wideBytes(frame: Uint8Array, at: number, count: number): bigint {
  return frame.subarray(at, at + count).reduce((value, byte) => value << 8n | BigInt(byte), 0n);
}
