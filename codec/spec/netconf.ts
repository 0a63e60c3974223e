// What is configured of each device for each address family, `linux/netconf.h`; and the numbers by which one network
// namespace knows others, `linux/net_namespace.h`
import { attributes, layout, messages, names, oneOf, s32, type Space, u32, u8 } from "./table.ts";
import { AF, room } from "./value.ts";

/** `struct netconfmsg`, with the gap behind it. */
const netconfmsg = layout("netconfmsg", "ncm_", { ncm_family: oneOf(u8, AF), _pad1: room(3) });

/** `NETCONFA_IFINDEX_*` */
const NETCONFA_IFINDEX = names("NETCONFA_IFINDEX_", { ALL: -1, DEFAULT: -2 });
const NETCONFA: Space = attributes("NETCONFA_", {
  IFINDEX: [1, oneOf(s32, NETCONFA_IFINDEX)],
  FORWARDING: [2, s32],
  RP_FILTER: [3, s32],
  MC_FORWARDING: [4, s32],
  PROXY_NEIGH: [5, s32],
  IGNORE_ROUTES_WITH_LINKDOWN: [6, s32],
  INPUT: [7, s32],
  BC_FORWARDING: [8, s32],
});

export const NETCONF_MESSAGES = messages("NETCONF", 80, { body: netconfmsg, space: NETCONFA });

/** `struct rtgenmsg`, with the gap behind it. */
const nsidmsg = layout("rtgenmsg", "rtgen_", { rtgen_family: oneOf(u8, AF), _pad1: room(3) });

/** A number of a network namespace, if it has one: `NETNSA_NSID_NOT_ASSIGNED` */
const nsid = oneOf(s32, names("NETNSA_NSID_", { NOT_ASSIGNED: -1 }));
const NETNSA: Space = attributes("NETNSA_", {
  NSID: [1, nsid],
  PID: [2, u32],
  FD: [3, u32],
  TARGET_NSID: [4, nsid],
  CURRENT_NSID: [5, nsid],
});

export const NSID_MESSAGES = messages("NSID", 88, { body: nsidmsg, space: NETNSA });
