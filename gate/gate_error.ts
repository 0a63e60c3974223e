import { ENOENT, EOPNOTSUPP } from "../linux/errno.ts";
import type { Refusal } from "../linux/netlink_error.ts";
import { QueueError, refusalError } from "../plug/queue_error.ts";

/** The module that a step of a gate's set-up takes; the kernel's sentences name none. */
export type Module = "ifb" | "sch_plug" | "sch_ingress" | "cls_flower";

/** What the kernel says where a module is not there; only the sentence tells that from other refusals. */
const UNKNOWN = [
  "Unknown device type",
  "Specified qdisc kind is unknown",
  "TC classifier not found",
  "Specified TC filter kind",
  "Failed to load TC action module",
];

/** What the kernel's refusal of a step means: which step it was, what it said, and the module that is missing. */
export function stepError(
  operation: string,
  { step, module, refusal }: { step: string; module: Module; refusal: Refusal },
): QueueError {
  const { errno, sentence = "" } = refusal;
  if ((errno !== ENOENT && errno !== EOPNOTSUPP) || !UNKNOWN.some((words) => sentence.startsWith(words))) {
    const { code, reason, cause } = refusalError(operation, refusal);
    return new QueueError(code, operation, { reason: `${reason}, at this step: ${step}`, cause });
  }
  const missing = sentence.startsWith("Failed to load TC action") ? "act_mirred" : module;
  const { cause } = refusalError(operation, refusal);
  return new QueueError("no-module", operation, { reason: `this kernel has no ${missing}, needed to ${step}`, cause });
}
