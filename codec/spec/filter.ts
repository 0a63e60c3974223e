// Filters and chains: what each kind is made of. `linux/pkt_cls.h`
import {
  array,
  attributes,
  be16,
  be32,
  bitsOf,
  bytes,
  type Kind,
  layout,
  list,
  messages,
  names,
  nest,
  oneOf,
  s16,
  s32,
  saying,
  type Space,
  string,
  struct,
  type Type,
  u16,
  u32,
  u64,
  u8,
  withMembers,
} from "./table.ts";
import { address, classId, formatProtocol, inHex, IPPROTO, room } from "./value.ts";
import { formatU32Handle } from "../handle.ts";
import { ACTION_KINDS, actions, sock_filter } from "./action.ts";
import { TCA_CLS_FLAGS, TCA_FLOWER } from "./flower.ts";
import { tca, tcmsg } from "./qdisc.ts";

/** What a filter without actions of its own does with a packet, as it did of old. */
const police: Type = ACTION_KINDS.police.options;

/** `struct tcf_ematch_tree_hdr` */
const tcf_ematch_tree_hdr = layout("tcf_ematch_tree_hdr", "", {
  nmatches: u16,
  progid: u16,
});

/** `TCF_EM_*` */
const TCF_EM = names("TCF_EM_", {
  CONTAINER: 0,
  CMP: 1,
  NBYTE: 2,
  U32: 3,
  META: 4,
  TEXT: 5,
  VLAN: 6,
  CANID: 7,
  IPSET: 8,
  IPT: 9,
});
/** `TCF_EM_REL_*` and what else the flags say. */
const TCF_EM_FLAG = names("TCF_EM_", { REL_AND: 1, REL_OR: 2, INVERT: 4, SIMPLE: 8 });
/** `struct tcf_ematch_hdr` */
const tcf_ematch_hdr = layout("tcf_ematch_hdr", "", {
  matchid: u16,
  kind: oneOf(u16, TCF_EM),
  flags: bitsOf(u16, TCF_EM_FLAG),
  pad: u16,
});

/** Extended matches, out of which `basic`, `cgroup` and `flow` filters make an expression. `linux/tc_ematch/` */
const TCA_EMATCH_TREE: Space = attributes("TCA_EMATCH_TREE_", {
  HDR: [1, tcf_ematch_tree_hdr],
  LIST: [2, list("TCA_EMATCH_", struct(tcf_ematch_hdr, bytes))],
});

/** `struct tc_u32_key` */
const tc_u32_key = layout("tc_u32_key", "", {
  mask: inHex(be32),
  val: inHex(be32),
  off: s32,
  offmask: s32,
});

/** `TC_U32_*` */
const TC_U32 = names("TC_U32_", { TERMINAL: 1, OFFSET: 2, VAROFFSET: 4, EAT: 8 });
/** `struct tc_u32_sel` */
const tc_u32_sel = layout("tc_u32_sel", "", {
  flags: bitsOf(u8, TC_U32),
  offshift: u8,
  nkeys: u8,
  _pad1: room(1),
  offmask: inHex(be16),
  off: u16,
  offoff: s16,
  hoff: s16,
  hmask: inHex(be32),
});

/** `struct tc_u32_mark` */
const tc_u32_mark = layout("tc_u32_mark", "", {
  val: inHex(u32),
  mask: inHex(u32),
  success: u32,
});

/** `struct tc_u32_pcnt`, behind which each key has its hits. */
const tc_u32_pcnt = layout("tc_u32_pcnt", "", { rcnt: u64, rhit: u64 });
const TCA_U32: Space = attributes("TCA_U32_", {
  CLASSID: [1, classId],
  HASH: [2, saying(u32, formatU32Handle)],
  LINK: [3, saying(u32, formatU32Handle)],
  DIVISOR: [4, u32],
  SEL: [5, struct(tc_u32_sel, array(tc_u32_key))],
  POLICE: [6, police],
  ACT: [7, actions],
  INDEV: [8, string],
  PCNT: [9, struct(tc_u32_pcnt, array(u64))],
  MARK: [10, tc_u32_mark],
  FLAGS: [11, bitsOf(u32, TCA_CLS_FLAGS)],
  PAD: [12],
});

const TCA_ROUTE4: Space = attributes("TCA_ROUTE4_", {
  CLASSID: [1, classId],
  TO: [2, u32],
  FROM: [3, u32],
  IIF: [4, u32],
  POLICE: [5, police],
  ACT: [6, actions],
});

const TCA_FW: Space = attributes("TCA_FW_", {
  CLASSID: [1, classId],
  POLICE: [2, police],
  INDEV: [3, string],
  ACT: [4, actions],
  MASK: [5, inHex(u32)],
});

const TCA_TCINDEX: Space = attributes("TCA_TCINDEX_", {
  HASH: [1, u32],
  MASK: [2, inHex(u16)],
  SHIFT: [3, u32],
  FALL_THROUGH: [4, u32],
  CLASSID: [5, classId],
  POLICE: [6, police],
  ACT: [7, actions],
});

/** `struct tc_rsvp_gpi` */
const tc_rsvp_gpi = layout("tc_rsvp_gpi", "", {
  key: inHex(u32),
  mask: inHex(u32),
  offset: s32,
});

/** `struct tc_rsvp_pinfo` */
const tc_rsvp_pinfo = layout("tc_rsvp_pinfo", "", {
  dpi: tc_rsvp_gpi,
  spi: tc_rsvp_gpi,
  protocol: oneOf(u8, IPPROTO),
  tunnelid: u8,
  tunnelhdr: u8,
  pad: u8,
});

