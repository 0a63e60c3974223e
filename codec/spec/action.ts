// Actions: what filters do with a packet. `linux/pkt_cls.h`, `linux/tc_act/`
import {
  array,
  attributes,
  be16,
  be32,
  bitsOf,
  byKind,
  flag,
  type Kind,
  layout,
  list,
  type ListType,
  messages,
  names,
  nest,
  type NumberType,
  oneOf,
  s32,
  type Space,
  string,
  struct,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { address, AF, ETH_P, etherType, hardware, inHex, IPPROTO, ipv4, room, tunnelOptions } from "./value.ts";
import { flagsOf, TCA_STATS } from "./qdisc.ts";
import { tc_ratespec } from "./qdisc_kinds.ts";

/** `TC_ACT_*`: what becomes of the packet. */
const TC_ACT = names("TC_ACT_", {
  UNSPEC: -1,
  OK: 0,
  RECLASSIFY: 1,
  SHOT: 2,
  PIPE: 3,
  STOLEN: 4,
  QUEUED: 5,
  REPEAT: 6,
  REDIRECT: 7,
  TRAP: 8,
});

/** Beyond the plain ones, the upper bits say where to go on. */
const verdict: NumberType = {
  ...s32,
  names: TC_ACT,
  says: (value) => {
    if (value >>> 28 === 1) return `TC_ACT_JUMP ${value & 0xfffffff}`;
    return value >>> 28 === 2 ? `TC_ACT_GOTO_CHAIN ${value & 0xfffffff}` : undefined;
  },
};

/** `TCA_ACT_FLAGS_*` */
const TCA_ACT_FLAGS = names("TCA_ACT_FLAGS_", { NO_PERCPU_STATS: 1, SKIP_HW: 2, SKIP_SW: 4 });
/** `TCA_ACT_HW_STATS_*` */
const TCA_ACT_HW_STATS = names("TCA_ACT_HW_STATS_", { IMMEDIATE: 1, DELAYED: 2 });
/** The attributes of one action. */
const TCA_ACT: Space = attributes("TCA_ACT_", {
  KIND: [1, string],
  OPTIONS: [2, byKind("KIND", "options")],
  INDEX: [3, u32],
  STATS: [4, nest(TCA_STATS)],
  PAD: [5],
  COOKIE: [6],
  FLAGS: [7, flagsOf(TCA_ACT_FLAGS)],
  HW_STATS: [8, flagsOf(TCA_ACT_HW_STATS)],
  USED_HW_STATS: [9, flagsOf(TCA_ACT_HW_STATS)],
  IN_HW_COUNT: [10, u32],
}, "action");

/** The actions of a filter, in their order. */
export const actions: ListType = list("TCA_ACT_", nest(TCA_ACT));

/** `struct tcf_t` */
const tcf_t = layout("tcf_t", "", {
  install: u64,
  lastuse: u64,
  expires: u64,
  firstuse: u64,
});

/** `tc_gen`: what the parameters of most actions begin with. */
const tc_gen = { index: u32, capab: u32, action: verdict, refcnt: s32, bindcnt: s32 };

/** `struct tc_gact` */
const tc_gact = layout("tc_gact", "", tc_gen);

/** `PGACT_*` of `linux/tc_act/tc_gact.h` */
const PGACT = names("PGACT_", { NONE: 0, NETRAND: 1, DETERM: 2 });
/** `struct tc_gact_p` */
const tc_gact_p = layout("tc_gact_p", "", {
  ptype: oneOf(u16, PGACT),
  pval: u16,
  paction: verdict,
});

const TCA_GACT: Space = attributes("TCA_GACT_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_gact],
  PROB: [3, tc_gact_p],
  PAD: [4],
});

/** `TCA_EGRESS_REDIR` and the others of `linux/tc_act/tc_mirred.h` */
const TCA_EACTION = names("TCA_", { EGRESS_REDIR: 1, EGRESS_MIRROR: 2, INGRESS_REDIR: 3, INGRESS_MIRROR: 4 });
/** `struct tc_mirred` */
const tc_mirred = layout("tc_mirred", "", {
  ...tc_gen,
  eaction: oneOf(s32, TCA_EACTION),
  ifindex: u32,
});

