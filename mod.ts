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
  type OpenNamespace,
  type Refusal,
  type Trace,
} from "./netlink/mod.ts";
export {
  type AnyCharge,
  type AttachOptions,
  type Backlog,
  type BufferOptions,
  type Charge,
  type DeadlineOptions,
  type DetachOptions,
  type DetachReport,
  type Direction,
  type DrainOptions,
  Gate,
  type GateCharge,
  type GateOptions,
  Guardian,
  type GuardianOptions,
  type GuardOptions,
  type HeldQueue,
  Hold,
  type HoldCounts,
  type HoldOptions,
  type HoldReport,
  type ListedGate,
  type ListedPlug,
  type ListenedPlace,
  listGates,
  listPlugs,
  MatchError,
  type MatchFault,
  type NamespaceCharge,
  Plug,
  type PlugCharge,
  PlugGroup,
  type PlugPlace,
  type ProcessesCharge,
  type QdiscPlace,
  QueueError,
  type QueueErrorCode,
  recover,
  type Recovery,
  type Released,
  TAG_VARIABLE,
  type TapCharge,
  type Via,
} from "./gate/mod.ts";
export { EVENT_VERSION, Scenario, ScenarioError } from "./scenario/mod.ts";
export type * from "./scenario/mod.ts";
