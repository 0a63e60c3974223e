// Next hops, which routes can share. `linux/nexthop.h`
import {
  array,
  attributes,
  bitsOf,
  byKind,
  flag,
  layout,
  messages,
  names,
  nest,
  oneOf,
  type Space,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { address, AF } from "./value.ts";
import { LWTUNNEL_ENCAP, RTN_SCOPE, RTNH_F, RTPROT } from "./route.ts";

/** `struct nhmsg` */
const nhmsg = layout("nhmsg", "nh_", {
  nh_family: oneOf(u8, AF),
  nh_scope: oneOf(u8, RTN_SCOPE),
  nh_protocol: oneOf(u8, RTPROT),
  resvd: u8,
  nh_flags: bitsOf(u32, RTNH_F),
});

/** `struct nexthop_grp` */
const nexthop_grp = layout("nexthop_grp", "", {
  id: u32,
  weight: u8,
  resvd1: u8,
  resvd2: u16,
});

/** `NEXTHOP_GRP_TYPE_*` */
const NEXTHOP_GRP_TYPE = names("NEXTHOP_GRP_TYPE_", { MPATH: 0, RES: 1 });
const NHA_RES_GROUP: Space = attributes("NHA_RES_GROUP_", {
  PAD: [0],
  BUCKETS: [1, u16],
  IDLE_TIMER: [2, u32],
  UNBALANCED_TIMER: [3, u32],
  UNBALANCED_TIME: [4, u64],
});

const NHA_RES_BUCKET: Space = attributes("NHA_RES_BUCKET_", {
  PAD: [0],
  INDEX: [1, u16],
  IDLE_TIME: [2, u64],
  NH_ID: [3, u32],
});

const NHA_GROUP_STATS_ENTRY: Space = attributes("NHA_GROUP_STATS_ENTRY_", {
  ID: [1, u32],
  PACKETS: [2, u64],
  PACKETS_HW: [3, u64],
});

const NHA_GROUP_STATS: Space = attributes("NHA_GROUP_STATS_", {
  ENTRY: [1, nest(NHA_GROUP_STATS_ENTRY)],
});

/** `NHA_OP_FLAG_*` */
const NHA_OP_FLAG = names("NHA_OP_FLAG_", { DUMP_STATS: 1, DUMP_HW_STATS: 2, RESP_GRP_RESVD_0: 0x80000000 });
const NHA: Space = attributes("NHA_", {
  ID: [1, u32],
  GROUP: [2, array(nexthop_grp)],
  GROUP_TYPE: [3, oneOf(u16, NEXTHOP_GRP_TYPE)],
  BLACKHOLE: [4, flag],
  OIF: [5, u32],
  GATEWAY: [6, address],
  ENCAP_TYPE: [7, oneOf(u16, LWTUNNEL_ENCAP)],
  ENCAP: [8, byKind("ENCAP_TYPE", "encap")],
  GROUPS: [9, flag],
  MASTER: [10, u32],
  FDB: [11, flag],
  RES_GROUP: [12, nest(NHA_RES_GROUP)],
  RES_BUCKET: [13, nest(NHA_RES_BUCKET)],
  OP_FLAGS: [14, bitsOf(u32, NHA_OP_FLAG)],
  GROUP_STATS: [15, nest(NHA_GROUP_STATS)],
  HW_STATS_ENABLE: [16, u32],
  HW_STATS_USED: [17, u32],
}, "encap");

export const NEXTHOP_MESSAGES = {
  ...messages("NEXTHOP", 104, { body: nhmsg, space: NHA }),
  ...messages("NEXTHOPBUCKET", 116, { body: nhmsg, space: NHA }),
};
