// What bridges know beside their ports: multicast groups, VLANs, and the networks of a VXLAN device. `linux/if_bridge.h`,
// `struct tunnel_msg` of `linux/if_link.h`
import {
  attributes,
  be16,
  bitsOf,
  type BytesType,
  layout,
  list,
  messages,
  type MessageSpec,
  names,
  nest,
  oneOf,
  s32,
  type Space,
  struct,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { address, AF, ETH_P, formatIpv4, formatIpv6, room } from "./value.ts";
import { BR_STATE, BRIDGE_QUERIER, bridge_vlan_info, MDB_RTR_TYPE } from "./link_kinds.ts";
import { RTPROT } from "./route.ts";

/** `struct br_port_msg` */
const br_port_msg = layout("br_port_msg", "", { family: oneOf(u8, AF), _pad1: room(3), ifindex: u32 });

/** `MDB_*`: whether an entry stays. */
const MDB = names("MDB_", { TEMPORARY: 0, PERMANENT: 1 });
/** `MDB_FLAGS_*` */
const MDB_FLAGS = names("MDB_FLAGS_", { OFFLOAD: 1, FAST_LEAVE: 2, STAR_EXCL: 4, BLOCKED: 8 });
/** `MCAST_*` of `linux/in.h`: whose packets a group takes. */
const MCAST = names("MCAST_", { EXCLUDE: 0, INCLUDE: 1 });

/** The union of a group's addresses, which tells by itself which it is: only those of multicast are groups. */
const group: BytesType = {
  is: "bytes",
  size: 16,
  says: (bytes) => {
    const length = bytes.findLastIndex((byte) => byte !== 0) + 1;
    if (length === 0) return undefined;
    if (bytes[0] === 0xff) return formatIpv6(bytes);
    if (length <= 4 && bytes[0] >> 4 === 0xe) return formatIpv4(bytes.subarray(0, 4));
    if (length > 6) return formatIpv6(bytes);
    return Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
  },
};

/** The address of `struct br_mdb_entry`, whose protocol is 0 where it is a MAC address. */
const addr = layout("addr", "", { u: group, proto: oneOf(be16, ETH_P), _pad1: room(2) });

/** `struct br_mdb_entry` */
const br_mdb_entry = layout("br_mdb_entry", "", {
  ifindex: u32,
  state: oneOf(u8, MDB),
  flags: bitsOf(u8, MDB_FLAGS),
  vid: u16,
  addr: addr,
});

const MDBA_MDB_SRCATTR: Space = attributes("MDBA_MDB_SRCATTR_", {
  ADDRESS: [1, address],
  TIMER: [2, u32],
});

const MDBA_MDB_SRCLIST: Space = attributes("MDBA_MDB_SRCLIST_", {
  ENTRY: [1, nest(MDBA_MDB_SRCATTR)],
});

const MDBA_MDB_EATTR: Space = attributes("MDBA_MDB_EATTR_", {
  TIMER: [1, u32],
  SRC_LIST: [2, nest(MDBA_MDB_SRCLIST)],
  GROUP_MODE: [3, oneOf(u8, MCAST)],
  SOURCE: [4, address],
  RTPROT: [5, oneOf(u8, RTPROT)],
  DST: [6, address],
  DST_PORT: [7, u16],
  VNI: [8, u32],
  IFINDEX: [9, s32],
  SRC_VNI: [10, u32],
});

const MDBA_MDB_ENTRY: Space = attributes("MDBA_MDB_ENTRY_", {
  INFO: [1, struct(br_mdb_entry, nest(MDBA_MDB_EATTR))],
});

const MDBA_MDB: Space = attributes("MDBA_MDB_", {
  ENTRY: [1, nest(MDBA_MDB_ENTRY)],
});

const MDBA_ROUTER_PATTR: Space = attributes("MDBA_ROUTER_PATTR_", {
  TIMER: [1, u32],
  TYPE: [2, oneOf(u8, MDB_RTR_TYPE)],
  INET_TIMER: [3, u32],
  INET6_TIMER: [4, u32],
  VID: [5, u16],
});

/** What a port that leads to a router begins with. */
const router_port = layout("router_port", "", { ifindex: u32 });

const MDBA_ROUTER: Space = attributes("MDBA_ROUTER_", {
  PORT: [1, struct(router_port, nest(MDBA_ROUTER_PATTR))],
});

/** What the kernel tells of groups. */
const MDBA: Space = attributes("MDBA_", {
  MDB: [1, nest(MDBA_MDB)],
  ROUTER: [2, nest(MDBA_ROUTER)],
});

const MDBE_SRCATTR: Space = attributes("MDBE_SRCATTR_", {
  ADDRESS: [1, address],
});

const MDBE_ATTR: Space = attributes("MDBE_ATTR_", {
  SOURCE: [1, address],
  SRC_LIST: [2, list("MDBE_SRC_LIST_ENTRY_", nest(MDBE_SRCATTR))],
  GROUP_MODE: [3, oneOf(u8, MCAST)],
  RTPROT: [4, oneOf(u8, RTPROT)],
  DST: [5, address],
  DST_PORT: [6, u16],
  VNI: [7, u32],
  IFINDEX: [8, s32],
  SRC_VNI: [9, u32],
  STATE_MASK: [10, u8],
});

/** What a program tells the kernel of a group. */
const MDBA_SET: Space = attributes("MDBA_SET_", {
  ENTRY: [1, br_mdb_entry],
  ENTRY_ATTRS: [2, nest(MDBE_ATTR)],
});

/** By what a program asks for one. */
const MDBA_GET: Space = attributes("MDBA_GET_", {
  ENTRY: [1, br_mdb_entry],
  ENTRY_ATTRS: [2, nest(MDBE_ATTR)],
});

const mdb: Pick<MessageSpec, "body" | "space"> = {
  body: br_port_msg,
  space: (_, isRequest) => isRequest ? MDBA_SET : MDBA,
};

/** `struct br_vlan_msg` */
const br_vlan_msg = layout("br_vlan_msg", "", {
  family: oneOf(u8, AF),
  reserved1: u8,
  reserved2: u16,
  ifindex: u32,
});

const BRIDGE_VLANDB_TINFO: Space = attributes("BRIDGE_VLANDB_TINFO_", {
  ID: [1, u32],
  CMD: [2, u32],
});

const BRIDGE_VLANDB_STATS: Space = attributes("BRIDGE_VLANDB_STATS_", {
  RX_BYTES: [1, u64],
  RX_PACKETS: [2, u64],
  TX_BYTES: [3, u64],
  TX_PACKETS: [4, u64],
  PAD: [5],
});

const BRIDGE_VLANDB_ENTRY: Space = attributes("BRIDGE_VLANDB_ENTRY_", {
  INFO: [1, bridge_vlan_info],
  RANGE: [2, u16],
  STATE: [3, oneOf(u8, BR_STATE)],
  TUNNEL_INFO: [4, nest(BRIDGE_VLANDB_TINFO)],
  STATS: [5, nest(BRIDGE_VLANDB_STATS)],
  MCAST_ROUTER: [6, oneOf(u8, MDB_RTR_TYPE)],
  MCAST_N_GROUPS: [7, u32],
  MCAST_MAX_GROUPS: [8, u32],
  NEIGH_SUPPRESS: [9, u8],
});

const BRIDGE_VLANDB_GOPTS: Space = attributes("BRIDGE_VLANDB_GOPTS_", {
  ID: [1, u16],
  RANGE: [2, u16],
  MCAST_SNOOPING: [3, u8],
  MCAST_IGMP_VERSION: [4, u8],
  MCAST_MLD_VERSION: [5, u8],
  MCAST_LAST_MEMBER_CNT: [6, u32],
  MCAST_STARTUP_QUERY_CNT: [7, u32],
  MCAST_LAST_MEMBER_INTVL: [8, u64],
  PAD: [9],
  MCAST_MEMBERSHIP_INTVL: [10, u64],
  MCAST_QUERIER_INTVL: [11, u64],
  MCAST_QUERY_INTVL: [12, u64],
  MCAST_QUERY_RESPONSE_INTVL: [13, u64],
  MCAST_STARTUP_QUERY_INTVL: [14, u64],
  MCAST_QUERIER: [15, u8],
  MCAST_ROUTER_PORTS: [16, nest(MDBA_ROUTER)],
  MCAST_QUERIER_STATE: [17, nest(BRIDGE_QUERIER)],
  MSTI: [18, u16],
});

const BRIDGE_VLANDB: Space = attributes("BRIDGE_VLANDB_", {
  ENTRY: [1, nest(BRIDGE_VLANDB_ENTRY)],
  GLOBAL_OPTIONS: [2, nest(BRIDGE_VLANDB_GOPTS)],
});

/** `BRIDGE_VLANDB_DUMPF_*` */
const BRIDGE_VLANDB_DUMPF = names("BRIDGE_VLANDB_DUMPF_", { STATS: 1, GLOBAL: 2 });
const BRIDGE_VLANDB_DUMP: Space = attributes("BRIDGE_VLANDB_DUMP_", {
  FLAGS: [1, bitsOf(u32, BRIDGE_VLANDB_DUMPF)],
});

/** `TUNNEL_MSG_*` */
const TUNNEL_MSG = names("TUNNEL_MSG_", { FLAG_STATS: 1 });

/** `struct tunnel_msg` */
const tunnel_msg = layout("tunnel_msg", "", {
  family: oneOf(u8, AF),
  flags: bitsOf(u8, TUNNEL_MSG),
  reserved2: u16,
  ifindex: u32,
});

const VNIFILTER_ENTRY_STATS: Space = attributes("VNIFILTER_ENTRY_STATS_", {
  RX_BYTES: [1, u64],
  RX_PKTS: [2, u64],
  RX_DROPS: [3, u64],
  RX_ERRORS: [4, u64],
  TX_BYTES: [5, u64],
  TX_PKTS: [6, u64],
  TX_DROPS: [7, u64],
  TX_ERRORS: [8, u64],
  PAD: [9],
});

const VXLAN_VNIFILTER_ENTRY: Space = attributes("VXLAN_VNIFILTER_ENTRY_", {
  START: [1, u32],
  END: [2, u32],
  GROUP: [3, address],
  GROUP6: [4, address],
  STATS: [5, nest(VNIFILTER_ENTRY_STATS)],
});

const VXLAN_VNIFILTER: Space = attributes("VXLAN_VNIFILTER_", {
  ENTRY: [1, nest(VXLAN_VNIFILTER_ENTRY)],
});

export const BRIDGE_MESSAGES: Record<number, MessageSpec> = {
  ...messages("MDB", 84, mdb),
  // What a dump gives has the type of the request, seen on 6.1
  86: { name: "RTM_GETMDB", body: br_port_msg, space: (_, isRequest) => isRequest ? MDBA_GET : MDBA, asks: true },
  ...messages("VLAN", 112, { body: br_vlan_msg, space: BRIDGE_VLANDB }),
  114: { name: "RTM_GETVLAN", body: br_vlan_msg, space: BRIDGE_VLANDB_DUMP, asks: true },
  ...messages("TUNNEL", 120, { body: tunnel_msg, space: VXLAN_VNIFILTER }),
};
