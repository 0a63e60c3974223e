import {
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_TXQLEN,
  type RTM_DELLINK,
  type RTM_DELQDISC,
  type RTM_DELTFILTER,
  type RTM_GETLINK,
  type RTM_GETTFILTER,
  type RTM_NEWLINK,
  type RTM_NEWQDISC,
  type RTM_NEWTFILTER,
  TCA_KIND,
  TCA_OPTIONS,
} from "./assembly/constants.ts";
import {
  AF_INET6,
  ETH_P_8021Q,
  IFF_UP,
  IFLA_AF_SPEC,
  IFLA_INET6_ADDR_GEN_MODE,
  IN6_ADDR_GEN_MODE_NONE,
  TC_ACT_STOLEN,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_EGRESS_REDIR,
  TCA_FLOWER_ACT,
  TCA_FLOWER_KEY_ETH_TYPE,
  TCA_FLOWER_KEY_IP_PROTO,
  TCA_FLOWER_KEY_IPV4_DST,
  TCA_FLOWER_KEY_IPV4_SRC,
  TCA_FLOWER_KEY_IPV6_DST,
  TCA_FLOWER_KEY_IPV6_SRC,
  TCA_FLOWER_KEY_PORT_DST_MIN,
  TCA_FLOWER_KEY_PORT_SRC_MIN,
  TCA_FLOWER_KEY_SCTP_SRC,
  TCA_FLOWER_KEY_TCP_FLAGS,
  TCA_FLOWER_KEY_TCP_SRC,
  TCA_FLOWER_KEY_UDP_SRC,
  TCA_FLOWER_KEY_VLAN_ETH_TYPE,
  TCA_FLOWER_KEY_VLAN_ID,
  TCA_MIRRED_PARMS,
} from "./assembly/filter_constants.ts";
import type { FieldInput } from "./encode.ts";
import type { AddressPrefix, FlowerKeys, PortRange } from "./flower.ts";
import { TC_H_CLSACT } from "./handle.ts";
import { checkIndex, type FieldsRequest } from "./request.ts";

/** A request for the link of this name. `struct ifinfomsg` and `IFLA_IFNAME`. */
export interface LinkQuery {
  /** `RTM_GETLINK` */
  type: typeof RTM_GETLINK;
  /** `NLM_F_*`; `NLM_F_REQUEST` and `NLM_F_ACK` are always set. */
  flags?: number;
  /** It goes by the name. */
  ifindex: 0;
  /** Up to 15 bytes. */
  name: string;
}

/** A request to create, change or delete a link: `struct ifinfomsg` and what is given of the attributes. */
export interface LinkChangeRequest {
  /** `RTM_NEWLINK` or `RTM_DELLINK` */
  type: typeof RTM_NEWLINK | typeof RTM_DELLINK;
  /** `NLM_F_*`; `NLM_F_REQUEST` and `NLM_F_ACK` are always set. */
  flags?: number;
  /** 0 to go by the name, and to create one. */
  ifindex: number;
  /** Up to 15 bytes. */
  name?: string;
  /** `ifb` and so on, to create one. */
  kind?: string;
  /** In packets. */
  txqueuelen?: number;
  /** Up to 255 bytes. The kernel reads it only for a link that is there. */
  alias?: string;
  /** Whether it is to make itself no IPv6 address, without which it sends nothing on its own account. */
  addressless?: true;
  /** Whether to take it up. The kernel does that before it reads `addressless` of the same request. */
  up?: true;
}

/** A request to create or delete the clsact qdisc of a device. 48 bytes. */
export interface ClsactRequest {
  /** `RTM_NEWQDISC` or `RTM_DELQDISC` */
  type: typeof RTM_NEWQDISC | typeof RTM_DELQDISC;
  /** `NLM_F_*`; `NLM_F_REQUEST` and `NLM_F_ACK` are always set. */
  flags?: number;
  /** The device. */
  ifindex: number;
  /** Tells it from other requests about qdiscs. */
  clsact: true;
}

