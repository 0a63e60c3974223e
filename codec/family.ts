/**
 * Decodes every message of rtnetlink: links, addresses, neighbours, routes, rules, next hops, qdiscs, classes, filters,
 * chains, actions, statistics, with the options of every kind of device, qdisc, filter and action that Linux 6.12 has;
 * and of generic netlink the controller and `psample`. The tables behind it are about 60 KiB of code, which the core of
 * the codec does without.
 *
 * @module
 */
import type { Field } from "./field.ts";
import { ACTION_KINDS, ACTION_MESSAGES } from "./spec/action.ts";
import { ADDRESS_MESSAGES } from "./spec/address.ts";
import { CHAIN_MESSAGES, FILTER_KINDS, FILTER_MESSAGES } from "./spec/filter.ts";
import { CTRL, GENERIC_FAMILIES, GENL_ID_CTRL } from "./spec/generic.ts";
import { BRIDGED_LINK_MESSAGES, LINK_KINDS } from "./spec/link_kinds.ts";
import { NEIGHBOUR_MESSAGES } from "./spec/neighbour.ts";
import { NETCONF_MESSAGES } from "./spec/netconf.ts";
import { NEXTHOP_MESSAGES } from "./spec/nexthop.ts";
import { NSID_MESSAGES } from "./spec/nsid.ts";
import { CLASS_MESSAGES, QDISC_MESSAGES } from "./spec/qdisc.ts";
import { CLASS_KINDS, QDISC_KINDS } from "./spec/qdisc_kinds.ts";
import { ENCAP_KINDS, ROUTE_MESSAGES } from "./spec/route.ts";
import { RULE_MESSAGES } from "./spec/rule.ts";
import { STATS_MESSAGES } from "./spec/stats.ts";
import type { Family } from "./spec/table.ts";
import { decodeTree, decodeTrees } from "./tree.ts";

export { DecodeError } from "./decode_error.ts";
export { encode, type FieldInput } from "./encode.ts";
export { type Field, fieldAt } from "./field.ts";
export { formatHex, formatMessage, formatSummary } from "./format_message.ts";
export { numberNamed } from "./names.ts";
export type * from "./spec/table.ts";

/** `NETLINK_ROUTE`: everything that `ip` and `tc` speak of. */
export const ROUTE_FAMILY: Family = {
  messages: {
    ...BRIDGED_LINK_MESSAGES,
    ...ADDRESS_MESSAGES,
    ...ROUTE_MESSAGES,
    ...NEIGHBOUR_MESSAGES,
    ...RULE_MESSAGES,
    ...NEXTHOP_MESSAGES,
    ...QDISC_MESSAGES,
    ...CLASS_MESSAGES,
    ...FILTER_MESSAGES,
    ...CHAIN_MESSAGES,
    ...ACTION_MESSAGES,
    ...NETCONF_MESSAGES,
    ...STATS_MESSAGES,
    ...NSID_MESSAGES,
  },
  kinds: {
    action: ACTION_KINDS,
    class: CLASS_KINDS,
    encap: ENCAP_KINDS,
    filter: FILTER_KINDS,
    link: LINK_KINDS,
    qdisc: QDISC_KINDS,
  },
};

/**
 * `NETLINK_GENERIC`: the controller, and the families whose messages have the types given, by their names: `psample`.
 *
 * ```ts
 * import { decode, genericFamily } from "@plugctl/plugctl/family";
 *
 * const request = Uint8Array.fromHex("20000000100005000100000000000000030100000c0002006e6c6374726c0000");
 * console.log(decode(request, genericFamily()).fields?.[5].meaning); // CTRL_CMD_GETFAMILY
 * ```
 */
export function genericFamily(types: Readonly<Record<number, string>> = {}): Family {
  const known = Object.entries(types).filter(([, name]) => Object.hasOwn(GENERIC_FAMILIES, name));
  const messages = Object.fromEntries(known.map(([type, name]) => [type, GENERIC_FAMILIES[name]]));
  return { messages: { ...messages, [GENL_ID_CTRL]: CTRL }, kinds: {} };
}

/**
 * Decodes one netlink message into a tree of its fields, which covers each byte of the message once, but for the
 * attributes' headers. `encode` is the way back.
 * Bytes after the message are left alone: `field.length`, rounded up to 4, is where the next begins.
 *
 * ```ts
 * import { decode, formatSummary } from "@plugctl/plugctl/family";
 *
 * const request = Uint8Array.fromHex("1400000012000103010000000000000000000000");
 * console.log(formatSummary(decode(request))); // RTM_GETLINK REQUEST|ROOT|MATCH sequence 1
 * ```
 *
 * @throws {TypeError} where it is given something else than bytes
 * @throws {DecodeError} where the bytes are malformed; it says at which offset, and has the fields before as `partial`
 */
export function decode(bytes: Uint8Array, family: Family = ROUTE_FAMILY): Field {
  return decodeTree(bytes, family);
}

/**
 * Decodes a run of netlink messages, as one read of a socket gives them.
 *
 * @throws {TypeError} where it is given something else than bytes
 * @throws {DecodeError} where the bytes are malformed; its offset counts from the start of the run, its `messages` are
 * those before, and its `partial` is the one at fault, as far as it goes
 */
export function decodeAll(bytes: Uint8Array, family: Family = ROUTE_FAMILY): Field[] {
  return decodeTrees(bytes, family);
}
