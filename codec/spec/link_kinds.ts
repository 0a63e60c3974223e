// What each kind of device says of itself, and of those that belong to it. `linux/if_link.h`, `linux/if_tunnel.h`
import {
  array,
  attributes,
  be16,
  be32,
  bitsOf,
  flag,
  type Kind,
  layout,
  list,
  messages,
  type MessageSpec,
  names,
  nest,
  oneOf,
  s32,
  saying,
  type Space,
  struct,
  u16,
  u32,
  u64,
  u8,
  withOthers,
} from "./table.ts";
import { address, AF, etherType, hardware, inHex, IPPROTO, mac, room, text } from "./value.ts";
import { ifinfomsg, IFLA } from "./link.ts";

/** `struct ifla_bridge_id` */
const ifla_bridge_id = layout("ifla_bridge_id", "", {
  prio: room(2),
  addr: mac,
});

/** `BR_BOOLOPT_*` of `linux/if_bridge.h`, bit by bit. */
const BR_BOOLOPT = names("1<<BR_BOOLOPT_", { NO_LL_LEARN: 1, MCAST_VLAN_SNOOPING: 2, MST_ENABLE: 4 });
/** `struct br_boolopt_multi` */
const br_boolopt_multi = layout("br_boolopt_multi", "", {
  optval: bitsOf(u32, BR_BOOLOPT),
  optmask: bitsOf(u32, BR_BOOLOPT),
});

/** `MDB_RTR_TYPE_*` of `linux/if_bridge.h` */
export const MDB_RTR_TYPE = names("MDB_RTR_TYPE_", { DISABLED: 0, TEMP_QUERY: 1, PERM: 2, TEMP: 3 });
export const BRIDGE_QUERIER: Space = attributes("BRIDGE_QUERIER_", {
  IP_ADDRESS: [1, address],
  IP_PORT: [2, s32],
  IP_OTHER_TIMER: [3, u64],
  PAD: [4],
  IPV6_ADDRESS: [5, address],
  IPV6_PORT: [6, s32],
  IPV6_OTHER_TIMER: [7, u64],
});

const IFLA_BR: Space = attributes("IFLA_BR_", {
  FORWARD_DELAY: [1, u32],
  HELLO_TIME: [2, u32],
  MAX_AGE: [3, u32],
  AGEING_TIME: [4, u32],
  STP_STATE: [5, u32],
  PRIORITY: [6, u16],
  VLAN_FILTERING: [7, u8],
  VLAN_PROTOCOL: [8, etherType],
  GROUP_FWD_MASK: [9, inHex(u16)],
  ROOT_ID: [10, ifla_bridge_id],
  BRIDGE_ID: [11, ifla_bridge_id],
  ROOT_PORT: [12, u16],
  ROOT_PATH_COST: [13, u32],
  TOPOLOGY_CHANGE: [14, u8],
  TOPOLOGY_CHANGE_DETECTED: [15, u8],
  HELLO_TIMER: [16, u64],
  TCN_TIMER: [17, u64],
  TOPOLOGY_CHANGE_TIMER: [18, u64],
  GC_TIMER: [19, u64],
  GROUP_ADDR: [20, hardware],
  FDB_FLUSH: [21, flag],
  MCAST_ROUTER: [22, oneOf(u8, MDB_RTR_TYPE)],
  MCAST_SNOOPING: [23, u8],
  MCAST_QUERY_USE_IFADDR: [24, u8],
  MCAST_QUERIER: [25, u8],
  MCAST_HASH_ELASTICITY: [26, u32],
  MCAST_HASH_MAX: [27, u32],
  MCAST_LAST_MEMBER_CNT: [28, u32],
  MCAST_STARTUP_QUERY_CNT: [29, u32],
  MCAST_LAST_MEMBER_INTVL: [30, u64],
  MCAST_MEMBERSHIP_INTVL: [31, u64],
  MCAST_QUERIER_INTVL: [32, u64],
  MCAST_QUERY_INTVL: [33, u64],
  MCAST_QUERY_RESPONSE_INTVL: [34, u64],
  MCAST_STARTUP_QUERY_INTVL: [35, u64],
  NF_CALL_IPTABLES: [36, u8],
  NF_CALL_IP6TABLES: [37, u8],
  NF_CALL_ARPTABLES: [38, u8],
  VLAN_DEFAULT_PVID: [39, u16],
  PAD: [40],
  VLAN_STATS_ENABLED: [41, u8],
  MCAST_STATS_ENABLED: [42, u8],
  MCAST_IGMP_VERSION: [43, u8],
  MCAST_MLD_VERSION: [44, u8],
  VLAN_STATS_PER_PORT: [45, u8],
  MULTI_BOOLOPT: [46, br_boolopt_multi],
  MCAST_QUERIER_STATE: [47, nest(BRIDGE_QUERIER)],
  FDB_N_LEARNED: [48, u32],
  FDB_MAX_LEARNED: [49, u32],
});

