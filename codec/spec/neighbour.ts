// Neighbours: entries of ARP and NDP, of bridges' forwarding tables, and the tables' parameters. `linux/neighbour.h`
import {
  attributes,
  be16,
  bitsOf,
  flag,
  layout,
  messages,
  names,
  nest,
  oneOf,
  s32,
  type Space,
  string,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { address, AF, hardware } from "./value.ts";
import { RTN, RTPROT } from "./route.ts";

/** `NUD_*` */
const NUD = names("NUD_", {
  INCOMPLETE: 1,
  REACHABLE: 2,
  STALE: 4,
  DELAY: 8,
  PROBE: 16,
  FAILED: 32,
  NOARP: 64,
  PERMANENT: 128,
});
/** `NTF_*` */
const NTF = names("NTF_", {
  USE: 1,
  SELF: 2,
  MASTER: 4,
  PROXY: 8,
  EXT_LEARNED: 16,
  OFFLOADED: 32,
  STICKY: 64,
  ROUTER: 128,
});
/** `NTF_EXT_*` */
const NTF_EXT = names("NTF_EXT_", { MANAGED: 1, LOCKED: 2 });

/** `struct ndmsg` */
const ndmsg = layout("ndmsg", "ndm_", {
  ndm_family: oneOf(u8, AF),
  ndm_pad1: u8,
  ndm_pad2: u16,
  ndm_ifindex: s32,
  ndm_state: bitsOf(u16, NUD),
  ndm_flags: bitsOf(u8, NTF),
  ndm_type: oneOf(u8, RTN),
});

/** `struct nda_cacheinfo` */
const nda_cacheinfo = layout("nda_cacheinfo", "ndm_", {
  ndm_confirmed: u32,
  ndm_used: u32,
  ndm_updated: u32,
  ndm_refcnt: u32,
});

const NFEA: Space = attributes("NFEA_", {
  ACTIVITY_NOTIFY: [1, u8],
  DONT_REFRESH: [2, flag],
});

const NDA: Space = attributes("NDA_", {
  DST: [1, address],
  LLADDR: [2, hardware],
  CACHEINFO: [3, nda_cacheinfo],
  PROBES: [4, u32],
  VLAN: [5, u16],
  PORT: [6, be16],
  VNI: [7, u32],
  IFINDEX: [8, u32],
  MASTER: [9, u32],
  LINK_NETNSID: [10, s32],
  SRC_VNI: [11, u32],
  PROTOCOL: [12, oneOf(u8, RTPROT)],
  NH_ID: [13, u32],
  FDB_EXT_ATTRS: [14, nest(NFEA)],
  FLAGS_EXT: [15, bitsOf(u32, NTF_EXT)],
  NDM_STATE_MASK: [16, bitsOf(u16, NUD)],
  NDM_FLAGS_MASK: [17, bitsOf(u8, NTF)],
});

/** `struct ndtmsg` */
const ndtmsg = layout("ndtmsg", "ndtm_", {
  ndtm_family: oneOf(u8, AF),
  ndtm_pad1: u8,
  ndtm_pad2: u16,
});

/** `struct ndt_stats` */
const ndt_stats = layout("ndt_stats", "ndts_", {
  ndts_allocs: u64,
  ndts_destroys: u64,
  ndts_hash_grows: u64,
  ndts_res_failed: u64,
  ndts_lookups: u64,
  ndts_hits: u64,
  ndts_rcv_probes_mcast: u64,
  ndts_rcv_probes_ucast: u64,
  ndts_periodic_gc_runs: u64,
  ndts_forced_gc_runs: u64,
  ndts_table_fulls: u64,
});

/** `struct ndt_config` */
const ndt_config = layout("ndt_config", "ndtc_", {
  ndtc_key_len: u16,
  ndtc_entry_size: u16,
  ndtc_entries: u32,
  ndtc_last_flush: u32,
  ndtc_last_rand: u32,
  ndtc_hash_rnd: u32,
  ndtc_hash_mask: u32,
  ndtc_hash_chain_gc: u32,
  ndtc_proxy_qlen: u32,
});

const NDTPA: Space = attributes("NDTPA_", {
  IFINDEX: [1, u32],
  REFCNT: [2, u32],
  REACHABLE_TIME: [3, u64],
  BASE_REACHABLE_TIME: [4, u64],
  RETRANS_TIME: [5, u64],
  GC_STALETIME: [6, u64],
  DELAY_PROBE_TIME: [7, u64],
  QUEUE_LEN: [8, u32],
  APP_PROBES: [9, u32],
  UCAST_PROBES: [10, u32],
  MCAST_PROBES: [11, u32],
  ANYCAST_DELAY: [12, u64],
  PROXY_DELAY: [13, u64],
  PROXY_QLEN: [14, u32],
  LOCKTIME: [15, u64],
  QUEUE_LENBYTES: [16, u32],
  MCAST_REPROBES: [17, u32],
  PAD: [18],
  INTERVAL_PROBE_TIME_MS: [19, u64],
});

const NDTA: Space = attributes("NDTA_", {
  NAME: [1, string],
  THRESH1: [2, u32],
  THRESH2: [3, u32],
  THRESH3: [4, u32],
  CONFIG: [5, ndt_config],
  PARMS: [6, nest(NDTPA)],
  STATS: [7, ndt_stats],
  GC_INTERVAL: [8, u64],
  PAD: [9],
});

/** `IF_PREFIX_*` */
const IF_PREFIX = names("IF_PREFIX_", { ONLINK: 1, AUTOCONF: 2 });

/** `struct prefixmsg`: a prefix that a router has announced. */
const prefixmsg = layout("prefixmsg", "prefix_", {
  prefix_family: oneOf(u8, AF),
  prefix_pad1: u8,
  prefix_pad2: u16,
  prefix_ifindex: s32,
  prefix_type: u8,
  prefix_len: ["prefixLength", u8],
  prefix_flags: bitsOf(u8, IF_PREFIX),
  prefix_pad3: u8,
});

/** `struct prefix_cacheinfo` */
const prefix_cacheinfo = layout("prefix_cacheinfo", "", {
  preferred_time: u32,
  valid_time: u32,
});

const PREFIX: Space = attributes("PREFIX_", {
  ADDRESS: [1, address],
  CACHEINFO: [2, prefix_cacheinfo],
});

/** `struct nduseroptmsg`: options of a router's announcement that the kernel leaves to programs, behind it as they came. */
const nduseroptmsg = layout("nduseroptmsg", "nduseropt_", {
  nduseropt_family: oneOf(u8, AF),
  nduseropt_pad1: u8,
  nduseropt_opts_len: u16,
  nduseropt_ifindex: s32,
  nduseropt_icmp_type: u8,
  nduseropt_icmp_code: u8,
  nduseropt_pad2: u16,
  nduseropt_pad3: u32,
});

const NDUSEROPT: Space = attributes("NDUSEROPT_", {
  SRCADDR: [1, address],
});

export const NEIGHBOUR_MESSAGES = {
  ...messages("NEIGH", 28, { body: ndmsg, space: NDA }),
  ...messages("NEIGHTBL", 64, { body: ndtmsg, space: NDTA }),
  67: { name: "RTM_SETNEIGHTBL", body: ndtmsg, space: NDTA },
  52: { name: "RTM_NEWPREFIX", body: prefixmsg, space: PREFIX },
  68: { name: "RTM_NEWNDUSEROPT", body: nduseroptmsg, space: NDUSEROPT, optionsLengthAt: 2 },
};