/** A request about a filter, or with `NLM_F_DUMP` for those of one parent: `struct tcmsg` and what is given. */
export interface FilterRequest {
  /** `RTM_NEWTFILTER`, `RTM_DELTFILTER` or `RTM_GETTFILTER` */
  type: typeof RTM_NEWTFILTER | typeof RTM_DELTFILTER | typeof RTM_GETTFILTER;
  /** `NLM_F_*`; `NLM_F_REQUEST` is always set, and `NLM_F_ACK` on all but a dump. */
  flags?: number;
  /** The device. */
  ifindex: number;
  /** Its number among those of its priority; 0 in a dump. */
  handle: number;
  /** The qdisc or class, or a hook of clsact: `TC_H_CLSACT` with `TC_H_MIN_INGRESS` or `TC_H_MIN_EGRESS`. */
  parent: number;
  /** 1 to 65,535, the lower the earlier; 0 in a dump. */
  priority: number;
  /** `ETH_P_*`: which packets it sees; 0 in a dump. */
  protocol: number;
  /** Makes it a flower filter that redirects the packets meant to the device `redirectTo`, as if they left there. */
  flower?: { keys: FlowerKeys; redirectTo: number };
  /** Whether to say that it is one, without more; to delete it. */
  isFlower?: true;
}

/** What `treeRequest` lays out. */
export type TreeRequest = LinkQuery | LinkChangeRequest | ClsactRequest | FilterRequest;

const CLSACT_HANDLE = 0xffff0000;
const UDP = 17;
const SCTP = 132;

/**
 * Lays out a request that changes a link, or is about clsact or filters, for `encodeRequest`.
 *
 * ```ts
 * import { encodeRequest, RTM_NEWLINK, treeRequest } from "@plugctl/plugctl/codec";
 *
 * const length = encodeRequest(treeRequest({ type: RTM_NEWLINK, ifindex: 1, up: true }), { at: 0, sequence: 1 });
 * console.log(length); // 32
 * ```
 *
 * @throws {RangeError} where the device's index is out of its range
 */
export function treeRequest(request: TreeRequest): FieldsRequest {
  checkIndex(request.ifindex);
  return { type: request.type, flags: request.flags, fields: treeFields(request) };
}

function treeFields(request: TreeRequest): FieldInput[] {
  if ("clsact" in request) return clsactFields(request);
  return "parent" in request ? filterFields(request) : linkFields(request);
}

/** `struct ifinfomsg` and attributes of `linux/if_link.h` */
function linkFields(request: LinkQuery | LinkChangeRequest): FieldInput[] {
  const { ifindex, name, kind, txqueuelen, alias, addressless, up }: Omit<LinkChangeRequest, "type"> = request;
  const flags = up ? IFF_UP : 0;
  return [
    ...words({ "family, pad, type": 0, ifindex, flags, change: flags }),
    ...name === undefined ? [] : [attribute("IFNAME", IFLA_IFNAME, name)],
    ...txqueuelen === undefined ? [] : [attribute("TXQLEN", IFLA_TXQLEN, txqueuelen)],
    ...alias === undefined ? [] : [attribute("IFALIAS", IFLA_IFALIAS, alias)],
    ...addressless ? [addressModeField()] : [],
    ...kind === undefined ? [] : [nest("LINKINFO", IFLA_LINKINFO, [attribute("KIND", IFLA_INFO_KIND, kind)])],
  ];
}

function addressModeField(): FieldInput {
  const mode = attribute("ADDR_GEN_MODE", IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE, 1);
  return nest("AF_SPEC", IFLA_AF_SPEC, [nest("AF_INET6", AF_INET6, [mode])]);
}

/** `struct tcmsg` and `TCA_KIND` */
function clsactFields({ ifindex }: ClsactRequest): FieldInput[] {
  const place = words({ "family, pad": 0, ifindex, handle: CLSACT_HANDLE, parent: TC_H_CLSACT, info: 0 });
  return [...place, attribute("KIND", TCA_KIND, "clsact")];
}

/** `struct tcmsg`, `TCA_KIND` and `TCA_OPTIONS` */
function filterFields({ ifindex, handle, parent, priority, protocol, flower, isFlower }: FilterRequest): FieldInput[] {
  const info = (priority << 16 | network16(protocol)) >>> 0;
  return [
    ...words({ "family, pad": 0, ifindex, handle, parent, info }),
    ...flower || isFlower ? [attribute("KIND", TCA_KIND, "flower")] : [],
    ...flower ? [nest("OPTIONS", TCA_OPTIONS, [...keyFields(flower.keys), actionField(flower.redirectTo)])] : [],
  ];
}