/** `BR_STATE_*` of `linux/if_bridge.h` */
export const BR_STATE = names("BR_STATE_", { DISABLED: 0, LISTENING: 1, LEARNING: 2, FORWARDING: 3, BLOCKING: 4 });
const IFLA_BRPORT: Space = attributes("IFLA_BRPORT_", {
  STATE: [1, oneOf(u8, BR_STATE)],
  PRIORITY: [2, u16],
  COST: [3, u32],
  MODE: [4, u8],
  GUARD: [5, u8],
  PROTECT: [6, u8],
  FAST_LEAVE: [7, u8],
  LEARNING: [8, u8],
  UNICAST_FLOOD: [9, u8],
  PROXYARP: [10, u8],
  LEARNING_SYNC: [11, u8],
  PROXYARP_WIFI: [12, u8],
  ROOT_ID: [13, ifla_bridge_id],
  BRIDGE_ID: [14, ifla_bridge_id],
  DESIGNATED_PORT: [15, u16],
  DESIGNATED_COST: [16, u16],
  ID: [17, u16],
  NO: [18, u16],
  TOPOLOGY_CHANGE_ACK: [19, u8],
  CONFIG_PENDING: [20, u8],
  MESSAGE_AGE_TIMER: [21, u64],
  FORWARD_DELAY_TIMER: [22, u64],
  HOLD_TIMER: [23, u64],
  FLUSH: [24, flag],
  MULTICAST_ROUTER: [25, oneOf(u8, MDB_RTR_TYPE)],
  PAD: [26],
  MCAST_FLOOD: [27, u8],
  MCAST_TO_UCAST: [28, u8],
  VLAN_TUNNEL: [29, u8],
  BCAST_FLOOD: [30, u8],
  GROUP_FWD_MASK: [31, inHex(u16)],
  NEIGH_SUPPRESS: [32, u8],
  ISOLATED: [33, u8],
  BACKUP_PORT: [34, u32],
  MRP_RING_OPEN: [35, u8],
  MRP_IN_OPEN: [36, u8],
  MCAST_EHT_HOSTS_LIMIT: [37, u32],
  MCAST_EHT_HOSTS_CNT: [38, u32],
  LOCKED: [39, u8],
  MAB: [40, u8],
  MCAST_N_GROUPS: [41, u32],
  MCAST_MAX_GROUPS: [42, u32],
  NEIGH_VLAN_SUPPRESS: [43, u8],
  BACKUP_NHID: [44, u32],
});

/** `VLAN_FLAG_*` of `linux/if_vlan.h` */
const VLAN_FLAG = names("VLAN_FLAG_", { REORDER_HDR: 1, GVRP: 2, LOOSE_BINDING: 4, MVRP: 8, BRIDGE_BINDING: 16 });
/** `struct ifla_vlan_flags` */
const ifla_vlan_flags = layout("ifla_vlan_flags", "", {
  flags: bitsOf(u32, VLAN_FLAG),
  mask: inHex(u32),
});

/** `struct ifla_vlan_qos_mapping` */
const ifla_vlan_qos_mapping = layout("ifla_vlan_qos_mapping", "", {
  from: u32,
  to: u32,
});

const IFLA_VLAN_QOS: Space = attributes("IFLA_VLAN_QOS_", {
  MAPPING: [1, ifla_vlan_qos_mapping],
});

const IFLA_VLAN: Space = attributes("IFLA_VLAN_", {
  ID: [1, u16],
  FLAGS: [2, ifla_vlan_flags],
  EGRESS_QOS: [3, nest(IFLA_VLAN_QOS)],
  INGRESS_QOS: [4, nest(IFLA_VLAN_QOS)],
  PROTOCOL: [5, etherType],
});

/** `MACVLAN_MODE_*` */
const MACVLAN_MODE = names("MACVLAN_MODE_", { PRIVATE: 1, VEPA: 2, BRIDGE: 4, PASSTHRU: 8, SOURCE: 16 });

/** `MACVLAN_FLAG_*` */
const MACVLAN_FLAG = names("MACVLAN_FLAG_", { NOPROMISC: 1, NODST: 2 });

/** `MACVLAN_MACADDR_*` */
const MACVLAN_MACADDR = names("MACVLAN_MACADDR_", { ADD: 0, DEL: 1, FLUSH: 2, SET: 3 });

const IFLA_MACVLAN_MACADDR: Space = attributes("IFLA_MACVLAN_", {
  MACADDR: [4, hardware],
});

const IFLA_MACVLAN: Space = attributes("IFLA_MACVLAN_", {
  MODE: [1, oneOf(u32, MACVLAN_MODE)],
  FLAGS: [2, bitsOf(u16, MACVLAN_FLAG)],
  MACADDR_MODE: [3, oneOf(u32, MACVLAN_MACADDR)],
  MACADDR: [4, hardware],
  MACADDR_DATA: [5, nest(IFLA_MACVLAN_MACADDR)],
  MACADDR_COUNT: [6, u32],
  BC_QUEUE_LEN: [7, u32],
  BC_QUEUE_LEN_USED: [8, u32],
  BC_CUTOFF: [9, s32],
});

const IFLA_VRF: Space = attributes("IFLA_VRF_", {
  TABLE: [1, u32],
});

const IFLA_VRF_PORT: Space = attributes("IFLA_VRF_PORT_", {
  TABLE: [1, u32],
});

/** `MACSEC_VALIDATE_*` */
const MACSEC_VALIDATE = names("MACSEC_VALIDATE_", { DISABLED: 0, CHECK: 1, STRICT: 2 });
/** `MACSEC_OFFLOAD_*` */
const MACSEC_OFFLOAD = names("MACSEC_OFFLOAD_", { OFF: 0, PHY: 1, MAC: 2 });
/** `MACSEC_*_CIPHER_ID*` of `linux/if_macsec.h` */
const MACSEC_CIPHERS: ReadonlyMap<number | bigint, string> = new Map([
  [0x0080020001000001n, "MACSEC_DEFAULT_CIPHER_ID"],
  [0x0080c20001000001n, "MACSEC_CIPHER_ID_GCM_AES_128"],
  [0x0080c20001000002n, "MACSEC_CIPHER_ID_GCM_AES_256"],
  [0x0080c20001000003n, "MACSEC_CIPHER_ID_GCM_AES_XPN_128"],
  [0x0080c20001000004n, "MACSEC_CIPHER_ID_GCM_AES_XPN_256"],
]);
const IFLA_MACSEC: Space = attributes("IFLA_MACSEC_", {
  SCI: [1, inHex({ ...u64, network: true })],
  PORT: [2, be16],
  ICV_LEN: [3, u8],
  CIPHER_SUITE: [4, saying(u64, (_, exact) => MACSEC_CIPHERS.get(exact) ?? `0x${exact.toString(16)}`)],
  WINDOW: [5, u32],
  ENCODING_SA: [6, u8],
  ENCRYPT: [7, u8],
  PROTECT: [8, u8],
  INC_SCI: [9, u8],
  ES: [10, u8],
  SCB: [11, u8],
  REPLAY_PROTECT: [12, u8],
  VALIDATION: [13, oneOf(u8, MACSEC_VALIDATE)],
  PAD: [14],
  OFFLOAD: [15, oneOf(u8, MACSEC_OFFLOAD)],
});

