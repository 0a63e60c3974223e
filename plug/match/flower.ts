import { ETH_P_ALL } from "../../codec/assembly/constants.ts";
import {
  TCA_FLOWER_ACT,
  TCA_FLOWER_CLASSID,
  TCA_FLOWER_FLAGS,
  TCA_FLOWER_IN_HW_COUNT,
  TCA_FLOWER_KEY_CT_FLAGS_TRACKED,
  TCA_FLOWER_KEY_CT_STATE,
  TCA_FLOWER_KEY_CT_STATE_MASK,
  TCA_FLOWER_KEY_ETH_TYPE,
  TCA_FLOWER_KEY_IP_PROTO,
  TCA_FLOWER_KEY_NUM_OF_VLANS,
  TCA_FLOWER_KEY_VLAN_ETH_TYPE,
  TCA_FLOWER_KEY_VLAN_ID,
} from "../../codec/numbers.ts";
import type { Key } from "../filter.ts";
import { type Attributes, bits, type Cube, type Field, fullMask, intersect, is, range, type Wanted } from "./cube.ts";
import { CT_STATE, ETHER_TYPE, FIELDS, PROTOCOL, TAGGED } from "./fields.ts";

/** 802.1Q and 802.1ad */
const TAGS: readonly number[] = [0x8100, 0x88a8];
/** What the kernel takes and gives in the machine's order. */
const IN_MACHINE_ORDER: readonly number[] = [
  TCA_FLOWER_KEY_VLAN_ID,
  TCA_FLOWER_KEY_CT_STATE,
  TCA_FLOWER_KEY_CT_STATE_MASK,
];
/** What is no key: the class, the actions, flags, and what the kernel says of the device's part in it; and a key that not all know. */
const NO_KEYS: readonly number[] = [
  TCA_FLOWER_CLASSID,
  TCA_FLOWER_ACT,
  TCA_FLOWER_FLAGS,
  TCA_FLOWER_IN_HW_COUNT,
  // Linux 5.19 and later know it; those before take no notice of it.
  TCA_FLOWER_KEY_NUM_OF_VLANS,
];

/** Whether flower can look for it: what it compares by its whole value must have one. */
export function isExpressible(cube: Cube): boolean {
  return [...cube].every(([field, wanted]) =>
    !field.isBeyond && (field.by !== "value" || ("mask" in wanted && wanted.mask === fullMask(field)))
  );
}

function isZero(wanted: Wanted | undefined): boolean {
  return wanted !== undefined && "mask" in wanted && wanted.value === 0n;
}

/** The keys of the filter for a cube, in the order of their layers. */
export function keysOf(cube: Cube): Key[] {
  const protocol = valueOf(cube, PROTOCOL);
  return [
    ...typeKeys(cube),
    ...[...cube].flatMap(([field, wanted]) => fieldKeys(field, { wanted, protocol })),
  ].sort((one, other) => rank(one) - rank(other) || one.type - other.type);
}

/** The type of what a VLAN tag holds stands right behind that of the tag. */
function rank({ type }: Key): number {
  return type === TCA_FLOWER_KEY_ETH_TYPE ? -2 : type === TCA_FLOWER_KEY_VLAN_ETH_TYPE ? -1 : 0;
}

/** Without a key for tags flower looks behind them, for packets without a tag it needs that they are counted. */
function typeKeys(cube: Cube): Key[] {
  const inner = valueOf(cube, ETHER_TYPE);
  const tagged = cube.has(TAGGED) && !isZero(cube.get(TAGGED));
  const types = [...tagged ? [TAGS[0]] : [], ...inner === undefined ? [] : [inner]];
  return [
    ...types.map((type, index) => ({
      type: index === 0 ? TCA_FLOWER_KEY_ETH_TYPE : TCA_FLOWER_KEY_VLAN_ETH_TYPE,
      value: network(type, 2),
    })),
    ...cube.has(TAGGED) && !tagged ? [{ type: TCA_FLOWER_KEY_NUM_OF_VLANS, value: Uint8Array.of(0) }] : [],
  ];
}

function fieldKeys(field: Field, { wanted, protocol }: { wanted: Wanted; protocol?: number }): Key[] {
  const attributes = attributesOf(field, protocol);
  if (!attributes) return [];
  if ("first" in wanted) return rangeKeys(field, { ...wanted, attributes });
  const [type, maskType] = attributes;
  // Of a connection the kernel wants to be told, too, that it is tracked.
  const more = field === CT_STATE && wanted.value !== 0n ? BigInt(TCA_FLOWER_KEY_CT_FLAGS_TRACKED) : 0n;
  const key = (type: number, number: bigint): Key => ({
    type,
    value: ordered(type, network(number | more, field.bytes)),
  });
  return [key(type, wanted.value), ...maskType === undefined ? [] : [key(maskType, wanted.mask)]];
}

