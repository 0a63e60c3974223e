// What the attributes of each space hold, and how the structs are made up: all that the tree knows.
import {
  IFLA_GSO_MAX_SIZE,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_QDISC,
  IFLA_TXQLEN,
  NLMSGERR_ATTR_MISS_NEST,
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  NLMSGERR_ATTR_POLICY,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_TABLE,
  TCA_KIND,
  TCA_STATS,
  TCA_STATS2,
  TCA_STATS_BASIC,
  TCA_STATS_BASIC_HW,
  TCA_STATS_PKT64,
  TCA_STATS_QUEUE,
  TCA_STATS_RATE_EST,
  TCA_STATS_RATE_EST64,
} from "./constants";
import {
  HOLDS_BYTES,
  HOLDS_STRING,
  HOLDS_UNSIGNED,
  SPACE_IFLA,
  SPACE_IFLA_INFO,
  SPACE_NLMSGERR_ATTR,
  SPACE_POLICY_ATTR,
  SPACE_RTA,
  SPACE_TCA,
  SPACE_TCA_STATS,
  STRUCT_DONE,
  STRUCT_GNET_STATS_BASIC,
  STRUCT_GNET_STATS_QUEUE,
  STRUCT_GNET_STATS_RATE_EST,
  STRUCT_GNET_STATS_RATE_EST64,
  STRUCT_IFINFOMSG,
  STRUCT_NLMSGHDR,
  STRUCT_RTMSG,
  STRUCT_TC_PLUG_QOPT,
  STRUCT_TC_STATS,
  STRUCT_TCMSG,
} from "./codes";

/** With an attribute space: the payload is attributes of that space. */
export const PAYLOAD_FIELDS = 0x10000;
/** With a struct's identity: the payload is that struct, and may be longer. */
export const PAYLOAD_STRUCT = 0x20000;

const TCA_CHAIN = 11;
const TCA_HW_OFFLOAD = 12;
const TCA_INGRESS_BLOCK = 13;
const TCA_EGRESS_BLOCK = 14;
const TCA_EXT_WARN_MSG = 16;

function qdiscPayload(type: i32): i32 {
  switch (type) {
    case TCA_KIND:
    case TCA_EXT_WARN_MSG:
      return HOLDS_STRING;
    case TCA_STATS:
      return PAYLOAD_STRUCT | STRUCT_TC_STATS;
    case TCA_STATS2:
      return PAYLOAD_FIELDS | SPACE_TCA_STATS;
    case TCA_CHAIN:
    case TCA_HW_OFFLOAD:
    case TCA_INGRESS_BLOCK:
    case TCA_EGRESS_BLOCK:
      return HOLDS_UNSIGNED;
    default:
      return HOLDS_BYTES;
  }
}

function statsPayload(type: i32): i32 {
  switch (type) {
    case TCA_STATS_BASIC:
    case TCA_STATS_BASIC_HW:
      return PAYLOAD_STRUCT | STRUCT_GNET_STATS_BASIC;
    case TCA_STATS_QUEUE:
      return PAYLOAD_STRUCT | STRUCT_GNET_STATS_QUEUE;
    case TCA_STATS_RATE_EST:
      return PAYLOAD_STRUCT | STRUCT_GNET_STATS_RATE_EST;
    case TCA_STATS_RATE_EST64:
      return PAYLOAD_STRUCT | STRUCT_GNET_STATS_RATE_EST64;
    case TCA_STATS_PKT64:
      return HOLDS_UNSIGNED;
    default:
      return HOLDS_BYTES;
  }
}

function linkPayload(type: i32): i32 {
  switch (type) {
    case IFLA_IFNAME:
    case IFLA_QDISC:
    case IFLA_IFALIAS:
      return HOLDS_STRING;
    case IFLA_MTU:
    case IFLA_LINK:
    case IFLA_MASTER:
    case IFLA_TXQLEN:
    case IFLA_GSO_MAX_SIZE:
      return HOLDS_UNSIGNED;
    case IFLA_LINKINFO:
      return PAYLOAD_FIELDS | SPACE_IFLA_INFO;
    default:
      return HOLDS_BYTES;
  }
}

function errorPayload(type: i32): i32 {
  switch (type) {
    case NLMSGERR_ATTR_MSG:
      return HOLDS_STRING;
    case NLMSGERR_ATTR_OFFS:
    case NLMSGERR_ATTR_MISS_TYPE:
    case NLMSGERR_ATTR_MISS_NEST:
      return HOLDS_UNSIGNED;
    case NLMSGERR_ATTR_POLICY:
      return PAYLOAD_FIELDS | SPACE_POLICY_ATTR;
    default:
      return HOLDS_BYTES;
  }
}

/** What the payload of an attribute is: one of `HOLDS_*`, or `PAYLOAD_*` with a space or a struct. */
export function payload(space: i32, type: i32): i32 {
  switch (space) {
    case SPACE_TCA:
      return qdiscPayload(type);
    case SPACE_TCA_STATS:
      return statsPayload(type);
    case SPACE_IFLA:
      return linkPayload(type);
    case SPACE_IFLA_INFO:
      return type == IFLA_INFO_KIND ? HOLDS_STRING : HOLDS_BYTES;
    case SPACE_NLMSGERR_ATTR:
      return errorPayload(type);
    case SPACE_RTA:
      return type == RTA_OIF || type == RTA_PRIORITY || type == RTA_TABLE ? HOLDS_UNSIGNED : HOLDS_BYTES;
    case SPACE_POLICY_ATTR:
      return HOLDS_UNSIGNED;
    default:
      return HOLDS_BYTES;
  }
}

/**
 * A struct's fields, one nibble each, the first lowest: its width in bytes (1, 2, 4 or 8), plus 8
 * where it is signed.
 */
export function structWidths(identity: i32): u64 {
  switch (identity) {
    case STRUCT_NLMSGHDR: // len, type, flags, seq, pid
      return 0x44224;
    case STRUCT_TCMSG: // family, pad1, pad2, ifindex, handle, parent, info
      return 0x444c211;
    case STRUCT_IFINFOMSG: // family, pad, type, index, flags, change
      return 0x44c211;
    case STRUCT_RTMSG: // family, dst_len, src_len, tos, table, protocol, scope, type, flags
      return 0x411111111;
    case STRUCT_DONE: // error
      return 0xc;
    case STRUCT_TC_PLUG_QOPT: // action, limit
      return 0x4c;
    case STRUCT_GNET_STATS_BASIC: // bytes, packets
      return 0x48;
    case STRUCT_GNET_STATS_QUEUE: // qlen, backlog, drops, requeues, overlimits
      return 0x44444;
    case STRUCT_GNET_STATS_RATE_EST: // bps, pps
      return 0x44;
    case STRUCT_GNET_STATS_RATE_EST64: // bps, pps
      return 0x88;
    case STRUCT_TC_STATS: // bytes, packets, drops, overlimits, bps, pps, qlen, backlog
      return 0x44444448;
    default:
      return 0;
  }
}

/** A struct's length in bytes. */
export function structLength(identity: i32): i32 {
  let widths = structWidths(identity);
  let length = 0;
  while (widths != 0) {
    const nibble = <i32> (widths & 15);
    length += nibble > 8 ? nibble - 8 : nibble;
    widths >>= 4;
  }
  return length;
}
