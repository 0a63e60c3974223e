// Numbers of the kernel's interface, under their C names. AssemblyScript and TypeScript both import
// this file, so that each number stands once.

// linux/netlink.h
/** A message that says nothing. */
export const NLMSG_NOOP = 1;
/** The answer to a request: an ACK where its errno is 0. */
export const NLMSG_ERROR = 2;
/** The end of a dump. */
export const NLMSG_DONE = 3;
/** Data was lost. */
export const NLMSG_OVERRUN = 4;
/** Set on every request. */
export const NLM_F_REQUEST = 0x001;
/** Part of a dump, which an `NLMSG_DONE` ends. */
export const NLM_F_MULTI = 0x002;
/** On a request: answer also where nothing is wrong. */
export const NLM_F_ACK = 0x004;
/** On a part of a dump: the state changed meanwhile, so begin the dump anew. */
export const NLM_F_DUMP_INTR = 0x010;
/** On a NEW request: replace what is there. */
export const NLM_F_REPLACE = 0x100;
/** On a NEW request: refuse with EEXIST where something is there. */
export const NLM_F_EXCL = 0x200;
/** On a NEW request: create what is not there. */
export const NLM_F_CREATE = 0x400;
/** `NLM_F_ROOT | NLM_F_MATCH`, on a GET request. */
export const NLM_F_DUMP = 0x300;
/** On an error reply: the request's payload is not echoed. */
export const NLM_F_CAPPED = 0x100;
/** On an error reply or a DONE: attributes follow. */
export const NLM_F_ACK_TLVS = 0x200;
/** The kernel's own sentence. */
export const NLMSGERR_ATTR_MSG = 1;
/** Where in the request the fault is, in bytes. */
export const NLMSGERR_ATTR_OFFS = 2;
/** Bytes by which the kernel names what was done. */
export const NLMSGERR_ATTR_COOKIE = 3;
/** What the attribute at fault must be like. */
export const NLMSGERR_ATTR_POLICY = 4;
/** The attribute that is missing. */
export const NLMSGERR_ATTR_MISS_TYPE = 5;
/** Where in the request an attribute is missing, in bytes. */
export const NLMSGERR_ATTR_MISS_NEST = 6;
/** In `nla_type`: the attribute holds attributes. libnl sets it, iproute2 does not. */
export const NLA_F_NESTED = 0x8000;
/** In `nla_type`: the payload is in network order. */
export const NLA_F_NET_BYTEORDER = 0x4000;
/** The bits of `nla_type` that are the type. */
export const NLA_TYPE_MASK = 0x3fff;

// linux/rtnetlink.h
/** Tells of a device that is there, or creates or changes one. */
export const RTM_NEWLINK = 16;
/** Tells of a device that is gone, or deletes one. */
export const RTM_DELLINK = 17;
/** Asks for devices. */
export const RTM_GETLINK = 18;
/** Tells of a route that is there, or creates one. */
export const RTM_NEWROUTE = 24;
/** Tells of a route that is gone, or deletes one. */
export const RTM_DELROUTE = 25;
/** Asks for routes, or for the one to an address. */
export const RTM_GETROUTE = 26;
/** Tells of a qdisc that is there, or creates or changes one. */
export const RTM_NEWQDISC = 36;
/** Tells of a qdisc that is gone, or deletes one with the packets that it holds. */
export const RTM_DELQDISC = 37;
/** Asks for qdiscs. */
export const RTM_GETQDISC = 38;
/** Tells of a filter that is there, or creates one. */
export const RTM_NEWTFILTER = 44;
/** Tells of a filter that is gone, or deletes one. */
export const RTM_DELTFILTER = 45;
/** Asks for filters. */
export const RTM_GETTFILTER = 46;
/** The qdisc's kind, with a NUL at its end: `plug`. */
export const TCA_KIND = 1;
/** What the kind makes of it: `struct tc_plug_qopt`. A plug in a dump never carries it. */
export const TCA_OPTIONS = 2;
/** `struct tc_stats`, the older form of the counters. */
export const TCA_STATS = 3;
/** The counters as attributes, `TCA_STATS_BASIC` and so on. */
export const TCA_STATS2 = 7;
/** Nothing: it aligns what follows to 8 bytes. */
export const TCA_PAD = 9;
/** The filter chain, 32 bits. */
export const TCA_CHAIN = 11;
/** Whether hardware does the work, 8 bits. */
export const TCA_HW_OFFLOAD = 12;
/** The filter block that incoming packets pass, 32 bits. */
export const TCA_INGRESS_BLOCK = 13;
/** The filter block that outgoing packets pass, 32 bits. */
export const TCA_EGRESS_BLOCK = 14;
/** A warning in the kernel's words. */
export const TCA_EXT_WARN_MSG = 16;
/** The destination, 4 or 16 bytes. */
export const RTA_DST = 1;
/** The index of the device that the route leads to, 32 bits. */
export const RTA_OIF = 4;
/** The metric: of two routes the lower counts, 32 bits. */
export const RTA_PRIORITY = 6;
/** Several next hops, `struct rtnexthop` each. */
export const RTA_MULTIPATH = 9;
/** The routing table, 32 bits. */
export const RTA_TABLE = 15;