const TCA_MIRRED: Space = attributes("TCA_MIRRED_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_mirred],
  PAD: [3],
  BLOCKID: [4, u32],
});

/** `struct tc_police` */
const tc_police = layout("tc_police", "", {
  index: u32,
  action: verdict,
  limit: u32,
  burst: u32,
  mtu: u32,
  rate: tc_ratespec,
  peakrate: tc_ratespec,
  refcnt: s32,
  bindcnt: s32,
  capab: u32,
});
const TCA_POLICE: Space = attributes("TCA_POLICE_", {
  TBF: [1, tc_police],
  RATE: [2],
  PEAKRATE: [3],
  AVRATE: [4, u32],
  RESULT: [5, oneOf(u32, TC_ACT)],
  TM: [6, tcf_t],
  PAD: [7],
  RATE64: [8, u64],
  PEAKRATE64: [9, u64],
  PKTRATE64: [10, u64],
  PKTBURST64: [11, u64],
});

/** `struct tc_act_bpf` */
const tc_act_bpf = layout("tc_act_bpf", "", tc_gen);

/** `struct sock_filter` of `linux/filter.h` */
export const sock_filter = layout("sock_filter", "", { code: inHex(u16), jt: u8, jf: u8, k: inHex(u32) });
const TCA_ACT_BPF: Space = attributes("TCA_ACT_BPF_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_act_bpf],
  OPS_LEN: [3, u16],
  OPS: [4, array(sock_filter)],
  FD: [5, u32],
  NAME: [6, string],
  PAD: [7],
  TAG: [8],
  ID: [9, u32],
});

/** `struct tc_connmark` */
const tc_connmark = layout("tc_connmark", "", {
  ...tc_gen,
  zone: u16,
  _pad1: room(2),
});

const TCA_CONNMARK: Space = attributes("TCA_CONNMARK_", {
  PARMS: [1, tc_connmark],
  TM: [2, tcf_t],
  PAD: [3],
});

/** `TCA_CSUM_UPDATE_FLAG_*` */
const CSUM = names("TCA_CSUM_UPDATE_FLAG_", { IPV4HDR: 1, ICMP: 2, IGMP: 4, TCP: 8, UDP: 16, UDPLITE: 32, SCTP: 64 });
/** `struct tc_csum` */
const tc_csum = layout("tc_csum", "", {
  ...tc_gen,
  update_flags: bitsOf(u32, CSUM),
});

const TCA_CSUM: Space = attributes("TCA_CSUM_", {
  PARMS: [1, tc_csum],
  TM: [2, tcf_t],
  PAD: [3],
});

/** `TCA_CT_ACT_*` */
const TCA_CT_ACT = names("TCA_CT_ACT_", { COMMIT: 1, FORCE: 2, CLEAR: 4, NAT: 8, NAT_SRC: 16, NAT_DST: 32 });
/** `struct tc_ct` */
const tc_ct = layout("tc_ct", "", tc_gen);

const TCA_CT: Space = attributes("TCA_CT_", {
  PARMS: [1, tc_ct],
  TM: [2, tcf_t],
  ACTION: [3, bitsOf(u16, TCA_CT_ACT)],
  ZONE: [4, u16],
  MARK: [5, inHex(u32)],
  MARK_MASK: [6, inHex(u32)],
  LABELS: [7],
  LABELS_MASK: [8],
  NAT_IPV4_MIN: [9, address],
  NAT_IPV4_MAX: [10, address],
  NAT_IPV6_MIN: [11, address],
  NAT_IPV6_MAX: [12, address],
  NAT_PORT_MIN: [13, be16],
  NAT_PORT_MAX: [14, be16],
  PAD: [15],
  HELPER_NAME: [16, string],
  HELPER_FAMILY: [17, oneOf(u8, AF)],
  HELPER_PROTO: [18, oneOf(u8, IPPROTO)],
});

/** `struct tc_ctinfo` */
const tc_ctinfo = layout("tc_ctinfo", "", tc_gen);

