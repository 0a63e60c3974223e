// What every conversation over netlink has: the header, answers, the end of a dump. `linux/netlink.h`
import {
  attributes,
  layout,
  names,
  nest,
  oneOf,
  s32,
  s64,
  saying,
  type Space,
  string,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { AF, inHex } from "./value.ts";
import { errnoName } from "../errno_name.ts";

/** What the number of an answer says: a negative errno, or 0 where all went well. */
const answer = saying(s32, (error) => error < 0 ? errnoName(-error) : undefined);

/** `struct nlmsghdr` */
export const nlmsghdr = layout("nlmsghdr", "nlmsg_", {
  nlmsg_len: u32,
  nlmsg_type: u16,
  nlmsg_flags: u16,
  nlmsg_seq: ["sequence", u32],
  nlmsg_pid: ["portId", u32],
});
/** `struct nlmsgerr`, but for the header of the request behind it. */
export const nlmsgerr = layout("nlmsgerr", "", { error: answer });
/** What ends a dump. */
export const done = layout("done", "", { error: answer });
/** `struct rtgenmsg`: what the shortest of requests begin with. */
export const rtgenmsg = layout("rtgenmsg", "rtgen_", { rtgen_family: oneOf(u8, AF) });

/** The messages of every protocol. */
export const NLMSG = names("NLMSG_", { NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 });

/** `NL_ATTR_TYPE_*` */
const NL_ATTR_TYPE = names("NL_ATTR_TYPE_", {
  INVALID: 0,
  FLAG: 1,
  U8: 2,
  U16: 3,
  U32: 4,
  U64: 5,
  S8: 6,
  S16: 7,
  S32: 8,
  S64: 9,
  BINARY: 10,
  STRING: 11,
  NUL_STRING: 12,
  NESTED: 13,
  NESTED_ARRAY: 14,
  BITFIELD32: 15,
  SINT: 16,
  UINT: 17,
});

/** What the attribute at fault must be like. */
export const NL_POLICY_TYPE: Space = attributes("NL_POLICY_TYPE_ATTR_", {
  TYPE: [1, oneOf(u32, NL_ATTR_TYPE)],
  MIN_VALUE_S: [2, s64],
  MAX_VALUE_S: [3, s64],
  MIN_VALUE_U: [4, u64],
  MAX_VALUE_U: [5, u64],
  MIN_LENGTH: [6, u32],
  MAX_LENGTH: [7, u32],
  POLICY_IDX: [8, u32],
  POLICY_MAXTYPE: [9, u32],
  BITFIELD32_MASK: [10, inHex(u32)],
  PAD: [11],
  MASK: [12, inHex(u64)],
});

/** What an answer says beside its number. */
export const NLMSGERR: Space = attributes("NLMSGERR_ATTR_", {
  MSG: [1, string],
  OFFS: [2, u32],
  COOKIE: [3],
  POLICY: [4, nest(NL_POLICY_TYPE)],
  MISS_TYPE: [5, u32],
  MISS_NEST: [6, u32],
});
