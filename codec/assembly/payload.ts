// What the attributes of each space hold, and how the structs are made up: all that the tree knows.
import {
  HOLDS_BYTES,
  HOLDS_STRING,
  HOLDS_UNSIGNED,
  SPACE,
  SPACE_IFLA_INFO,
  SPACE_POLICY_ATTR,
  SPACE_TCA_FLOWER,
  SPACE_TCA_STATS,
  STRUCT_GNET_STATS_BASIC,
  STRUCT_GNET_STATS_QUEUE,
  STRUCT_GNET_STATS_RATE_EST,
  STRUCT_GNET_STATS_RATE_EST64,
  STRUCT_STRIDE,
  STRUCT_TC_MIRRED,
  STRUCT_TC_STATS,
} from "./codes";
import { filterPayload, filterWidths } from "./filter_payload";

/** With an attribute space, counted from `SPACE`: the payload is attributes of that space. */
export const PAYLOAD_FIELDS = 0x40;
/** With a struct's identity, in strides: the payload is that struct, and may be longer. */
export const PAYLOAD_STRUCT = 0x80;

const BYTE: u8 = <u8> HOLDS_BYTES;
const TEXT: u8 = <u8> HOLDS_STRING;
const UINT: u8 = <u8> HOLDS_UNSIGNED;
const STATS_SPACE: u8 = <u8> (PAYLOAD_FIELDS + SPACE_TCA_STATS - SPACE);
const INFO_SPACE: u8 = <u8> (PAYLOAD_FIELDS + SPACE_IFLA_INFO - SPACE);
const POLICY_SPACE: u8 = <u8> (PAYLOAD_FIELDS + SPACE_POLICY_ATTR - SPACE);
const TC_STATS: u8 = <u8> (PAYLOAD_STRUCT + STRUCT_TC_STATS / STRUCT_STRIDE);
const STATS_BASIC: u8 = <u8> (PAYLOAD_STRUCT + STRUCT_GNET_STATS_BASIC / STRUCT_STRIDE);
const STATS_QUEUE: u8 = <u8> (PAYLOAD_STRUCT + STRUCT_GNET_STATS_QUEUE / STRUCT_STRIDE);
const RATE_EST: u8 = <u8> (PAYLOAD_STRUCT + STRUCT_GNET_STATS_RATE_EST / STRUCT_STRIDE);
const RATE_EST64: u8 = <u8> (PAYLOAD_STRUCT + STRUCT_GNET_STATS_RATE_EST64 / STRUCT_STRIDE);

/** How many attributes each space below has, one after the other; the first is no space. */
const COUNTS = memory.data<u8>([0, 17, 9, 42, 2, 16, 7, 13]);
/** What each attribute holds, by number: TCA, TCA_STATS, IFLA, IFLA_INFO, RTA, NLMSGERR_ATTR, NL_POLICY_TYPE_ATTR. */
const PAYLOADS = memory.data<u8>([
  // KIND 1, STATS 3, STATS2 7
  BYTE,
  TEXT,
  BYTE,
  TC_STATS,
  BYTE,
  BYTE,
  BYTE,
  STATS_SPACE,
  BYTE,
  BYTE,
  // CHAIN 11, HW_OFFLOAD 12, INGRESS_BLOCK 13, EGRESS_BLOCK 14, EXT_WARN_MSG 16
  BYTE,
  UINT,
  UINT,
  UINT,
  UINT,
  BYTE,
  TEXT,
  // BASIC 1, RATE_EST 2, QUEUE 3, RATE_EST64 5, BASIC_HW 7, PKT64 8
  BYTE,
  STATS_BASIC,
  RATE_EST,
  STATS_QUEUE,
  BYTE,
  RATE_EST64,
  BYTE,
  STATS_BASIC,
  UINT,
  // IFNAME 3, MTU 4, LINK 5, QDISC 6
  BYTE,
  BYTE,
  BYTE,
  TEXT,
  UINT,
  UINT,
  TEXT,
  BYTE,
  BYTE,
  BYTE,
  // MASTER 10, TXQLEN 13, LINKINFO 18
  UINT,
  BYTE,
  BYTE,
  UINT,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  INFO_SPACE,
  BYTE,
  // IFALIAS 20
  TEXT,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  // GSO_MAX_SIZE 41
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  UINT,
  // KIND 1
  BYTE,
  TEXT,
  // OIF 4, PRIORITY 6, TABLE 15
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  UINT,
  BYTE,
  UINT,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  BYTE,
  UINT,
  // MSG 1, OFFS 2, POLICY 4, MISS_TYPE 5, MISS_NEST 6
  BYTE,
  TEXT,
  UINT,
  BYTE,
  POLICY_SPACE,
  UINT,
  UINT,
  // all but UNSPEC 0
  BYTE,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
  UINT,
]);

/** What the payload of an attribute is: one of `HOLDS_*`, or `PAYLOAD_*` with a space or a struct. */
export function payload(space: i32, type: i32): i32 {
  if (space >= SPACE_TCA_FLOWER) return filterPayload(space, type);
  let count = COUNTS + 1;
  let row = PAYLOADS;
  while (count < COUNTS + space - SPACE) row += load<u8>(count++);
  return type < <i32> load<u8>(count) ? <i32> load<u8>(row + type) : HOLDS_BYTES;
}

/**
 * The structs' fields by identity, one nibble each, the first lowest: its width in bytes (1, 2, 4 or 8),
 * plus 8 where it is signed.
 */
const WIDTHS = memory.data<u64>([
  0,
  0x44224, // nlmsghdr: len, type, flags, seq, pid
  0x444c211, // tcmsg: family, pad1, pad2, ifindex, handle, parent, info
  0x44c211, // ifinfomsg: family, pad, type, index, flags, change
  0x411111111, // rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
  0,
  0xc, // the end of a dump: error
  0x4c, // tc_plug_qopt: action, limit
  0x48, // gnet_stats_basic: bytes, packets
  0x44444, // gnet_stats_queue: qlen, backlog, drops, requeues, overlimits
  0x44, // gnet_stats_rate_est: bps, pps
  0x88, // gnet_stats_rate_est64: bps, pps
  0x44444448, // tc_stats: bytes, packets, drops, overlimits, bps, pps, qlen, backlog
]);

export function structWidths(identity: i32): u64 {
  if (identity >= STRUCT_TC_MIRRED) return filterWidths(identity);
  return load<u64>(WIDTHS + identity / STRUCT_STRIDE * 8);
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
