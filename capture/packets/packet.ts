/** The bytes of a packet as they were captured, which may be fewer than it had. */
export class PacketBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** How long the packet was. */
  readonly length: number;

  /** Takes what was captured, and how long the packet was. */
  constructor(bytes: Uint8Array, length: number = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.length = Math.max(length, bytes.length);
  }

  /** Whether `count` bytes were captured from `at` on. */
  has(at: number, count: number): boolean {
    return at >= 0 && at + count <= this.#bytes.length;
  }

  /** A number of 8 bits; 0 where it was not captured, as with the others. */
  u8(at: number): number {
    return this.has(at, 1) ? this.#bytes[at] : 0;
  }

  /** A number of 16 bits, in network order. */
  u16(at: number): number {
    return this.has(at, 2) ? this.#view.getUint16(at) : 0;
  }

  /** A number of 32 bits, in network order. */
  u32(at: number): number {
    return this.has(at, 4) ? this.#view.getUint32(at) : 0;
  }

  /** What was captured between two places. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, Math.max(from, to));
  }
}

/** How a packet begins: with an Ethernet header, or with that of IP at once, as on a tunnel. */
export type LinkType = "ethernet" | "ip";

/** What a packet says, as far as it was read. */
export interface Packet {
  readonly bytes: PacketBytes;
  /** Where it comes from: `10.0.0.1:41234`, or an address alone. */
  from?: string;
  /** Where it goes. */
  to?: string;
  /** Its VLANs, from the outermost on. */
  vlans: number[];
  /** What it is: `SYN`, `DATA 517`, `HTTP GET /`. */
  what: string[];
}

/** Where the header of a protocol stands. */
export interface Place {
  at: number;
  /** Where the packet ends that the protocol below counts, without what an Ethernet frame is filled up with. */
  end: number;
}

/** A protocol: what its header says of a packet, and what stands behind it. */
export interface Protocol {
  /** What it is called where its header was not captured whole. */
  readonly name: string;
  /** How many bytes of it are read at the least. */
  readonly length: number;
  /** Reads the header, which is there. Returns the next protocol and where it stands; nothing where this was the last. */
  read(packet: Packet, place: Place): Next | void;
}

/** The next protocol, and where it stands. */
export interface Next extends Place {
  protocol: Protocol;
}

/** Reads a packet from the protocol on that it begins with, whatever its bytes are. */
export function readPacket(bytes: PacketBytes, first: Protocol): Packet {
  const packet: Packet = { bytes, vlans: [], what: [] };
  let next: Next | void = { protocol: first, at: 0, end: bytes.length };
  while (next) {
    const { protocol, at, end }: Next = next;
    if (!bytes.has(at, protocol.length) || end - at < protocol.length) {
      packet.what.push(`${protocol.name} cut short`);
      break;
    }
    next = protocol.read(packet, { at, end });
    // A protocol that does not go on would be read for ever
    if (next && next.at <= at && next.protocol === protocol) break;
  }
  return packet;
}

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