const IFLA_XFRM: Space = attributes("IFLA_XFRM_", {
  LINK: [1, u32],
  IF_ID: [2, inHex(u32)],
  COLLECT_METADATA: [3, flag],
});

/** `IPVLAN_MODE_*` */
const IPVLAN_MODE = names("IPVLAN_MODE_", { L2: 0, L3: 1, L3S: 2 });
/** `IPVLAN_F_*` */
const IPVLAN_F = names("IPVLAN_F_", { PRIVATE: 1, VEPA: 2 });
const IFLA_IPVLAN: Space = attributes("IFLA_IPVLAN_", {
  MODE: [1, oneOf(u16, IPVLAN_MODE)],
  FLAGS: [2, bitsOf(u16, IPVLAN_F)],
});

/** `NETKIT_*` of `linux/if_link.h`, from 6.7 on */
const NETKIT = names("NETKIT_", { NEXT: -1, PASS: 0, DROP: 2, REDIRECT: 7 });
/** `NETKIT_L*` */
const NETKIT_MODE = names("NETKIT_", { L2: 0, L3: 1 });
/** `NETKIT_SCRUB_*` */
const NETKIT_SCRUB = names("NETKIT_SCRUB_", { NONE: 0, DEFAULT: 1 });
const IFLA_NETKIT: Space = attributes("IFLA_NETKIT_", {
  PEER_INFO: [1, struct(ifinfomsg, nest(() => IFLA))],
  PRIMARY: [2, u8],
  POLICY: [3, oneOf(s32, NETKIT)],
  PEER_POLICY: [4, oneOf(s32, NETKIT)],
  MODE: [5, oneOf(u32, NETKIT_MODE)],
  SCRUB: [6, oneOf(u32, NETKIT_SCRUB)],
  PEER_SCRUB: [7, oneOf(u32, NETKIT_SCRUB)],
});

/** `struct ifla_vxlan_port_range` */
const ifla_vxlan_port_range = layout("ifla_vxlan_port_range", "", {
  low: be16,
  high: be16,
});

/** `VXLAN_DF_*` */
const VXLAN_DF = names("VXLAN_DF_", { UNSET: 0, SET: 1, INHERIT: 2 });
/** `VXLAN_LABEL_*` */
const VXLAN_LABEL = names("VXLAN_LABEL_", { FIXED: 0, INHERIT: 1 });
const IFLA_VXLAN: Space = attributes("IFLA_VXLAN_", {
  ID: [1, u32],
  GROUP: [2, address],
  LINK: [3, u32],
  LOCAL: [4, address],
  TTL: [5, u8],
  TOS: [6, u8],
  LEARNING: [7, u8],
  AGEING: [8, u32],
  LIMIT: [9, u32],
  PORT_RANGE: [10, ifla_vxlan_port_range],
  PROXY: [11, u8],
  RSC: [12, u8],
  L2MISS: [13, u8],
  L3MISS: [14, u8],
  PORT: [15, be16],
  GROUP6: [16, address],
  LOCAL6: [17, address],
  UDP_CSUM: [18, u8],
  UDP_ZERO_CSUM6_TX: [19, u8],
  UDP_ZERO_CSUM6_RX: [20, u8],
  REMCSUM_TX: [21, u8],
  REMCSUM_RX: [22, u8],
  GBP: [23, flag],
  REMCSUM_NOPARTIAL: [24, flag],
  COLLECT_METADATA: [25, u8],
  LABEL: [26, be32],
  GPE: [27, flag],
  TTL_INHERIT: [28, u8],
  DF: [29, oneOf(u8, VXLAN_DF)],
  VNIFILTER: [30, u8],
  LOCALBYPASS: [31, u8],
  LABEL_POLICY: [32, oneOf(u32, VXLAN_LABEL)],
});

/** `GENEVE_DF_*` */
const GENEVE_DF = names("GENEVE_DF_", { UNSET: 0, SET: 1, INHERIT: 2 });
const IFLA_GENEVE: Space = attributes("IFLA_GENEVE_", {
  ID: [1, u32],
  REMOTE: [2, address],
  TTL: [3, u8],
  TOS: [4, u8],
  PORT: [5, be16],
  COLLECT_METADATA: [6, flag],
  REMOTE6: [7, address],
  UDP_CSUM: [8, u8],
  UDP_ZERO_CSUM6_TX: [9, u8],
  UDP_ZERO_CSUM6_RX: [10, u8],
  LABEL: [11, be32],
  TTL_INHERIT: [12, u8],
  DF: [13, oneOf(u8, GENEVE_DF)],
  INNER_PROTO_INHERIT: [14, flag],
});

const IFLA_BAREUDP: Space = attributes("IFLA_BAREUDP_", {
  PORT: [1, be16],
  ETHERTYPE: [2, etherType],
  SRCPORT_MIN: [3, u16],
  MULTIPROTO_MODE: [4, flag],
});

const IFLA_PPP: Space = attributes("IFLA_PPP_", {
  DEV_FD: [1, s32],
});

