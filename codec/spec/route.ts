// Routes, and the tunnels into which they put packets. `linux/rtnetlink.h`, `linux/lwtunnel.h`
import {
  array,
  attributes,
  be16,
  be64,
  bitsOf,
  byKind,
  type BytesType,
  type Kind,
  layout,
  messages,
  type MessageSpec,
  names,
  nest,
  oneOf,
  s32,
  type Space,
  string,
  struct,
  u16,
  u32,
  u64,
  u8,
  withOthers,
} from "./table.ts";
import { address, AF, inHex, IPPROTO, ipv6, room, tunnelOptions } from "./value.ts";

/** `RT_SCOPE_*` */
export const RTN_SCOPE = names("RT_SCOPE_", { UNIVERSE: 0, SITE: 200, LINK: 253, HOST: 254, NOWHERE: 255 });
/** `RTPROT_*` */
export const RTPROT = names("RTPROT_", {
  UNSPEC: 0,
  REDIRECT: 1,
  KERNEL: 2,
  BOOT: 3,
  STATIC: 4,
  GATED: 8,
  RA: 9,
  MRT: 10,
  ZEBRA: 11,
  BIRD: 12,
  DNROUTED: 13,
  XORP: 14,
  NTK: 15,
  DHCP: 16,
  MROUTED: 17,
  KEEPALIVED: 18,
  BABEL: 42,
  OVN: 84,
  OPENR: 99,
  BGP: 186,
  ISIS: 187,
  OSPF: 188,
  RIP: 189,
  EIGRP: 192,
});
/** `RTN_*`: 1 leads somewhere, others refuse or drop. */
export const RTN = names("RTN_", {
  UNSPEC: 0,
  UNICAST: 1,
  LOCAL: 2,
  BROADCAST: 3,
  ANYCAST: 4,
  MULTICAST: 5,
  BLACKHOLE: 6,
  UNREACHABLE: 7,
  PROHIBIT: 8,
  THROW: 9,
  NAT: 10,
  XRESOLVE: 11,
});
/** `RT_TABLE_*` */
export const RT_TABLE = names("RT_TABLE_", { UNSPEC: 0, COMPAT: 252, DEFAULT: 253, MAIN: 254, LOCAL: 255 });
/** `RTM_F_*`, and of them `RTNH_F_*` */
const RTM_F = names("RTM_F_", {
  DEAD: 1,
  PERVASIVE: 2,
  ONLINK: 4,
  OFFLOAD_NH: 8,
  LINKDOWN: 16,
  UNRESOLVED: 32,
  TRAP_NH: 64,
  NOTIFY: 0x100,
  CLONED: 0x200,
  EQUALIZE: 0x400,
  PREFIX: 0x800,
  LOOKUP_TABLE: 0x1000,
  FIB_MATCH: 0x2000,
  OFFLOAD: 0x4000,
  TRAP: 0x8000,
  OFFLOAD_FAILED: 0x20000000,
});
/** `RTNH_F_*` */
export const RTNH_F = names("RTNH_F_", {
  DEAD: 1,
  PERVASIVE: 2,
  ONLINK: 4,
  OFFLOAD: 8,
  LINKDOWN: 16,
  UNRESOLVED: 32,
  TRAP: 64,
});

/** `struct rtmsg` */
const rtmsg = layout("rtmsg", "rtm_", {
  rtm_family: oneOf(u8, AF),
  rtm_dst_len: ["destinationLength", u8],
  rtm_src_len: ["sourceLength", u8],
  rtm_tos: u8,
  rtm_table: oneOf(u8, RT_TABLE),
  rtm_protocol: oneOf(u8, RTPROT),
  rtm_scope: oneOf(u8, RTN_SCOPE),
  rtm_type: oneOf(u8, RTN),
  rtm_flags: bitsOf(u32, RTM_F),
});

/** MPLS labels, 32 bits each of which the first 20 are the label. */
const labels: BytesType = {
  is: "bytes",
  says: (bytes) => {
    if (bytes.length === 0 || bytes.length % 4) return undefined;
    const words = Array.from({ length: bytes.length / 4 }, (_, index) => 4 * index);
    return words.map((at) => bytes[at] << 12 | bytes[at + 1] << 4 | bytes[at + 2] >> 4).join("/");
  },
};

/** `LWTUNNEL_ENCAP_*`: into what packets are put. */
export const LWTUNNEL_ENCAP = names("LWTUNNEL_ENCAP_", {
  NONE: 0,
  MPLS: 1,
  IP: 2,
  ILA: 3,
  IP6: 4,
  SEG6: 5,
  BPF: 6,
  SEG6_LOCAL: 7,
  RPL: 8,
  IOAM6: 9,
  XFRM: 10,
});

