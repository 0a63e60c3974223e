import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./assembly/constants.ts";
import { buildBody, type MessageInput, type Values } from "./build_message.ts";
import { checkIndex, type FieldsRequest } from "./request.ts";
import { ADDRESS_MESSAGES } from "./spec/address.ts";
import { LINK_MESSAGES } from "./spec/link.ts";
import { LINK_KINDS } from "./spec/link_kinds.ts";
import { NEIGHBOUR_MESSAGES } from "./spec/neighbour.ts";
import { ROUTE_MESSAGES } from "./spec/route.ts";
import type { Family } from "./spec/table.ts";

const FAMILY: Family = {
  messages: { ...LINK_MESSAGES, ...ADDRESS_MESSAGES, ...ROUTE_MESSAGES, ...NEIGHBOUR_MESSAGES },
  kinds: { link: LINK_KINDS },
};

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
  const peer = { ...endValues(far), NET_NS_FD: far.netnsFd };
  const info = { KIND: "veth", DATA: { PEER: peer } };
  return create("RTM_NEWLINK", { attributes: { ...endValues(near), LINKINFO: info } });
}

function endValues({ name, mac, mtu }: VethEnd): Values {
  return { ...mtu === undefined ? {} : { MTU: mtu }, ADDRESS: mac, IFNAME: name };
}

/** A request to give a device an address, IPv6 without asking first whether somebody else has it. */
export function addressRequest(ifindex: number, { address, length }: AddressPrefix): FieldsRequest {
  const flags: Values = address.length === 4 ? {} : { flags: "NODAD" };
  return create("RTM_NEWADDR", {
    body: { family: familyOf(address), prefixLength: length, ...flags, ifindex: checkIndex(ifindex) },
    attributes: { LOCAL: address, ADDRESS: address },
  });
}

/** A request for a route by way of a host that passes on, which must be of the same family. */
export function gatewayRequest({ address, length }: AddressPrefix, gateway: Uint8Array): FieldsRequest {
  const kind = { table: "MAIN", protocol: "BOOT", scope: "UNIVERSE", type: "UNICAST" };
  return create("RTM_NEWROUTE", {
    body: { family: familyOf(gateway), destinationLength: length, ...kind },
    attributes: { ...length === 0 ? {} : { DST: address }, GATEWAY: gateway },
  });
}

/** A request that tells a device the hardware address of a neighbour for good, so that it never asks for it. */
export function neighbourRequest(
  ifindex: number,
  { address, mac }: { address: Uint8Array; mac: Uint8Array },
): FieldsRequest {
  return request("RTM_NEWNEIGH", NLM_F_CREATE | NLM_F_REPLACE, {
    body: { family: familyOf(address), ifindex: checkIndex(ifindex), state: "PERMANENT" },
    attributes: { DST: address, LLADDR: mac },
  });
}

function create(name: string, input: MessageInput): FieldsRequest {
  return request(name, NLM_F_CREATE | NLM_F_EXCL, input);
}

/** Lays out a message by the tables; `encodeRequest` makes its header. */
function request(name: string, flags: number, input: MessageInput): FieldsRequest {
  const { type, fields } = buildBody(FAMILY, name, input);
  return { type, flags, fields };
}

function familyOf(address: Uint8Array): string {
  return address.length === 4 ? "INET" : "INET6";
}