/** `GTP_ROLE_*` */
const GTP_ROLE = names("GTP_ROLE_", { GGSN: 0, SGSN: 1 });
const IFLA_GTP: Space = attributes("IFLA_GTP_", {
  FD0: [1, u32],
  FD1: [2, u32],
  PDP_HASHSIZE: [3, u32],
  ROLE: [4, oneOf(u32, GTP_ROLE)],
  CREATE_SOCKETS: [5, u8],
  RESTART_COUNT: [6, u8],
  LOCAL: [7, address],
  LOCAL6: [8, address],
});

/** `BOND_MODE_*` of `linux/if_bonding.h` */
const BOND_MODE = names("BOND_MODE_", {
  ROUNDROBIN: 0,
  ACTIVEBACKUP: 1,
  XOR: 2,
  BROADCAST: 3,
  "8023AD": 4,
  TLB: 5,
  ALB: 6,
});
/** `BOND_XMIT_POLICY_*` of `linux/if_bonding.h` */
const BOND_XMIT_POLICY = names("BOND_XMIT_POLICY_", {
  LAYER2: 0,
  LAYER34: 1,
  LAYER23: 2,
  ENCAP23: 3,
  ENCAP34: 4,
  VLAN_SRCMAC: 5,
});
const IFLA_BOND_AD_INFO: Space = attributes("IFLA_BOND_AD_INFO_", {
  AGGREGATOR: [1, u16],
  NUM_PORTS: [2, u16],
  ACTOR_KEY: [3, u16],
  PARTNER_KEY: [4, u16],
  PARTNER_MAC: [5, hardware],
});

const IFLA_BOND: Space = attributes("IFLA_BOND_", {
  MODE: [1, oneOf(u8, BOND_MODE)],
  ACTIVE_SLAVE: [2, u32],
  MIIMON: [3, u32],
  UPDELAY: [4, u32],
  DOWNDELAY: [5, u32],
  USE_CARRIER: [6, u8],
  ARP_INTERVAL: [7, u32],
  ARP_IP_TARGET: [8, list("IFLA_BOND_ARP_IP_TARGET_", address)],
  ARP_VALIDATE: [9, u32],
  ARP_ALL_TARGETS: [10, u32],
  PRIMARY: [11, u32],
  PRIMARY_RESELECT: [12, u8],
  FAIL_OVER_MAC: [13, u8],
  XMIT_HASH_POLICY: [14, oneOf(u8, BOND_XMIT_POLICY)],
  RESEND_IGMP: [15, u32],
  NUM_PEER_NOTIF: [16, u8],
  ALL_SLAVES_ACTIVE: [17, u8],
  MIN_LINKS: [18, u32],
  LP_INTERVAL: [19, u32],
  PACKETS_PER_SLAVE: [20, u32],
  AD_LACP_RATE: [21, u8],
  AD_SELECT: [22, u8],
  AD_INFO: [23, nest(IFLA_BOND_AD_INFO)],
  AD_ACTOR_SYS_PRIO: [24, u16],
  AD_USER_PORT_KEY: [25, u16],
  AD_ACTOR_SYSTEM: [26, hardware],
  TLB_DYNAMIC_LB: [27, u8],
  PEER_NOTIF_DELAY: [28, u32],
  AD_LACP_ACTIVE: [29, u8],
  MISSED_MAX: [30, u8],
  NS_IP6_TARGET: [31, list("IFLA_BOND_NS_IP6_TARGET_", address)],
  COUPLED_CONTROL: [32, u8],
});

/** `BOND_STATE_*` of `linux/if_bonding.h` */
const BOND_STATE = names("BOND_STATE_", { ACTIVE: 0, BACKUP: 1 });
/** `BOND_LINK_*` of `linux/if_bonding.h` */
const BOND_LINK = names("BOND_LINK_", { UP: 0, FAIL: 1, DOWN: 2, BACK: 3 });
const IFLA_BOND_SLAVE: Space = attributes("IFLA_BOND_SLAVE_", {
  STATE: [1, oneOf(u8, BOND_STATE)],
  MII_STATUS: [2, oneOf(u8, BOND_LINK)],
  LINK_FAILURE_COUNT: [3, u32],
  PERM_HWADDR: [4, hardware],
  QUEUE_ID: [5, u16],
  AD_AGGREGATOR_ID: [6, u16],
  AD_ACTOR_OPER_PORT_STATE: [7, inHex(u8)],
  AD_PARTNER_OPER_PORT_STATE: [8, inHex(u16)],
  PRIO: [9, s32],
  ACTOR_PORT_PRIO: [10, u16],
  AD_CHURN_ACTOR_STATE: [11, u8],
  AD_CHURN_PARTNER_STATE: [12, u8],
});

/** `IPOIB_MODE_*` */
const IPOIB_MODE = names("IPOIB_MODE_", { DATAGRAM: 0, CONNECTED: 1 });
const IFLA_IPOIB: Space = attributes("IFLA_IPOIB_", {
  PKEY: [1, inHex(u16)],
  MODE: [2, oneOf(u16, IPOIB_MODE)],
  UMCAST: [3, u16],
});

/** `HSR_PROTOCOL_*` */
const HSR_PROTOCOL = names("HSR_PROTOCOL_", { HSR: 0, PRP: 1 });
const IFLA_HSR: Space = attributes("IFLA_HSR_", {
  SLAVE1: [1, u32],
  SLAVE2: [2, u32],
  MULTICAST_SPEC: [3, u8],
  SUPERVISION_ADDR: [4, hardware],
  SEQ_NR: [5, u16],
  VERSION: [6, u8],
  PROTOCOL: [7, oneOf(u8, HSR_PROTOCOL)],
  INTERLINK: [8, u32],
});

