// Statistics of devices, those that a link does not carry. `struct if_stats_msg` of `linux/if_link.h`
import {
  array,
  attributes,
  bitsOf,
  layout,
  list,
  messages,
  names,
  nest,
  type Space,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { rtnl_link_stats64 } from "./link.ts";

/** `IFLA_STATS_FILTER_BIT` of each attribute: which statistics are asked for. */
const IFLA_STATS_FILTER = names("IFLA_STATS_FILTER_", {
  LINK_64: 1,
  LINK_XSTATS: 2,
  LINK_XSTATS_SLAVE: 4,
  LINK_OFFLOAD_XSTATS: 8,
  AF_SPEC: 16,
});
/** `struct if_stats_msg` */
const if_stats_msg = layout("if_stats_msg", "", {
  family: u8,
  pad1: u8,
  pad2: u16,
  ifindex: u32,
  filter_mask: bitsOf(u32, IFLA_STATS_FILTER),
});

/** `struct rtnl_hw_stats64` */
const rtnl_hw_stats64 = layout("rtnl_hw_stats64", "", {
  rx_packets: u64,
  tx_packets: u64,
  rx_bytes: u64,
  tx_bytes: u64,
  rx_errors: u64,
  tx_errors: u64,
  rx_dropped: u64,
  tx_dropped: u64,
  multicast: u64,
});

const IFLA_OFFLOAD_XSTATS_HW_S_INFO: Space = attributes("IFLA_OFFLOAD_XSTATS_HW_S_INFO_", {
  REQUEST: [1, u8],
  USED: [2, u8],
});

const IFLA_OFFLOAD_XSTATS: Space = attributes("IFLA_OFFLOAD_XSTATS_", {
  CPU_HIT: [1, rtnl_link_stats64],
  HW_S_INFO: [2, list("IFLA_OFFLOAD_XSTATS_", nest(IFLA_OFFLOAD_XSTATS_HW_S_INFO))],
  L3_STATS: [3, rtnl_hw_stats64],
});

/** `struct bridge_vlan_xstats` */
const bridge_vlan_xstats = layout("bridge_vlan_xstats", "", {
  rx_bytes: u64,
  rx_packets: u64,
  tx_bytes: u64,
  tx_packets: u64,
  vid: u16,
  flags: u16,
  pad2: u32,
});

/** `struct bridge_stp_xstats` */
const bridge_stp_xstats = layout("bridge_stp_xstats", "", {
  transition_blk: u64,
  transition_fwd: u64,
  rx_bpdu: u64,
  tx_bpdu: u64,
  rx_tcn: u64,
  tx_tcn: u64,
});

const BRIDGE_XSTATS: Space = attributes("BRIDGE_XSTATS_", {
  VLAN: [1, bridge_vlan_xstats],
  MCAST: [2, array(u64)],
  PAD: [3],
  STP: [4, bridge_stp_xstats],
});

/** `BOND_XSTATS_*`, `BOND_3AD_STAT_*` of `linux/if_bonding.h` */
const BOND_3AD_STAT: Space = attributes("BOND_3AD_STAT_", {
  LACPDU_RX: [0, u64],
  LACPDU_TX: [1, u64],
  LACPDU_UNKNOWN_RX: [2, u64],
  LACPDU_ILLEGAL_RX: [3, u64],
  MARKER_RX: [4, u64],
  MARKER_TX: [5, u64],
  MARKER_RESP_RX: [6, u64],
  MARKER_RESP_TX: [7, u64],
  MARKER_UNKNOWN_RX: [8, u64],
});

const BOND_XSTATS: Space = attributes("BOND_XSTATS_", {
  "3AD": [1, nest(BOND_3AD_STAT)],
});

const LINK_XSTATS_TYPE: Space = attributes("LINK_XSTATS_TYPE_", {
  BRIDGE: [1, nest(BRIDGE_XSTATS)],
  BOND: [2, nest(BOND_XSTATS)],
});

/** `struct mpls_link_stats` */
const mpls_link_stats = layout("mpls_link_stats", "", {
  rx_packets: u64,
  tx_packets: u64,
  rx_bytes: u64,
  tx_bytes: u64,
  rx_errors: u64,
  tx_errors: u64,
  rx_dropped: u64,
  tx_dropped: u64,
  rx_noroute: u64,
});

const MPLS_STATS: Space = attributes("MPLS_STATS_", {
  LINK: [1, mpls_link_stats],
});

/** By `AF_*`. */
const STATS_AF_SPEC: Space = attributes("AF_", { MPLS: [28, nest(MPLS_STATS)] });
const IFLA_STATS_GET: Space = attributes("IFLA_STATS_", {
  GET_FILTERS: [1, array(u32)],
  SET_OFFLOAD_XSTATS_L3_STATS: [2, u8],
});

const IFLA_STATS: Space = attributes("IFLA_STATS_", {
  LINK_64: [1, rtnl_link_stats64],
  LINK_XSTATS: [2, nest(LINK_XSTATS_TYPE)],
  LINK_XSTATS_SLAVE: [3, nest(LINK_XSTATS_TYPE)],
  LINK_OFFLOAD_XSTATS: [4, nest(IFLA_OFFLOAD_XSTATS)],
  AF_SPEC: [5, nest(STATS_AF_SPEC)],
});

export const STATS_MESSAGES = {
  ...messages("STATS", 92, { body: if_stats_msg, space: IFLA_STATS }),
  94: { name: "RTM_GETSTATS", body: if_stats_msg, space: IFLA_STATS_GET, asks: true as const },
  95: { name: "RTM_SETSTATS", body: if_stats_msg, space: IFLA_STATS_GET },
};
