import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELROUTE,
  RTM_DELTFILTER,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_GETTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
  RTM_NEWTFILTER,
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_LIMIT,
  TCQ_PLUG_RELEASE_INDEFINITE,
  TCQ_PLUG_RELEASE_ONE,
} from "./assembly/constants.ts";
import { FILTER_SPACES } from "./filter_names.ts";
import {
  SPACE_IFLA,
  SPACE_IFLA_INFO,
  SPACE_NLMSGERR_ATTR,
  SPACE_POLICY_ATTR,
  SPACE_RTA,
  SPACE_TCA,
  SPACE_TCA_STATS,
} from "./assembly/codes.ts";
import { type Space, space } from "./space.ts";

const MESSAGE_TYPES = {
  NLMSG_NOOP,
  NLMSG_ERROR,
  NLMSG_DONE,
  NLMSG_OVERRUN,
  RTM_NEWLINK,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWROUTE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWQDISC,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_NEWTFILTER,
  RTM_DELTFILTER,
  RTM_GETTFILTER,
};
const PLUG_ACTIONS = {
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_RELEASE_ONE,
  TCQ_PLUG_RELEASE_INDEFINITE,
  TCQ_PLUG_LIMIT,
};

const VERDICTS = ["OK", "RECLASSIFY", "SHOT", "PIPE", "STOLEN", "QUEUED", "REPEAT", "REDIRECT", "TRAP"];
const MIRRED_ACTIONS = ["EGRESS_REDIR", "EGRESS_MIRROR", "INGRESS_REDIR", "INGRESS_MIRROR"];

/** The kernel's name of an `nlmsg_type`, or `undefined`. */
export function messageTypeName(type: number): string | undefined {
  return nameIn(MESSAGE_TYPES, type);
}

/** The kernel's name of what becomes of a packet behind an action, `TC_ACT_*` of `linux/pkt_cls.h`, or `undefined`. */
export function verdictName(verdict: number): string | undefined {
  return VERDICTS[verdict] && `TC_ACT_${VERDICTS[verdict]}`;
}

/** The kernel's name of what `mirred` does, of `linux/tc_act/tc_mirred.h`, or `undefined`. */
export function mirredActionName(action: number): string | undefined {
  return MIRRED_ACTIONS[action - 1] && `TCA_${MIRRED_ACTIONS[action - 1]}`;
}

/** The kernel's name of what a plug is asked to do, or `undefined`. */
export function plugActionName(action: number): string | undefined {
  return nameIn(PLUG_ACTIONS, action);
}

function nameIn(constants: Readonly<Record<string, number>>, number: number): string | undefined {
  return Object.keys(constants).find((name) => constants[name] === number);
}

/** Names the flags of a message; what a bit means depends on the kind of message that carries it. */
export function messageFlagNames(flags: number, type: number): string {
  const known: [bit: number, name: string][] = [
    [0x1, "REQUEST"],
    [0x2, "MULTI"],
    [0x4, "ACK"],
    [0x8, "ECHO"],
    [
      0x10,
      "DUMP_INTR",
    ],
    [0x20, "DUMP_FILTERED"],
  ];
  known.push(...flagsOfType(type));
  const names = known.filter(([bit]) => flags & bit).map(([, name]) => name);
  const rest = known.reduce((left, [bit]) => left & ~bit, flags);
  if (rest) names.push(`0x${rest.toString(16)}`);
  return names.join("|");
}

function flagsOfType(type: number): [bit: number, name: string][] {
  if (type === NLMSG_ERROR || type === NLMSG_DONE) {
    return [[0x100, "CAPPED"], [0x200, "ACK_TLVS"]];
  }
  if (type < 16) return [];
  if (type % 4 === 2) {
    return [[0x100, "ROOT"], [0x200, "MATCH"], [0x400, "ATOMIC"]];
  }
  if (type % 4 === 0) {
    return [[0x100, "REPLACE"], [0x200, "EXCL"], [0x400, "CREATE"], [
      0x800,
      "APPEND",
    ]];
  }
  return [[0x100, "NONREC"], [0x200, "BULK"]];
}

