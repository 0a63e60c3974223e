// The options and the statistics of every kind of qdisc, and of its classes. `linux/pkt_sched.h`
import {
  array,
  attributes,
  bitsOf,
  flag,
  type Kind,
  layout,
  list,
  names,
  nest,
  oneOf,
  s16,
  s32,
  s64,
  type Space,
  struct,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { classId, inHex, octets, room } from "./value.ts";
import { bitfield32, plug, TC_LINKLAYER } from "./qdisc.ts";

/** A rate, and what a packet costs beside its bytes. */
/** `struct tc_ratespec` */
export const tc_ratespec = layout("tc_ratespec", "", {
  cell_log: u8,
  linklayer: oneOf(u8, TC_LINKLAYER),
  overhead: u16,
  cell_align: s16,
  mpu: u16,
  rate: u32,
});

/** `struct tc_fifo_qopt` */
const tc_fifo_qopt = layout("tc_fifo_qopt", "", {
  limit: u32,
});

/** `struct tc_skbprio_qopt` */
const tc_skbprio_qopt = layout("tc_skbprio_qopt", "", {
  limit: u32,
});

/** `struct tc_prio_qopt` */
const tc_prio_qopt = layout("tc_prio_qopt", "", {
  bands: s32,
  priomap: octets(16),
});

/** `struct tc_multiq_qopt` */
const tc_multiq_qopt = layout("tc_multiq_qopt", "", {
  bands: u16,
  max_bands: u16,
});

/** `struct tc_tbf_qopt` */
const tc_tbf_qopt = layout("tc_tbf_qopt", "", {
  rate: tc_ratespec,
  peakrate: tc_ratespec,
  limit: u32,
  buffer: u32,
  mtu: u32,
});

const TCA_TBF: Space = attributes("TCA_TBF_", {
  PARMS: [1, tc_tbf_qopt],
  RTAB: [2],
  PTAB: [3],
  RATE64: [4, u64],
  PRATE64: [5, u64],
  BURST: [6, u32],
  PBURST: [7, u32],
  PAD: [8],
});

/** `TC_RED_*` */
const TC_RED = names("TC_RED_", { ECN: 1, HARDDROP: 2, ADAPTATIVE: 4, NODROP: 8 });

/** `struct tc_sfq_qopt` */
const tc_sfq_qopt = layout("tc_sfq_qopt", "", {
  quantum: u32,
  perturb_period: s32,
  limit: u32,
  divisor: u32,
  flows: u32,
});

/** `struct tc_sfqred_stats` */
const tc_sfqred_stats = layout("tc_sfqred_stats", "", {
  prob_drop: u32,
  forced_drop: u32,
  prob_mark: u32,
  forced_mark: u32,
  prob_mark_head: u32,
  forced_mark_head: u32,
});

/** `struct tc_sfq_qopt_v1` */
const tc_sfq_qopt_v1 = layout("tc_sfq_qopt_v1", "", {
  v0: tc_sfq_qopt,
  depth: u32,
  headdrop: u32,
  limit: u32,
  qth_min: u32,
  qth_max: u32,
  Wlog: u8,
  Plog: u8,
  Scell_log: u8,
  flags: bitsOf(u8, TC_RED),
  max_P: u32,
  stats: tc_sfqred_stats,
});

/** `struct tc_sfq_xstats` */
const tc_sfq_xstats = layout("tc_sfq_xstats", "", {
  allot: s32,
});

/** `struct tc_red_qopt` */
const tc_red_qopt = layout("tc_red_qopt", "", {
  limit: u32,
  qth_min: u32,
  qth_max: u32,
  Wlog: u8,
  Plog: u8,
  Scell_log: u8,
  flags: bitsOf(u8, TC_RED),
});

/** `struct tc_red_xstats` */
const tc_red_xstats = layout("tc_red_xstats", "", {
  early: u32,
  pdrop: u32,
  other: u32,
  marked: u32,
});

const TCA_RED: Space = attributes("TCA_RED_", {
  PARMS: [1, tc_red_qopt],
  STAB: [2],
  MAX_P: [3, u32],
  FLAGS: [4, struct(bitfield32)],
  EARLY_DROP_BLOCK: [5, u32],
  MARK_BLOCK: [6, u32],
});

/** `struct tc_gred_qopt` */
const tc_gred_qopt = layout("tc_gred_qopt", "", {
  limit: u32,
  qth_min: u32,
  qth_max: u32,
  DP: u32,
  backlog: u32,
  qave: u32,
  forced: u32,
  early: u32,
  other: u32,
  pdrop: u32,
  Wlog: u8,
  Plog: u8,
  Scell_log: u8,
  prio: u8,
  packets: u32,
  bytesin: u32,
});

/** `struct tc_gred_sopt` */
const tc_gred_sopt = layout("tc_gred_sopt", "", {
  DPs: u32,
  def_DP: u32,
  grio: u8,
  flags: u8,
  pad1: u16,
});

const TCA_GRED_VQ: Space = attributes("TCA_GRED_VQ_", {
  PAD: [1],
  DP: [2, u32],
  STAT_BYTES: [3, u64],
  STAT_PACKETS: [4, u32],
  STAT_BACKLOG: [5, u32],
  STAT_PROB_DROP: [6, u32],
  STAT_PROB_MARK: [7, u32],
  STAT_FORCED_DROP: [8, u32],
  STAT_FORCED_MARK: [9, u32],
  STAT_PDROP: [10, u32],
  STAT_OTHER: [11, u32],
  FLAGS: [12, bitsOf(u32, TC_RED)],
});

const TCA_GRED_VQ_ENTRY: Space = attributes("TCA_GRED_VQ_", {
  ENTRY: [1, nest(TCA_GRED_VQ)],
});

const TCA_GRED: Space = attributes("TCA_GRED_", {
  PARMS: [1, array(tc_gred_qopt)],
  STAB: [2],
  DPS: [3, tc_gred_sopt],
  MAX_P: [4, array(u32)],
  LIMIT: [5, u32],
  VQ_LIST: [6, nest(TCA_GRED_VQ_ENTRY)],
});

/** `struct tc_choke_xstats` */
const tc_choke_xstats = layout("tc_choke_xstats", "", {
  early: u32,
  pdrop: u32,
  other: u32,
  marked: u32,
  matched: u32,
});

const TCA_CHOKE: Space = attributes("TCA_CHOKE_", {
  PARMS: [1, tc_red_qopt],
  STAB: [2],
  MAX_P: [3, u32],
});

/** `struct tc_htb_opt` */
const tc_htb_opt = layout("tc_htb_opt", "", {
  rate: tc_ratespec,
  ceil: tc_ratespec,
  buffer: u32,
  cbuffer: u32,
  quantum: u32,
  level: u32,
  prio: u32,
});

/** `struct tc_htb_glob` */
const tc_htb_glob = layout("tc_htb_glob", "", {
  version: u32,
  rate2quantum: u32,
  defcls: inHex(u32),
  debug: u32,
  direct_pkts: u32,
});

/** `struct tc_htb_xstats` */
const tc_htb_xstats = layout("tc_htb_xstats", "", {
  lends: u32,
  borrows: u32,
  giants: u32,
  tokens: s32,
  ctokens: s32,
});

const TCA_HTB: Space = attributes("TCA_HTB_", {
  PARMS: [1, tc_htb_opt],
  INIT: [2, tc_htb_glob],
  CTAB: [3],
  RTAB: [4],
  DIRECT_QLEN: [5, u32],
  RATE64: [6, u64],
  CEIL64: [7, u64],
  PAD: [8],
  OFFLOAD: [9, flag],
});

/** `struct tc_hfsc_qopt` */
const tc_hfsc_qopt = layout("tc_hfsc_qopt", "", {
  defcls: inHex(u16),
});

/** `struct tc_service_curve` */
const tc_service_curve = layout("tc_service_curve", "", {
  m1: u32,
  d: u32,
  m2: u32,
});

/** `struct tc_hfsc_stats` */
const tc_hfsc_stats = layout("tc_hfsc_stats", "", {
  work: u64,
  rtwork: u64,
  period: u32,
  level: u32,
});

const TCA_HFSC: Space = attributes("TCA_HFSC_", {
  RSC: [1, tc_service_curve],
  FSC: [2, tc_service_curve],
  USC: [3, tc_service_curve],
});

/** `struct tc_cbq_lssopt` */
const tc_cbq_lssopt = layout("tc_cbq_lssopt", "", {
  change: u8,
  flags: u8,
  ewma_log: u8,
  level: u8,
  maxidle: u32,
  minidle: u32,
  offtime: u32,
  avpkt: u32,
});

/** `struct tc_cbq_wrropt` */
const tc_cbq_wrropt = layout("tc_cbq_wrropt", "", {
  flags: u8,
  priority: u8,
  cpriority: u8,
  __reserved: u8,
  allot: u32,
  weight: u32,
});

/** `struct tc_cbq_ovl` */
const tc_cbq_ovl = layout("tc_cbq_ovl", "", {
  strategy: u8,
  priority2: u8,
  pad: u16,
  penalty: u32,
});

/** `struct tc_cbq_police` */
const tc_cbq_police = layout("tc_cbq_police", "", {
  police: u8,
  __res1: u8,
  __res2: u16,
});

/** `struct tc_cbq_fopt` */
const tc_cbq_fopt = layout("tc_cbq_fopt", "", {
  split: classId,
  defmap: inHex(u32),
  defchange: u32,
});

/** `struct tc_cbq_xstats` */
const tc_cbq_xstats = layout("tc_cbq_xstats", "", {
  borrows: u32,
  overactions: u32,
  avgidle: s32,
  undertime: s32,
});

const TCA_CBQ: Space = attributes("TCA_CBQ_", {
  LSSOPT: [1, tc_cbq_lssopt],
  WRROPT: [2, tc_cbq_wrropt],
  FOPT: [3, tc_cbq_fopt],
  OVL_STRATEGY: [4, tc_cbq_ovl],
  RATE: [5, tc_ratespec],
  RTAB: [6],
  POLICE: [7, tc_cbq_police],
});

const TCA_DSMARK: Space = attributes("TCA_DSMARK_", {
  INDICES: [1, u16],
  DEFAULT_INDEX: [2, u16],
  SET_TC_INDEX: [3, flag],
  MASK: [4, inHex(u8)],
  VALUE: [5, inHex(u8)],
});

const TCA_ATM: Space = attributes("TCA_ATM_", {
  FD: [1, u32],
  PTR: [2],
  HDR: [3],
  EXCESS: [4, classId],
  ADDR: [5],
  STATE: [6, u32],
});

/** `struct tc_netem_qopt` */
const tc_netem_qopt = layout("tc_netem_qopt", "", {
  latency: u32,
  limit: u32,
  loss: u32,
  gap: u32,
  duplicate: u32,
  jitter: u32,
});

/** `struct tc_netem_corr` */
const tc_netem_corr = layout("tc_netem_corr", "", {
  delay_corr: u32,
  loss_corr: u32,
  dup_corr: u32,
});

/** `struct tc_netem_reorder` */
const tc_netem_reorder = layout("tc_netem_reorder", "", {
  probability: u32,
  correlation: u32,
});

/** `struct tc_netem_corrupt` */
const tc_netem_corrupt = layout("tc_netem_corrupt", "", {
  probability: u32,
  correlation: u32,
});

/** `struct tc_netem_rate` */
const tc_netem_rate = layout("tc_netem_rate", "", {
  rate: u32,
  packet_overhead: s32,
  cell_size: u32,
  cell_overhead: s32,
});

/** `struct tc_netem_slot` */
const tc_netem_slot = layout("tc_netem_slot", "", {
  min_delay: s64,
  max_delay: s64,
  max_packets: s32,
  max_bytes: s32,
  dist_delay: s64,
  dist_jitter: s64,
});

/** `struct tc_netem_gimodel` */
const tc_netem_gimodel = layout("tc_netem_gimodel", "", {
  p13: u32,
  p31: u32,
  p32: u32,
  p14: u32,
  p23: u32,
});

/** `struct tc_netem_gemodel` */
const tc_netem_gemodel = layout("tc_netem_gemodel", "", {
  p: u32,
  r: u32,
  h: u32,
  k1: u32,
});

const NETEM_LOSS: Space = attributes("NETEM_LOSS_", {
  GI: [1, tc_netem_gimodel],
  GE: [2, tc_netem_gemodel],
});

const TCA_NETEM: Space = attributes("TCA_NETEM_", {
  CORR: [1, tc_netem_corr],
  DELAY_DIST: [2, array(s16)],
  REORDER: [3, tc_netem_reorder],
  CORRUPT: [4, tc_netem_corrupt],
  LOSS: [5, nest(NETEM_LOSS)],
  RATE: [6, tc_netem_rate],
  ECN: [7, u32],
  RATE64: [8, u64],
  PAD: [9],
  LATENCY64: [10, s64],
  JITTER64: [11, s64],
  SLOT: [12, tc_netem_slot],
  SLOT_DIST: [13, array(s16)],
  PRNG_SEED: [14, u64],
});

/** `struct tc_drr_stats` */
const tc_drr_stats = layout("tc_drr_stats", "", {
  deficit: u32,
});

const TCA_DRR: Space = attributes("TCA_DRR_", {
  QUANTUM: [1, u32],
});

/** `TC_MQPRIO_HW_OFFLOAD_*` */
const TC_MQPRIO_HW_OFFLOAD = names("TC_MQPRIO_HW_OFFLOAD_", { NONE: 0, TCS: 1 });
/** `struct tc_mqprio_qopt` */
const tc_mqprio_qopt = layout("tc_mqprio_qopt", "", {
  num_tc: u8,
  prio_tc_map: octets(16),
  hw: oneOf(u8, TC_MQPRIO_HW_OFFLOAD),
  count: array(u16, 16),
  offset: array(u16, 16),
});

/** `TC_MQPRIO_MODE_*` */
const TC_MQPRIO_MODE = names("TC_MQPRIO_MODE_", { DCB: 0, CHANNEL: 1 });
/** `TC_MQPRIO_SHAPER_*` */
const TC_MQPRIO_SHAPER = names("TC_MQPRIO_SHAPER_", { DCB: 0, BW_RATE: 1 });
/** `TC_FP_*` */
const TC_FP = names("TC_FP_", { EXPRESS: 1, PREEMPTIBLE: 2 });
const TCA_MQPRIO_TC_ENTRY: Space = attributes("TCA_MQPRIO_TC_ENTRY_", {
  INDEX: [1, u32],
  FP: [2, oneOf(u32, TC_FP)],
});

const TCA_MQPRIO_RATE: Space = attributes("TCA_MQPRIO_", {
  MIN_RATE64: [3, u64],
  MAX_RATE64: [4, u64],
});

const TCA_MQPRIO: Space = attributes("TCA_MQPRIO_", {
  MODE: [1, oneOf(u16, TC_MQPRIO_MODE)],
  SHAPER: [2, oneOf(u16, TC_MQPRIO_SHAPER)],
  MIN_RATE64: [3, nest(TCA_MQPRIO_RATE)],
  MAX_RATE64: [4, nest(TCA_MQPRIO_RATE)],
  TC_ENTRY: [5, nest(TCA_MQPRIO_TC_ENTRY)],
});

/** `struct tc_sfb_qopt` */
const tc_sfb_qopt = layout("tc_sfb_qopt", "", {
  rehash_interval: u32,
  warmup_time: u32,
  max: u32,
  bin_size: u32,
  increment: u32,
  decrement: u32,
  limit: u32,
  penalty_rate: u32,
  penalty_burst: u32,
});

/** `struct tc_sfb_xstats` */
const tc_sfb_xstats = layout("tc_sfb_xstats", "", {
  earlydrop: u32,
  penaltydrop: u32,
  bucketdrop: u32,
  queuedrop: u32,
  childdrop: u32,
  marked: u32,
  maxqlen: u32,
  maxprob: u32,
  avgprob: u32,
});

const TCA_SFB: Space = attributes("TCA_SFB_", {
  PARMS: [1, tc_sfb_qopt],
});

/** `struct tc_qfq_stats` */
const tc_qfq_stats = layout("tc_qfq_stats", "", {
  weight: u32,
  lmax: u32,
});

const TCA_QFQ: Space = attributes("TCA_QFQ_", {
  WEIGHT: [1, u32],
  LMAX: [2, u32],
});

/** `struct tc_codel_xstats` */
const tc_codel_xstats = layout("tc_codel_xstats", "", {
  maxpacket: u32,
  count: u32,
  lastcount: u32,
  ldelay: u32,
  drop_next: s32,
  drop_overlimit: u32,
  ecn_mark: u32,
  dropping: u32,
  ce_mark: u32,
});

const TCA_CODEL: Space = attributes("TCA_CODEL_", {
  TARGET: [1, u32],
  LIMIT: [2, u32],
  INTERVAL: [3, u32],
  ECN: [4, u32],
  CE_THRESHOLD: [5, u32],
});

/** `struct tc_fq_codel_qd_stats` */
const tc_fq_codel_qd_stats = layout("tc_fq_codel_qd_stats", "", {
  maxpacket: u32,
  drop_overlimit: u32,
  ecn_mark: u32,
  new_flow_count: u32,
  new_flows_len: u32,
  old_flows_len: u32,
  ce_mark: u32,
  memory_usage: u32,
  drop_overmemory: u32,
});

/** `struct tc_fq_codel_cl_stats` */
const tc_fq_codel_cl_stats = layout("tc_fq_codel_cl_stats", "", {
  deficit: s32,
  ldelay: u32,
  count: u32,
  lastcount: u32,
  dropping: u32,
  drop_next: s32,
});

/** `TCA_FQ_CODEL_XSTATS_*` */
const TCA_FQ_CODEL_XSTATS = names("TCA_FQ_CODEL_XSTATS_", { QDISC: 0, CLASS: 1 });
/** `struct tc_fq_codel_xstats` of a qdisc; of a class the first members are others. */
const fqCodelQdisc = layout("tc_fq_codel_xstats", "", {
  type: oneOf(u32, TCA_FQ_CODEL_XSTATS),
  qdisc_stats: tc_fq_codel_qd_stats,
});
/** The same of a class. */
const fqCodelClass = layout("tc_fq_codel_xstats", "", {
  type: oneOf(u32, TCA_FQ_CODEL_XSTATS),
  class_stats: tc_fq_codel_cl_stats,
});
const TCA_FQ_CODEL: Space = attributes("TCA_FQ_CODEL_", {
  TARGET: [1, u32],
  LIMIT: [2, u32],
  INTERVAL: [3, u32],
  ECN: [4, u32],
  FLOWS: [5, u32],
  QUANTUM: [6, u32],
  CE_THRESHOLD: [7, u32],
  DROP_BATCH_SIZE: [8, u32],
  MEMORY_LIMIT: [9, u32],
  CE_THRESHOLD_SELECTOR: [10, inHex(u8)],
  CE_THRESHOLD_MASK: [11, inHex(u8)],
});

/** `struct tc_fq_qd_stats` */
const tc_fq_qd_stats = layout("tc_fq_qd_stats", "", {
  gc_flows: u64,
  highprio_packets: u64,
  tcp_retrans: u64,
  throttled: u64,
  flows_plimit: u64,
  pkts_too_long: u64,
  allocation_errors: u64,
  time_next_delayed_flow: s64,
  flows: u32,
  inactive_flows: u32,
  throttled_flows: u32,
  unthrottle_latency_ns: u32,
  ce_mark: u64,
  horizon_drops: u64,
  horizon_caps: u64,
  fastpath_packets: u64,
  band_drops_0: u64,
  band_drops_1: u64,
  band_drops_2: u64,
  band_pkt_count_0: u32,
  band_pkt_count_1: u32,
  band_pkt_count_2: u32,
  _pad1: room(4),
});
const TCA_FQ: Space = attributes("TCA_FQ_", {
  PLIMIT: [1, u32],
  FLOW_PLIMIT: [2, u32],
  QUANTUM: [3, u32],
  INITIAL_QUANTUM: [4, u32],
  RATE_ENABLE: [5, u32],
  FLOW_DEFAULT_RATE: [6, u32],
  FLOW_MAX_RATE: [7, u32],
  BUCKETS_LOG: [8, u32],
  FLOW_REFILL_DELAY: [9, u32],
  ORPHAN_MASK: [10, inHex(u32)],
  LOW_RATE_THRESHOLD: [11, u32],
  CE_THRESHOLD: [12, u32],
  TIMER_SLACK: [13, u32],
  HORIZON: [14, u32],
  HORIZON_DROP: [15, u8],
  PRIOMAP: [16, tc_prio_qopt],
  WEIGHTS: [17, array(s32)],
});

/** `struct tc_hhf_xstats` */
const tc_hhf_xstats = layout("tc_hhf_xstats", "", {
  drop_overlimit: u32,
  hh_overlimit: u32,
  hh_tot_count: u32,
  hh_cur_count: u32,
});

const TCA_HHF: Space = attributes("TCA_HHF_", {
  BACKLOG_LIMIT: [1, u32],
  QUANTUM: [2, u32],
  HH_FLOWS_LIMIT: [3, u32],
  RESET_TIMEOUT: [4, u32],
  ADMIT_BYTES: [5, u32],
  EVICT_TIMEOUT: [6, u32],
  NON_HH_WEIGHT: [7, u32],
});

/** `struct tc_pie_xstats` */
const tc_pie_xstats = layout("tc_pie_xstats", "", {
  prob: u64,
  delay: u32,
  avg_dq_rate: u32,
  dq_rate_estimating: u32,
  packets_in: u32,
  dropped: u32,
  overlimit: u32,
  maxq: u32,
  ecn_mark: u32,
});

const TCA_PIE: Space = attributes("TCA_PIE_", {
  TARGET: [1, u32],
  LIMIT: [2, u32],
  TUPDATE: [3, u32],
  ALPHA: [4, u32],
  BETA: [5, u32],
  ECN: [6, u32],
  BYTEMODE: [7, u32],
  DQ_RATE_ESTIMATOR: [8, u32],
});

/** `struct tc_fq_pie_xstats` */
const tc_fq_pie_xstats = layout("tc_fq_pie_xstats", "", {
  packets_in: u32,
  dropped: u32,
  overlimit: u32,
  overmemory: u32,
  ecn_mark: u32,
  new_flow_count: u32,
  new_flows_len: u32,
  old_flows_len: u32,
  memory_usage: u32,
});

const TCA_FQ_PIE: Space = attributes("TCA_FQ_PIE_", {
  LIMIT: [1, u32],
  FLOWS: [2, u32],
  TARGET: [3, u32],
  TUPDATE: [4, u32],
  ALPHA: [5, u32],
  BETA: [6, u32],
  QUANTUM: [7, u32],
  MEMORY_LIMIT: [8, u32],
  ECN_PROB: [9, u32],
  ECN: [10, u32],
  BYTEMODE: [11, u32],
  DQ_RATE_ESTIMATOR: [12, u32],
});

/** `struct tc_cbs_qopt` */
const tc_cbs_qopt = layout("tc_cbs_qopt", "", {
  offload: u8,
  _pad: room(3),
  hicredit: s32,
  locredit: s32,
  idleslope: s32,
  sendslope: s32,
});

const TCA_CBS: Space = attributes("TCA_CBS_", {
  PARMS: [1, tc_cbs_qopt],
});

/** `TC_ETF_*` */
const TC_ETF = names("TC_ETF_", { DEADLINE_MODE_ON: 1, OFFLOAD_ON: 2, SKIP_SOCK_CHECK: 4 });
/** `struct tc_etf_qopt` */
const tc_etf_qopt = layout("tc_etf_qopt", "", {
  delta: s32,
  clockid: s32,
  flags: bitsOf(u32, TC_ETF),
});

const TCA_ETF: Space = attributes("TCA_ETF_", {
  PARMS: [1, tc_etf_qopt],
});

/** `CAKE_FLOW_*` */
const CAKE_FLOW = names("CAKE_FLOW_", {
  NONE: 0,
  SRC_IP: 1,
  DST_IP: 2,
  HOSTS: 3,
  FLOWS: 4,
  DUAL_SRC: 5,
  DUAL_DST: 6,
  TRIPLE: 7,
});

/** `CAKE_DIFFSERV_*` */
const CAKE_DIFFSERV = names("CAKE_DIFFSERV_", {
  DIFFSERV3: 0,
  DIFFSERV4: 1,
  DIFFSERV8: 2,
  BESTEFFORT: 3,
  PRECEDENCE: 4,
});

/** `CAKE_ACK_*` */
const CAKE_ACK = names("CAKE_ACK_", { NONE: 0, FILTER: 1, AGGRESSIVE: 2 });

/** `CAKE_ATM_*` */
const CAKE_ATM = names("CAKE_ATM_", { NONE: 0, ATM: 1, PTM: 2 });

const TCA_CAKE: Space = attributes("TCA_CAKE_", {
  PAD: [1],
  BASE_RATE64: [2, u64],
  DIFFSERV_MODE: [3, oneOf(u32, CAKE_DIFFSERV)],
  ATM: [4, oneOf(u32, CAKE_ATM)],
  FLOW_MODE: [5, oneOf(u32, CAKE_FLOW)],
  OVERHEAD: [6, s32],
  RTT: [7, u32],
  TARGET: [8, u32],
  AUTORATE: [9, u32],
  MEMORY: [10, u32],
  NAT: [11, u32],
  RAW: [12, u32],
  WASH: [13, u32],
  MPU: [14, u32],
  INGRESS: [15, u32],
  ACK_FILTER: [16, oneOf(u32, CAKE_ACK)],
  SPLIT_GSO: [17, u32],
  FWMARK: [18, inHex(u32)],
});

const TCA_CAKE_TIN_STATS: Space = attributes("TCA_CAKE_TIN_STATS_", {
  PAD: [1],
  SENT_PACKETS: [2, u32],
  SENT_BYTES64: [3, u64],
  DROPPED_PACKETS: [4, u32],
  DROPPED_BYTES64: [5, u64],
  ACKS_DROPPED_PACKETS: [6, u32],
  ACKS_DROPPED_BYTES64: [7, u64],
  ECN_MARKED_PACKETS: [8, u32],
  ECN_MARKED_BYTES64: [9, u64],
  BACKLOG_PACKETS: [10, u32],
  BACKLOG_BYTES: [11, u32],
  THRESHOLD_RATE64: [12, u64],
  TARGET_US: [13, u32],
  INTERVAL_US: [14, u32],
  WAY_INDIRECT_HITS: [15, u32],
  WAY_MISSES: [16, u32],
  WAY_COLLISIONS: [17, u32],
  PEAK_DELAY_US: [18, u32],
  AVG_DELAY_US: [19, u32],
  BASE_DELAY_US: [20, u32],
  SPARSE_FLOWS: [21, u32],
  BULK_FLOWS: [22, u32],
  UNRESPONSIVE_FLOWS: [23, u32],
  MAX_SKBLEN: [24, u32],
  FLOW_QUANTUM: [25, u32],
});

const TCA_CAKE_STATS: Space = attributes("TCA_CAKE_STATS_", {
  PAD: [1],
  CAPACITY_ESTIMATE64: [2, u64],
  MEMORY_LIMIT: [3, u32],
  MEMORY_USED: [4, u32],
  AVG_NETOFF: [5, u32],
  MIN_NETLEN: [6, u32],
  MAX_NETLEN: [7, u32],
  MIN_ADJLEN: [8, u32],
  MAX_ADJLEN: [9, u32],
  TIN_STATS: [10, list("TCA_CAKE_TIN_STATS_", nest(TCA_CAKE_TIN_STATS))],
  DEFICIT: [11, s32],
  COBALT_COUNT: [12, u32],
  DROPPING: [13, u32],
  DROP_NEXT_US: [14, s32],
  P_DROP: [15, u32],
  BLUE_TIMER_US: [16, s32],
});

/** `TC_TAPRIO_CMD_*` */
const TC_TAPRIO_CMD = names("TC_TAPRIO_CMD_", { SET_GATES: 0, SET_AND_HOLD: 1, SET_AND_RELEASE: 2 });
/** `TCA_TAPRIO_ATTR_FLAG_*` */
const TCA_TAPRIO_FLAG = names("TCA_TAPRIO_ATTR_FLAG_", { TXTIME_ASSIST: 1, FULL_OFFLOAD: 2 });
const TCA_TAPRIO_SCHED_ENTRY: Space = attributes("TCA_TAPRIO_SCHED_ENTRY_", {
  INDEX: [1, u32],
  CMD: [2, oneOf(u8, TC_TAPRIO_CMD)],
  GATE_MASK: [3, inHex(u32)],
  INTERVAL: [4, u32],
});

const TCA_TAPRIO_SCHED: Space = attributes("TCA_TAPRIO_SCHED_", {
  ENTRY: [1, nest(TCA_TAPRIO_SCHED_ENTRY)],
});

const TCA_TAPRIO_TC_ENTRY: Space = attributes("TCA_TAPRIO_TC_ENTRY_", {
  INDEX: [1, u32],
  MAX_SDU: [2, u32],
  FP: [3, oneOf(u32, TC_FP)],
});

const TCA_TAPRIO: Space = attributes("TCA_TAPRIO_ATTR_", {
  PRIOMAP: [1, tc_mqprio_qopt],
  SCHED_ENTRY_LIST: [2, nest(TCA_TAPRIO_SCHED)],
  SCHED_BASE_TIME: [3, s64],
  SCHED_SINGLE_ENTRY: [4, nest(TCA_TAPRIO_SCHED)],
  SCHED_CLOCKID: [5, s32],
  PAD: [6],
  ADMIN_SCHED: [7, nest(() => TCA_TAPRIO)],
  SCHED_CYCLE_TIME: [8, s64],
  SCHED_CYCLE_TIME_EXTENSION: [9, s64],
  FLAGS: [10, bitsOf(u32, TCA_TAPRIO_FLAG)],
  TXTIME_DELAY: [11, u32],
  TC_ENTRY: [12, nest(TCA_TAPRIO_TC_ENTRY)],
});

const TCA_TAPRIO_OFFLOAD_STATS: Space = attributes("TCA_TAPRIO_OFFLOAD_STATS_", {
  PAD: [1],
  WINDOW_DROPS: [2, u64],
  TX_OVERRUNS: [3, u64],
});

const TCA_ETS_BAND: Space = attributes("TCA_ETS_", {
  QUANTA_BAND: [4, u32],
});

const TCA_ETS_PRIOMAP: Space = attributes("TCA_ETS_", {
  PRIOMAP_BAND: [6, u8],
});

const TCA_ETS: Space = attributes("TCA_ETS_", {
  NBANDS: [1, u8],
  NSTRICT: [2, u8],
  QUANTA: [3, nest(TCA_ETS_BAND)],
  QUANTA_BAND: [4, u32],
  PRIOMAP: [5, nest(TCA_ETS_PRIOMAP)],
  PRIOMAP_BAND: [6, u8],
});

/** Kinds of qdiscs by their names in `TCA_KIND`. */
export const QDISC_KINDS: Readonly<Record<string, Kind>> = {
  plug,
  pfifo: { options: struct(tc_fifo_qopt) },
  bfifo: { options: struct(tc_fifo_qopt) },
  pfifo_head_drop: { options: struct(tc_fifo_qopt) },
  pfifo_fast: { options: struct(tc_prio_qopt) },
  prio: { options: struct(tc_prio_qopt) },
  multiq: { options: struct(tc_multiq_qopt) },
  skbprio: { options: struct(tc_skbprio_qopt) },
  tbf: { options: nest(TCA_TBF) },
  sfq: { options: struct(tc_sfq_qopt_v1), xstats: struct(tc_sfq_xstats) },
  red: { options: nest(TCA_RED), xstats: struct(tc_red_xstats) },
  gred: { options: nest(TCA_GRED) },
  choke: { options: nest(TCA_CHOKE), xstats: struct(tc_choke_xstats) },
  htb: { options: nest(TCA_HTB), xstats: struct(tc_htb_xstats) },
  hfsc: { options: struct(tc_hfsc_qopt) },
  cbq: { options: nest(TCA_CBQ), xstats: struct(tc_cbq_xstats) },
  dsmark: { options: nest(TCA_DSMARK) },
  atm: { options: nest(TCA_ATM) },
  netem: { options: struct(tc_netem_qopt, nest(TCA_NETEM)) },
  drr: { options: nest(TCA_DRR), xstats: struct(tc_drr_stats) },
  mqprio: { options: struct(tc_mqprio_qopt, nest(TCA_MQPRIO)) },
  sfb: { options: nest(TCA_SFB), xstats: struct(tc_sfb_xstats) },
  qfq: { options: nest(TCA_QFQ), xstats: struct(tc_qfq_stats) },
  codel: { options: nest(TCA_CODEL), xstats: struct(tc_codel_xstats) },
  fq_codel: { options: nest(TCA_FQ_CODEL), xstats: struct(fqCodelQdisc) },
  fq: { options: nest(TCA_FQ), xstats: struct(tc_fq_qd_stats) },
  hhf: { options: nest(TCA_HHF), xstats: struct(tc_hhf_xstats) },
  pie: { options: nest(TCA_PIE), xstats: struct(tc_pie_xstats) },
  fq_pie: { options: nest(TCA_FQ_PIE), xstats: struct(tc_fq_pie_xstats) },
  cbs: { options: nest(TCA_CBS) },
  etf: { options: nest(TCA_ETF) },
  cake: { options: nest(TCA_CAKE), xstats: nest(TCA_CAKE_STATS) },
  taprio: { options: nest(TCA_TAPRIO), xstats: nest(TCA_TAPRIO_OFFLOAD_STATS) },
  ets: { options: nest(TCA_ETS) },
};

/** Classes by the kinds of their qdiscs. */
export const CLASS_KINDS: Readonly<Record<string, Kind>> = {
  ...QDISC_KINDS,
  hfsc: { options: nest(TCA_HFSC), xstats: struct(tc_hfsc_stats) },
  fq_codel: { xstats: struct(fqCodelClass) },
  sfq: { xstats: struct(layout("tc_sfq_xstats", "", { allot: s32 })) },
  cake: { xstats: nest(TCA_CAKE_STATS) },
};
