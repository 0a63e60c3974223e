// Numbers of the kernel's interface to links, filters and actions, under their C names. AssemblyScript and
// TypeScript both import this file.

// linux/if.h
export const IFF_UP = 1;

// linux/if_link.h, linux/socket.h
export const IFLA_AF_SPEC = 26;
export const IFLA_INET6_ADDR_GEN_MODE = 8;
export const IN6_ADDR_GEN_MODE_NONE = 1;
export const AF_INET6 = 10;

// linux/pkt_cls.h
export const TCA_FLOWER_ACT = 3;
export const TCA_FLOWER_KEY_ETH_TYPE = 8;
export const TCA_FLOWER_KEY_IP_PROTO = 9;
export const TCA_FLOWER_KEY_IPV4_SRC = 10;
export const TCA_FLOWER_KEY_IPV4_DST = 12;
export const TCA_FLOWER_KEY_IPV6_SRC = 14;
export const TCA_FLOWER_KEY_IPV6_DST = 16;
export const TCA_FLOWER_KEY_TCP_SRC = 18;
export const TCA_FLOWER_KEY_TCP_DST = 19;
export const TCA_FLOWER_KEY_UDP_SRC = 20;
export const TCA_FLOWER_KEY_UDP_DST = 21;
export const TCA_FLOWER_FLAGS = 22;
export const TCA_FLOWER_KEY_VLAN_ID = 23;
export const TCA_FLOWER_KEY_VLAN_ETH_TYPE = 25;
export const TCA_FLOWER_KEY_TCP_SRC_MASK = 35;
export const TCA_FLOWER_KEY_SCTP_DST_MASK = 40;
export const TCA_FLOWER_KEY_SCTP_SRC = 41;
export const TCA_FLOWER_KEY_SCTP_DST = 42;
export const TCA_FLOWER_KEY_TCP_FLAGS = 71;
export const TCA_FLOWER_KEY_TCP_FLAGS_MASK = 72;
export const TCA_FLOWER_IN_HW_COUNT = 86;
export const TCA_FLOWER_KEY_PORT_SRC_MIN = 87;
export const TCA_FLOWER_KEY_PORT_SRC_MAX = 88;
export const TCA_FLOWER_KEY_PORT_DST_MIN = 89;
export const TCA_FLOWER_KEY_PORT_DST_MAX = 90;
export const TCA_ACT_KIND = 1;
export const TCA_ACT_OPTIONS = 2;
export const TCA_ACT_INDEX = 3;
export const TCA_ACT_STATS = 4;
export const TCA_ACT_IN_HW_COUNT = 10;
/** The packet is taken from where it was. */
export const TC_ACT_STOLEN = 4;

// linux/tc_act/tc_mirred.h
export const TCA_MIRRED_TM = 1;
export const TCA_MIRRED_PARMS = 2;
export const TCA_EGRESS_REDIR = 1;

// linux/if_ether.h
/** Every protocol. */
export const ETH_P_ALL = 0x0003;
export const ETH_P_8021Q = 0x8100;

// Sizes in bytes of the structs, as the kernel lays them out.
/** `struct tc_mirred` */
export const TC_MIRRED_LEN = 28;
/** `struct tcf_t` */
export const TCF_T_LEN = 32;
