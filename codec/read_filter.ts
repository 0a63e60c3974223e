import {
  GNET_STATS_BASIC_LEN,
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLMSG_HDRLEN,
  RTM_DELTFILTER,
  RTM_NEWTFILTER,
  TCA_KIND,
  TCA_OPTIONS,
  TCA_STATS_BASIC,
  TCMSG_LEN,
} from "./assembly/constants.ts";
import {
  ETH_P_8021Q,
  TC_MIRRED_LEN,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_ACT_STATS,
  TCA_EGRESS_REDIR,
  TCA_FLOWER_ACT,
  TCA_FLOWER_FLAGS,
  TCA_FLOWER_IN_HW_COUNT,
  TCA_FLOWER_KEY_ETH_TYPE,
  TCA_FLOWER_KEY_IP_PROTO,
  TCA_FLOWER_KEY_IPV4_SRC,
  TCA_FLOWER_KEY_IPV6_DST,
  TCA_FLOWER_KEY_IPV6_SRC,
  TCA_FLOWER_KEY_PORT_DST_MAX,
  TCA_FLOWER_KEY_PORT_SRC_MIN,
  TCA_FLOWER_KEY_SCTP_DST,
  TCA_FLOWER_KEY_SCTP_DST_MASK,
  TCA_FLOWER_KEY_SCTP_SRC,
  TCA_FLOWER_KEY_TCP_FLAGS,
  TCA_FLOWER_KEY_TCP_FLAGS_MASK,
  TCA_FLOWER_KEY_TCP_SRC,
  TCA_FLOWER_KEY_TCP_SRC_MASK,
  TCA_FLOWER_KEY_UDP_DST,
  TCA_FLOWER_KEY_VLAN_ETH_TYPE,
  TCA_FLOWER_KEY_VLAN_ID,
  TCA_MIRRED_PARMS,
  TCA_MIRRED_TM,
  TCF_T_LEN,
} from "./assembly/filter_constants.ts";
import {
  FAIL_ATTRIBUTE_HEADER,
  FAIL_ATTRIBUTE_LENGTH,
  FAIL_ATTRIBUTE_PAYLOAD,
  FAIL_MESSAGE_BODY,
} from "./assembly/codes.ts";
import { decodeError } from "./decode_error.ts";
import { receiveRegion } from "./exchange.ts";
import type { FlowerKeys, PortRange } from "./flower.ts";
import type { FilterMessage } from "./message.ts";
import type { Records } from "./records.ts";
import { textOf } from "./text.ts";

const view = new DataView(receiveRegion.buffer, receiveRegion.byteOffset, receiveRegion.length);
const HEADERS_LEN = NLMSG_HDRLEN + TCMSG_LEN;

/** An attribute in the receive region: where its header is, where its payload ends, and its type. */
interface Attribute {
  at: number;
  end: number;
  type: number;
}

/** Whether the message on which a cursor stands is about a filter. */
export function isFilter({ type }: Records): boolean {
  return type === RTM_NEWTFILTER || type === RTM_DELTFILTER;
}

/**
 * Reads the filter that a message says of, where a cursor stands on one (`isFilter`).
 *
 * @throws {DecodeError} where its bytes are malformed; the offset counts from the start of the receive region
 */
export function readFilter(records: Records): FilterMessage {
  const { type, flags, sequence, offset } = records;
  const length = records.word(0);
  if (length < HEADERS_LEN) throw decodeError([FAIL_MESSAGE_BODY, offset, length, HEADERS_LEN]);
  const info = records.word(32);
  const filter: FilterMessage = {
    about: "filter",
    type,
    flags,
    sequence,
    ifindex: records.word(20) | 0,
    handle: records.word(24),
    parent: records.word(28),
    priority: info >>> 16,
    protocol: (info & 0xff) << 8 | info >>> 8 & 0xff,
    kind: "",
    bytes: 0,
    packets: 0,
    ageMs: 0,
  };
  const found: Found = {
    keys: {},
    size: 0,
    addresses: [new Uint8Array(16), new Uint8Array(16)],
    lengths: [0, 0],
    actions: 0,
  };
  for (const attribute of attributes(offset + HEADERS_LEN, offset + length)) {
    if (attribute.type === TCA_KIND) filter.kind = stringOf(attribute);
    if (attribute.type !== TCA_OPTIONS || filter.kind !== "flower") continue;
    readOptions(filter, found, attribute);
    filter.keys = keysOf(found);
  }
  if (found.actions !== 1) delete filter.redirectsTo;
  return filter;
}