const MPLS_IPTUNNEL: Space = attributes("MPLS_IPTUNNEL_", {
  DST: [1, labels],
  TTL: [2, u8],
});

const LWTUNNEL_IP_OPTS = tunnelOptions("LWTUNNEL_IP_OPT");

const LWTUNNEL_IP: Space = attributes("LWTUNNEL_IP_", {
  ID: [1, be64],
  DST: [2, address],
  SRC: [3, address],
  TTL: [4, u8],
  TOS: [5, u8],
  FLAGS: [6, inHex(be16)],
  PAD: [7],
  OPTS: [8, nest(LWTUNNEL_IP_OPTS)],
});

const LWTUNNEL_IP6: Space = attributes("LWTUNNEL_IP6_", {
  ID: [1, be64],
  DST: [2, address],
  SRC: [3, address],
  HOPLIMIT: [4, u8],
  TC: [5, u8],
  FLAGS: [6, inHex(be16)],
  PAD: [7],
  OPTS: [8, nest(LWTUNNEL_IP_OPTS)],
});

const LWT_BPF_PROG: Space = attributes("LWT_BPF_PROG_", {
  FD: [1, u32],
  NAME: [2, string],
});

const LWT_BPF: Space = attributes("LWT_BPF_", {
  IN: [1, nest(LWT_BPF_PROG)],
  OUT: [2, nest(LWT_BPF_PROG)],
  XMIT: [3, nest(LWT_BPF_PROG)],
  XMIT_HEADROOM: [4, u32],
});

const LWT_XFRM: Space = attributes("LWT_XFRM_", {
  IF_ID: [1, inHex(u32)],
  LINK: [2, u32],
});

/** `ILA_CSUM_*` of `linux/ila.h` */
const ILA_CSUM = names("ILA_CSUM_", { ADJUST_TRANSPORT: 0, NEUTRAL_MAP: 1, NO_ACTION: 2, NEUTRAL_MAP_AUTO: 3 });
/** `ILA_ATYPE_*` */
const ILA_ATYPE = names("ILA_ATYPE_", {
  IID: 0,
  LUID: 1,
  VIRT_V4: 2,
  VIRT_UNI_V6: 3,
  VIRT_MULTI_V6: 4,
  NONLOCAL_ADDR: 5,
  RSVD_1: 6,
  RSVD_2: 7,
  USE_FORMAT: 32,
});
/** `ILA_HOOK_ROUTE_*` */
const ILA_HOOK = names("ILA_HOOK_ROUTE_", { OUTPUT: 0, INPUT: 1 });
const ILA_ATTR: Space = attributes("ILA_ATTR_", {
  LOCATOR: [1, be64],
  IDENTIFIER: [2, be64],
  LOCATOR_MATCH: [3, be64],
  IFINDEX: [4, s32],
  DIR: [5, u32],
  PAD: [6],
  CSUM_MODE: [7, oneOf(u8, ILA_CSUM)],
  IDENT_TYPE: [8, oneOf(u8, ILA_ATYPE)],
  HOOK_TYPE: [9, oneOf(u8, ILA_HOOK)],
});

/** `SR6_FLAG1_*` of `linux/seg6.h` */
const SR6_FLAG1 = names("SR6_FLAG1_", { HMAC: 8, ALERT: 16, OAM: 32, PROTECTED: 64 });
/** `struct ipv6_sr_hdr`; the segments follow, the last one first. */
const ipv6_sr_hdr = layout("ipv6_sr_hdr", "", {
  nexthdr: oneOf(u8, IPPROTO),
  hdrlen: u8,
  type: u8,
  segments_left: u8,
  first_segment: u8,
  flags: bitsOf(u8, SR6_FLAG1),
  tag: be16,
});
const segments = struct(ipv6_sr_hdr, array(layout("in6_addr", "", { s6_addr: ipv6 })));

/** `SEG6_IPTUN_MODE_*` of `linux/seg6_iptunnel.h` */
const SEG6_IPTUN_MODE = names("SEG6_IPTUN_MODE_", { INLINE: 0, ENCAP: 1, L2ENCAP: 2, ENCAP_RED: 3, L2ENCAP_RED: 4 });
/** `struct seg6_iptunnel_encap` */
const seg6_iptunnel_encap = layout("seg6_iptunnel_encap", "", { mode: oneOf(s32, SEG6_IPTUN_MODE) });
const SEG6_IPTUNNEL: Space = attributes("SEG6_IPTUNNEL_", {
  SRH: [1, struct(seg6_iptunnel_encap, segments)],
});

const SEG6_LOCAL_BPF_PROG: Space = attributes("SEG6_LOCAL_BPF_", {
  PROG: [1, u32],
  PROG_NAME: [2, string],
});

