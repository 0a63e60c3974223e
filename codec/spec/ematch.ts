// Extended matches, out of which `basic`, `cgroup` and `flow` filters make an expression. `linux/pkt_cls.h`, `linux/tc_ematch/`
import { attributes, bitsOf, bytes, layout, list, names, oneOf, type Space, struct, u16 } from "./table.ts";

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

export const TCA_EMATCH_TREE: Space = attributes("TCA_EMATCH_TREE_", {
  HDR: [1, tcf_ematch_tree_hdr],
  LIST: [2, list("TCA_EMATCH_", struct(tcf_ematch_hdr, bytes))],
});
