// Qdiscs: `struct tcmsg`, the attributes of everything that tc configures, statistics, and the plug.
// `linux/rtnetlink.h`, `linux/pkt_sched.h`, `linux/gen_stats.h`
import {
  array,
  attributes,
  bitsOf,
  byKind,
  flag,
  type Kind,
  layout,
  messages,
  type Names,
  names,
  nest,
  oneOf,
  s16,
  s32,
  s8,
  type Space,
  string,
  type Struct,
  struct,
  u16,
  u32,
  u64,
  u8,
  withMembers,
} from "./table.ts";
import { AF, classId, inHex, parent, room } from "./value.ts";

/** `struct tcmsg` of a qdisc or a class. */
export const tcmsg = layout("tcmsg", "tcm_", {
  tcm_family: oneOf(u8, AF),
  tcm__pad1: u8,
  tcm__pad2: u16,
  tcm_ifindex: s32,
  tcm_handle: classId,
  tcm_parent: parent,
  tcm_info: u32,
});

/** `struct gnet_stats_basic` */
const gnet_stats_basic = layout("gnet_stats_basic", "", {
  bytes: u64,
  packets: u32,
  _pad1: room(4),
});

/** `struct gnet_stats_rate_est` */
const gnet_stats_rate_est = layout("gnet_stats_rate_est", "", {
  bps: u32,
  pps: u32,
});

/** `struct gnet_stats_rate_est64` */
const gnet_stats_rate_est64 = layout("gnet_stats_rate_est64", "", {
  bps: u64,
  pps: u64,
});

/** `struct gnet_stats_queue` */
const gnet_stats_queue = layout("gnet_stats_queue", "", {
  qlen: u32,
  backlog: u32,
  drops: u32,
  requeues: u32,
  overlimits: u32,
});

/** `struct gnet_estimator` */
const gnet_estimator = layout("gnet_estimator", "", {
  interval: s8,
  ewma_log: u8,
});

/** `struct tc_stats` */
const tc_stats = layout("tc_stats", "", {
  bytes: u64,
  packets: u32,
  drops: u32,
  overlimits: u32,
  bps: u32,
  pps: u32,
  qlen: u32,
  backlog: u32,
  _pad1: room(4),
});

/** What `tc -s` shows. */
export const TCA_STATS: Space = attributes("TCA_STATS_", {
  BASIC: [1, gnet_stats_basic],
  RATE_EST: [2, gnet_stats_rate_est],
  QUEUE: [3, gnet_stats_queue],
  APP: [4, byKind("KIND", "xstats")],
  RATE_EST64: [5, gnet_stats_rate_est64],
  PAD: [6],
  BASIC_HW: [7, gnet_stats_basic],
  PKT64: [8, u64],
});

/** `TC_LINKLAYER_*` */
export const TC_LINKLAYER = names("TC_LINKLAYER_", { UNAWARE: 0, ETHERNET: 1, ATM: 2 });

/** `struct tc_sizespec` */
const tc_sizespec = layout("tc_sizespec", "", {
  cell_log: u8,
  size_log: u8,
  cell_align: s16,
  overhead: s32,
  linklayer: oneOf(u32, TC_LINKLAYER),
  mpu: u32,
  mtu: u32,
  tsize: u32,
});

const TCA_STAB: Space = attributes("TCA_STAB_", {
  BASE: [1, tc_sizespec],
  DATA: [2, array(u16)],
});

/** What a plug is asked to do. */
const TCQ_PLUG = names("TCQ_PLUG_", { BUFFER: 0, RELEASE_ONE: 1, RELEASE_INDEFINITE: 2, LIMIT: 3 });

/** `struct tc_plug_qopt` */
const tc_plug_qopt = layout("tc_plug_qopt", "", {
  action: oneOf(s32, TCQ_PLUG),
  limit: u32,
});

/** What the kernel knows of the kind `plug`. */
export const plug: Kind = { options: struct(tc_plug_qopt) };

/** `struct nla_bitfield32` */
export const bitfield32 = layout("nla_bitfield32", "", { value: inHex(u32), selector: inHex(u32) });
/** `TCA_DUMP_FLAGS_*` */
const TCA_DUMP_FLAGS = names("TCA_DUMP_FLAGS_", { TERSE: 1 });
/** `struct nla_bitfield32` of bits that have names. */
export function flagsOf(names: Names): Struct {
  return withMembers(bitfield32, { value: bitsOf(u32, names), selector: bitsOf(u32, names) });
}

/** The attributes of a qdisc, a class, a filter or a chain, whose kinds are those of `kindsOf`. */
export function tca(kindsOf: string): Space {
  return attributes("TCA_", {
    KIND: [1, string],
    OPTIONS: [2, byKind("KIND", "options")],
    STATS: [3, tc_stats],
    XSTATS: [4, byKind("KIND", "xstats")],
    RATE: [5, gnet_estimator],
    FCNT: [6, u32],
    STATS2: [7, nest(TCA_STATS)],
    STAB: [8, nest(TCA_STAB)],
    PAD: [9],
    DUMP_INVISIBLE: [10, flag],
    CHAIN: [11, u32],
    HW_OFFLOAD: [12, u8],
    INGRESS_BLOCK: [13, u32],
    EGRESS_BLOCK: [14, u32],
    DUMP_FLAGS: [15, flagsOf(TCA_DUMP_FLAGS)],
    EXT_WARN_MSG: [16, string],
  }, kindsOf);
}

export const QDISC_MESSAGES = messages("QDISC", 36, { body: tcmsg, space: tca("qdisc") });
export const CLASS_MESSAGES = messages("TCLASS", 40, { body: tcmsg, space: tca("class") });
