/** A qdisc's counters since it was created. Sums of 64 bits are exact up to 2^53. */
export interface QdiscStats {
  /** Bytes sent: released, in a plug's case. */
  bytes: number;
  /** Packets sent. */
  packets: number;
  /** Packets held at this moment. */
  backlogPackets: number;
  /** Bytes held at this moment, as queued: link header included, 32 bits. */
  backlogBytes: number;
  /** Packets dropped: in a plug's case because its limit was reached. */
  drops: number;
  /** Packets that the device gave back. */
  requeues: number;
  /** How often it had to wait; a plug never counts it. */
  overlimits: number;
}

/** What every message says of itself in its header. */
export interface MessageHeader {
  /** `nlmsg_type` */
  type: number;
  /** `nlmsg_flags` */
  flags: number;
  /** `nlmsg_seq`: which request this answers. */
  sequence: number;
}

/** `RTM_NEWQDISC` or `RTM_DELQDISC` from the kernel. */
export interface QdiscMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "qdisc";
  /** The device's index. */
  ifindex: number;
  /** Major number in the high 16 bits; 0 is a qdisc that the kernel made by itself. */
  handle: number;
  /** Where it hangs: `TC_H_ROOT` or a class. */
  parent: number;
  /** `plug`, `fq_codel` and so on. */
  kind: string;
  /** Absent where the message carries neither `TCA_STATS2` nor `TCA_STATS`. */
  stats?: QdiscStats;
}

/** `RTM_NEWLINK` or `RTM_DELLINK` from the kernel. */
export interface LinkMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "link";
  /** The device's index, from 1 on. */
  ifindex: number;
  /** `eth0` */
  name: string;
  /** `IFF_*` of `linux/if.h` */
  linkFlags: number;
  /** `veth`, `ifb` and so on; empty for a physical device and for loopback. */
  kind: string;
  /** The largest packet in bytes, without its link header. */
  mtu: number;
  /** In packets. */
  txqueuelen: number;
  /** The largest packet, in bytes, that segmentation offload queues at once; 0 where the kernel says none. */
  gsoMaxSize: number;
  /** The kind of the root qdisc. */
  qdisc: string;
  /** What `ip link set alias` says; empty where there is none. */
  alias: string;
  /** The ifindex of the bridge or bond that it belongs to, or 0. */
  master: number;
  /** `ARPHRD_*` of `linux/if_arp.h` */
  arpType: number;
  /** The ifindex of its peer or lower device, or 0. */
  link: number;
}

/** `RTM_NEWROUTE` from the kernel. */
export interface RouteMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "route";
  /** `AF_INET` 2 or `AF_INET6` 10. */
  family: number;
  /** Bits of the destination that count: 0 is a default route. */
  destinationLength: number;
  /** `RTN_*` of `linux/rtnetlink.h`: 1 leads somewhere, others refuse or drop. */
  routeType: number;
  /** The routing table: 254 is the main one. */
  table: number;
  /** Its metric: of two routes the lower counts. */
  priority: number;
  /** The devices that it leads to: one, or with several next hops up to nine. */
  ifindexes: number[];
  /** Whether there are more of them. */
  moreDevices: boolean;
}

/** `NLMSG_ERROR`: an ACK where `errno` is 0; or the `NLMSG_DONE` that ends a dump. */
export interface AnswerMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "answer";
  /** A positive errno, or 0 for success. */
  errno: number;
  /** The kernel's own sentence (`NLMSGERR_ATTR_MSG`), or empty. */
  sentence: string;
  /** Where in the request the fault is, in bytes (`NLMSGERR_ATTR_OFFS`), or 0. */
  offset: number;
  /** The attribute that is missing (`NLMSGERR_ATTR_MISS_TYPE`), or 0. */
  missingType: number;
  /** Where in the request it is missing (`NLMSGERR_ATTR_MISS_NEST`), or 0. */
  missingNest: number;
}

/** Any other message: its header. */
export interface OtherMessage extends MessageHeader {
  /** What it is about, and so which fields it has. */
  about: "other";
}

/** What a kernel sends. */
export type Message =
  | QdiscMessage
  | LinkMessage
  | RouteMessage
  | AnswerMessage
  | OtherMessage;
