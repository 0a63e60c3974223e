/**
 * Holds packets in the Linux kernel and lets them go on command, by the `plug` queueing discipline.
 *
 * @module
 */
export { formatHandle, formatParent, parseHandle, parseParent, type QdiscStats, TC_H_ROOT } from "./codec/mod.ts";
export type { OpenNamespace } from "./linux/namespace.ts";
export { NoLibpcapError } from "./linux/libpcap.ts";
export { type AnyOperation, NetlinkError, Operation, type Refusal, type Subject } from "./linux/netlink_error.ts";
export type { ListeningSocket, Socket } from "./linux/socket.ts";
export { type Answer, Connection, type ConnectionOptions, type Trace } from "./netlink/connection.ts";
export { Gate } from "./gate/gate.ts";
export type { GateOptions } from "./gate/gate_plan.ts";
export { type ListedGate, listGates } from "./gate/gate_state.ts";
export type { GateCharge } from "./gate/guarded_gate.ts";
export type { Charge } from "./gate/guardian_process.ts";
export { MatchError, type MatchFault } from "./gate/match/reader.ts";
export { recover, type Recovery } from "./gate/recover.ts";
export type { TapCharge } from "./gate/tap.ts";
export { type AnyCharge, type Backlog, type Released, TAG_VARIABLE } from "./guardian/charge.ts";
export type { AnyGuardian, GuardOptions } from "./guardian/entrust.ts";
export { Guardian, type GuardianOptions } from "./guardian/guardian.ts";
export type { NamespaceCharge, ProcessesCharge } from "./guardian/processes.ts";
export type { Disturbance, Happening, Hook } from "./guardian/watch.ts";
export type { AttachOptions } from "./plug/attach.ts";
export type { DeadlineOptions } from "./plug/plug_group.ts";
export type { BufferOptions, LimitOptions } from "./plug/send_change.ts";
export type { DetachOptions, DrainOptions } from "./plug/drain.ts";
export type { DetachReport } from "./plug/detach_report.ts";
export type { Direction } from "./plug/gate_device.ts";
export type { PlugCharge } from "./plug/guarded_plug.ts";
export {
  type CutShort,
  describeDisturbance,
  type HeldQueue,
  Hold,
  type HoldCounts,
  type HoldDisturbance,
  type HoldOptions,
  type HoldReport,
} from "./plug/hold.ts";
export { ArmedHold } from "./plug/armed_hold.ts";
export { Moment } from "./plug/moment.ts";
export type { SshSession } from "./plug/ssh_session.ts";
export { Plug, type Via } from "./plug/plug.ts";
export { PlugGroup } from "./plug/plug_group.ts";
export type { QdiscPlace } from "./plug/plug_requests.ts";
export type { Chance } from "./plug/chance.ts";
export { type ListedPlug, listPlugs } from "./plug/qdiscs.ts";
export type { PlugPlace } from "./plug/queue.ts";
export { QueueError, type QueueErrorCode, type Where } from "./plug/queue_error.ts";
export type { PaceOptions, PaceReport } from "./plug/pace.ts";
export type { DiscardReport, ReleaseOptions, ReleaseReport } from "./plug/release.ts";
export type * from "./scenario/event.ts";
export { EVENT_VERSION } from "./scenario/event.ts";
export { type Mistake, ScenarioError } from "./scenario/mistake.ts";
export type { Scalar } from "./scenario/plan.ts";
export type { RemoteLink, RunAnswer, RunOperation } from "./scenario/remote/wire.ts";
export type { OutputLine } from "./scenario/run/processes.ts";
export type { RunOptions, ScenarioResult } from "./scenario/run/run_plan.ts";
export type { HeldPacket } from "./scenario/run/packets.ts";
export type { ProcessSight } from "./scenario/run/processes.ts";
export type { QueueSight } from "./scenario/run/queues.ts";
export type { NextStep, OnStop, Sight, Stop, StopBefore } from "./scenario/run/stops.ts";
export { type LoadOptions, Scenario } from "./scenario/scenario.ts";
