import { NLM_F_DUMP, RTM_GETROUTE, RTM_NEWROUTE } from "../codec/assembly/constants.ts";
import { type Attribute, bytesOf, findAttribute as find, readAttributes, wordAt as word } from "../codec/attributes.ts";
import type { FieldInput } from "../codec/encode.ts";
import type { Records } from "../codec/records.ts";
import type { FieldsRequest } from "../codec/request.ts";
import { EAFNOSUPPORT, EOPNOTSUPP, NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;
export const RTN_UNICAST = 1;

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const RTM_NEWRULE = 32;
const RTM_GETRULE = 34;
/** Tells the route itself, with all of its next hops, and not the one that was chosen. */
const RTM_F_FIB_MATCH = 0x2000;
/** `RTA_*` of `linux/rtnetlink.h` */
const RTA = {
  dst: 1,
  src: 2,
  iif: 3,
  oif: 4,
  gateway: 5,
  prefsrc: 7,
  multipath: 9,
  mark: 16,
  via: 18,
  encapType: 21,
  uid: 25,
  ipProto: 27,
  sport: 28,
  dport: 29,
} as const;
const FRA_FWMARK = 10;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const NDA_DST = 1;
const NDA_LLADDR = 2;
/** Where the attributes begin, behind `struct nlmsghdr` and the struct of the object. */
const RTMSG_END = 28;
const RULE_END = 28;
const IFADDRMSG_END = 24;
const NDMSG_END = 28;
/** The protocols for which the kernel says the way; of others it answers nothing. */
const ASKABLE: readonly (number | undefined)[] = [6, 17];
/** More marks and types of service than this are not tried. */
const MARKINGS_MAX = 32;

/** A next hop of a route. */
export interface Hop {
  ifindex: number;
  /** Who takes the packets on; absent where that is who they are for. Of IPv4 it may have an IPv6 address. */
  gateway?: Uint8Array;
  /** Whether they leave inside of something else, as MPLS. */
  isWrapped: boolean;
}

/** A route: where packets go that fit it. */
export interface Route {
  family: number;
  /** The bits of the destination that count. */
  length: number;
  destination?: Uint8Array;
  /** `RTN_*` */
  type: number;
  hops: Hop[];
  /** The address that packets have which do not say. */
  source?: Uint8Array;
}

/** What rules and firewalls tell packets apart by, beside what is in them. */
export interface Marking {
  mark: number;
  tos: number;
}

/** Packets whose route is asked for. */
export interface Packets {
  destination: Uint8Array;
  source?: Uint8Array;
  protocol?: number;
  sourcePort?: number;
  destinationPort?: number;
  marking?: Marking;
  /** The device that they are sent by, or come in on. */
  out?: number;
  in?: number;
  /** Whether all next hops are wanted. Default: the one that they take. */
  every?: boolean;
}

/** An address that this machine has. */
export interface OwnAddress {
  ifindex: number;
  address: Uint8Array;
}

/** `AF_*` by the bytes of an address. */
export function familyOf({ length }: Uint8Array): number {
  return length === 4 ? AF_INET : AF_INET6;
}

/** Where such packets go, of each; `undefined` where the kernel knows no way for them. */
export function findRoutes(connection: Connection, list: readonly Packets[]): (Route | undefined)[] {
  return connection.ask(list.map(routeRequest), readRoute).map(({ message }) => message);
}

function routeRequest(packets: Packets): FieldsRequest {
  const { destination, source, marking: { mark, tos } = { mark: 0, tos: 0 }, every = false } = packets;
  const bitsOf = (address?: Uint8Array) => 8 * (address?.length ?? 0);
  const struct = [familyOf(destination), bitsOf(destination), bitsOf(source), tos, 0, 0, 0, 0];
  return {
    type: RTM_GETROUTE,
    fields: [
      { name: "struct rtmsg", value: Uint8Array.from(struct) },
      { name: "flags", value: every ? RTM_F_FIB_MATCH : 0 },
      { name: "DST", attributeType: RTA.dst, value: destination },
      ...source ? [{ name: "SRC", attributeType: RTA.src, value: source }] : [],
      ...number("IIF", RTA.iif, packets.in),
      ...number("OIF", RTA.oif, packets.out),
      ...number("MARK", RTA.mark, mark || undefined),
      // That of sshd, and of what sends a tunnel's packets.
      ...number("UID", RTA.uid, packets.in === undefined ? 0 : undefined),
      ...ASKABLE.includes(packets.protocol)
        ? [
          ...number("IP_PROTO", RTA.ipProto, packets.protocol, 5),
          ...port("SPORT", RTA.sport, packets.sourcePort),
          ...port("DPORT", RTA.dport, packets.destinationPort),
        ]
        : [],
    ],
  };
}

function number(name: string, attributeType: number, value: number | undefined, length = 8): FieldInput[] {
  return value === undefined ? [] : [{ name, attributeType, value, length }];
}

function port(name: string, attributeType: number, value: number | undefined): FieldInput[] {
  return value === undefined ? [] : [{ name, attributeType, value: Uint8Array.of(value >> 8, value & 0xff) }];
}

/** The routes of every table, of both families, that `isWanted` by the bits of their destinations. A dump. */
export function readRoutes(
  connection: Connection,
  isWanted: (family: number, length: number) => boolean,
): Route[] {
  const fields = [{ name: "struct rtmsg", value: new Uint8Array(12) }];
  return connection.pick("list routes", { type: RTM_GETROUTE, flags: NLM_F_DUMP, fields }, (records) => {
    const head = records.word(16);
    return isWanted(head & 0xff, head >>> 8 & 0xff) ? readRoute(records) : undefined;
  });
}

function readRoute(records: Records): Route | undefined {
  if (records.type !== RTM_NEWROUTE) return undefined;
  const attributes = readAttributes(bytesOf(records), RTMSG_END);
  const multipath = find(attributes, RTA.multipath);
  const device = word(find(attributes, RTA.oif));
  const head = records.word(16);
  return {
    family: head & 0xff,
    length: head >>> 8 & 0xff,
    destination: find(attributes, RTA.dst)?.slice(),
    type: records.word(20) >>> 24,
    hops: [
      ...device === undefined ? [] : [readHop(device, attributes)],
      ...multipath ? nextHops(multipath) : [],
    ],
    source: find(attributes, RTA.prefsrc)?.slice(),
  };
}

/** Each is a `struct rtnexthop`, with its length, its device and attributes of its own. */
function nextHops(bytes: Uint8Array): Hop[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const hops: Hop[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const end = at + Math.max(8, view.getUint16(at, true));
    hops.push(readHop(view.getUint32(at + 4, true), readAttributes(bytes.subarray(at, end), 8)));
    at = end + 3 & ~3;
  }
  return hops;
}

function readHop(ifindex: number, attributes: readonly Attribute[]): Hop {
  // `struct rtvia` begins with the family.
  const gateway = find(attributes, RTA.gateway) ?? find(attributes, RTA.via)?.subarray(2);
  return { ifindex, gateway: gateway?.slice(), isWrapped: find(attributes, RTA.encapType) !== undefined };
}

/** By which markings the rules of a family tell packets apart, the first of which is none. A dump. */
export function readMarkings(connection: Connection, family: number): Marking[] {
  const found = new Map<string, Marking>([["0 0", { mark: 0, tos: 0 }]]);
  for (const marking of readRules(connection, family)) found.set(`${marking.mark} ${marking.tos}`, marking);
  return [...found.values()].slice(0, MARKINGS_MAX);
}

function readRules(connection: Connection, family: number): Marking[] {
  const fields = [{ name: "struct fib_rule_hdr", value: Uint8Array.from([family, ...new Uint8Array(11)]) }];
  try {
    return connection.pick("list rules", { type: RTM_GETRULE, flags: NLM_F_DUMP, fields }, (records) => {
      if (records.type !== RTM_NEWRULE) return undefined;
      const attributes = readAttributes(bytesOf(records), RULE_END);
      return { mark: word(find(attributes, FRA_FWMARK)) ?? 0, tos: records.word(16) >>> 24 };
    });
  } catch (error) {
    // A kernel without rules has but one table, or it has not the family.
    if (error instanceof NetlinkError && [EOPNOTSUPP, EAFNOSUPPORT].includes(error.errno)) return [];
    throw error;
  }
}

/** The addresses of a family that this machine has. A dump. */
export function readAddresses(connection: Connection, family: number): OwnAddress[] {
  const fields = [{ name: "struct ifaddrmsg", value: Uint8Array.from([family, ...new Uint8Array(7)]) }];
  return connection.pick("list addresses", { type: RTM_GETADDR, flags: NLM_F_DUMP, fields }, (records) => {
    if (records.type !== RTM_NEWADDR) return undefined;
    const attributes = readAttributes(bytesOf(records), IFADDRMSG_END);
    const address = find(attributes, IFA_LOCAL) ?? find(attributes, IFA_ADDRESS);
    return address && { ifindex: records.word(20), address: address.slice() };
  });
}

/** The hardware address of a neighbour, where the kernel knows it. */
export function findNeighbour(
  connection: Connection,
  { ifindex, address }: { ifindex: number; address: Uint8Array },
): Uint8Array | undefined {
  const fields = [
    { name: "family, pad", value: familyOf(address) },
    { name: "ifindex", value: ifindex },
    { name: "state, flags, type", value: 0 },
    { name: "DST", attributeType: NDA_DST, value: address },
  ];
  const [{ message }] = connection.ask([{ type: RTM_GETNEIGH, fields }], (records) => {
    if (records.type !== RTM_NEWNEIGH) return undefined;
    return find(readAttributes(bytesOf(records), NDMSG_END), NDA_LLADDR)?.slice();
  });
  return message;
}
