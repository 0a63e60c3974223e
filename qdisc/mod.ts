/** What can be done to a queue, in safe orders. */
export type { AttachOptions, PlugPlace } from "./attach.ts";
export type { BufferOptions } from "./change.ts";
export type { DetachOptions, DetachReport, DrainOptions } from "./drain.ts";
export { type ListedPlug, listPlugs } from "./list.ts";
export { Plug } from "./plug.ts";
export { PlugGroup } from "./plug_group.ts";
export {
  changeRequest,
  createRequest,
  deleteRequest,
  FIRST_HANDLE,
  HANDLES,
  LIMIT_MAX,
  type PlugAction,
  type QdiscPlace,
} from "./plug_requests.ts";
export { describeQueue, findDevice } from "./queue.ts";
export { QueueError, type QueueErrorCode } from "./queue_error.ts";
export type { GateOptions } from "./gate/gate_plan.ts";
export type { Via } from "./via.ts";
export { Gate } from "./gate/gate.ts";
export type { Direction } from "./gate/gate_note.ts";
export type { ListedGate } from "./gate/gate_state.ts";
export { listGates } from "./gate/list_gates.ts";
export { MatchError } from "./match/mod.ts";
