/** What can be done to a queue, in safe orders. */
export type { AttachOptions, PlugPlace } from "./attach.ts";
export type { BufferOptions } from "./change.ts";
export type { DetachOptions, DetachReport, DrainOptions } from "./drain.ts";
export { warnOfLimit } from "./limit_warning.ts";
export { type ListedPlug, listPlugs } from "./list.ts";
export { Plug, type Via } from "./plug.ts";
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