const TCA_CTINFO: Space = attributes("TCA_CTINFO_", {
  PAD: [1],
  TM: [2, tcf_t],
  ACT: [3, tc_ctinfo],
  ZONE: [4, u16],
  PARMS_DSCP_MASK: [5, inHex(u32)],
  PARMS_DSCP_STATEMASK: [6, inHex(u32)],
  PARMS_CPMARK_MASK: [7, inHex(u32)],
  STATS_DSCP_SET: [8, u64],
  STATS_DSCP_ERROR: [9, u64],
  STATS_CPMARK_SET: [10, u64],
});

/** `struct tc_defact` */
const tc_defact = layout("tc_defact", "", tc_gen);

const TCA_DEF: Space = attributes("TCA_DEF_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_defact],
  DATA: [3, string],
  PAD: [4],
});

/** `struct tc_gate` */
const tc_gate = layout("tc_gate", "", tc_gen);

const TCA_GATE_ENTRY: Space = attributes("TCA_GATE_ENTRY_", {
  INDEX: [1, u32],
  GATE: [2, flag],
  INTERVAL: [3, u32],
  IPV: [4, s32],
  MAX_OCTETS: [5, s32],
});

const TCA_GATE_ONE: Space = attributes("TCA_GATE_", {
  ONE_ENTRY: [1, nest(TCA_GATE_ENTRY)],
});

const TCA_GATE: Space = attributes("TCA_GATE_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_gate],
  PAD: [3],
  PRIORITY: [4, s32],
  ENTRY_LIST: [5, nest(TCA_GATE_ONE)],
  BASE_TIME: [6, u64],
  CYCLE_TIME: [7, u64],
  CYCLE_TIME_EXT: [8, u64],
  FLAGS: [9, u32],
  CLOCKID: [10, s32],
});

/** `IFE_ENCODE` and `IFE_DECODE` of `linux/tc_act/tc_ife.h` */
const IFE = names("IFE_", { DECODE: 0, ENCODE: 1 });
/** `struct tc_ife` */
const tc_ife = layout("tc_ife", "", {
  ...tc_gen,
  flags: oneOf(u16, IFE),
  _pad1: room(2),
});

/** `IFE_META_*` of `linux/ife.h` */
const IFE_META: Space = attributes("IFE_META_", {
  SKBMARK: [1, inHex(be32)],
  HASHID: [2, be32],
  PRIO: [3, be32],
  QMAP: [4, be16],
  TCINDEX: [5, be16],
});

const TCA_IFE: Space = attributes("TCA_IFE_", {
  PARMS: [1, tc_ife],
  TM: [2, tcf_t],
  DMAC: [3, hardware],
  SMAC: [4, hardware],
  TYPE: [5, oneOf(u16, ETH_P)],
  METALST: [6, nest(IFE_META)],
  PAD: [7],
});

/** `struct tc_cnt` */
const tc_cnt = layout("tc_cnt", "", {
  refcnt: s32,
  bindcnt: s32,
});

const TCA_IPT: Space = attributes("TCA_IPT_", {
  TABLE: [1, string],
  HOOK: [2, u32],
  INDEX: [3, u32],
  CNT: [4, tc_cnt],
  TM: [5, tcf_t],
  TARG: [6],
  PAD: [7],
});

/** `TCA_MPLS_ACT_*` */
const TCA_MPLS_ACT = names("TCA_MPLS_ACT_", { POP: 1, PUSH: 2, MODIFY: 3, DEC_TTL: 4, MAC_PUSH: 5 });
/** `struct tc_mpls` */
const tc_mpls = layout("tc_mpls", "", {
  ...tc_gen,
  m_action: oneOf(s32, TCA_MPLS_ACT),
});

const TCA_MPLS: Space = attributes("TCA_MPLS_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_mpls],
  PAD: [3],
  PROTO: [4, etherType],
  LABEL: [5, u32],
  TC: [6, u8],
  TTL: [7, u8],
  BOS: [8, u8],
});

/** `TCA_NAT_FLAG_*` */
const TCA_NAT_FLAG = names("TCA_NAT_FLAG_", { EGRESS: 1 });
/** `struct tc_nat` */
const tc_nat = layout("tc_nat", "", {
  ...tc_gen,
  old_addr: ipv4,
  new_addr: ipv4,
  mask: ipv4,
  flags: bitsOf(u32, TCA_NAT_FLAG),
});