/** The attributes' names, from `linux/rtnetlink.h`, `gen_stats.h`, `if_link.h` and `netlink.h` of Linux 6.12. */
const SPACES: Readonly<Record<number, Space>> = {
  ...FILTER_SPACES,
  [SPACE_TCA]: space(
    "TCA_",
    `UNSPEC KIND OPTIONS STATS XSTATS RATE FCNT STATS2 STAB PAD DUMP_INVISIBLE CHAIN HW_OFFLOAD
     INGRESS_BLOCK EGRESS_BLOCK DUMP_FLAGS EXT_WARN_MSG`,
  ),
  [SPACE_TCA_STATS]: space(
    "TCA_STATS_",
    "UNSPEC BASIC RATE_EST QUEUE APP RATE_EST64 PAD BASIC_HW PKT64",
  ),
  [SPACE_IFLA]: space(
    "IFLA_",
    `UNSPEC ADDRESS BROADCAST IFNAME MTU LINK QDISC STATS COST PRIORITY MASTER WIRELESS PROTINFO TXQLEN MAP
     WEIGHT OPERSTATE LINKMODE LINKINFO NET_NS_PID IFALIAS NUM_VF VFINFO_LIST STATS64 VF_PORTS PORT_SELF
     AF_SPEC GROUP NET_NS_FD EXT_MASK PROMISCUITY NUM_TX_QUEUES NUM_RX_QUEUES CARRIER PHYS_PORT_ID
     CARRIER_CHANGES PHYS_SWITCH_ID LINK_NETNSID PHYS_PORT_NAME PROTO_DOWN GSO_MAX_SEGS GSO_MAX_SIZE PAD XDP
     EVENT NEW_NETNSID IF_NETNSID CARRIER_UP_COUNT CARRIER_DOWN_COUNT NEW_IFINDEX MIN_MTU MAX_MTU PROP_LIST
     ALT_IFNAME PERM_ADDRESS PROTO_DOWN_REASON PARENT_DEV_NAME PARENT_DEV_BUS_NAME GRO_MAX_SIZE TSO_MAX_SIZE
     TSO_MAX_SEGS ALLMULTI DEVLINK_PORT GSO_IPV4_MAX_SIZE GRO_IPV4_MAX_SIZE DPLL_PIN MAX_PACING_OFFLOAD_HORIZON`,
  ),
  [SPACE_IFLA_INFO]: space(
    "IFLA_INFO_",
    "UNSPEC KIND DATA XSTATS SLAVE_KIND SLAVE_DATA",
  ),
  [SPACE_RTA]: space(
    "RTA_",
    `UNSPEC DST SRC IIF OIF GATEWAY PRIORITY PREFSRC METRICS MULTIPATH PROTOINFO FLOW CACHEINFO SESSION MP_ALGO
     TABLE MARK MFC_STATS VIA NEWDST PREF ENCAP_TYPE ENCAP EXPIRES PAD UID TTL_PROPAGATE IP_PROTO SPORT DPORT
     NH_ID`,
  ),
  [SPACE_NLMSGERR_ATTR]: space(
    "NLMSGERR_ATTR_",
    "UNUSED MSG OFFS COOKIE POLICY MISS_TYPE MISS_NEST",
  ),
  [SPACE_POLICY_ATTR]: space(
    "NL_POLICY_TYPE_ATTR_",
    `UNSPEC TYPE MIN_VALUE_S MAX_VALUE_S MIN_VALUE_U MAX_VALUE_U MIN_LENGTH MAX_LENGTH POLICY_IDX
     POLICY_MAXTYPE BITFIELD32_MASK PAD MASK`,
  ),
};

/** The kernel's name of an attribute; one that is not known here is named by its number. */
export function attributeName(spaceId: number, type: number): string {
  const { prefix, names } = SPACES[spaceId];
  return prefix + (names[type] ?? type);
}

/** The kernel's name of an attribute that a request of this type carries outermost. */
export function requestAttributeName(messageType: number, type: number): string | undefined {
  if (messageType >= RTM_NEWQDISC && messageType <= RTM_GETTFILTER) {
    return attributeName(SPACE_TCA, type);
  }
  if (messageType >= RTM_NEWLINK && messageType <= RTM_GETLINK) {
    return attributeName(SPACE_IFLA, type);
  }
  return messageType >= RTM_NEWROUTE && messageType <= RTM_GETROUTE ? attributeName(SPACE_RTA, type) : undefined;
}

/** `enum netlink_attribute_type` of `linux/netlink.h` */
const POLICY_TYPES = `INVALID FLAG U8 U16 U32 U64 S8 S16 S32 S64 BINARY STRING NUL_STRING NESTED NESTED_ARRAY BITFIELD32
  SINT UINT`.split(/\s+/);

/** The kernel's name of the type that a policy asks for. */
export function policyTypeName(type: number): string | undefined {
  return POLICY_TYPES[type] && `NL_ATTR_TYPE_${POLICY_TYPES[type]}`;
}
