// What flower filters compare, `TCA_FLOWER_*` of `linux/pkt_cls.h`.
import { attributes, be16, be32, be64, bitsOf, names, nest, oneOf, type Space, string, u16, u32, u8 } from "./table.ts";
import { address, classId, etherType, hardware, inHex, IPPROTO, tunnelOptions } from "./value.ts";
import { actions } from "./action.ts";

/** `TCA_CLS_FLAGS_*` */
export const TCA_CLS_FLAGS = names("TCA_CLS_FLAGS_", { SKIP_HW: 1, SKIP_SW: 2, IN_HW: 4, NOT_IN_HW: 8, VERBOSE: 16 });
/** `TCA_FLOWER_KEY_FLAGS_*` */
const KEY_FLAGS = names("TCA_FLOWER_KEY_FLAGS_", {
  IS_FRAGMENT: 1,
  FRAG_IS_FIRST: 2,
  TUNNEL_CSUM: 4,
  TUNNEL_DONT_FRAGMENT: 8,
  TUNNEL_OAM: 16,
  TUNNEL_CRIT_OPT: 32,
});
/** `TCA_FLOWER_KEY_CT_FLAGS_*` */
const KEY_CT = names("TCA_FLOWER_KEY_CT_FLAGS_", {
  NEW: 1,
  ESTABLISHED: 2,
  RELATED: 4,
  TRACKED: 8,
  INVALID: 16,
  REPLY: 32,
});
/** Bits of the TCP header, `TCPHDR_*` of `net/tcp.h`. */
const TCP = names("TCPHDR_", { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 });

const GTP: Space = attributes("TCA_FLOWER_KEY_ENC_OPT_GTP_", {
  PDU_TYPE: [1, u8],
  QFI: [2, u8],
});

const PFCP: Space = attributes("TCA_FLOWER_KEY_ENC_OPT_PFCP_", {
  TYPE: [1, u8],
  SEID: [2, be64],
});

const ENC_OPTS = tunnelOptions("TCA_FLOWER_KEY_ENC_OPT", {
  GTP: [4, nest(GTP)],
  PFCP: [5, nest(PFCP)],
  MASK: [85],
});

const MPLS_LSE: Space = attributes("TCA_FLOWER_KEY_MPLS_OPT_LSE_", {
  DEPTH: [1, u8],
  TTL: [2, u8],
  BOS: [3, u8],
  TC: [4, u8],
  LABEL: [5, u32],
});

const MPLS_OPTS: Space = attributes("TCA_FLOWER_KEY_MPLS_OPTS_", {
  LSE: [1, nest(MPLS_LSE)],
});

const CFM: Space = attributes("TCA_FLOWER_KEY_CFM_", {
  MD_LEVEL: [1, u8],
  OPCODE: [2, u8],
});