const TCA_RSVP: Space = attributes("TCA_RSVP_", {
  CLASSID: [1, classId],
  DST: [2, address],
  SRC: [3, address],
  PINFO: [4, tc_rsvp_pinfo],
  POLICE: [5, police],
  ACT: [6, actions],
});

/** `FLOW_KEY_*`, bit by bit. */
const FLOW_KEY = names("1<<FLOW_KEY_", {
  SRC: 1,
  DST: 2,
  PROTO: 4,
  PROTO_SRC: 8,
  PROTO_DST: 0x10,
  IIF: 0x20,
  PRIORITY: 0x40,
  MARK: 0x80,
  NFCT: 0x100,
  NFCT_SRC: 0x200,
  NFCT_DST: 0x400,
  NFCT_PROTO_SRC: 0x800,
  NFCT_PROTO_DST: 0x1000,
  RTCLASSID: 0x2000,
  SKUID: 0x4000,
  SKGID: 0x8000,
  VLAN_TAG: 0x10000,
  RXHASH: 0x20000,
});
/** `FLOW_MODE_*` */
const FLOW_MODE = names("FLOW_MODE_", { MAP: 0, HASH: 1 });
const TCA_FLOW: Space = attributes("TCA_FLOW_", {
  KEYS: [1, bitsOf(u32, FLOW_KEY)],
  MODE: [2, oneOf(u32, FLOW_MODE)],
  BASECLASS: [3, classId],
  RSHIFT: [4, u32],
  ADDEND: [5, u32],
  MASK: [6, inHex(u32)],
  XOR: [7, inHex(u32)],
  DIVISOR: [8, u32],
  ACT: [9, actions],
  POLICE: [10, police],
  EMATCHES: [11, nest(TCA_EMATCH_TREE)],
  PERTURB: [12, u32],
});

/** `struct tc_basic_pcnt` */
const tc_basic_pcnt = layout("tc_basic_pcnt", "", {
  rcnt: u64,
  rhit: u64,
});

const TCA_BASIC: Space = attributes("TCA_BASIC_", {
  CLASSID: [1, classId],
  EMATCHES: [2, nest(TCA_EMATCH_TREE)],
  ACT: [3, actions],
  POLICE: [4, police],
  PCNT: [5, tc_basic_pcnt],
  PAD: [6],
});

const TCA_CGROUP: Space = attributes("TCA_CGROUP_", {
  ACT: [1, actions],
  POLICE: [2, police],
  EMATCHES: [3, nest(TCA_EMATCH_TREE)],
});

/** `TCA_BPF_FLAG_*` */
const TCA_BPF_FLAG = names("TCA_BPF_FLAG_", { ACT_DIRECT: 1 });
const TCA_BPF: Space = attributes("TCA_BPF_", {
  ACT: [1, actions],
  POLICE: [2, police],
  CLASSID: [3, classId],
  OPS_LEN: [4, u16],
  OPS: [5, array(sock_filter)],
  FD: [6, u32],
  NAME: [7, string],
  FLAGS: [8, bitsOf(u32, TCA_BPF_FLAG)],
  FLAGS_GEN: [9, bitsOf(u32, TCA_CLS_FLAGS)],
  TAG: [10],
  ID: [11, u32],
});

/** `struct tc_matchall_pcnt` */
const tc_matchall_pcnt = layout("tc_matchall_pcnt", "", {
  rhit: u64,
});

const TCA_MATCHALL: Space = attributes("TCA_MATCHALL_", {
  CLASSID: [1, classId],
  ACT: [2, actions],
  FLAGS: [3, bitsOf(u32, TCA_CLS_FLAGS)],
  PCNT: [4, tc_matchall_pcnt],
  PAD: [5],
});

/** Kinds of filters by their names in `TCA_KIND`. */
export const FILTER_KINDS: Readonly<Record<string, Kind>> = {
  basic: { options: nest(TCA_BASIC) },
  bpf: { options: nest(TCA_BPF) },
  cgroup: { options: nest(TCA_CGROUP) },
  flow: { options: nest(TCA_FLOW) },
  flower: { options: nest(TCA_FLOWER) },
  fw: { options: nest(TCA_FW) },
  matchall: { options: nest(TCA_MATCHALL) },
  route: { options: nest(TCA_ROUTE4) },
  rsvp: { options: nest(TCA_RSVP) },
  rsvp6: { options: nest(TCA_RSVP) },
  tcindex: { options: nest(TCA_TCINDEX) },
  u32: { options: nest(TCA_U32) },
};

/** `struct tcmsg` of a filter: its handle is as its kind has it, and `tcm_info` is preference and protocol. */
const filterMsg = withMembers(tcmsg, { tcm_handle: u32, tcm_info: saying(u32, formatInfo) });
/** The same of a chain. */
const chainMsg = withMembers(tcmsg, { tcm_handle: u32 });

/** The preference of a filter, and the protocol of which it sees packets. */
function formatInfo(info: number): string {
  const protocol = (info & 0xff) << 8 | info >>> 8 & 0xff;
  return `pref ${info >>> 16} protocol ${formatProtocol(protocol)}`;
}

export const FILTER_MESSAGES = messages("TFILTER", 44, { body: filterMsg, space: tca("filter"), about: "filter" });
export const CHAIN_MESSAGES = messages("CHAIN", 100, { body: chainMsg, space: tca("filter"), about: "chain" });