/** What a filter compares, `TCA_FLOWER_KEY_*`. */
function keyFields(keys: FlowerKeys): FieldInput[] {
  const { vlanId, ipProtocol, tcpFlags } = keys;
  return [
    ...typeFields(keys),
    ...vlanId === undefined ? [] : [attribute("KEY_VLAN_ID", TCA_FLOWER_KEY_VLAN_ID, vlanId, 2)],
    ...ipProtocol === undefined ? [] : [attribute("KEY_IP_PROTO", TCA_FLOWER_KEY_IP_PROTO, ipProtocol, 1)],
    ...hostFields(keys.source, TCA_FLOWER_KEY_IPV4_SRC, TCA_FLOWER_KEY_IPV6_SRC),
    ...hostFields(keys.destination, TCA_FLOWER_KEY_IPV4_DST, TCA_FLOWER_KEY_IPV6_DST),
    ...portFields(keys.sourcePorts, portType(keys), TCA_FLOWER_KEY_PORT_SRC_MIN),
    ...portFields(keys.destinationPorts, portType(keys) + 1, TCA_FLOWER_KEY_PORT_DST_MIN),
    ...tcpFlags ? pair16("KEY_TCP_FLAGS", TCA_FLOWER_KEY_TCP_FLAGS, tcpFlags.set, tcpFlags.mask) : [],
  ];
}

/** The ether type; with a VLAN that of its tag, and then what the tag holds. */
function typeFields({ vlanId, etherType }: FlowerKeys): FieldInput[] {
  const outer = vlanId === undefined ? etherType : ETH_P_8021Q;
  if (outer === undefined) return [];
  const tag = bytes16("KEY_ETH_TYPE", TCA_FLOWER_KEY_ETH_TYPE, outer);
  if (vlanId === undefined || etherType === undefined) return [tag];
  return [tag, bytes16("KEY_VLAN_ETH_TYPE", TCA_FLOWER_KEY_VLAN_ETH_TYPE, etherType)];
}

/** An address and its mask, whose number is the next. */
function hostFields(prefix: AddressPrefix | undefined, ipv4Type: number, ipv6Type: number): FieldInput[] {
  if (!prefix) return [];
  const { address, length } = prefix;
  const type = address.length === 4 ? ipv4Type : ipv6Type;
  const mask = address.map((_, index) => 0xff00 >> Math.min(8, Math.max(0, length - 8 * index)));
  return [attribute("address", type, address), attribute("mask", type + 1, mask)];
}

/** The number of the attribute for the source port of a protocol; that for the destination is the next. */
function portType({ ipProtocol }: FlowerKeys): number {
  if (ipProtocol === SCTP) return TCA_FLOWER_KEY_SCTP_SRC;
  return ipProtocol === UDP ? TCA_FLOWER_KEY_UDP_SRC : TCA_FLOWER_KEY_TCP_SRC;
}

/** One port, or a range of them, which the kernel takes only where its ends differ. */
function portFields(range: PortRange | undefined, type: number, rangeType: number): FieldInput[] {
  if (!range) return [];
  const { first, last } = range;
  return first === last ? [bytes16("port", type, first)] : pair16("ports", rangeType, first, last);
}

/** The one action: `mirred egress redirect`, with `struct tc_mirred` of `linux/tc_act/tc_mirred.h`. */
function actionField(ifindex: number): FieldInput {
  const struct = words({
    index: 0,
    capab: 0,
    action: TC_ACT_STOLEN,
    refcnt: 0,
    bindcnt: 0,
    eaction: TCA_EGRESS_REDIR,
    ifindex,
  });
  return nest("ACT", TCA_FLOWER_ACT, [
    nest("1", 1, [
      attribute("KIND", TCA_ACT_KIND, "mirred"),
      nest("OPTIONS", TCA_ACT_OPTIONS, [nest("PARMS", TCA_MIRRED_PARMS, struct)]),
    ]),
  ]);
}

function words(values: Readonly<Record<string, number>>): FieldInput[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** An attribute; `width` is that of a number in bytes. */
function attribute(name: string, attributeType: number, value: FieldInput["value"], width = 4): FieldInput {
  return { name, attributeType, value, length: typeof value === "number" ? width + 4 : undefined };
}

function nest(name: string, attributeType: number, fields: FieldInput[]): FieldInput {
  return { name, attributeType, fields };
}

/** A number of two bytes in network order. */
function bytes16(name: string, type: number, value: number): FieldInput {
  return attribute(name, type, Uint8Array.of(value >> 8, value & 0xff));
}

/** Two numbers of two bytes in network order, in attributes that follow each other. */
function pair16(name: string, type: number, first: number, second: number): FieldInput[] {
  return [bytes16(name, type, first), bytes16(name, type + 1, second)];
}

function network16(value: number): number {
  return (value & 0xff) << 8 | value >> 8;
}