const SEG6_LOCAL_CNT: Space = attributes("SEG6_LOCAL_CNT_", {
  PAD: [1],
  PACKETS: [2, u64],
  BYTES: [3, u64],
  ERRORS: [4, u64],
});

/** `SEG6_LOCAL_FLV_OP_*`, bit by bit. */
const SEG6_LOCAL_FLV_OP = names("1<<SEG6_LOCAL_FLV_OP_", { PSP: 2, USP: 4, USD: 8, NEXT_CSID: 16 });
const SEG6_LOCAL_FLV: Space = attributes("SEG6_LOCAL_FLV_", {
  OPERATION: [1, bitsOf(u32, SEG6_LOCAL_FLV_OP)],
  LCBLOCK_BITS: [2, u8],
  LCNODE_FN_BITS: [3, u8],
});

/** `SEG6_LOCAL_ACTION_*` */
const SEG6_LOCAL_ACTION = names("SEG6_LOCAL_ACTION_", {
  UNSPEC: 0,
  END: 1,
  END_X: 2,
  END_T: 3,
  END_DX2: 4,
  END_DX6: 5,
  END_DX4: 6,
  END_DT6: 7,
  END_DT4: 8,
  END_B6: 9,
  END_B6_ENCAP: 10,
  END_BM: 11,
  END_S: 12,
  END_AS: 13,
  END_AM: 14,
  END_BPF: 15,
  END_DT46: 16,
});

const SEG6_LOCAL: Space = attributes("SEG6_LOCAL_", {
  ACTION: [1, oneOf(u32, SEG6_LOCAL_ACTION)],
  SRH: [2, segments],
  TABLE: [3, u32],
  NH4: [4, address],
  NH6: [5, address],
  IIF: [6, u32],
  OIF: [7, u32],
  BPF: [8, nest(SEG6_LOCAL_BPF_PROG)],
  VRFTABLE: [9, u32],
  COUNTERS: [10, nest(SEG6_LOCAL_CNT)],
  FLAVORS: [11, nest(SEG6_LOCAL_FLV)],
});

const RPL_IPTUNNEL: Space = attributes("RPL_IPTUNNEL_", {
  SRH: [1],
});

/** `IOAM6_IPTUNNEL_MODE_*` of `linux/ioam6_iptunnel.h` */
const IOAM6_IPTUNNEL_MODE = names("IOAM6_IPTUNNEL_MODE_", { INLINE: 1, ENCAP: 2, AUTO: 3 });
const IOAM6_IPTUNNEL: Space = attributes("IOAM6_IPTUNNEL_", {
  MODE: [1, oneOf(u8, IOAM6_IPTUNNEL_MODE)],
  DST: [2, address],
  TRACE: [3],
  FREQ_K: [4, u32],
  FREQ_N: [5, u32],
  SRC: [6, address],
});

/** Kinds of such tunnels by their numbers in `RTA_ENCAP_TYPE`. */
export const ENCAP_KINDS: Readonly<Record<string, Kind>> = {
  1: { encap: nest(MPLS_IPTUNNEL) },
  2: { encap: nest(LWTUNNEL_IP) },
  3: { encap: nest(ILA_ATTR) },
  4: { encap: nest(LWTUNNEL_IP6) },
  5: { encap: nest(SEG6_IPTUNNEL) },
  6: { encap: nest(LWT_BPF) },
  7: { encap: nest(SEG6_LOCAL) },
  8: { encap: nest(RPL_IPTUNNEL) },
  9: { encap: nest(IOAM6_IPTUNNEL) },
  10: { encap: nest(LWT_XFRM) },
};

/** `RTAX_FEATURE_*` */
const RTAX_FEATURE = names("RTAX_FEATURE_", { ECN: 1, SACK: 2, TIMESTAMP: 4, ALLFRAG: 8, TCP_USEC_TS: 16 });
/** What is known of the way. */
const RTAX: Space = attributes("RTAX_", {
  LOCK: [1, inHex(u32)],
  MTU: [2, u32],
  WINDOW: [3, u32],
  RTT: [4, u32],
  RTTVAR: [5, u32],
  SSTHRESH: [6, u32],
  CWND: [7, u32],
  ADVMSS: [8, u32],
  REORDERING: [9, u32],
  HOPLIMIT: [10, u32],
  INITCWND: [11, u32],
  FEATURES: [12, bitsOf(u32, RTAX_FEATURE)],
  RTO_MIN: [13, u32],
  INITRWND: [14, u32],
  QUICKACK: [15, u32],
  CC_ALGO: [16, string],
  FASTOPEN_NO_COOKIE: [17, u32],
});