const TCA_NAT: Space = attributes("TCA_NAT_", {
  PARMS: [1, tc_nat],
  TM: [2, tcf_t],
  PAD: [3],
});

/** `struct tc_pedit_key` */
const tc_pedit_key = layout("tc_pedit_key", "", {
  mask: inHex(u32),
  val: inHex(u32),
  off: u32,
  at: u32,
  offmask: inHex(u32),
  shift: u32,
});

/** `struct tc_pedit_sel` */
const tc_pedit_sel = layout("tc_pedit_sel", "", {
  ...tc_gen,
  nkeys: u8,
  flags: u8,
  _pad1: room(2),
});

/** `TCA_PEDIT_KEY_EX_HDR_TYPE_*` */
const HDR_TYPE = names("TCA_PEDIT_KEY_EX_HDR_TYPE_", { NETWORK: 0, ETH: 1, IP4: 2, IP6: 3, TCP: 4, UDP: 5 });
/** `TCA_PEDIT_KEY_EX_CMD_*` */
const PEDIT_CMD = names("TCA_PEDIT_KEY_EX_CMD_", { SET: 0, ADD: 1 });
const TCA_PEDIT_KEY_EX: Space = attributes("TCA_PEDIT_KEY_EX_", {
  HTYPE: [1, oneOf(u16, HDR_TYPE)],
  CMD: [2, oneOf(u16, PEDIT_CMD)],
});

const TCA_PEDIT_KEYS: Space = attributes("TCA_PEDIT_", {
  KEY_EX: [6, nest(TCA_PEDIT_KEY_EX)],
});

const TCA_PEDIT: Space = attributes("TCA_PEDIT_", {
  TM: [1, tcf_t],
  PARMS: [2, struct(tc_pedit_sel, array(tc_pedit_key))],
  PAD: [3],
  PARMS_EX: [4, struct(tc_pedit_sel, array(tc_pedit_key))],
  KEYS_EX: [5, nest(TCA_PEDIT_KEYS)],
});

/** `struct tc_sample` */
const tc_sample = layout("tc_sample", "", tc_gen);

const TCA_SAMPLE: Space = attributes("TCA_SAMPLE_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_sample],
  RATE: [3, u32],
  TRUNC_SIZE: [4, u32],
  PSAMPLE_GROUP: [5, u32],
  PAD: [6],
});

/** `struct tc_skbedit` */
const tc_skbedit = layout("tc_skbedit", "", tc_gen);

/** `SKBEDIT_F_*` */
const SKBEDIT_F = names("SKBEDIT_F_", {
  PRIORITY: 1,
  QUEUE_MAPPING: 2,
  MARK: 4,
  PTYPE: 8,
  MASK: 16,
  INHERITDSFIELD: 32,
  TXQ_SKBHASH: 64,
});
const TCA_SKBEDIT: Space = attributes("TCA_SKBEDIT_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_skbedit],
  PRIORITY: [3, u32],
  QUEUE_MAPPING: [4, u16],
  MARK: [5, inHex(u32)],
  PAD: [6],
  PTYPE: [7, u16],
  MASK: [8, inHex(u32)],
  FLAGS: [9, bitsOf(u64, SKBEDIT_F)],
  QUEUE_MAPPING_MAX: [10, u16],
});

/** `SKBMOD_F_*` */
const SKBMOD_F = names("SKBMOD_F_", { DMAC: 1, SMAC: 2, ETYPE: 4, SWAPMAC: 8, ECN: 16 });
/** `struct tc_skbmod` */
const tc_skbmod = layout("tc_skbmod", "", {
  ...tc_gen,
  _pad1: room(4),
  flags: bitsOf(u64, SKBMOD_F),
});

const TCA_SKBMOD: Space = attributes("TCA_SKBMOD_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_skbmod],
  DMAC: [3, hardware],
  SMAC: [4, hardware],
  ETYPE: [5, oneOf(u16, ETH_P)],
  PAD: [6],
});

