import {
  STRUCT_DONE,
  STRUCT_GNET_STATS_BASIC,
  STRUCT_GNET_STATS_QUEUE,
  STRUCT_GNET_STATS_RATE_EST,
  STRUCT_GNET_STATS_RATE_EST64,
  STRUCT_IFINFOMSG,
  STRUCT_MESSAGE,
  STRUCT_NLMSGERR,
  STRUCT_NLMSGHDR,
  STRUCT_RTMSG,
  STRUCT_STRIDE,
  STRUCT_TC_MIRRED,
  STRUCT_TC_PLUG_QOPT,
  STRUCT_TC_STATS,
  STRUCT_TCF_T,
  STRUCT_TCMSG,
} from "./assembly/codes.ts";
import { errnoName } from "./errno_name.ts";
import { formatHandle, formatParent } from "./handle.ts";
import { messageTypeName, mirredActionName, plugActionName, verdictName } from "./names.ts";

/** The kernel's names of the structs' fields, in the order of their bytes. */
const FIELDS: Readonly<Record<number, string>> = {
  [STRUCT_NLMSGHDR]: "nlmsg_len nlmsg_type nlmsg_flags nlmsg_seq nlmsg_pid",
  [STRUCT_TCMSG]: "tcm_family tcm__pad1 tcm__pad2 tcm_ifindex tcm_handle tcm_parent tcm_info",
  [STRUCT_IFINFOMSG]: "ifi_family __ifi_pad ifi_type ifi_index ifi_flags ifi_change",
  [STRUCT_RTMSG]: "rtm_family rtm_dst_len rtm_src_len rtm_tos rtm_table rtm_protocol rtm_scope rtm_type rtm_flags",
  [STRUCT_NLMSGERR]: "error msg",
  [STRUCT_DONE]: "error",
  [STRUCT_TC_PLUG_QOPT]: "action limit",
  [STRUCT_GNET_STATS_BASIC]: "bytes packets",
  [STRUCT_GNET_STATS_QUEUE]: "qlen backlog drops requeues overlimits",
  [STRUCT_GNET_STATS_RATE_EST]: "bps pps",
  [STRUCT_GNET_STATS_RATE_EST64]: "bps pps",
  [STRUCT_TC_STATS]: "bytes packets drops overlimits bps pps qlen backlog",
  [STRUCT_TC_MIRRED]: "index capab action refcnt bindcnt eaction ifindex",
  [STRUCT_TCF_T]: "install lastuse expires firstuse",
};

/** What is called otherwise here than the kernel calls it, prefix aside. */
const OTHERWISE: Readonly<Record<string, string>> = {
  nlmsg_seq: "sequence",
  nlmsg_pid: "portId",
  ifi_index: "ifindex",
  rtm_dst_len: "destinationLength",
  rtm_src_len: "sourceLength",
  msg: "request",
};

/** What the numbers of some fields say. */
const MEANINGS: Readonly<Record<number, (value: number) => string | undefined>> = {
  [STRUCT_NLMSGHDR + 1]: messageTypeName,
  [STRUCT_TCMSG + 4]: formatHandle,
  [STRUCT_TCMSG + 5]: formatParent,
  [STRUCT_NLMSGERR]: answerName,
  [STRUCT_DONE]: answerName,
  [STRUCT_TC_PLUG_QOPT]: plugActionName,
  [STRUCT_TC_MIRRED + 2]: verdictName,
  [STRUCT_TC_MIRRED + 5]: mirredActionName,
};

/** The name of the field of a struct, and the kernel's; the latter is empty for bytes that have none. */
export function structFieldNames(identity: number): [name: string, kernelName: string] {
  if (identity === STRUCT_MESSAGE) return ["message", "struct nlmsghdr"];
  const place = identity % STRUCT_STRIDE;
  const kernelName = FIELDS[identity - place]?.split(" ")[place];
  if (kernelName === undefined) return ["bytes", ""];
  return [OTHERWISE[kernelName] ?? kernelName.replace(/^_*(nlmsg|tcm|ifi|rtm)_+/, ""), kernelName];
}

/** What the number of such a field says in the kernel's words, where it says more than its value. */
export function structFieldMeaning(identity: number, value: number): string | undefined {
  return MEANINGS[identity]?.(value);
}

/** What the number of an answer says: a negative errno, or 0 where all went well. */
function answerName(error: number): string | undefined {
  return error < 0 ? errnoName(-error) : undefined;
}
