import {
  AF_INET6,
  IFF_UP,
  IFLA_AF_SPEC,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_NONE,
  type RTM_DELLINK,
  type RTM_DELQDISC,
  type RTM_GETLINK,
  type RTM_NEWLINK,
  type RTM_NEWQDISC,
  TCA_KIND,
} from "./assembly/constants.ts";
import type { FieldInput } from "./encode.ts";
import { TC_H_CLSACT } from "./handle.ts";
import { checkObject, checkText, checkWhole } from "./wrong_input.ts";
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

/** What `treeRequest` lays out. */
export type TreeRequest = LinkQuery | LinkChangeRequest | ClsactRequest;

const CLSACT_HANDLE = 0xffff0000;

/**
 * Lays out a request that changes a link, or is about clsact, for `encodeRequest`.
 *
 * ```ts
 * import { encodeRequest, RTM_NEWLINK, treeRequest } from "@plugctl/plugctl/codec";
 *
 * const length = encodeRequest(treeRequest({ type: RTM_NEWLINK, ifindex: 1, up: true }), { at: 0, sequence: 1 });
 * console.log(length); // 32
 * ```
 *
 * @throws {RangeError} where the device's index is out of its range
 * @throws {TypeError} where it is given something else, or what is to be a string is not
 */
export function treeRequest(request: TreeRequest): FieldsRequest {
  checkObject(request, "lay out", "a request is an object with type and ifindex");
  checkIndex(request.ifindex);
  const { type, flags = 0 } = request;
  return {
    type: checkWhole("type", type, 0xffff),
    flags: checkWhole("flags", flags, 0xffff),
    fields: treeFields(request),
  };
}

function treeFields(request: TreeRequest): FieldInput[] {
  return "clsact" in request ? clsactFields(request) : linkFields(request);
}

/** `struct ifinfomsg` and attributes of `linux/if_link.h` */
function linkFields(request: LinkQuery | LinkChangeRequest): FieldInput[] {
  const { ifindex, name, kind, txqueuelen, alias, addressless, up }: Omit<LinkChangeRequest, "type"> = request;
  const flags = up ? IFF_UP : 0;
  return [
    ...words({ "family, pad, type": 0, ifindex, flags, change: flags }),
    ...name === undefined ? [] : [text("IFNAME", IFLA_IFNAME, name)],
    ...txqueuelen === undefined ? [] : [attribute("TXQLEN", IFLA_TXQLEN, checkWhole("txqueuelen", txqueuelen))],
    ...alias === undefined ? [] : [text("IFALIAS", IFLA_IFALIAS, alias)],
    ...addressless ? [addressModeField()] : [],
    ...kind === undefined ? [] : [nest("LINKINFO", IFLA_LINKINFO, [text("KIND", IFLA_INFO_KIND, kind)])],
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

function words(values: Readonly<Record<string, number>>): FieldInput[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** An attribute; `width` is that of a number in bytes. */
function attribute(name: string, attributeType: number, value: FieldInput["value"], width = 4): FieldInput {
  return { name, attributeType, value, length: typeof value === "number" ? width + 4 : undefined };
}

function text(name: string, attributeType: number, value: string): FieldInput {
  checkText(value, `lay out ${name} as`, "it is a string");
  return attribute(name, attributeType, value);
}

function nest(name: string, attributeType: number, fields: FieldInput[]): FieldInput {
  return { name, attributeType, fields };
}
