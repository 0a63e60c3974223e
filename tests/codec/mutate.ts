// Messages that are nearly right: what a decoder that trusts a length somewhere would trip over.
import type { Random } from "./random.ts";

/** Where the attributes of a message stand, nested ones too, as far as its bytes make sense. */
export function attributeOffsets(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets: number[] = [];
  const walk = (from: number, end: number, depth: number) => {
    const found: number[] = [];
    let at = from;
    while (end - at >= 4) {
      const length = view.getUint16(at, true);
      if (length < 4 || length > end - at) break;
      found.push(at);
      if (depth < 3) walk(at + 4, at + length, depth + 1);
      at += length + 3 & ~3;
    }
    // A payload that does not end where its attributes do holds something else.
    if (depth === 0 || at >= end) offsets.push(...found);
  };
  walk(bodyEnd(view), bytes.length, 0);
  return offsets;
}

/** Where the attributes of a message begin. */
function bodyEnd(view: DataView): number {
  if (view.byteLength < 36) return view.byteLength;
  const type = view.getUint16(4, true);
  if (type >= 36 && type <= 38) return 36;
  if (type >= 16 && type <= 18) return 32;
  if (type >= 24 && type <= 26) return 28;
  if ([19, 68, 108].includes(type)) return 32;
  if ([52, 72].includes(type)) return 28;
  if (type >= 84 && type <= 122 && type !== 96) return 24;
  if (type === 2 && view.getInt32(16, true) !== 0) return 20 + view.getUint32(20, true);
  return type === 2 ? 36 : 20;
}

const TYPES = [0, 1, 2, 3, 4, 16, 17, 18, 24, 25, 26, 36, 37, 38, 68, 80, 84, 112, 0xffff];
const FLAGS = [0, 2, 5, 0x100, 0x200, 0x300, 0x302, 0xffff];

/** A message, and where its attributes stand. */
export interface Base {
  bytes: Uint8Array;
  attributes: readonly number[];
}

/** Changes a copy of a message in one to four ways. */
export function mutate({ bytes, attributes }: Base, random: Random): Uint8Array<ArrayBuffer> {
  let mutant = new Uint8Array(bytes);
  for (let count = 1 + random.below(4); count > 0; count--) {
    mutant = random.pick(MUTATIONS)(mutant, attributes, random);
    if (mutant.length < 16) return mutant;
  }
  // Most changes of size would be caught by the first check: mend the length that it looks at.
  if (mutant.length !== bytes.length && random.below(4) > 0) viewOf(mutant).setUint32(0, mutant.length, true);
  return mutant;
}

type Mutation = (
  bytes: Uint8Array<ArrayBuffer>,
  attributes: readonly number[],
  random: Random,
) => Uint8Array<ArrayBuffer>;

const MUTATIONS: readonly Mutation[] = [
  setLength,
  setLength,
  setType,
  setMessageLength,
  setHeader,
  flipBit,
  flipBit,
  setByte,
  truncate,
  extend,
  duplicate,
  remove,
  swap,
  swapType,
];

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where some attribute stands that is still inside, or 16. */
function attributeIn(bytes: Uint8Array, attributes: readonly number[], random: Random): number {
  if (attributes.length === 0) return Math.min(16, bytes.length - 4);
  return Math.min(random.pick(attributes), bytes.length - 4);
}

function wrongLength(length: number, random: Random): number {
  return random.pick([0, 1, 3, 4, 5, 8, length - 1, length + 1, length - 4, length + 4, 0x7fff, 0xffff]);
}

function setLength(...[bytes, attributes, random]: Parameters<Mutation>) {
  const at = attributeIn(bytes, attributes, random);
  const view = viewOf(bytes);
  view.setUint16(at, wrongLength(view.getUint16(at, true), random), true);
  return bytes;
}

function setType(...[bytes, attributes, random]: Parameters<Mutation>) {
  const at = attributeIn(bytes, attributes, random);
  viewOf(bytes).setUint16(at + 2, random.below(20) | random.pick([0, 0, 0x8000, 0x4000, 0xc000]), true);
  return bytes;
}

function setMessageLength(...[bytes, , random]: Parameters<Mutation>) {
  const wrong = random.pick([15, 16, 20, 0x7fffffff, 0x80000000, 0xffffffff, wrongLength(bytes.length, random)]);
  viewOf(bytes).setUint32(0, wrong, true);
  return bytes;
}

function setHeader(...[bytes, , random]: Parameters<Mutation>) {
  if (random.below(2) === 0) viewOf(bytes).setUint16(4, random.pick(TYPES), true);
  else viewOf(bytes).setUint16(6, random.pick(FLAGS), true);
  return bytes;
}

function flipBit(...[bytes, , random]: Parameters<Mutation>) {
  bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
}

function setByte(...[bytes, , random]: Parameters<Mutation>) {
  bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  return bytes;
}

function truncate(...[bytes, , random]: Parameters<Mutation>) {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function extend(...[bytes, , random]: Parameters<Mutation>) {
  const longer = new Uint8Array(bytes.length + 1 + random.below(40));
  longer.set(bytes);
  for (let at = bytes.length; at < longer.length; at++) longer[at] = random.below(256) & random.pick([0, 7, 255]);
  return longer;
}

/** The bytes of an attribute with its padding. */
function extentOf(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  const length = viewOf(bytes).getUint16(at, true) + 3 & ~3;
  return bytes.slice(at, at + Math.max(length, 4));
}

function duplicate(...[bytes, attributes, random]: Parameters<Mutation>) {
  const extent = extentOf(bytes, attributeIn(bytes, attributes, random));
  return insert(bytes, extent, attributeIn(bytes, attributes, random));
}

function insert(bytes: Uint8Array, extent: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(bytes.length + extent.length);
  longer.set(bytes.subarray(0, at));
  longer.set(extent, at);
  longer.set(bytes.subarray(at), at + extent.length);
  return longer;
}

function remove(...[bytes, attributes, random]: Parameters<Mutation>) {
  const at = attributeIn(bytes, attributes, random);
  const { length } = extentOf(bytes, at);
  const shorter = new Uint8Array(bytes.length - length);
  shorter.set(bytes.subarray(0, at));
  shorter.set(bytes.subarray(at + length), at);
  return shorter;
}

/** Moves one attribute before another. */
function swap(...[bytes, attributes, random]: Parameters<Mutation>) {
  const at = attributeIn(bytes, attributes, random);
  const extent = extentOf(bytes, at);
  const to = attributeIn(bytes, attributes, random);
  if (to + extent.length > bytes.length || to >= at) return bytes;
  bytes.copyWithin(to + extent.length, to, at);
  bytes.set(extent, to);
  return bytes;
}

/** Gives one attribute the type of another. */
function swapType(...[bytes, attributes, random]: Parameters<Mutation>) {
  const view = viewOf(bytes);
  const from = attributeIn(bytes, attributes, random);
  view.setUint16(attributeIn(bytes, attributes, random) + 2, view.getUint16(from + 2, true), true);
  return bytes;
}