// linux/gen_stats.h
/** What was sent: `struct gnet_stats_basic`. */
export const TCA_STATS_BASIC = 1;
/** The estimated rate: `struct gnet_stats_rate_est`. */
export const TCA_STATS_RATE_EST = 2;
/** What is queued and was dropped: `struct gnet_stats_queue`. */
export const TCA_STATS_QUEUE = 3;
/** The estimated rate in 64 bits: `struct gnet_stats_rate_est64`. */
export const TCA_STATS_RATE_EST64 = 5;
/** Nothing: it aligns what follows to 8 bytes. */
export const TCA_STATS_PAD = 6;
/** What hardware sent: `struct gnet_stats_basic`. */
export const TCA_STATS_BASIC_HW = 7;
/** The packets sent, in 64 bits. */
export const TCA_STATS_PKT64 = 8;

// linux/if_link.h
/** The device's name, with a NUL at its end. */
export const IFLA_IFNAME = 3;
/** The largest packet in bytes without its link header, 32 bits. */
export const IFLA_MTU = 4;
/** The index of the device below, or of a veth's peer, 32 bits. */
export const IFLA_LINK = 5;
/** The kind of the root qdisc, with a NUL at its end. */
export const IFLA_QDISC = 6;
/** The index of the bridge or bond that it belongs to, 32 bits. */
export const IFLA_MASTER = 10;
/** How many packets its queue takes, 32 bits. */
export const IFLA_TXQLEN = 13;
/** What kind of device it is, as attributes: `IFLA_INFO_KIND` and others. */
export const IFLA_LINKINFO = 18;
/** What `ip link set alias` says. */
export const IFLA_IFALIAS = 20;
/** The largest packet in bytes that segmentation offload queues, 32 bits. */
export const IFLA_GSO_MAX_SIZE = 41;
/** A further name of a device, of up to 127 bytes. */
export const IFLA_ALT_IFNAME = 53;
/** In `IFLA_LINKINFO`: `veth`, `ifb` and so on. */
export const IFLA_INFO_KIND = 1;

// linux/if.h, linux/socket.h
/** The device is to be up, or is. */
export const IFF_UP = 1;
/** Internet Protocol version 6. */
export const AF_INET6 = 10;
/** What each address family has to say of a device. */
export const IFLA_AF_SPEC = 26;
/** In `AF_INET6` of that: how the device makes itself its addresses, 8 bits. */
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** It makes itself none. */
export const IN6_ADDR_GEN_MODE_NONE = 1;
/** Every protocol, `linux/if_ether.h`. */
export const ETH_P_ALL = 3;

// linux/pkt_sched.h
/** Hold from here on; again, end the epoch and begin the next. */
export const TCQ_PLUG_BUFFER = 0;
/** Release the epoch that the last `TCQ_PLUG_BUFFER` ended. */
export const TCQ_PLUG_RELEASE_ONE = 1;
/** Release everything, and pass packets from here on. */
export const TCQ_PLUG_RELEASE_INDEFINITE = 2;
/** Set the limit, in bytes. */
export const TCQ_PLUG_LIMIT = 3;
/** No parent: go by the handle. */
export const TC_H_UNSPEC = 0;

// Sizes in bytes of the structs, as the kernel lays them out.
/** `struct nlmsghdr` */
export const NLMSG_HDRLEN = 16;
/** `struct nlattr` */
export const NLA_HDRLEN = 4;
/** `struct tcmsg` */
export const TCMSG_LEN = 20;
/** `struct ifinfomsg` */
export const IFINFOMSG_LEN = 16;
/** `struct rtmsg` */
export const RTMSG_LEN = 12;
/** `struct tc_plug_qopt` */
export const TC_PLUG_QOPT_LEN = 8;
/** `struct tc_stats` without its trailing padding */
export const TC_STATS_LEN = 36;
/** `struct gnet_stats_basic` without its trailing padding */
export const GNET_STATS_BASIC_LEN = 12;
/** `struct gnet_stats_queue` */
export const GNET_STATS_QUEUE_LEN = 20;