/** `TCA_TUNNEL_KEY_ACT_*` */
const TUNNEL_KEY_ACT = names("TCA_TUNNEL_KEY_ACT_", { SET: 1, RELEASE: 2 });
/** `struct tc_tunnel_key` */
const tc_tunnel_key = layout("tc_tunnel_key", "", {
  ...tc_gen,
  t_action: oneOf(s32, TUNNEL_KEY_ACT),
});

const KEY_OPTS = tunnelOptions("TCA_TUNNEL_KEY_ENC_OPT");

const TCA_TUNNEL_KEY: Space = attributes("TCA_TUNNEL_KEY_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_tunnel_key],
  ENC_IPV4_SRC: [3, address],
  ENC_IPV4_DST: [4, address],
  ENC_IPV6_SRC: [5, address],
  ENC_IPV6_DST: [6, address],
  ENC_KEY_ID: [7, be32],
  PAD: [8],
  ENC_DST_PORT: [9, be16],
  NO_CSUM: [10, u8],
  ENC_OPTS: [11, nest(KEY_OPTS)],
  ENC_TOS: [12, u8],
  ENC_TTL: [13, u8],
  NO_FRAG: [14, flag],
});

/** `TCA_VLAN_ACT_*` */
const TCA_VLAN_ACT = names("TCA_VLAN_ACT_", { POP: 1, PUSH: 2, MODIFY: 3, POP_ETH: 4, PUSH_ETH: 5 });
/** `struct tc_vlan` */
const tc_vlan = layout("tc_vlan", "", {
  ...tc_gen,
  v_action: oneOf(s32, TCA_VLAN_ACT),
});

const TCA_VLAN: Space = attributes("TCA_VLAN_", {
  TM: [1, tcf_t],
  PARMS: [2, tc_vlan],
  PUSH_VLAN_ID: [3, u16],
  PUSH_VLAN_PROTOCOL: [4, etherType],
  PAD: [5],
  PUSH_VLAN_PRIORITY: [6, u8],
  PUSH_ETH_DST: [7, hardware],
  PUSH_ETH_SRC: [8, hardware],
});

/** Kinds of actions by their names in `TCA_ACT_KIND`. */
export const ACTION_KINDS: Readonly<Record<string, Kind>> = {
  bpf: { options: nest(TCA_ACT_BPF) },
  connmark: { options: nest(TCA_CONNMARK) },
  csum: { options: nest(TCA_CSUM) },
  ct: { options: nest(TCA_CT) },
  ctinfo: { options: nest(TCA_CTINFO) },
  gact: { options: nest(TCA_GACT) },
  gate: { options: nest(TCA_GATE) },
  ife: { options: nest(TCA_IFE) },
  ipt: { options: nest(TCA_IPT) },
  mirred: { options: nest(TCA_MIRRED) },
  mpls: { options: nest(TCA_MPLS) },
  nat: { options: nest(TCA_NAT) },
  pedit: { options: nest(TCA_PEDIT) },
  police: { options: nest(TCA_POLICE) },
  sample: { options: nest(TCA_SAMPLE) },
  simple: { options: nest(TCA_DEF) },
  skbedit: { options: nest(TCA_SKBEDIT) },
  skbmod: { options: nest(TCA_SKBMOD) },
  tunnel_key: { options: nest(TCA_TUNNEL_KEY) },
  vlan: { options: nest(TCA_VLAN) },
  xt: { options: nest(TCA_IPT) },
};

/** `struct tcamsg` */
const tcamsg = layout("tcamsg", "tca_", { tca_family: oneOf(u8, AF), tca__pad1: u8, tca__pad2: u16 });
/** `TCA_ACT_FLAG_*` */
const TCA_ACT_FLAG = names("TCA_ACT_FLAG_", { LARGE_DUMP_ON: 1, TERSE_DUMP: 2 });
const TCA_ROOT: Space = attributes("TCA_ROOT_", {
  TAB: [1, actions],
  FLAGS: [2, flagsOf(TCA_ACT_FLAG)],
  COUNT: [3, u32],
  TIME_DELTA: [4, u32],
  EXT_WARN_MSG: [5, string],
});

export const ACTION_MESSAGES = messages("ACTION", 48, { body: tcamsg, space: TCA_ROOT });