/** `struct rta_cacheinfo` */
const rta_cacheinfo = layout("rta_cacheinfo", "", {
  rta_clntref: u32,
  rta_lastuse: u32,
  rta_expires: s32,
  rta_error: u32,
  rta_used: u32,
  rta_id: u32,
  rta_ts: u32,
  rta_tsage: u32,
});

/** `struct rta_mfc_stats` */
const rta_mfc_stats = layout("rta_mfc_stats", "", {
  mfcs_packets: u64,
  mfcs_bytes: u64,
  mfcs_wrong_if: u64,
});

/** `struct rtnexthop` */
const rtnexthop = layout("rtnexthop", "rtnh_", {
  rtnh_len: u16,
  rtnh_flags: bitsOf(u8, RTNH_F),
  rtnh_hops: u8,
  rtnh_ifindex: s32,
});

/** `struct rtvia`, whose address follows. */
const rtvia = layout("rtvia", "rtvia_", { rtvia_family: oneOf(u16, AF) });
/** `ICMPV6_ROUTER_PREF_*` */
const ROUTER_PREF = names("ICMPV6_ROUTER_PREF_", { MEDIUM: 0, HIGH: 1, INVALID: 2, LOW: 3 });

/** The attributes of a route, and of each of several next hops. */
const RTA: Space = attributes("RTA_", {
  DST: [1, address],
  SRC: [2, address],
  IIF: [3, u32],
  OIF: [4, u32],
  GATEWAY: [5, address],
  PRIORITY: [6, u32],
  PREFSRC: [7, address],
  METRICS: [8, nest(RTAX)],
  MULTIPATH: [9, { is: "run", struct: rtnexthop, space: () => RTA }],
  PROTOINFO: [10],
  FLOW: [11, inHex(u32)],
  CACHEINFO: [12, rta_cacheinfo],
  SESSION: [13],
  MP_ALGO: [14],
  TABLE: [15, oneOf(u32, RT_TABLE)],
  MARK: [16, inHex(u32)],
  MFC_STATS: [17, rta_mfc_stats],
  VIA: [18, struct(rtvia, address)],
  NEWDST: [19, labels],
  PREF: [20, oneOf(u8, ROUTER_PREF)],
  ENCAP_TYPE: [21, oneOf(u16, LWTUNNEL_ENCAP)],
  ENCAP: [22, byKind("ENCAP_TYPE", "encap")],
  EXPIRES: [23, u32],
  PAD: [24],
  UID: [25, u32],
  TTL_PROPAGATE: [26, u8],
  IP_PROTO: [27, oneOf(u8, IPPROTO)],
  SPORT: [28, be16],
  DPORT: [29, be16],
  NH_ID: [30, u32],
}, "encap");

/** Those of MPLS: the destination is a label. */
const RTA_MPLS: Space = withOthers(RTA, { DST: labels });

/** `IGMPMSG_*` of `linux/mroute.h` */
const IGMPMSG = names("IGMPMSG_", { NOCACHE: 1, WRONGVIF: 2, WHOLEPKT: 3, WRVIFWHOLE: 4 });
/** `MRT6MSG_*` of `linux/mroute6.h` */
const MRT6MSG = names("MRT6MSG_", { NOCACHE: 1, WRONGMIF: 2, WHOLEPKT: 3, WRMIFWHOLE: 4 });

/** What a router of multicast packets is asked about a packet. */
const IPMRA_CREPORT: Space = attributes("IPMRA_CREPORT_", {
  MSGTYPE: [1, oneOf(u8, IGMPMSG)],
  VIF_ID: [2, u32],
  SRC_ADDR: [3, address],
  DST_ADDR: [4, address],
  PKT: [5],
  TABLE: [6, u32],
});

const IP6MRA_CREPORT: Space = attributes("IP6MRA_CREPORT_", {
  MSGTYPE: [1, oneOf(u8, MRT6MSG)],
  MIF_ID: [2, u32],
  SRC_ADDR: [3, address],
  DST_ADDR: [4, address],
  PKT: [5],
});

/** `struct rtgenmsg`, with the gap behind it. */
const reportmsg = layout("rtgenmsg", "rtgen_", { rtgen_family: oneOf(u8, AF), _pad1: room(3) });

export const ROUTE_MESSAGES: Record<number, MessageSpec> = {
  ...messages("ROUTE", 24, {
    body: rtmsg,
    space: (family) => family === AF.numbers.MPLS ? RTA_MPLS : RTA,
  }),
  96: {
    name: "RTM_NEWCACHEREPORT",
    body: reportmsg,
    space: (family) => family === AF.numbers.IP6MR ? IP6MRA_CREPORT : IPMRA_CREPORT,
  },
};
