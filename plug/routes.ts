import { NLM_F_DUMP, RTM_GETROUTE, RTM_NEWROUTE } from "../codec/assembly/constants.ts";
import {
  AF_INET,
  AF_INET6,
  FIB_RULE_HDR_END,
  FRA_FWMARK,
  IFA_ADDRESS,
  IFA_LOCAL,
  IFADDRMSG_END,
  IPPROTO_TCP,
  IPPROTO_UDP,
  NDA_DST,
  NDA_LLADDR,
  NDMSG_END,
  RTA_DPORT,
  RTA_DST,
  RTA_ENCAP_TYPE,
  RTA_GATEWAY,
  RTA_IIF,
  RTA_IP_PROTO,
  RTA_MARK,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_SPORT,
  RTA_SRC,
  RTA_UID,
  RTA_VIA,
  RTM_F_FIB_MATCH,
  RTM_GETADDR,
  RTM_GETNEIGH,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
  RTM_NEWRULE,
  RTMSG_END,
} from "../codec/numbers.ts";
import type { FieldInput } from "../codec/encode.ts";
import {
  type Attribute,
  bytesOf,
  findAttribute as find,
  readAttributes,
  type Records,
  wordAt as word,
} from "../codec/records.ts";
import type { FieldsRequest } from "../codec/request.ts";
import { EAFNOSUPPORT, EOPNOTSUPP, NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";

/** The protocols for which the kernel says the way; of others it answers nothing. */
const ASKABLE: readonly (number | undefined)[] = [IPPROTO_TCP, IPPROTO_UDP];
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
      { name: "DST", attributeType: RTA_DST, value: destination },
      ...source ? [{ name: "SRC", attributeType: RTA_SRC, value: source }] : [],
      ...number("IIF", RTA_IIF, packets.in),
      ...number("OIF", RTA_OIF, packets.out),
      ...number("MARK", RTA_MARK, mark || undefined),
      // That of sshd, and of what sends a tunnel's packets.
      ...number("UID", RTA_UID, packets.in === undefined ? 0 : undefined),
      ...ASKABLE.includes(packets.protocol)
        ? [
          ...number("IP_PROTO", RTA_IP_PROTO, packets.protocol, 5),
          ...port("SPORT", RTA_SPORT, packets.sourcePort),
          ...port("DPORT", RTA_DPORT, packets.destinationPort),
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
  const multipath = find(attributes, RTA_MULTIPATH);
  const device = word(find(attributes, RTA_OIF));
  const head = records.word(16);
  return {
    family: head & 0xff,
    length: head >>> 8 & 0xff,
    destination: find(attributes, RTA_DST)?.slice(),
    type: records.word(20) >>> 24,
    hops: [
      ...device === undefined ? [] : [readHop(device, attributes)],
      ...multipath ? nextHops(multipath) : [],
    ],
    source: find(attributes, RTA_PREFSRC)?.slice(),
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
  const gateway = find(attributes, RTA_GATEWAY) ?? find(attributes, RTA_VIA)?.subarray(2);
  return { ifindex, gateway: gateway?.slice(), isWrapped: find(attributes, RTA_ENCAP_TYPE) !== undefined };
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
      const attributes = readAttributes(bytesOf(records), FIB_RULE_HDR_END);
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
