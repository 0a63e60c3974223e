import type { Packet } from "./packet.ts";

/** Something in a packet that a flower filter can look at. */
export interface Field {
  /** In words: `destination port`. */
  readonly name: string;
  /** Its width. */
  readonly bytes: number;
  /** What a filter can say of it: one value, any bits of it, or from a lowest to a highest value. */
  readonly by: "value" | "bits" | "range";
  /** `TCA_FLOWER_KEY_*` and that of its mask; of ports for each IP protocol. What is not said is laid out by hand. */
  readonly attributes?: Attributes | ReadonlyMap<number, Attributes>;
  /** Those of the ends of a range. */
  readonly rangeAttributes?: readonly [first: number, last: number];
  /** Whether flower cannot look at it. */
  readonly isBeyond?: true;
  /** How tcpdump says it of IPv4 or of IPv6, where it has other words for that. */
  tcpdump?(wanted: Bits, family: 4 | 6): string;
  /** What a packet has there; `undefined` where it has no such field, or its bytes do not tell. */
  read(packet: Packet): number | bigint | undefined;
}

/** The numbers of an attribute and of its mask. */
export type Attributes = readonly [value: number, mask?: number];

/** Bits that must be as in `value`, where `mask` is set. */
export interface Bits {
  readonly value: bigint;
  readonly mask: bigint;
}

/** What a field must be. */
export type Wanted = Bits | { readonly first: bigint; readonly last: bigint };

/** Packets whose fields are all as said: what one filter matches. A field that is not named may be anything. */
export type Cube = ReadonlyMap<Field, Wanted>;

/** All packets. */
export const EVERYTHING: Cube = new Map();

/** A field with one value. */
export function is(field: Field, value: number | bigint): Cube {
  if (field.by === "range") return range(field, value, value);
  return new Map([[field, { value: BigInt(value), mask: fullMask(field) }]]);
}

/** A field with some of its bits. */
export function bits(field: Field, value: number | bigint, mask: number | bigint): Cube {
  return new Map([[field, { value: BigInt(value) & BigInt(mask), mask: BigInt(mask) }]]);
}

/** A field with a value from the first to the last. */
export function range(field: Field, first: number | bigint, last: number | bigint): Cube {
  return new Map([[field, { first: BigInt(first), last: BigInt(last) }]]);
}

/** Every bit of a field. */
export function fullMask({ bytes }: Field): bigint {
  return (1n << BigInt(8 * bytes)) - 1n;
}

/** The packets of both cubes; `undefined` where there can be none. */
export function intersect(one: Cube, other: Cube): Cube | undefined {
  const both = new Map(one);
  for (const [field, wanted] of other) {
    const before = both.get(field);
    const together = before === undefined ? wanted : meet(before, wanted);
    if (!together) return undefined;
    both.set(field, together);
  }
  return both;
}

function meet(one: Wanted, other: Wanted): Wanted | undefined {
  if ("first" in one) {
    if (!("first" in other)) throw new TypeError("a field is wanted by range and by bits");
    const first = one.first > other.first ? one.first : other.first;
    const last = one.last < other.last ? one.last : other.last;
    return first <= last ? { first, last } : undefined;
  }
  if ("first" in other) throw new TypeError("a field is wanted by bits and by range");
  if (((one.value ^ other.value) & one.mask & other.mask) !== 0n) return undefined;
  return { value: one.value | other.value, mask: one.mask | other.mask };
}

/** The packets that are in both of two unions. */
export function intersectAll(some: readonly Cube[], others: readonly Cube[]): Cube[] {
  return some.flatMap((one) => others.flatMap((other) => intersect(one, other) ?? []));
}

/** The packets of a cube that are not in another, as cubes that do not overlap. */
export function subtract(cube: Cube, other: Cube): Cube[] {
  if (!intersect(cube, other)) return [cube];
  const rest: Cube[] = [];
  let inside = cube;
  for (const [field, wanted] of other) {
    const before = inside.get(field);
    for (const outside of complement(field, wanted)) {
      const piece = intersect(inside, new Map([[field, outside]]));
      if (piece) rest.push(piece);
      // Of bits, the next piece has this one as wanted: pieces do not overlap.
      if ("mask" in outside && "mask" in wanted) {
        inside = intersect(inside, bits(field, wanted.value, outside.mask)) ?? inside;
      }
    }
    const here = before === undefined ? wanted : meet(before, wanted);
    if (here) inside = new Map(inside).set(field, here);
  }
  return rest;
}

/** What a field must be to be anything but what is wanted: a piece a bit, or below and above a range. */
function complement(field: Field, wanted: Wanted): Wanted[] {
  if ("first" in wanted) {
    const most = fullMask(field);
    return [
      ...wanted.first > 0n ? [{ first: 0n, last: wanted.first - 1n }] : [],
      ...wanted.last < most ? [{ first: wanted.last + 1n, last: most }] : [],
    ];
  }
  const pieces: Wanted[] = [];
  for (let bit = BigInt(8 * field.bytes) - 1n; bit >= 0n; bit--) {
    const mask = 1n << bit;
    if (wanted.mask & mask) pieces.push({ value: ~wanted.value & mask, mask });
  }
  return pieces;
}

/** More pieces than this are not looked at: what takes so many is taken for not covered. */
const PIECES_MAX = 5000;

/** Whether every packet of a cube is in one of the others. */
export function isCovered(cube: Cube, others: readonly Cube[]): boolean {
  let rest = [cube];
  for (const other of others) {
    rest = rest.flatMap((piece) => subtract(piece, other));
    if (rest.length === 0) return true;
    if (rest.length > PIECES_MAX) return false;
  }
  return false;
}

/** Those cubes that are in no other: the same packets in fewer. */
export function withoutNeedless(cubes: readonly Cube[]): Cube[] {
  return cubes.filter((cube, index) =>
    !cubes.some((other, place) => place !== index && isWithin(cube, other) && (place < index || !isWithin(other, cube)))
  );
}

/** Whether one cube has no packet that another has not. */
export function isWithin(one: Cube, other: Cube): boolean {
  return other.entries().every(([field, wanted]) => {
    const found = one.get(field);
    if (!found) return false;
    if ("first" in found) return "first" in wanted && found.first >= wanted.first && found.last <= wanted.last;
    return "mask" in wanted && (wanted.mask & ~found.mask) === 0n &&
      ((found.value ^ wanted.value) & wanted.mask) === 0n;
  });
}

/** Whether a packet is one of those that a cube means. */
export function isIn(packet: Packet, cube: Cube): boolean {
  return [...cube].every(([field, wanted]) => {
    const found = field.read(packet);
    if (found === undefined) return false;
    const value = BigInt(found);
    if ("first" in wanted) return value >= wanted.first && value <= wanted.last;
    return ((value ^ wanted.value) & wanted.mask) === 0n;
  });
}