/** `IFF_TUN` and `IFF_TAP` of `linux/if_tun.h` */
const TUN_TYPE = names("IFF_", { TUN: 1, TAP: 2 });
const IFLA_TUN: Space = attributes("IFLA_TUN_", {
  OWNER: [1, u32],
  GROUP: [2, u32],
  TYPE: [3, oneOf(u8, TUN_TYPE)],
  PI: [4, u8],
  VNET_HDR: [5, u8],
  PERSIST: [6, u8],
  MULTI_QUEUE: [7, u8],
  NUM_QUEUES: [8, u32],
  NUM_DISABLED_QUEUES: [9, u32],
});

/** `RMNET_FLAGS_*` */
const RMNET_FLAGS = names("RMNET_FLAGS_", {
  INGRESS_DEAGGREGATION: 1,
  INGRESS_MAP_COMMANDS: 2,
  INGRESS_MAP_CKSUMV4: 4,
  EGRESS_MAP_CKSUMV4: 8,
  INGRESS_MAP_CKSUMV5: 16,
  EGRESS_MAP_CKSUMV5: 32,
});
/** `struct ifla_rmnet_flags` */
const ifla_rmnet_flags = layout("ifla_rmnet_flags", "", {
  flags: bitsOf(u32, RMNET_FLAGS),
  mask: bitsOf(u32, RMNET_FLAGS),
});

const IFLA_RMNET: Space = attributes("IFLA_RMNET_", {
  MUX_ID: [1, u16],
  FLAGS: [2, ifla_rmnet_flags],
});

const IFLA_DSA: Space = attributes("IFLA_DSA_", {
  MASTER: [1, u32],
});

const VETH_INFO: Space = attributes("VETH_INFO_", {
  PEER: [1, struct(ifinfomsg, nest(() => IFLA))],
});

/** `TUNNEL_ENCAP_*` of `linux/if_tunnel.h` */
const TUNNEL_ENCAP = names("TUNNEL_ENCAP_", { NONE: 0, FOU: 1, GUE: 2, MPLS: 3 });
/** `TUNNEL_ENCAP_FLAG_*` */
const TUNNEL_ENCAP_FLAG = names("TUNNEL_ENCAP_FLAG_", { CSUM: 1, CSUM6: 2, REMCSUM: 4 });

const IFLA_IPTUN: Space = attributes("IFLA_IPTUN_", {
  LINK: [1, u32],
  LOCAL: [2, address],
  REMOTE: [3, address],
  TTL: [4, u8],
  TOS: [5, u8],
  ENCAP_LIMIT: [6, u8],
  FLOWINFO: [7, be32],
  FLAGS: [8, inHex(u16)],
  PROTO: [9, oneOf(u8, IPPROTO)],
  PMTUDISC: [10, u8],
  "6RD_PREFIX": [11, address],
  "6RD_RELAY_PREFIX": [12, address],
  "6RD_PREFIXLEN": [13, u16],
  "6RD_RELAY_PREFIXLEN": [14, u16],
  ENCAP_TYPE: [15, oneOf(u16, TUNNEL_ENCAP)],
  ENCAP_FLAGS: [16, bitsOf(u16, TUNNEL_ENCAP_FLAG)],
  ENCAP_SPORT: [17, be16],
  ENCAP_DPORT: [18, be16],
  COLLECT_METADATA: [19, flag],
  FWMARK: [20, inHex(u32)],
});

/** `GRE_*` of `linux/if_tunnel.h`, in the order of the host. */
const GRE = names("GRE_", { CSUM: 0x8000, ROUTING: 0x4000, KEY: 0x2000, SEQ: 0x1000, STRICT: 0x800, ACK: 0x80 });
const IFLA_GRE: Space = attributes("IFLA_GRE_", {
  LINK: [1, u32],
  IFLAGS: [2, bitsOf(be16, GRE)],
  OFLAGS: [3, bitsOf(be16, GRE)],
  IKEY: [4, be32],
  OKEY: [5, be32],
  LOCAL: [6, address],
  REMOTE: [7, address],
  TTL: [8, u8],
  TOS: [9, u8],
  PMTUDISC: [10, u8],
  ENCAP_LIMIT: [11, u8],
  FLOWINFO: [12, be32],
  FLAGS: [13, inHex(u32)],
  ENCAP_TYPE: [14, oneOf(u16, TUNNEL_ENCAP)],
  ENCAP_FLAGS: [15, bitsOf(u16, TUNNEL_ENCAP_FLAG)],
  ENCAP_SPORT: [16, be16],
  ENCAP_DPORT: [17, be16],
  COLLECT_METADATA: [18, flag],
  IGNORE_DF: [19, u8],
  FWMARK: [20, inHex(u32)],
  ERSPAN_INDEX: [21, u32],
  ERSPAN_VER: [22, u8],
  ERSPAN_DIR: [23, u8],
  ERSPAN_HWID: [24, u16],
});

const IFLA_VTI: Space = attributes("IFLA_VTI_", {
  LINK: [1, u32],
  IKEY: [2, be32],
  OKEY: [3, be32],
  LOCAL: [4, address],
  REMOTE: [5, address],
  FWMARK: [6, inHex(u32)],
});

/** `struct can_bittiming` */
const can_bittiming = layout("can_bittiming", "", {
  bitrate: u32,
  sample_point: u32,
  tq: u32,
  prop_seg: u32,
  phase_seg1: u32,
  phase_seg2: u32,
  sjw: u32,
  brp: u32,
});

/** `struct can_bittiming_const` */
const can_bittiming_const = layout("can_bittiming_const", "", {
  name: text(16),
  tseg1_min: u32,
  tseg1_max: u32,
  tseg2_min: u32,
  tseg2_max: u32,
  sjw_max: u32,
  brp_min: u32,
  brp_max: u32,
  brp_inc: u32,
});

/** `struct can_clock` */
const can_clock = layout("can_clock", "", {
  freq: u32,
});

