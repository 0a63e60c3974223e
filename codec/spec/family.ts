// Everything that is known: the tables put together.
import { ACTION_KINDS, ACTION_MESSAGES } from "./action.ts";
import { ADDRESS_MESSAGES } from "./address.ts";
import { BRIDGE_MESSAGES } from "./bridge.ts";
import { CHAIN_MESSAGES, FILTER_KINDS, FILTER_MESSAGES } from "./filter.ts";
import { CTRL, GENERIC_FAMILIES, GENL_ID_CTRL } from "./generic.ts";
import { DCB_MESSAGES } from "./dcb.ts";
import { LINKPROP_MESSAGES } from "./link.ts";
import { BRIDGED_LINK_MESSAGES, LINK_KINDS } from "./link_kinds.ts";
import { NEIGHBOUR_MESSAGES } from "./neighbour.ts";
import { NETCONF_MESSAGES, NSID_MESSAGES } from "./netconf.ts";
import { NEXTHOP_MESSAGES } from "./nexthop.ts";
import { CLASS_MESSAGES, QDISC_MESSAGES } from "./qdisc.ts";
import { CLASS_KINDS, QDISC_KINDS } from "./qdisc_kinds.ts";
import { ENCAP_KINDS, ROUTE_MESSAGES } from "./route.ts";
import { RULE_MESSAGES } from "./rule.ts";
import { STATS_MESSAGES } from "./stats.ts";
import type { Family } from "./table.ts";
import { checkObject, checkText } from "../wrong_input.ts";

/** `NETLINK_ROUTE`: everything that `ip` and `tc` speak of. */
export const ROUTE_FAMILY: Family = {
  messages: {
    ...BRIDGED_LINK_MESSAGES,
    ...LINKPROP_MESSAGES,
    ...BRIDGE_MESSAGES,
    ...DCB_MESSAGES,
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
 *
 * @throws {TypeError} where it is given something else than names by their types
 */
export function genericFamily(types: Readonly<Record<number, string>> = {}): Family {
  const wanted = 'families are named by the types of their messages, as in { 31: "psample" }';
  checkObject(types, "know", wanted);
  for (const name of Object.values(types)) checkText(name, "know", wanted);
  const known = Object.entries(types).filter(([, name]) => Object.hasOwn(GENERIC_FAMILIES, name));
  const messages = Object.fromEntries(known.map(([type, name]) => [type, GENERIC_FAMILIES[name]]));
  return { messages: { ...messages, [GENL_ID_CTRL]: CTRL }, kinds: {}, isGeneric: true };
}
