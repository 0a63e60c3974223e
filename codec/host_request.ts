import {
  AF_INET6,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MTU,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTA_DST,
  RTM_NEWLINK,
  RTM_NEWROUTE,
} from "./assembly/constants.ts";
import type { FieldInput } from "./encode.ts";
import { checkIndex, type FieldsRequest } from "./request.ts";

// linux/rtnetlink.h
const RTM_NEWADDR = 20;
const RTM_NEWNEIGH = 28;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RTN_UNICAST = 1;
// linux/if_link.h, linux/veth.h
const IFLA_ADDRESS = 1;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
// linux/if_addr.h
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_F_NODAD = 2;
// linux/neighbour.h
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NUD_PERMANENT = 0x80;
const AF_INET = 2;

/** Addresses that begin with the same bits. */
export interface AddressPrefix {
  /** 4 bytes of IPv4 or 16 of IPv6, in network order; zero behind the bits that count. */
  address: Uint8Array;
  /** How many bits count: 1 to 32, or 1 to 128. */
  length: number;
}

/** An end of a veth pair. */
export interface VethEnd {
  /** Up to 15 bytes. */
  name: string;
  /** Its hardware address, 6 bytes. */
  mac: Uint8Array;
  /** The largest packet in bytes, without its link header. Default 1,500. */
  mtu?: number;
}

/** A request to create a veth pair, one end here and the other in the network namespace of a file descriptor. */
export function vethRequest(near: VethEnd, far: VethEnd & { netnsFd: number }): FieldsRequest {
  const there = [...noLink(), ...endFields(far), attribute("NET_NS_FD", IFLA_NET_NS_FD, far.netnsFd)];
  const info = nest("LINKINFO", IFLA_LINKINFO, [
    attribute("KIND", IFLA_INFO_KIND, "veth"),
    nest("DATA", IFLA_INFO_DATA, [nest("PEER", VETH_INFO_PEER, there)]),
  ]);
  return create(RTM_NEWLINK, [...noLink(), ...endFields(near), info]);
}

/** A request to give a device an address, IPv6 without asking first whether somebody else has it. */
export function addressRequest(ifindex: number, { address, length }: AddressPrefix): FieldsRequest {
  const flags = address.length === 4 ? 0 : IFA_F_NODAD;
  const struct = { family: familyOf(address), length, flags, scope: RT_SCOPE_UNIVERSE };
  return create(RTM_NEWADDR, [
    ...bytes(struct),
    { name: "index", value: checkIndex(ifindex) },
    attribute("LOCAL", IFA_LOCAL, address),
    attribute("ADDRESS", IFA_ADDRESS, address),
  ]);
}

/** A request for a route by way of a host that passes on, which must be of the same family. */
export function gatewayRequest({ address, length }: AddressPrefix, gateway: Uint8Array): FieldsRequest {
  const struct = { family: familyOf(gateway), length, sourceLength: 0, tos: 0, table: RT_TABLE_MAIN };
  const kind = { protocol: RTPROT_BOOT, scope: RT_SCOPE_UNIVERSE, type: RTN_UNICAST };
  return create(RTM_NEWROUTE, [
    ...bytes({ ...struct, ...kind }),
    { name: "flags", value: 0 },
    ...length === 0 ? [] : [attribute("DST", RTA_DST, address)],
    attribute("GATEWAY", RTA_GATEWAY, gateway),
  ]);
}

/** A request that tells a device the hardware address of a neighbour for good, so that it never asks for it. */
export function neighbourRequest(
  ifindex: number,
  { address, mac }: { address: Uint8Array; mac: Uint8Array },
): FieldsRequest {
  return {
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    fields: [
      { name: "family, pad", value: familyOf(address) },
      { name: "ifindex", value: checkIndex(ifindex) },
      { name: "state", value: NUD_PERMANENT, length: 2 },
      { name: "flags, type", value: 0, length: 2 },
      attribute("DST", NDA_DST, address),
      attribute("LLADDR", NDA_LLADDR, mac),
    ],
  };
}

function create(type: number, fields: FieldInput[]): FieldsRequest {
  return { type, flags: NLM_F_CREATE | NLM_F_EXCL, fields };
}

function endFields({ name, mac, mtu }: VethEnd): FieldInput[] {
  return [
    ...mtu === undefined ? [] : [attribute("MTU", IFLA_MTU, mtu)],
    attribute("ADDRESS", IFLA_ADDRESS, mac),
    attribute("IFNAME", IFLA_IFNAME, name),
  ];
}

/** `struct ifinfomsg` of a link that is not there yet */
function noLink(): FieldInput[] {
  return [{ name: "struct ifinfomsg", value: new Uint8Array(16) }];
}

function bytes(values: Readonly<Record<string, number>>): FieldInput[] {
  return Object.entries(values).map(([name, value]) => ({ name, value, length: 1 }));
}

/** An attribute; a number has 32 bits. */
function attribute(name: string, attributeType: number, value: FieldInput["value"]): FieldInput {
  return { name, attributeType, value, length: typeof value === "number" ? 8 : undefined };
}

function nest(name: string, attributeType: number, fields: FieldInput[]): FieldInput {
  return { name, attributeType, fields };
}

function familyOf(address: Uint8Array): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}