/** `CAN_CTRLMODE_*` */
const CAN_CTRLMODE = names("CAN_CTRLMODE_", {
  LOOPBACK: 1,
  LISTENONLY: 2,
  "3_SAMPLES": 4,
  ONE_SHOT: 8,
  BERR_REPORTING: 16,
  FD: 32,
  PRESUME_ACK: 64,
  FD_NON_ISO: 128,
  CC_LEN8_DLC: 256,
  TDC_AUTO: 512,
  TDC_MANUAL: 1024,
});
/** `struct can_ctrlmode` */
const can_ctrlmode = layout("can_ctrlmode", "", {
  mask: bitsOf(u32, CAN_CTRLMODE),
  flags: bitsOf(u32, CAN_CTRLMODE),
});

/** `struct can_berr_counter` */
const can_berr_counter = layout("can_berr_counter", "", {
  txerr: u16,
  rxerr: u16,
});

/** `struct can_device_stats` */
const can_device_stats = layout("can_device_stats", "", {
  bus_error: u32,
  error_warning: u32,
  error_passive: u32,
  bus_off: u32,
  arbitration_lost: u32,
  restarts: u32,
});

/** `enum can_state` */
const CAN_STATE = names("CAN_STATE_", {
  ERROR_ACTIVE: 0,
  ERROR_WARNING: 1,
  ERROR_PASSIVE: 2,
  BUS_OFF: 3,
  STOPPED: 4,
  SLEEPING: 5,
});
const IFLA_CAN_TDC: Space = attributes("IFLA_CAN_TDC_", {
  TDCV_MIN: [1, u32],
  TDCV_MAX: [2, u32],
  TDCO_MIN: [3, u32],
  TDCO_MAX: [4, u32],
  TDCF_MIN: [5, u32],
  TDCF_MAX: [6, u32],
  TDCV: [7, u32],
  TDCO: [8, u32],
  TDCF: [9, u32],
});

const IFLA_CAN_CTRLMODE: Space = attributes("IFLA_CAN_CTRLMODE_", {
  SUPPORTED: [1, bitsOf(u32, CAN_CTRLMODE)],
});

const IFLA_CAN: Space = attributes("IFLA_CAN_", {
  BITTIMING: [1, can_bittiming],
  BITTIMING_CONST: [2, can_bittiming_const],
  CLOCK: [3, can_clock],
  STATE: [4, oneOf(u32, CAN_STATE)],
  CTRLMODE: [5, can_ctrlmode],
  RESTART_MS: [6, u32],
  RESTART: [7, u32],
  BERR_COUNTER: [8, can_berr_counter],
  DATA_BITTIMING: [9, can_bittiming],
  DATA_BITTIMING_CONST: [10, can_bittiming_const],
  TERMINATION: [11, u16],
  TERMINATION_CONST: [12, array(u16)],
  BITRATE_CONST: [13, array(u32)],
  DATA_BITRATE_CONST: [14, array(u32)],
  BITRATE_MAX: [15, u32],
  TDC: [16, nest(IFLA_CAN_TDC)],
  CTRLMODE_EXT: [17, nest(IFLA_CAN_CTRLMODE)],
});

/** Kinds of devices by their names in `IFLA_INFO_KIND`, and in `IFLA_INFO_SLAVE_KIND`. */
export const LINK_KINDS: Readonly<Record<string, Kind>> = {
  bareudp: { data: nest(IFLA_BAREUDP) },
  bond: { data: nest(IFLA_BOND), slave: nest(IFLA_BOND_SLAVE) },
  bridge: { data: nest(IFLA_BR), slave: nest(IFLA_BRPORT) },
  can: { data: nest(IFLA_CAN), xstats: struct(can_device_stats) },
  dsa: { data: nest(IFLA_DSA) },
  dummy: {},
  erspan: { data: nest(IFLA_GRE) },
  geneve: { data: nest(IFLA_GENEVE) },
  gre: { data: nest(IFLA_GRE) },
  gretap: { data: nest(IFLA_GRE) },
  gtp: { data: nest(IFLA_GTP) },
  hsr: { data: nest(IFLA_HSR) },
  ifb: {},
  ip6erspan: { data: nest(IFLA_GRE) },
  ip6gre: { data: nest(IFLA_GRE) },
  ip6gretap: { data: nest(IFLA_GRE) },
  ip6tnl: { data: nest(IFLA_IPTUN) },
  ipip: { data: nest(IFLA_IPTUN) },
  ipoib: { data: nest(IFLA_IPOIB) },
  ipvlan: { data: nest(IFLA_IPVLAN) },
  ipvtap: { data: nest(IFLA_IPVLAN) },
  macsec: { data: nest(IFLA_MACSEC) },
  macvlan: { data: nest(IFLA_MACVLAN) },
  macvtap: { data: nest(IFLA_MACVLAN) },
  netkit: { data: nest(IFLA_NETKIT) },
  ppp: { data: nest(IFLA_PPP) },
  rmnet: { data: nest(IFLA_RMNET) },
  sit: { data: nest(IFLA_IPTUN) },
  tun: { data: nest(IFLA_TUN) },
  veth: { data: nest(VETH_INFO) },
  vlan: { data: nest(IFLA_VLAN) },
  vrf: { data: nest(IFLA_VRF), slave: nest(IFLA_VRF_PORT) },
  vti: { data: nest(IFLA_VTI) },
  vti6: { data: nest(IFLA_VTI) },
  vxlan: { data: nest(IFLA_VXLAN) },
  xfrm: { data: nest(IFLA_XFRM) },
};

/** `BRIDGE_VLAN_INFO_*` of `linux/if_bridge.h` */
const BRIDGE_VLAN_INFO = names("BRIDGE_VLAN_INFO_", {
  MASTER: 1,
  PVID: 2,
  UNTAGGED: 4,
  RANGE_BEGIN: 8,
  RANGE_END: 16,
  BRENTRY: 32,
  ONLY_OPTS: 64,
});
/** `BRIDGE_FLAGS_*` of `linux/if_bridge.h` */
const BRIDGE_FLAGS = names("BRIDGE_FLAGS_", { MASTER: 1, SELF: 2 });
/** `struct bridge_vlan_info` */
export const bridge_vlan_info = layout("bridge_vlan_info", "", {
  flags: bitsOf(u16, BRIDGE_VLAN_INFO),
  vid: u16,
});

