/**
 * Holds packets in the Linux kernel and lets them go on command, by the `plug` queueing discipline.
 *
 * @module
 */
export { formatHandle, formatParent, parseHandle, parseParent, type QdiscStats, TC_H_ROOT } from "./codec/mod.ts";
export {
  type Answer,
  Connection,
  type ConnectionOptions,
  NetlinkError,
  type Refusal,
  type Trace,
} from "./netlink/mod.ts";
export {
  type AttachOptions,
  type BufferOptions,
  type DetachOptions,
  type DetachReport,
  type Direction,
  type DrainOptions,
  Gate,
  type GateOptions,
  type ListedGate,
  type ListedPlug,
  listGates,
  listPlugs,
  MatchError,
  type MatchFault,
  Plug,
  PlugGroup,
  type PlugPlace,
  type QdiscPlace,
  QueueError,
  type QueueErrorCode,
  recover,
  type Recovery,
  type Via,
} from "./qdisc/mod.ts";
