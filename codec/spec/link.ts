// Network devices: `linux/if_link.h`, `struct ifinfomsg` of `linux/rtnetlink.h`, `IFF_*` of `linux/if.h`
import {
  attributes,
  bitsOf,
  byKind,
  layout,
  messages,
  type Names,
  names,
  nest,
  type NumberType,
  oneOf,
  placed,
  s32,
  type Space,
  string,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { address, AF, etherType, hardware, inHex, room } from "./value.ts";

/** `IFF_*` of `linux/if.h` */
const IFF = names("IFF_", {
  UP: 1,
  BROADCAST: 2,
  DEBUG: 4,
  LOOPBACK: 8,
  POINTOPOINT: 16,
  NOTRAILERS: 32,
  RUNNING: 64,
  NOARP: 128,
  PROMISC: 256,
  ALLMULTI: 512,
  MASTER: 1024,
  SLAVE: 2048,
  MULTICAST: 0x1000,
  PORTSEL: 0x2000,
  AUTOMEDIA: 0x4000,
  DYNAMIC: 0x8000,
  LOWER_UP: 0x10000,
  DORMANT: 0x20000,
  ECHO: 0x40000,
});

/** `ARPHRD_*` of `linux/if_arp.h` */
const ARPHRD = names("ARPHRD_", {
  ETHER: 1,
  AX25: 3,
  IEEE802: 6,
  INFINIBAND: 32,
  CAN: 280,
  PPP: 512,
  RAWIP: 519,
  TUNNEL: 768,
  TUNNEL6: 769,
  LOOPBACK: 772,
  SIT: 776,
  IPGRE: 778,
  IEEE80211: 801,
  IEEE80211_RADIOTAP: 803,
  IEEE802154: 804,
  IP6GRE: 823,
  NETLINK: 824,
  "6LOWPAN": 825,
  NONE: 0xfffe,
});

/** `struct ifinfomsg` */
export const ifinfomsg = layout("ifinfomsg", "ifi_", {
  ifi_family: oneOf(u8, AF),
  __ifi_pad: u8,
  ifi_type: oneOf(u16, ARPHRD),
  ifi_index: ["ifindex", s32],
  ifi_flags: bitsOf(u32, IFF),
  ifi_change: inHex(u32),
});

/** What both `struct rtnl_link_stats` and its successor count, in numbers of that size. */
function counters(size: NumberType): Readonly<Record<string, NumberType>> {
  const names = [
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "multicast",
    "collisions",
    "rx_length_errors",
    "rx_over_errors",
    "rx_crc_errors",
    "rx_frame_errors",
    "rx_fifo_errors",
    "rx_missed_errors",
    "tx_aborted_errors",
    "tx_carrier_errors",
    "tx_fifo_errors",
    "tx_heartbeat_errors",
    "tx_window_errors",
    "rx_compressed",
    "tx_compressed",
    "rx_nohandler",
  ];
  return Object.fromEntries(names.map((name) => [name, size]));
}

/** `struct rtnl_link_stats` */
const rtnl_link_stats = layout("rtnl_link_stats", "", counters(u32));

/** `struct rtnl_link_stats64` */
export const rtnl_link_stats64 = layout("rtnl_link_stats64", "", { ...counters(u64), rx_otherhost_dropped: u64 });

/** `struct rtnl_link_ifmap` */
const rtnl_link_ifmap = layout("rtnl_link_ifmap", "", {
  mem_start: u64,
  mem_end: u64,
  base_addr: u64,
  irq: u16,
  dma: u8,
  port: u8,
  _pad1: room(4),
});

/** `IF_OPER_*` of `linux/if.h` */
const IF_OPER = names("IF_OPER_", {
  UNKNOWN: 0,
  NOTPRESENT: 1,
  DOWN: 2,
  LOWERLAYERDOWN: 3,
  TESTING: 4,
  DORMANT: 5,
  UP: 6,
});
/** `IF_LINK_MODE_*` of `linux/if.h` */
const IF_LINK_MODE = names("IF_LINK_MODE_", { DEFAULT: 0, DORMANT: 1, TESTING: 2 });
/** `RTEXT_FILTER_*` of `linux/rtnetlink.h`: what a dump of links is to hold or to leave out. */
const RTEXT_FILTER = names("RTEXT_FILTER_", {
  VF: 1,
  BRVLAN: 2,
  BRVLAN_COMPRESSED: 4,
  SKIP_STATS: 8,
  MRP: 16,
  CFM_CONFIG: 32,
  CFM_STATUS: 64,
  MST: 128,
});
/** `XDP_ATTACHED_*` */
const XDP_ATTACHED = names("XDP_ATTACHED_", { NONE: 0, DRV: 1, SKB: 2, HW: 3, MULTI: 4 });

/** `IFLA_EVENT_*` */
const IFLA_EVENT = names("IFLA_EVENT_", {
  NONE: 0,
  REBOOT: 1,
  FEATURES: 2,
  BONDING_FAILOVER: 3,
  NOTIFY_PEERS: 4,
  IGMP_RESEND: 5,
  BONDING_OPTIONS: 6,
});

/** What kind of device it is. */
const IFLA_INFO: Space = attributes("IFLA_INFO_", {
  KIND: [1, string],
  DATA: [2, byKind("KIND", "data")],
  XSTATS: [3, byKind("KIND", "xstats")],
  SLAVE_KIND: [4, string],
  SLAVE_DATA: [5, byKind("SLAVE_KIND", "slave")],
}, "link");

/** `XDP_FLAGS_*` */
const XDP_FLAGS = names("XDP_FLAGS_", { UPDATE_IF_NOEXIST: 1, SKB_MODE: 2, DRV_MODE: 4, HW_MODE: 8, REPLACE: 16 });
const IFLA_XDP: Space = attributes("IFLA_XDP_", {
  FD: [1, s32],
  ATTACHED: [2, oneOf(u8, XDP_ATTACHED)],
  FLAGS: [3, bitsOf(u32, XDP_FLAGS)],
  PROG_ID: [4, u32],
  DRV_PROG_ID: [5, u32],
  SKB_PROG_ID: [6, u32],
  HW_PROG_ID: [7, u32],
  EXPECTED_FD: [8, s32],
});

const IFLA_PROTO_DOWN_REASON: Space = attributes("IFLA_PROTO_DOWN_REASON_", {
  MASK: [1, inHex(u32)],
  VALUE: [2, inHex(u32)],
});

/** Names of places of an array, the first of which has the number `first`. */
function placesFrom(first: number, prefix: string, words: string): Names {
  return names(prefix, Object.fromEntries(words.trim().split(/\s+/).map((name, index) => [name, index + first])));
}

/** `IPV4_DEVCONF_*` of `linux/ip.h`: what is configured of a device for IPv4 */
const IPV4_DEVCONF = placesFrom(
  1,
  "IPV4_DEVCONF_",
  `
  FORWARDING MC_FORWARDING PROXY_ARP ACCEPT_REDIRECTS SECURE_REDIRECTS SEND_REDIRECTS SHARED_MEDIA RP_FILTER
  ACCEPT_SOURCE_ROUTE BOOTP_RELAY LOG_MARTIANS TAG ARPFILTER MEDIUM_ID NOXFRM NOPOLICY FORCE_IGMP_VERSION
  ARP_ANNOUNCE ARP_IGNORE PROMOTE_SECONDARIES ARP_ACCEPT ARP_NOTIFY ACCEPT_LOCAL SRC_VMARK PROXY_ARP_PVLAN
  ROUTE_LOCALNET IGMPV2_UNSOLICITED_REPORT_INTERVAL IGMPV3_UNSOLICITED_REPORT_INTERVAL IGNORE_ROUTES_WITH_LINKDOWN
  DROP_UNICAST_IN_L2_MULTICAST DROP_GRATUITOUS_ARP BC_FORWARDING ARP_EVICT_NOCARRIER
`,
);

/** `DEVCONF_*` of `linux/ipv6.h`: the same for IPv6 */
const DEVCONF = placesFrom(
  0,
  "DEVCONF_",
  `
  FORWARDING HOPLIMIT MTU6 ACCEPT_RA ACCEPT_REDIRECTS AUTOCONF DAD_TRANSMITS RTR_SOLICITS RTR_SOLICIT_INTERVAL
  RTR_SOLICIT_DELAY USE_TEMPADDR TEMP_VALID_LFT TEMP_PREFERED_LFT REGEN_MAX_RETRY MAX_DESYNC_FACTOR MAX_ADDRESSES
  FORCE_MLD_VERSION ACCEPT_RA_DEFRTR ACCEPT_RA_PINFO ACCEPT_RA_RTR_PREF RTR_PROBE_INTERVAL
  ACCEPT_RA_RT_INFO_MAX_PLEN PROXY_NDP OPTIMISTIC_DAD ACCEPT_SOURCE_ROUTE MC_FORWARDING DISABLE_IPV6 ACCEPT_DAD
  FORCE_TLLAO NDISC_NOTIFY MLDV1_UNSOLICITED_REPORT_INTERVAL MLDV2_UNSOLICITED_REPORT_INTERVAL SUPPRESS_FRAG_NDISC
  ACCEPT_RA_FROM_LOCAL USE_OPTIMISTIC ACCEPT_RA_MTU STABLE_SECRET USE_OIF_ADDRS_ONLY ACCEPT_RA_MIN_HOP_LIMIT
  IGNORE_ROUTES_WITH_LINKDOWN DROP_UNICAST_IN_L2_MULTICAST DROP_UNSOLICITED_NA KEEP_ADDR_ON_DOWN
  RTR_SOLICIT_MAX_INTERVAL SEG6_ENABLED SEG6_REQUIRE_HMAC ENHANCED_DAD ADDR_GEN_MODE DISABLE_POLICY
  ACCEPT_RA_RT_INFO_MIN_PLEN NDISC_TCLASS RPL_SEG_ENABLED RA_DEFRTR_METRIC IOAM6_ENABLED IOAM6_ID IOAM6_ID_WIDE
  NDISC_EVICT_NOCARRIER ACCEPT_UNTRACKED_NA ACCEPT_RA_MIN_LFT FORCE_FORWARDING
`,
);

/** `IPSTATS_MIB_*` of `linux/snmp.h`, as far as Linux has left them in their places; the first is how many there are. */
const IPSTATS_MIB = placesFrom(0, "IPSTATS_MIB_", "NUM INPKTS INOCTETS INDELIVERS");

/** `ICMP6_MIB_*` of `linux/snmp.h` */
const ICMP6_MIB = placesFrom(
  0,
  "ICMP6_MIB_",
  `
  NUM INMSGS INERRORS OUTMSGS OUTERRORS CSUMERRORS RATELIMITHOST
`,
);

/** `IF_*` of the kernel's `net/if_inet6.h`, which no header for programs has. */
const IF = names("IF_", { RS_SENT: 0x10, RA_RCVD: 0x20, RA_MANAGED: 0x40, RA_OTHERCONF: 0x80, READY: 0x80000000 });

const IFLA_INET: Space = attributes("IFLA_INET_", {
  CONF: [1, placed(u32, IPV4_DEVCONF)],
});

/** `struct ifla_cacheinfo` */
const ifla_cacheinfo = layout("ifla_cacheinfo", "", {
  max_reasm_len: u32,
  tstamp: u32,
  reachable_time: u32,
  retrans_time: u32,
});

/** `IN6_ADDR_GEN_MODE_*` */
const IN6_ADDR_GEN_MODE = names("IN6_ADDR_GEN_MODE_", { EUI64: 0, NONE: 1, STABLE_PRIVACY: 2, RANDOM: 3 });

const IFLA_INET6: Space = attributes("IFLA_INET6_", {
  FLAGS: [1, bitsOf(u32, IF)],
  CONF: [2, placed(s32, DEVCONF)],
  STATS: [3, placed(u64, IPSTATS_MIB)],
  MCAST: [4],
  CACHEINFO: [5, ifla_cacheinfo],
  ICMP6STATS: [6, placed(u64, ICMP6_MIB)],
  TOKEN: [7, address],
  ADDR_GEN_MODE: [8, oneOf(u8, IN6_ADDR_GEN_MODE)],
  RA_MTU: [9, u32],
});

const IFLA_MCTP: Space = attributes("IFLA_MCTP_", {
  NET: [1, u32],
  PHYS_BINDING: [2, u8],
});

/** What each address family says of a device, by `AF_*`. */
const IFLA_AF_SPEC: Space = attributes("AF_", {
  INET: [2, nest(IFLA_INET)],

  INET6: [10, nest(IFLA_INET6)],
  MCTP: [45, nest(IFLA_MCTP)],
});

/** `struct ifla_vf_mac` */
const ifla_vf_mac = layout("ifla_vf_mac", "", {
  vf: u32,
  mac: { ...hardware, size: 32 },
});

/** `struct ifla_vf_broadcast` */
const ifla_vf_broadcast = layout("ifla_vf_broadcast", "", {
  broadcast: { ...hardware, size: 32 },
});

/** `struct ifla_vf_vlan` */
const ifla_vf_vlan = layout("ifla_vf_vlan", "", {
  vf: u32,
  vlan: u32,
  qos: u32,
});

/** `struct ifla_vf_vlan_info` */
const ifla_vf_vlan_info = layout("ifla_vf_vlan_info", "", {
  vf: u32,
  vlan: u32,
  qos: u32,
  vlan_proto: etherType,
  _pad1: room(2),
});

/** `struct ifla_vf_tx_rate` */
const ifla_vf_tx_rate = layout("ifla_vf_tx_rate", "", {
  vf: u32,
  rate: u32,
});

/** `struct ifla_vf_rate` */
const ifla_vf_rate = layout("ifla_vf_rate", "", {
  vf: u32,
  min_tx_rate: u32,
  max_tx_rate: u32,
});

/** What several say of a virtual function: whether it is on. */
const vf_setting = { vf: u32, setting: u32 };

/** `struct ifla_vf_spoofchk` */
const ifla_vf_spoofchk = layout("ifla_vf_spoofchk", "", vf_setting);

/** `struct ifla_vf_guid` */
const ifla_vf_guid = layout("ifla_vf_guid", "", {
  vf: u32,
  _pad1: room(4),
  guid: u64,
});

/** `IFLA_VF_LINK_STATE_*` */
const IFLA_VF_LINK_STATE = names("IFLA_VF_LINK_STATE_", { AUTO: 0, ENABLE: 1, DISABLE: 2 });
/** `struct ifla_vf_link_state` */
const ifla_vf_link_state = layout("ifla_vf_link_state", "", {
  vf: u32,
  link_state: oneOf(u32, IFLA_VF_LINK_STATE),
});

/** `struct ifla_vf_rss_query_en` */
const ifla_vf_rss_query_en = layout("ifla_vf_rss_query_en", "", vf_setting);

/** `struct ifla_vf_trust` */
const ifla_vf_trust = layout("ifla_vf_trust", "", vf_setting);

const IFLA_VF_VLAN_INFO: Space = attributes("IFLA_VF_VLAN_", {
  INFO: [1, ifla_vf_vlan_info],
});

const IFLA_VF_STATS: Space = attributes("IFLA_VF_STATS_", {
  RX_PACKETS: [0, u64],
  TX_PACKETS: [1, u64],
  RX_BYTES: [2, u64],
  TX_BYTES: [3, u64],
  BROADCAST: [4, u64],
  MULTICAST: [5, u64],
  PAD: [6],
  RX_DROPPED: [7, u64],
  TX_DROPPED: [8, u64],
});

const IFLA_VF: Space = attributes("IFLA_VF_", {
  MAC: [1, ifla_vf_mac],
  VLAN: [2, ifla_vf_vlan],
  TX_RATE: [3, ifla_vf_tx_rate],
  SPOOFCHK: [4, ifla_vf_spoofchk],
  LINK_STATE: [5, ifla_vf_link_state],
  RATE: [6, ifla_vf_rate],
  RSS_QUERY_EN: [7, ifla_vf_rss_query_en],
  STATS: [8, nest(IFLA_VF_STATS)],
  TRUST: [9, ifla_vf_trust],
  IB_NODE_GUID: [10, ifla_vf_guid],
  IB_PORT_GUID: [11, ifla_vf_guid],
  VLAN_LIST: [12, nest(IFLA_VF_VLAN_INFO)],
  BROADCAST: [13, ifla_vf_broadcast],
});

const IFLA_VF_INFO: Space = attributes("IFLA_VF_", {
  INFO: [1, nest(IFLA_VF)],
});

/** `PORT_REQUEST_*` */
const PORT_REQUEST = names("PORT_REQUEST_", { PREASSOCIATE: 0, PREASSOCIATE_RR: 1, ASSOCIATE: 2, DISASSOCIATE: 3 });
/** `PORT_VDP_RESPONSE_*` and `PORT_PROFILE_RESPONSE_*` */
const PORT_RESPONSE = names("PORT_", {
  VDP_RESPONSE_SUCCESS: 0,
  VDP_RESPONSE_INVALID_FORMAT: 1,
  VDP_RESPONSE_INSUFFICIENT_RESOURCES: 2,
  VDP_RESPONSE_UNUSED_VTID: 3,
  VDP_RESPONSE_VTID_VIOLATION: 4,
  VDP_RESPONSE_VTID_VERSION_VIOALTION: 5,
  VDP_RESPONSE_OUT_OF_SYNC: 6,
  PROFILE_RESPONSE_SUCCESS: 0x100,
  PROFILE_RESPONSE_INPROGRESS: 0x101,
  PROFILE_RESPONSE_INVALID: 0x102,
  PROFILE_RESPONSE_BADSTATE: 0x103,
  PROFILE_RESPONSE_INSUFFICIENT_RESOURCES: 0x104,
  PROFILE_RESPONSE_ERROR: 0x105,
});
const IFLA_PORT: Space = attributes("IFLA_PORT_", {
  VF: [1, u32],
  PROFILE: [2, string],
  VSI_TYPE: [3],
  INSTANCE_UUID: [4],
  HOST_UUID: [5],
  REQUEST: [6, oneOf(u8, PORT_REQUEST)],
  RESPONSE: [7, oneOf(u16, PORT_RESPONSE)],
  SELF: [25],
});

const IFLA_VF_PORT: Space = attributes("IFLA_VF_", {
  PORT: [1, nest(IFLA_PORT)],
});

const IFLA_PROP_LIST: Space = attributes("IFLA_", {
  ALT_IFNAME: [53, string],
});

/** Which port of a device of devlink it is. `linux/devlink.h` */
const DEVLINK_ATTR: Space = attributes("DEVLINK_ATTR_", {
  BUS_NAME: [1, string],
  DEV_NAME: [2, string],
  PORT_INDEX: [3, u32],
});

/** The pin of a digital phase-locked loop. `linux/dpll.h` */
const DPLL_A_PIN: Space = attributes("DPLL_A_PIN_", { ID: [1, u32] });

/** The attributes of a device. */
export const IFLA: Space = attributes("IFLA_", {
  ADDRESS: [1, hardware],
  BROADCAST: [2, hardware],
  IFNAME: [3, string],
  MTU: [4, u32, "mtu"],
  LINK: [5, u32],
  QDISC: [6, string],
  STATS: [7, rtnl_link_stats],
  COST: [8, u32],
  PRIORITY: [9, u32],
  MASTER: [10, u32],
  WIRELESS: [11],
  PROTINFO: [12, nest(IFLA_INET6)],
  TXQLEN: [13, u32, "txqueuelen"],
  MAP: [14, rtnl_link_ifmap],
  WEIGHT: [15, u32],
  OPERSTATE: [16, oneOf(u8, IF_OPER), "operstate"],
  LINKMODE: [17, oneOf(u8, IF_LINK_MODE)],
  LINKINFO: [18, nest(IFLA_INFO)],
  NET_NS_PID: [19, u32],
  IFALIAS: [20, string],
  NUM_VF: [21, u32],
  VFINFO_LIST: [22, nest(IFLA_VF_INFO)],
  STATS64: [23, rtnl_link_stats64],
  VF_PORTS: [24, nest(IFLA_VF_PORT)],
  PORT_SELF: [25, nest(IFLA_PORT)],
  AF_SPEC: [26, nest(IFLA_AF_SPEC)],
  GROUP: [27, u32, "group"],
  NET_NS_FD: [28, u32],
  EXT_MASK: [29, bitsOf(u32, RTEXT_FILTER)],
  PROMISCUITY: [30, u32],
  NUM_TX_QUEUES: [31, u32],
  NUM_RX_QUEUES: [32, u32],
  CARRIER: [33, u8],
  PHYS_PORT_ID: [34],
  CARRIER_CHANGES: [35, u32],
  PHYS_SWITCH_ID: [36],
  LINK_NETNSID: [37, s32],
  PHYS_PORT_NAME: [38, string],
  PROTO_DOWN: [39, u8],
  GSO_MAX_SEGS: [40, u32],
  GSO_MAX_SIZE: [41, u32],
  PAD: [42],
  XDP: [43, nest(IFLA_XDP)],
  EVENT: [44, oneOf(u32, IFLA_EVENT)],
  NEW_NETNSID: [45, s32],
  TARGET_NETNSID: [46, s32],
  CARRIER_UP_COUNT: [47, u32],
  CARRIER_DOWN_COUNT: [48, u32],
  NEW_IFINDEX: [49, s32],
  MIN_MTU: [50, u32],
  MAX_MTU: [51, u32],
  PROP_LIST: [52, nest(IFLA_PROP_LIST)],
  ALT_IFNAME: [53, string],
  PERM_ADDRESS: [54, hardware],
  PROTO_DOWN_REASON: [55, nest(IFLA_PROTO_DOWN_REASON)],
  PARENT_DEV_NAME: [56, string],
  PARENT_DEV_BUS_NAME: [57, string],
  GRO_MAX_SIZE: [58, u32],
  TSO_MAX_SIZE: [59, u32],
  TSO_MAX_SEGS: [60, u32],
  ALLMULTI: [61, u32],
  DEVLINK_PORT: [62, nest(DEVLINK_ATTR)],
  GSO_IPV4_MAX_SIZE: [63, u32],
  GRO_IPV4_MAX_SIZE: [64, u32],
  DPLL_PIN: [65, nest(DPLL_A_PIN)],
  MAX_PACING_OFFLOAD_HORIZON: [66, u64],
});

/** What messages about devices hold, but for their attributes. */
const link = { body: ifinfomsg, space: IFLA };

export const LINK_MESSAGES = messages("LINK", 16, link);

/** Other names of devices: `IFLA_PROP_LIST`. */
export const LINKPROP_MESSAGES = messages("LINKPROP", 108, link);