const IFLA_BRIDGE_VLAN_TUNNEL: Space = attributes("IFLA_BRIDGE_VLAN_TUNNEL_", {
  ID: [1, u32],
  VID: [2, u16],
  FLAGS: [3, bitsOf(u16, BRIDGE_VLAN_INFO)],
});

/** `BRIDGE_MODE_*` of `linux/if_bridge.h` */
const BRIDGE_MODE = names("BRIDGE_MODE_", { VEB: 0, VEPA: 1, UNDEF: 0xffff });

/** `BR_MRP_*` of `linux/mrp_bridge.h` */
const RING_ROLE = names("BR_MRP_RING_ROLE_", { DISABLED: 0, MRC: 1, MRM: 2, MRA: 3 });
const IN_ROLE = names("BR_MRP_IN_ROLE_", { DISABLED: 0, MIC: 1, MIM: 2 });
const RING_STATE = names("BR_MRP_RING_STATE_", { OPEN: 0, CLOSED: 1 });
const IN_STATE = names("BR_MRP_IN_STATE_", { OPEN: 0, CLOSED: 1 });
const RING_PORT_STATE = names("BR_MRP_PORT_STATE_", { DISABLED: 0, BLOCKED: 1, FORWARDING: 2, NOT_CONNECTED: 3 });
const RING_PORT_ROLE = names("BR_MRP_PORT_ROLE_", { PRIMARY: 0, SECONDARY: 1, INTER: 2 });

/** A bridge in rings, as the Media Redundancy Protocol has them. */
const IFLA_BRIDGE_MRP: Space = attributes("IFLA_BRIDGE_MRP_", {
  INSTANCE: [
    1,
    nest(attributes("IFLA_BRIDGE_MRP_INSTANCE_", {
      RING_ID: [1, u32],
      P_IFINDEX: [2, u32],
      S_IFINDEX: [3, u32],
      PRIO: [4, u16],
    })),
  ],
  PORT_STATE: [2, nest(attributes("IFLA_BRIDGE_MRP_PORT_STATE_", { STATE: [1, oneOf(u32, RING_PORT_STATE)] }))],
  PORT_ROLE: [3, nest(attributes("IFLA_BRIDGE_MRP_PORT_ROLE_", { ROLE: [1, oneOf(u32, RING_PORT_ROLE)] }))],
  RING_STATE: [
    4,
    nest(attributes("IFLA_BRIDGE_MRP_RING_STATE_", {
      RING_ID: [1, u32],
      STATE: [2, oneOf(u32, RING_STATE)],
    })),
  ],
  RING_ROLE: [
    5,
    nest(attributes("IFLA_BRIDGE_MRP_RING_ROLE_", {
      RING_ID: [1, u32],
      ROLE: [2, oneOf(u32, RING_ROLE)],
    })),
  ],
  START_TEST: [
    6,
    nest(attributes("IFLA_BRIDGE_MRP_START_TEST_", {
      RING_ID: [1, u32],
      INTERVAL: [2, u32],
      MAX_MISS: [3, u32],
      PERIOD: [4, u32],
      MONITOR: [5, u32],
    })),
  ],
  INFO: [
    7,
    nest(attributes("IFLA_BRIDGE_MRP_INFO_", {
      RING_ID: [1, u32],
      P_IFINDEX: [2, u32],
      S_IFINDEX: [3, u32],
      PRIO: [4, u16],
      RING_STATE: [5, oneOf(u32, RING_STATE)],
      RING_ROLE: [6, oneOf(u32, RING_ROLE)],
      TEST_INTERVAL: [7, u32],
      TEST_MAX_MISS: [8, u32],
      TEST_MONITOR: [9, u32],
      I_IFINDEX: [10, u32],
      IN_STATE: [11, oneOf(u32, IN_STATE)],
      IN_ROLE: [12, oneOf(u32, IN_ROLE)],
      IN_TEST_INTERVAL: [13, u32],
      IN_TEST_MAX_MISS: [14, u32],
    })),
  ],
  IN_ROLE: [
    8,
    nest(attributes("IFLA_BRIDGE_MRP_IN_ROLE_", {
      RING_ID: [1, u32],
      IN_ID: [2, u16],
      ROLE: [3, oneOf(u32, IN_ROLE)],
      I_IFINDEX: [4, u32],
    })),
  ],
  IN_STATE: [
    9,
    nest(attributes("IFLA_BRIDGE_MRP_IN_STATE_", {
      IN_ID: [1, u32],
      STATE: [2, oneOf(u32, IN_STATE)],
    })),
  ],
  START_IN_TEST: [
    10,
    nest(attributes("IFLA_BRIDGE_MRP_START_IN_TEST_", {
      IN_ID: [1, u32],
      INTERVAL: [2, u32],
      MAX_MISS: [3, u32],
      PERIOD: [4, u32],
    })),
  ],
});

/** `BR_CFM_*` of `linux/cfm_bridge.h` */
const CFM_DOMAIN = names("BR_CFM_", { PORT: 0, VLAN: 1 });
const CFM_DIRECTION = names("BR_CFM_MEP_DIRECTION_", { DOWN: 0, UP: 1 });
const CFM_INTERVAL = names("BR_CFM_CCM_INTERVAL_", {
  NONE: 0,
  "3_3_MS": 1,
  "10_MS": 2,
  "100_MS": 3,
  "1_SEC": 4,
  "10_SEC": 5,
  "1_MIN": 6,
  "10_MIN": 7,
});