/** The attributes from `at` to `end`, each checked when it is come to. */
function* attributes(at: number, end: number): Generator<Attribute, void> {
  while (at < end) {
    const left = end - at;
    if (left < NLA_HDRLEN) throw decodeError([FAIL_ATTRIBUTE_HEADER, at, left, NLA_HDRLEN]);
    const length = view.getUint16(at, true);
    if (length < NLA_HDRLEN) throw decodeError([FAIL_ATTRIBUTE_LENGTH, at, length, NLA_HDRLEN]);
    if (length > left) throw decodeError([FAIL_ATTRIBUTE_LENGTH, at, length, left]);
    yield { at, end: at + length, type: view.getUint16(at + 2, true) & NLA_TYPE_MASK };
    at += length + 3 & ~3;
  }
}

function inside({ at, end }: Attribute): Generator<Attribute, void> {
  return attributes(at + NLA_HDRLEN, end);
}

function stringOf({ at, end }: Attribute): string {
  const start = at + NLA_HDRLEN;
  const nul = receiveRegion.subarray(start, end).indexOf(0);
  return textOf(receiveRegion, start, nul < 0 ? end : start + nul);
}

/** Where the payload begins, which must have `needed` bytes. */
function payload({ at, end }: Attribute, needed: number): number {
  const found = end - at - NLA_HDRLEN;
  if (found < needed) throw decodeError([FAIL_ATTRIBUTE_PAYLOAD, at, found, needed]);
  return at + NLA_HDRLEN;
}

/** What is found of a filter, attribute by attribute. */
interface Found {
  keys: FlowerKeys;
  /** Whether the ether type is that of what a VLAN tag holds, which stands beside the tag's own, on either side of it. */
  isInsideVlan?: true;
  /** Bytes of an address, of the last that was found, and both ends' addresses and bits that count. */
  size: number;
  addresses: Uint8Array[];
  lengths: number[];
  /** How many actions there are. */
  actions: number;
}

/** The keys and the actions of a flower filter. */
function readOptions(filter: FilterMessage, found: Found, options: Attribute): void {
  for (const attribute of inside(options)) {
    if (attribute.type !== TCA_FLOWER_ACT) readKey(found, attribute);
    else for (const action of inside(attribute)) if (found.actions++ === 0) readAction(filter, action);
  }
  const { keys } = found;
  // A tag's own type says no more than that there is a VLAN
  if (keys.vlanId !== undefined && !found.isInsideVlan && keys.etherType === ETH_P_8021Q) delete keys.etherType;
}

/** The keys, with their addresses; without a mask all bits count. */
function keysOf({ keys, size, addresses, lengths }: Found): FlowerKeys {
  ENDS.forEach((end, index) => {
    if (keys[end]) keys[end] = { address: addresses[index].slice(0, size), length: lengths[index] || 8 * size };
  });
  return keys;
}

const ENDS = ["source", "destination"] as const;

function readAction(filter: FilterMessage, action: Attribute): void {
  let kind = "";
  for (const attribute of inside(action)) {
    if (attribute.type === TCA_ACT_KIND) kind = stringOf(attribute);
    if (attribute.type === TCA_ACT_STATS) readStats(filter, attribute);
    if (attribute.type === TCA_ACT_OPTIONS && kind === "mirred") readMirred(filter, attribute);
  }
}

/** `struct gnet_stats_basic { __u64 bytes; __u32 packets; }` of what passed, in software or by the device. */
function readStats(filter: FilterMessage, stats: Attribute): void {
  for (const attribute of inside(stats)) {
    if (attribute.type !== TCA_STATS_BASIC) continue;
    const at = payload(attribute, GNET_STATS_BASIC_LEN);
    filter.bytes = Number(view.getBigUint64(at, true));
    filter.packets = view.getUint32(at + 8, true);
  }
}

/** `struct tc_mirred`, whose last words are eaction and ifindex, and `struct tcf_t`, whose first is install. */
function readMirred(filter: FilterMessage, options: Attribute): void {
  for (const attribute of inside(options)) {
    if (attribute.type === TCA_MIRRED_PARMS) {
      const at = payload(attribute, TC_MIRRED_LEN);
      if (view.getInt32(at + 20, true) === TCA_EGRESS_REDIR) filter.redirectsTo = view.getInt32(at + 24, true);
      else delete filter.redirectsTo;
    } else if (attribute.type === TCA_MIRRED_TM) {
      const hundredths = view.getBigUint64(payload(attribute, TCF_T_LEN), true);
      filter.ageMs = Math.min(Number(hundredths), 0xffffffff) * 10;
    }
  }
}

