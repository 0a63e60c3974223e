/**
 * Random packets, from their Ethernet headers on, of the kinds that matches tell apart: IPv4, IPv6, ARP, with VLAN tags,
 * as fragments, with every flag of TCP, of many sizes. Checksums are zero. Each is unlike any other.
 *
 * @module
 */

const PROTOCOLS = [6, 6, 6, 17, 17, 132, 1, 58, 2, 47];
const PORTS = [22, 53, 80, 443, 8000, 8005, 8011, 50000];
const MACS = ["020000000001", "020000000002", "ffffffffffff", "01005e000001"];

/** Numbers that a seed decides: mulberry32. */
export function randomly(seed: number): { below(count: number): number; pick<T>(list: readonly T[]): T } {
  let state = seed;
  const next = () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 0x100000000;
  };
  const below = (count: number) => Math.floor(next() * count);
  return { below, pick: (list) => list[below(list.length)] };
}

type Random = ReturnType<typeof randomly>;

/** Makes so many packets. The last four bytes of each are its number. */
export function randomFrames(random: Random, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, number) => frame(random, number));
}

function frame(random: Random, number: number): Uint8Array {
  const kind = random.below(10);
  const [type, inner] = kind === 0 ? [0x0806, arp(random)] : kind < 6 ? [0x0800, ipv4(random)] : [0x86dd, ipv6(random)];
  const tag = random.below(8) === 0 ? [...short(0x8100), ...short(random.pick([0, 5, 12]))] : [];
  const macs = Uint8Array.fromHex(random.pick(MACS) + random.pick(MACS.slice(0, 2)));
  return Uint8Array.from([
    ...macs,
    ...tag,
    ...short(type),
    ...inner,
    ...short(number >>> 16),
    ...short(number & 0xffff),
  ]);
}

function arp(random: Random): number[] {
  const head = [...short(1), ...short(0x0800), 6, 4, ...short(1 + random.below(2))];
  return [
    ...head,
    2,
    0,
    0,
    0,
    0,
    1,
    ...address4(random),
    2,
    0,
    0,
    0,
    0,
    2,
    ...address4(random),
    ...new Array(18).fill(0),
  ];
}

function ipv4(random: Random): number[] {
  const protocol = random.pick(PROTOCOLS);
  const payload = transport(random, protocol);
  const fragment = random.below(12) === 0 ? random.pick([0x2000, 0x2010, 0x0010]) : 0;
  const length = 20 + payload.length + 4;
  return [
    0x45,
    random.pick([0, 0x10, 0xb8, 0x48]),
    ...short(length),
    ...short(random.below(65536)),
    ...short(fragment),
    random.pick([1, 64, 255]),
    protocol,
    0,
    0,
    ...address4(random),
    ...address4(random),
    ...payload,
  ];
}

function ipv6(random: Random): number[] {
  const protocol = random.pick(PROTOCOLS);
  const payload = transport(random, protocol);
  const traffic = random.pick([0, 0x10, 0xb8, 0x48]);
  return [
    0x60 | traffic >> 4,
    (traffic & 0xf) << 4,
    0,
    0,
    ...short(payload.length + 4),
    protocol,
    random.pick([1, 64, 255]),
    ...address6(random),
    ...address6(random),
    ...payload,
  ];
}

function transport(random: Random, protocol: number): number[] {
  const ports = [...short(random.pick(PORTS)), ...short(random.pick(PORTS))];
  const size = random.pick([0, 10, 100, 600]);
  const data = new Array(size).fill(0x61);
  if (protocol === 6) return [...ports, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, random.below(256), 1, 0, 0, 0, 0, 0, ...data];
  if (protocol === 17) return [...ports, ...short(8 + size + 4), 0, 0, ...data];
  if (protocol === 132) return [...ports, 0, 0, 0, 1, 0, 0, 0, 0, ...data];
  return [random.pick([0, 3, 8, 128, 129, 135]), random.pick([0, 1]), 0, 0, 0, 0, 0, 0, ...data];
}

function address4(random: Random): number[] {
  return [...random.pick([[10, 0, 0], [10, 1, 0], [192, 168, 1]]), 1 + random.below(3)];
}

function address6(random: Random): number[] {
  return [0xfd, 0, ...new Array(13).fill(random.below(2)), 1 + random.below(3)];
}

function short(number: number): [number, number] {
  return [number >> 8, number & 0xff];
}

/** A capture file of them, whose nth packet has n as its time. */
export function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const words = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  const head = words(0xa1b2c3d4, 4 << 16 | 2, 0, 0, 0x40000, 1);
  const parts = [head, ...frames.flatMap((bytes, index) => [words(index, 0, bytes.length, bytes.length), bytes])];
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The numbers of the packets in a capture file that `pcapOf` made, or a program from it. */
export function numbersIn(pcap: Uint8Array): number[] {
  const view = new DataView(pcap.buffer, pcap.byteOffset, pcap.length);
  const numbers: number[] = [];
  for (let at = 24; at + 16 <= pcap.length; at += 16 + view.getUint32(at + 8, true)) {
    numbers.push(view.getUint32(at, true));
  }
  return numbers;
}
