/** What can be done to a queue, in safe orders. */
export type { AttachOptions } from "../plug/attach.ts";
export type { DeadlineOptions } from "../plug/buffer_with_deadline.ts";
export type { BufferOptions, LimitOptions } from "../plug/change.ts";
export type { DetachOptions, DetachReport, DrainOptions } from "../plug/drain.ts";
export {
  type CutShort,
  DEFAULT_MAX_HOLD_MS,
  describeDisturbance,
  type HeldQueue,
  Hold,
  type HoldCounts,
  type HoldDisturbance,
  type HoldOptions,
  type HoldReport,
} from "../plug/hold.ts";
export { warnOfLimit } from "../plug/qdiscs.ts";
export { type ListedPlug, listPlugs } from "../plug/qdiscs.ts";
export { Plug } from "../plug/plug.ts";
export { PlugGroup } from "../plug/plug_group.ts";
export {
  changeRequest,
  createRequest,
  deleteRequest,
  FIRST_HANDLE,
  HANDLES,
  LIMIT_MAX,
  type PlugAction,
  type QdiscPlace,
} from "../plug/plug_requests.ts";
export { describeQueue, type PlugPlace } from "../plug/queue.ts";
export { type ReleaseOptions, type ReleaseReport, whyNothing } from "../plug/release.ts";
export { findDevice } from "../plug/qdiscs.ts";
export { QueueError, type QueueErrorCode } from "../plug/queue_error.ts";
export { type GateOptions, type GatePlan, planGate } from "./gate_plan.ts";
export { deleteDevice, gateDevice } from "../plug/gate_device.ts";
export { plannedRequests } from "./gate_steps.ts";
export type { Via } from "../plug/plug.ts";
export { Gate } from "./gate.ts";
export type { Direction } from "../plug/gate_note.ts";
export type { ListedGate } from "./gate_state.ts";
export { listGates } from "./gate_state.ts";
export { MatchError, type MatchFault } from "./match/mod.ts";
export { recover, type Recovery } from "./recover.ts";
export type { Charge } from "./guardian_process.ts";
export type { GateCharge } from "./guarded_gate.ts";
export type { TapCharge } from "./tap.ts";
export type { NamespaceCharge, ProcessesCharge } from "../guardian/processes.ts";
export type { PlugCharge } from "../plug/guarded_plug.ts";
export { type AnyCharge, type Backlog, TAG_VARIABLE } from "../guardian/charge.ts";
export type { GuardOptions } from "../guardian/entrust.ts";
export { Guardian, type GuardianOptions } from "../guardian/guardian.ts";
export type { Released } from "../guardian/protocol.ts";
export type { Disturbance, Happening, Hook } from "../guardian/watch.ts";