const CFM_CREATE: Space = attributes("IFLA_BRIDGE_CFM_MEP_CREATE_", {
  INSTANCE: [1, u32],
  DOMAIN: [2, oneOf(u32, CFM_DOMAIN)],
  DIRECTION: [3, oneOf(u32, CFM_DIRECTION)],
  IFINDEX: [4, u32],
});
const CFM_MEP_CONFIG: Space = attributes("IFLA_BRIDGE_CFM_MEP_CONFIG_", {
  INSTANCE: [1, u32],
  UNICAST_MAC: [2, hardware],
  MDLEVEL: [3, u32],
  MEPID: [4, u32],
});
const CFM_CC_CONFIG: Space = attributes("IFLA_BRIDGE_CFM_CC_CONFIG_", {
  INSTANCE: [1, u32],
  ENABLE: [2, u32],
  EXP_INTERVAL: [3, oneOf(u32, CFM_INTERVAL)],
  EXP_MAID: [4],
});
const CFM_PEER: Space = attributes("IFLA_BRIDGE_CFM_CC_PEER_", { MEP_INSTANCE: [1, u32], MEPID: [2, u32] });
const CFM_RDI: Space = attributes("IFLA_BRIDGE_CFM_CC_RDI_", { INSTANCE: [1, u32], RDI: [2, u32] });
const CFM_CCM_TX: Space = attributes("IFLA_BRIDGE_CFM_CC_CCM_TX_", {
  INSTANCE: [1, u32],
  DMAC: [2, hardware],
  SEQ_NO_UPDATE: [3, u32],
  PERIOD: [4, u32],
  IF_TLV: [5, u32],
  IF_TLV_VALUE: [6, u8],
  PORT_TLV: [7, u32],
  PORT_TLV_VALUE: [8, u8],
});

/** The end points of connectivity fault management that a bridge has. */
const IFLA_BRIDGE_CFM: Space = attributes("IFLA_BRIDGE_CFM_", {
  MEP_CREATE: [1, nest(CFM_CREATE)],
  MEP_DELETE: [2, nest(attributes("IFLA_BRIDGE_CFM_MEP_DELETE_", { INSTANCE: [1, u32] }))],
  MEP_CONFIG: [3, nest(CFM_MEP_CONFIG)],
  CC_CONFIG: [4, nest(CFM_CC_CONFIG)],
  CC_PEER_MEP_ADD: [5, nest(CFM_PEER)],
  CC_PEER_MEP_REMOVE: [6, nest(CFM_PEER)],
  CC_RDI: [7, nest(CFM_RDI)],
  CC_CCM_TX: [8, nest(CFM_CCM_TX)],
  MEP_CREATE_INFO: [9, nest(CFM_CREATE)],
  MEP_CONFIG_INFO: [10, nest(CFM_MEP_CONFIG)],
  CC_CONFIG_INFO: [11, nest(CFM_CC_CONFIG)],
  CC_RDI_INFO: [12, nest(CFM_RDI)],
  CC_CCM_TX_INFO: [13, nest(CFM_CCM_TX)],
  CC_PEER_MEP_INFO: [14, nest(CFM_PEER)],
  MEP_STATUS_INFO: [
    15,
    nest(attributes("IFLA_BRIDGE_CFM_MEP_STATUS_", {
      INSTANCE: [1, u32],
      OPCODE_UNEXP_SEEN: [2, u32],
      VERSION_UNEXP_SEEN: [3, u32],
      RX_LEVEL_LOW_SEEN: [4, u32],
    })),
  ],
  CC_PEER_STATUS_INFO: [
    16,
    nest(attributes("IFLA_BRIDGE_CFM_CC_PEER_STATUS_", {
      INSTANCE: [1, u32],
      PEER_MEPID: [2, u32],
      CCM_DEFECT: [3, u32],
      RDI: [4, u32],
      PORT_TLV_VALUE: [5, u8],
      IF_TLV_VALUE: [6, u8],
      SEEN: [7, u32],
      TLV_SEEN: [8, u32],
      SEQ_UNEXP_SEEN: [9, u32],
    })),
  ],
});

/** The states of a port in each spanning tree. */
const IFLA_BRIDGE_MST: Space = attributes("IFLA_BRIDGE_MST_", {
  ENTRY: [1, nest(attributes("IFLA_BRIDGE_MST_ENTRY_", { MSTI: [1, u16], STATE: [2, oneOf(u8, BR_STATE)] }))],
});

const IFLA_BRIDGE: Space = attributes("IFLA_BRIDGE_", {
  FLAGS: [0, bitsOf(u16, BRIDGE_FLAGS)],
  MODE: [1, oneOf(u16, BRIDGE_MODE)],
  VLAN_INFO: [2, bridge_vlan_info],
  VLAN_TUNNEL_INFO: [3, nest(IFLA_BRIDGE_VLAN_TUNNEL)],
  MRP: [4, nest(IFLA_BRIDGE_MRP)],
  CFM: [5, nest(IFLA_BRIDGE_CFM)],
  MST: [6, nest(IFLA_BRIDGE_MST)],
});

/** What a bridge says of its ports, in messages of the family `AF_BRIDGE`. */
const IFLA_OF_BRIDGE: Space = withOthers(IFLA, { AF_SPEC: nest(IFLA_BRIDGE), PROTINFO: nest(IFLA_BRPORT) });

/** Messages about devices, those of bridges too. */
/** What messages about devices hold; those about ports of a bridge have attributes of their own. */
const link: Pick<MessageSpec, "body" | "space"> = {
  body: ifinfomsg,
  space: (family) => family === AF.numbers.BRIDGE ? IFLA_OF_BRIDGE : IFLA,
};

export const BRIDGED_LINK_MESSAGES = {
  ...messages("LINK", 16, link),
  19: { ...link, name: "RTM_SETLINK" },
};