/** A value between network order and the order in which the kernel has it. */
function ordered(type: number, value: Uint8Array): Uint8Array {
  return IN_MACHINE_ORDER.includes(type) ? value.toReversed() : value;
}

function rangeKeys(
  field: Field,
  { first, last, attributes: [type, maskType = 0] }: { first: bigint; last: bigint; attributes: Attributes },
): Key[] {
  const { bytes, rangeAttributes: [from, to] = [0, 0] } = field;
  // The kernel takes a range only where its ends differ.
  if (first !== last) return [{ type: from, value: network(first, bytes) }, { type: to, value: network(last, bytes) }];
  return [{ type, value: network(first, bytes) }, { type: maskType, value: network(fullMask(field), bytes) }];
}

function attributesOf({ attributes }: Field, protocol: number | undefined): Attributes | undefined {
  if (!attributes || "length" in attributes) return attributes;
  return protocol === undefined ? undefined : attributes.get(protocol);
}

function valueOf(cube: Cube, field: Field): number | undefined {
  const wanted = cube.get(field);
  return wanted && "mask" in wanted ? Number(wanted.value) : undefined;
}

/** A number in network order. */
function network(value: number | bigint, bytes: number): Uint8Array {
  const result = new Uint8Array(bytes);
  for (let rest = BigInt(value), at = bytes - 1; at >= 0; at--, rest >>= 8n) result[at] = Number(rest & 0xffn);
  return result;
}

function number(value: Uint8Array): bigint {
  return value.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

/**
 * The packets that somebody's flower filter matches, or all of its protocol where it is of another kind. Keys that are
 * of none of these fields match any value, so that it is those packets or more.
 */
export function cubeOf(
  { protocol, keys }: { protocol: number; keys?: readonly Key[] },
  fields: readonly Field[] = FIELDS,
): Cube {
  const values = new Map((keys ?? []).map(({ type, value }) => [type, value]));
  let cube: Cube = protocol === ETH_P_ALL ? new Map() : typeCube(protocol);
  const outer = values.get(TCA_FLOWER_KEY_ETH_TYPE);
  const inner = values.get(TCA_FLOWER_KEY_VLAN_ETH_TYPE);
  const ipProtocol = values.get(TCA_FLOWER_KEY_IP_PROTO);
  const vlans = values.get(TCA_FLOWER_KEY_NUM_OF_VLANS);
  const parts = [
    ...vlans ? [is(TAGGED, vlans[0] === 0 ? 0 : 1)] : [],
    // Of a filter that looks at a tag the kernel does not say so but by what the tag has.
    ...inner || values.has(TCA_FLOWER_KEY_VLAN_ID) ? [is(TAGGED, 1)] : [],
    ...outer ? [typeCube(Number(number(outer)))] : [],
    ...inner ? [is(ETHER_TYPE, number(inner))] : [],
    ...fields.flatMap((field) => readField(field, { values, protocol: ipProtocol?.[0] })),
  ];
  // Where two say different things of one field, the kernel means something that is not known here.
  for (const part of parts) cube = intersect(cube, part) ?? cube;
  return cube;
}

function typeCube(etherType: number): Cube {
  return TAGS.includes(etherType) ? is(TAGGED, 1) : is(ETHER_TYPE, etherType);
}

function readField(
  field: Field,
  { values, protocol }: { values: ReadonlyMap<number, Uint8Array>; protocol?: number },
): Cube[] {
  const [from = 0, to = 0] = field.rangeAttributes ?? [];
  const [first, last] = [values.get(from), values.get(to)];
  if (first && last) return [range(field, number(first), number(last))];
  const [type, maskType] = attributesOf(field, protocol) ?? [];
  const found = (type = 0) => values.has(type) ? number(ordered(type, values.get(type) as Uint8Array)) : undefined;
  const [value, mask] = [found(type), found(maskType)];
  if (value === undefined) return [];
  if (mask === undefined || mask === fullMask(field)) return [is(field, value)];
  return field.by === "bits" ? [bits(field, value, mask)] : [];
}

/**
 * A short sign of what filters compare, in whatever order they are: the same for those that were sent and as the
 * kernel dumps them.
 */
export function signOf(filters: readonly (readonly Key[])[]): string {
  const text = filters.map((keys) => keys.map(keyText).filter((part) => part !== "").sort().join()).sort().join(";");
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** Of a VLAN, kernels differ in where they dump the type that is inside: the type of the tag says nothing more. */
function keyText({ type, value }: Key): string {
  if (NO_KEYS.includes(type)) return "";
  if (type !== TCA_FLOWER_KEY_ETH_TYPE && type !== TCA_FLOWER_KEY_VLAN_ETH_TYPE) return `${type}=${value}`;
  return TAGS.includes(Number(number(value))) ? "" : `type=${value}`;
}
