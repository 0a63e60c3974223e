// Data centre bridging: which traffic class and which bandwidth a packet's priority has. `linux/dcbnl.h`
import {
  array,
  attributes,
  bitsOf,
  flag,
  layout,
  type MessageSpec,
  names,
  nest,
  oneOf,
  type Space,
  string,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { AF, hardware, octets, room } from "./value.ts";

/** `DCB_CMD_*`, from 1 on. */
const DCB_CMD = names(
  "DCB_CMD_",
  Object.fromEntries(
    `GSTATE SSTATE PGTX_GCFG PGTX_SCFG PGRX_GCFG PGRX_SCFG PFC_GCFG PFC_SCFG SET_ALL GPERM_HWADDR GCAP GNUMTCS SNUMTCS
    PFC_GSTATE PFC_SSTATE BCN_GCFG BCN_SCFG GAPP SAPP IEEE_SET IEEE_GET GDCBX SDCBX GFEATCFG SFEATCFG CEE_GET IEEE_DEL`
      .split(/\s+/).map((name, index) => [name, index + 1]),
  ),
);
/** `DCB_CAP_DCBX_*` */
const DCB_CAP_DCBX = names("DCB_CAP_DCBX_", { HOST: 1, LLD_MANAGED: 2, VER_CEE: 4, VER_IEEE: 8, STATIC: 16 });
/** `DCB_FEATCFG_*` */
const DCB_FEATCFG = names("DCB_FEATCFG_", { ERROR: 1, ENABLE: 2, WILLING: 4, ADVERTISE: 8 });
/** `DCB_APP_IDTYPE_*` */
const DCB_APP_IDTYPE = names("DCB_APP_IDTYPE_", { ETHTYPE: 0, PORTNUM: 1 });
/** `IEEE_8021QAZ_APP_SEL_*`, and `DCB_APP_SEL_PCP` */
const APP_SEL = names("IEEE_8021QAZ_APP_SEL_", { ETHERTYPE: 1, STREAM: 2, DGRAM: 3, ANY: 4, DSCP: 5 });

/** `struct dcbmsg` */
const dcbmsg = layout("dcbmsg", "dcb_", { dcb_family: oneOf(u8, AF), cmd: oneOf(u8, DCB_CMD), dcb_pad: u16 });

/** A number for each of the eight traffic classes or priorities. */
const eight = octets(8);

/** `struct ieee_ets` */
const ieee_ets = layout("ieee_ets", "", {
  willing: u8,
  ets_cap: u8,
  cbs: u8,
  tc_tx_bw: eight,
  tc_rx_bw: eight,
  tc_tsa: eight,
  prio_tc: eight,
  tc_reco_bw: eight,
  tc_reco_tsa: eight,
  reco_prio_tc: eight,
});

/** `struct ieee_maxrate` */
const ieee_maxrate = layout("ieee_maxrate", "", { tc_maxrate: array(u64, 8) });

/** `struct ieee_qcn` */
const ieee_qcn = layout("ieee_qcn", "", {
  rpg_enable: eight,
  rppp_max_rps: array(u32, 8),
  rpg_time_reset: array(u32, 8),
  rpg_byte_reset: array(u32, 8),
  rpg_threshold: array(u32, 8),
  rpg_max_rate: array(u32, 8),
  rpg_ai_rate: array(u32, 8),
  rpg_hai_rate: array(u32, 8),
  rpg_gd: array(u32, 8),
  rpg_min_dec_fac: array(u32, 8),
  rpg_min_rate: array(u32, 8),
  cndd_state_machine: array(u32, 8),
});

/** `struct ieee_qcn_stats` */
const ieee_qcn_stats = layout("ieee_qcn_stats", "", {
  rppp_rp_centiseconds: array(u64, 8),
  rppp_created_rps: array(u32, 8),
});

/** `struct ieee_pfc` */
const ieee_pfc = layout("ieee_pfc", "", {
  pfc_cap: u8,
  pfc_en: u8,
  mbc: u8,
  _pad1: room(1),
  delay: u16,
  _pad2: room(2),
  requests: array(u64, 8),
  indications: array(u64, 8),
});

/** `struct dcbnl_buffer` */
const dcbnl_buffer = layout("dcbnl_buffer", "", { prio2buffer: eight, buffer_size: array(u32, 8), total_size: u32 });

/** `struct cee_pg` */
const cee_pg = layout("cee_pg", "", {
  willing: u8,
  error: u8,
  pg_en: u8,
  tcs_supported: u8,
  pg_bw: eight,
  prio_pg: eight,
});

/** `struct cee_pfc` */
const cee_pfc = layout("cee_pfc", "", { willing: u8, error: u8, pfc_en: u8, tcs_supported: u8 });

/** `struct dcb_app` */
const dcb_app = layout("dcb_app", "", { selector: oneOf(u8, APP_SEL), priority: u8, protocol: u16 });

/** `struct dcb_peer_app_info` */
const dcb_peer_app_info = layout("dcb_peer_app_info", "", { willing: u8, error: u8 });

const DCB_PFC_UP_ATTR: Space = attributes("DCB_PFC_UP_ATTR_", {
  0: [1, u8],
  1: [2, u8],
  2: [3, u8],
  3: [4, u8],
  4: [5, u8],
  5: [6, u8],
  6: [7, u8],
  7: [8, u8],
  ALL: [9, flag],
});

const DCB_TC_ATTR_PARAM: Space = attributes("DCB_TC_ATTR_PARAM_", {
  PGID: [1, u8],
  UP_MAPPING: [2, u8],
  STRICT_PRIO: [3, u8],
  BW_PCT: [4, u8],
  ALL: [5, flag],
});

const DCB_PG_ATTR: Space = attributes("DCB_PG_ATTR_", {
  TC_0: [1, nest(DCB_TC_ATTR_PARAM)],
  TC_1: [2, nest(DCB_TC_ATTR_PARAM)],
  TC_2: [3, nest(DCB_TC_ATTR_PARAM)],
  TC_3: [4, nest(DCB_TC_ATTR_PARAM)],
  TC_4: [5, nest(DCB_TC_ATTR_PARAM)],
  TC_5: [6, nest(DCB_TC_ATTR_PARAM)],
  TC_6: [7, nest(DCB_TC_ATTR_PARAM)],
  TC_7: [8, nest(DCB_TC_ATTR_PARAM)],
  TC_MAX: [9],
  TC_ALL: [10, nest(DCB_TC_ATTR_PARAM)],
  BW_ID_0: [11, u8],
  BW_ID_1: [12, u8],
  BW_ID_2: [13, u8],
  BW_ID_3: [14, u8],
  BW_ID_4: [15, u8],
  BW_ID_5: [16, u8],
  BW_ID_6: [17, u8],
  BW_ID_7: [18, u8],
  BW_ID_MAX: [19],
  BW_ID_ALL: [20, flag],
});

const DCB_CAP_ATTR: Space = attributes("DCB_CAP_ATTR_", {
  ALL: [1, flag],
  PG: [2, u8],
  PFC: [3, u8],
  UP2TC: [4, u8],
  PG_TCS: [5, u8],
  PFC_TCS: [6, u8],
  GSP: [7, u8],
  BCN: [8, u8],
  DCBX: [9, bitsOf(u8, DCB_CAP_DCBX)],
});

const DCB_NUMTCS_ATTR: Space = attributes("DCB_NUMTCS_ATTR_", {
  ALL: [1, flag],
  PG: [2, u8],
  PFC: [3, u8],
});

const DCB_BCN_ATTR: Space = attributes("DCB_BCN_ATTR_", {
  RP_0: [1, u8],
  RP_1: [2, u8],
  RP_2: [3, u8],
  RP_3: [4, u8],
  RP_4: [5, u8],
  RP_5: [6, u8],
  RP_6: [7, u8],
  RP_7: [8, u8],
  RP_ALL: [9, flag],
  BCNA_0: [10, u32],
  BCNA_1: [11, u32],
  ALPHA: [12, u32],
  BETA: [13, u32],
  GD: [14, u32],
  GI: [15, u32],
  TMAX: [16, u32],
  TD: [17, u32],
  RMIN: [18, u32],
  W: [19, u32],
  RD: [20, u32],
  RU: [21, u32],
  WRTT: [22, u32],
  RI: [23, u32],
  C: [24, u32],
  ALL: [25, flag],
});

const DCB_APP_ATTR: Space = attributes("DCB_APP_ATTR_", {
  IDTYPE: [1, oneOf(u8, DCB_APP_IDTYPE)],
  ID: [2, u16],
  PRIORITY: [3, u8],
});

const DCB_FEATCFG_ATTR: Space = attributes("DCB_FEATCFG_ATTR_", {
  ALL: [1, flag],
  PG: [2, bitsOf(u8, DCB_FEATCFG)],
  PFC: [3, bitsOf(u8, DCB_FEATCFG)],
  APP: [4, bitsOf(u8, DCB_FEATCFG)],
});

/** A table of applications; of a peer what it says of itself is the first. */
const IEEE_APP: Space = attributes("DCB_ATTR_", {
  IEEE_APP_UNSPEC: [0, dcb_peer_app_info],
  IEEE_APP: [1, dcb_app],
  DCB_APP: [2, dcb_app],
});

/** Which selectors of applications count, in the order of their attributes. */
const APP_TRUST: Space = attributes("DCB_ATTR_", {
  IEEE_APP: [1, oneOf(u8, APP_SEL)],
  DCB_APP: [2, oneOf(u8, APP_SEL)],
});

const DCB_ATTR_IEEE: Space = attributes("DCB_ATTR_", {
  IEEE_ETS: [1, ieee_ets],
  IEEE_PFC: [2, ieee_pfc],
  IEEE_APP_TABLE: [3, nest(IEEE_APP)],
  IEEE_PEER_ETS: [4, ieee_ets],
  IEEE_PEER_PFC: [5, ieee_pfc],
  IEEE_PEER_APP: [6, nest(IEEE_APP)],
  IEEE_MAXRATE: [7, ieee_maxrate],
  IEEE_QCN: [8, ieee_qcn],
  IEEE_QCN_STATS: [9, ieee_qcn_stats],
  DCB_BUFFER: [10, dcbnl_buffer],
  DCB_APP_TRUST_TABLE: [11, nest(APP_TRUST)],
  DCB_REWR_TABLE: [12, nest(IEEE_APP)],
});

/** The applications of a peer, and what it says of itself. */
const CEE_PEER_APP: Space = attributes("DCB_ATTR_CEE_", {
  PEER_APP_INFO: [1, dcb_peer_app_info],
  PEER_APP: [2, dcb_app],
});

const CEE_APP: Space = attributes("DCB_ATTR_CEE_", {
  APP: [1, dcb_app],
});

const DCB_ATTR_CEE: Space = attributes("DCB_ATTR_CEE_", {
  PEER_PG: [1, cee_pg],
  PEER_PFC: [2, cee_pfc],
  PEER_APP_TABLE: [3, nest(CEE_PEER_APP)],
  TX_PG: [4, nest(DCB_PG_ATTR)],
  RX_PG: [5, nest(DCB_PG_ATTR)],
  PFC: [6, nest(DCB_PFC_UP_ATTR)],
  APP_TABLE: [7, nest(CEE_APP)],
  FEAT: [8, nest(DCB_FEATCFG_ATTR)],
});

const DCB_ATTR: Space = attributes("DCB_ATTR_", {
  IFNAME: [1, string],
  STATE: [2, u8],
  PFC_STATE: [3, u8],
  PFC_CFG: [4, nest(DCB_PFC_UP_ATTR)],
  NUM_TC: [5, u8],
  PG_CFG: [6, nest(DCB_PG_ATTR)],
  SET_ALL: [7, u8],
  PERM_HWADDR: [8, hardware],
  CAP: [9, nest(DCB_CAP_ATTR)],
  NUMTCS: [10, nest(DCB_NUMTCS_ATTR)],
  BCN: [11, nest(DCB_BCN_ATTR)],
  APP: [12, nest(DCB_APP_ATTR)],
  IEEE: [13, nest(DCB_ATTR_IEEE)],
  DCBX: [14, bitsOf(u8, DCB_CAP_DCBX)],
  FEATCFG: [15, nest(DCB_FEATCFG_ATTR)],
  CEE: [16, nest(DCB_ATTR_CEE)],
});

/** The same numbers serve for requests and answers. */
export const DCB_MESSAGES: Record<number, MessageSpec> = {
  78: { name: "RTM_GETDCB", body: dcbmsg, space: DCB_ATTR, asks: true },
  79: { name: "RTM_SETDCB", body: dcbmsg, space: DCB_ATTR },
};
