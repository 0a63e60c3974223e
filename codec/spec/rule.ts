// Rules that choose the routing table. `linux/fib_rules.h`
import {
  attributes,
  be64,
  bitsOf,
  layout,
  messages,
  names,
  oneOf,
  s32,
  type Space,
  string,
  u16,
  u32,
  u8,
} from "./table.ts";
import { address, AF, inHex, IPPROTO } from "./value.ts";
import { RT_TABLE, RTPROT } from "./route.ts";

/** `FR_ACT_*` */
const FR_ACT = names("FR_ACT_", { UNSPEC: 0, TO_TBL: 1, GOTO: 2, NOP: 3, BLACKHOLE: 6, UNREACHABLE: 7, PROHIBIT: 8 });
/** `FIB_RULE_*` */
const FIB_RULE = names("FIB_RULE_", {
  PERMANENT: 1,
  INVERT: 2,
  UNRESOLVED: 4,
  IIF_DETACHED: 8,
  OIF_DETACHED: 16,
  FIND_SADDR: 0x10000,
});

/** `struct fib_rule_hdr` */
const fib_rule_hdr = layout("fib_rule_hdr", "", {
  family: oneOf(u8, AF),
  dst_len: ["destinationLength", u8],
  src_len: ["sourceLength", u8],
  tos: u8,
  table: oneOf(u8, RT_TABLE),
  res1: u8,
  res2: u8,
  action: oneOf(u8, FR_ACT),
  flags: bitsOf(u32, FIB_RULE),
});

/** `struct fib_rule_uid_range` */
const fib_rule_uid_range = layout("fib_rule_uid_range", "", {
  start: u32,
  end: u32,
});

/** `struct fib_rule_port_range` */
const fib_rule_port_range = layout("fib_rule_port_range", "", {
  start: u16,
  end: u16,
});

const FRA: Space = attributes("FRA_", {
  DST: [1, address],
  SRC: [2, address],
  IIFNAME: [3, string],
  GOTO: [4, u32],
  PRIORITY: [6, u32],
  FWMARK: [10, inHex(u32)],
  FLOW: [11, inHex(u32)],
  TUN_ID: [12, be64],
  SUPPRESS_IFGROUP: [13, s32],
  SUPPRESS_PREFIXLEN: [14, s32],
  TABLE: [15, oneOf(u32, RT_TABLE)],
  FWMASK: [16, inHex(u32)],
  OIFNAME: [17, string],
  PAD: [18],
  L3MDEV: [19, u8],
  UID_RANGE: [20, fib_rule_uid_range],
  PROTOCOL: [21, oneOf(u8, RTPROT)],
  IP_PROTO: [22, oneOf(u8, IPPROTO)],
  SPORT_RANGE: [23, fib_rule_port_range],
  DPORT_RANGE: [24, fib_rule_port_range],
  DSCP: [25, u8],
});

export const RULE_MESSAGES = messages("RULE", 32, { body: fib_rule_hdr, space: FRA });