/** Reads a key; one of another size than is known here is not understood. */
function readKey(found: Found, { at, end, type }: Attribute): void {
  const { keys } = found;
  const [start, size] = [at + NLA_HDRLEN, end - at - NLA_HDRLEN];
  if (type === TCA_FLOWER_FLAGS || type === TCA_FLOWER_IN_HW_COUNT) return;
  if (size !== sizeOf(type)) keys.others = true;
  else if (type === TCA_FLOWER_KEY_ETH_TYPE) {
    if (!found.isInsideVlan) keys.etherType = view.getUint16(start);
  } else if (type === TCA_FLOWER_KEY_VLAN_ETH_TYPE) {
    keys.etherType = view.getUint16(start);
    found.isInsideVlan = true;
  } else if (type === TCA_FLOWER_KEY_VLAN_ID) keys.vlanId = view.getUint16(start, true);
  else if (type === TCA_FLOWER_KEY_IP_PROTO) keys.ipProtocol = receiveRegion[start];
  else if (isAddress(type)) readAddress(found, type, receiveRegion.slice(start, end));
  else if (isPort(type)) readPort(keys, type, view.getUint16(start));
  else if (type >= TCA_FLOWER_KEY_TCP_SRC_MASK && type <= TCA_FLOWER_KEY_SCTP_DST_MASK) {
    if (view.getUint16(start) !== 0xffff) keys.others = true;
  } else if (type >= TCA_FLOWER_KEY_PORT_SRC_MIN && type <= TCA_FLOWER_KEY_PORT_DST_MAX) {
    readRange(keys, type - TCA_FLOWER_KEY_PORT_SRC_MIN, view.getUint16(start));
  } else if (type === TCA_FLOWER_KEY_TCP_FLAGS || type === TCA_FLOWER_KEY_TCP_FLAGS_MASK) {
    keys.tcpFlags ??= { set: 0, mask: 0 };
    keys.tcpFlags[type === TCA_FLOWER_KEY_TCP_FLAGS ? "set" : "mask"] = view.getUint16(start);
  } else keys.others = true;
}

function isAddress(type: number): boolean {
  return type >= TCA_FLOWER_KEY_IPV4_SRC && type <= TCA_FLOWER_KEY_IPV6_DST + 1;
}

function isPort(type: number): boolean {
  return (type >= TCA_FLOWER_KEY_TCP_SRC && type <= TCA_FLOWER_KEY_UDP_DST) || type === TCA_FLOWER_KEY_SCTP_SRC ||
    type === TCA_FLOWER_KEY_SCTP_DST;
}

/** The bytes that a key of this type has. */
function sizeOf(type: number): number {
  if (isAddress(type)) return type < TCA_FLOWER_KEY_IPV6_SRC ? 4 : 16;
  return type === TCA_FLOWER_KEY_IP_PROTO ? 1 : 2;
}

/** An address or its mask: `TCA_FLOWER_KEY_IPV4_SRC` to `TCA_FLOWER_KEY_IPV6_DST_MASK`, in steps of two. */
function readAddress(found: Found, type: number, bytes: Uint8Array): void {
  const index = (type - TCA_FLOWER_KEY_IPV4_SRC & 2) === 0 ? 0 : 1;
  found.size = bytes.length;
  found.keys[ENDS[index]] ??= { address: bytes, length: 0 };
  if ((type & 1) === 0) return found.addresses[index].set(bytes);
  const length = prefixLength(bytes);
  if (length > 0) found.lengths[index] = length;
  else found.keys.others = true;
}

/** How many bits a mask begins with; -1 where others follow a zero. */
function prefixLength(mask: Uint8Array): number {
  const bits = mask.reduce((text, byte) => text + byte.toString(2).padStart(8, "0"), "");
  const zero = bits.indexOf("0");
  if (zero < 0) return bits.length;
  return bits.includes("1", zero) ? -1 : zero;
}

/** A port of TCP, UDP or SCTP: a range of one. The source of SCTP has an odd number, of the others an even one. */
function readPort(keys: FlowerKeys, type: number, port: number): void {
  const isSource = (type & 1) === (type >= TCA_FLOWER_KEY_SCTP_SRC ? 1 : 0);
  keys[isSource ? "sourcePorts" : "destinationPorts"] = { first: port, last: port };
}

/** One end of a range of ports: first and last of the source, first and last of the destination. */
function readRange(keys: FlowerKeys, index: number, port: number): void {
  const range: PortRange = keys[index < 2 ? "sourcePorts" : "destinationPorts"] ??= { first: 0, last: 0 };
  range[index % 2 === 0 ? "first" : "last"] = port;
}