export const TCA_FLOWER: Space = attributes("TCA_FLOWER_", {
  CLASSID: [1, classId],
  INDEV: [2, string],
  ACT: [3, actions],
  KEY_ETH_DST: [4, hardware],
  KEY_ETH_DST_MASK: [5, hardware],
  KEY_ETH_SRC: [6, hardware],
  KEY_ETH_SRC_MASK: [7, hardware],
  KEY_ETH_TYPE: [8, etherType],
  KEY_IP_PROTO: [9, oneOf(u8, IPPROTO)],
  KEY_IPV4_SRC: [10, address],
  KEY_IPV4_SRC_MASK: [11, address],
  KEY_IPV4_DST: [12, address],
  KEY_IPV4_DST_MASK: [13, address],
  KEY_IPV6_SRC: [14, address],
  KEY_IPV6_SRC_MASK: [15, address],
  KEY_IPV6_DST: [16, address],
  KEY_IPV6_DST_MASK: [17, address],
  KEY_TCP_SRC: [18, be16],
  KEY_TCP_DST: [19, be16],
  KEY_UDP_SRC: [20, be16],
  KEY_UDP_DST: [21, be16],
  FLAGS: [22, bitsOf(u32, TCA_CLS_FLAGS)],
  KEY_VLAN_ID: [23, u16],
  KEY_VLAN_PRIO: [24, u8],
  KEY_VLAN_ETH_TYPE: [25, etherType],
  KEY_ENC_KEY_ID: [26, be32],
  KEY_ENC_IPV4_SRC: [27, address],
  KEY_ENC_IPV4_SRC_MASK: [28, address],
  KEY_ENC_IPV4_DST: [29, address],
  KEY_ENC_IPV4_DST_MASK: [30, address],
  KEY_ENC_IPV6_SRC: [31, address],
  KEY_ENC_IPV6_SRC_MASK: [32, address],
  KEY_ENC_IPV6_DST: [33, address],
  KEY_ENC_IPV6_DST_MASK: [34, address],
  KEY_TCP_SRC_MASK: [35, inHex(be16)],
  KEY_TCP_DST_MASK: [36, inHex(be16)],
  KEY_UDP_SRC_MASK: [37, inHex(be16)],
  KEY_UDP_DST_MASK: [38, inHex(be16)],
  KEY_SCTP_SRC_MASK: [39, inHex(be16)],
  KEY_SCTP_DST_MASK: [40, inHex(be16)],
  KEY_SCTP_SRC: [41, be16],
  KEY_SCTP_DST: [42, be16],
  KEY_ENC_UDP_SRC_PORT: [43, be16],
  KEY_ENC_UDP_SRC_PORT_MASK: [44, inHex(be16)],
  KEY_ENC_UDP_DST_PORT: [45, be16],
  KEY_ENC_UDP_DST_PORT_MASK: [46, inHex(be16)],
  KEY_FLAGS: [47, bitsOf(be32, KEY_FLAGS)],
  KEY_FLAGS_MASK: [48, bitsOf(be32, KEY_FLAGS)],
  KEY_ICMPV4_CODE: [49, u8],
  KEY_ICMPV4_CODE_MASK: [50, u8],
  KEY_ICMPV4_TYPE: [51, u8],
  KEY_ICMPV4_TYPE_MASK: [52, u8],
  KEY_ICMPV6_CODE: [53, u8],
  KEY_ICMPV6_CODE_MASK: [54, u8],
  KEY_ICMPV6_TYPE: [55, u8],
  KEY_ICMPV6_TYPE_MASK: [56, u8],
  KEY_ARP_SIP: [57, address],
  KEY_ARP_SIP_MASK: [58, address],
  KEY_ARP_TIP: [59, address],
  KEY_ARP_TIP_MASK: [60, address],
  KEY_ARP_OP: [61, u8],
  KEY_ARP_OP_MASK: [62, u8],
  KEY_ARP_SHA: [63, hardware],
  KEY_ARP_SHA_MASK: [64, hardware],
  KEY_ARP_THA: [65, hardware],
  KEY_ARP_THA_MASK: [66, hardware],
  KEY_MPLS_TTL: [67, u8],
  KEY_MPLS_BOS: [68, u8],
  KEY_MPLS_TC: [69, u8],
  KEY_MPLS_LABEL: [70, u32],
  KEY_TCP_FLAGS: [71, bitsOf(be16, TCP)],
  KEY_TCP_FLAGS_MASK: [72, bitsOf(be16, TCP)],
  KEY_IP_TOS: [73, inHex(u8)],
  KEY_IP_TOS_MASK: [74, inHex(u8)],
  KEY_IP_TTL: [75, u8],
  KEY_IP_TTL_MASK: [76, u8],
  KEY_CVLAN_ID: [77, u16],
  KEY_CVLAN_PRIO: [78, u8],
  KEY_CVLAN_ETH_TYPE: [79, etherType],
  KEY_ENC_IP_TOS: [80, inHex(u8)],
  KEY_ENC_IP_TOS_MASK: [81, inHex(u8)],
  KEY_ENC_IP_TTL: [82, u8],
  KEY_ENC_IP_TTL_MASK: [83, u8],
  KEY_ENC_OPTS: [84, nest(ENC_OPTS)],
  KEY_ENC_OPTS_MASK: [85, nest(ENC_OPTS)],
  IN_HW_COUNT: [86, u32],
  KEY_PORT_SRC_MIN: [87, be16],
  KEY_PORT_SRC_MAX: [88, be16],
  KEY_PORT_DST_MIN: [89, be16],
  KEY_PORT_DST_MAX: [90, be16],
  KEY_CT_STATE: [91, bitsOf(u16, KEY_CT)],
  KEY_CT_STATE_MASK: [92, bitsOf(u16, KEY_CT)],
  KEY_CT_ZONE: [93, u16],
  KEY_CT_ZONE_MASK: [94, inHex(u16)],
  KEY_CT_MARK: [95, inHex(u32)],
  KEY_CT_MARK_MASK: [96, inHex(u32)],
  KEY_CT_LABELS: [97],
  KEY_CT_LABELS_MASK: [98],
  KEY_MPLS_OPTS: [99, nest(MPLS_OPTS)],
  KEY_HASH: [100, inHex(u32)],
  KEY_HASH_MASK: [101, inHex(u32)],
  KEY_NUM_OF_VLANS: [102, u8],
  KEY_PPPOE_SID: [103, be16],
  KEY_PPP_PROTO: [104, inHex(be16)],
  KEY_L2TPV3_SID: [105, be32],
  L2_MISS: [106, u8],
  KEY_CFM: [107, nest(CFM)],
  KEY_SPI: [108, be32],
  KEY_SPI_MASK: [109, inHex(be32)],
  KEY_ENC_FLAGS: [110, bitsOf(be32, KEY_FLAGS)],
  KEY_ENC_FLAGS_MASK: [111, bitsOf(be32, KEY_FLAGS)],
});
