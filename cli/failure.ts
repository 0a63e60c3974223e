import { EACCES, ENODEV, EPERM } from "../linux/errno.ts";
import { UnsupportedError } from "../linux/libc.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import { QueueError, type QueueErrorCode } from "../plug/queue_error.ts";
import { NotStarted } from "./hold/child.ts";
import { EXIT } from "./exit_status.ts";
import { Interrupted } from "./interruptible.ts";
import { UsageError } from "./usage_error.ts";

/** What to tell the user about an error, and with which status to exit. */
export interface Failure {
  message: string;
  status: number;
}

const BECOME_ROOT = "run it as root, or give the program CAP_NET_ADMIN: plugctl doctor says how";

/** What to do about it; DEV stands for the device, QUEUE for the options that name the queue. */
const ADVICE: Readonly<Partial<Record<QueueErrorCode, string>>> = {
  "already-attached": "detach it first with: plugctl detach QUEUE",
  "different-gate": "replace it with --replace, or give another name",
  "foreign-qdisc": "see what is there with: tc qdisc show dev DEV",
  "held": "let it go with: plugctl release QUEUE",
  "handle-in-use": "give another with --handle, or none",
  "name-in-use": "give the gate another name",
  "no-device": "see which there are with: ip link",
  "no-gate": "see which there are with: plugctl gate list",
  "no-module": "load it with: modprobe MODULE; where that fails, plugctl doctor says what to install",
  "no-parent": "see which there are with: tc class show dev DEV",
  "no-permission": BECOME_ROOT,
  "not-attached": "attach one with: plugctl attach QUEUE",
  "not-drained": "try again, or discard them with: plugctl detach QUEUE --drop",
  "priority-in-use": "give another with --priority, or none",
  "would-bypass": "put the gate behind that with a higher --priority, or if that is what you want give --force",
  "would-lock-out": "if that is what you want, give --force",
};

/** What to do instead where it is about a gate, GATE. */
const GATE_ADVICE: Readonly<Partial<Record<QueueErrorCode, string>>> = {
  "foreign-qdisc": "delete that first",
  "held": "let it go with: plugctl release GATE",
  "not-attached": "see what is left of it with: plugctl gate list",
  "not-drained": "try again, or discard them with: plugctl gate delete GATE --drop",
};

/** How a command line named its queue. */
export interface Named {
  /** The device, where it named only one. */
  dev?: string;
  /** The options that name the queue: `--dev eth0 --parent 1:4`; DEV stands for the device where it named several. */
  queue?: string;
  /** Whether it would have attached a plug there. */
  attaches?: boolean;
}

/** Describes an error that ended a command. */
export function describeFailure(error: unknown, named: Named = {}): Failure {
  if (error instanceof AggregateError) return severalFailures(error.errors, named);
  if (error instanceof QueueError) return withAdvice(error, adviceOnQueue(error, named), statusOf(error));
  if (error instanceof NetlinkError) return withAdvice(error, adviceOn(error), statusOf(error));
  if (error instanceof UnsupportedError) return withAdvice(error, "plugctl doctor says more", EXIT.incapable);
  if (error instanceof Deno.errors.NotCapable) return withAdvice(error, undefined, EXIT.incapable);
  if (error instanceof NotStarted) return withAdvice(error, undefined, error.status);
  if (error instanceof Interrupted) return withAdvice(error, undefined, EXIT.signal + error.number);
  return withAdvice(error, undefined, error instanceof UsageError ? EXIT.usage : EXIT.failed);
}

function severalFailures(errors: readonly unknown[], named: Named): Failure {
  const failures = errors.map((error) => describeFailure(error, named));
  return { message: failures.map(({ message }) => message).join("\n"), status: failures[0].status };
}

function withAdvice(error: unknown, advice: string | undefined, status: number): Failure {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const message = `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
  return { message: advice === undefined ? message : `${message}; ${advice}`, status };
}

function statusOf(error: QueueError | NetlinkError): number {
  return ["no-permission", "no-module", "EPERM", "EACCES"].includes(error.code) ? EXIT.incapable : EXIT.failed;
}

function adviceOnQueue({ code, operation, reason }: QueueError, named: Named): string | undefined {
  const { dev = deviceIn(operation), queue = `--dev ${dev}`, attaches = false } = named;
  const [, gate] = /\bgate (\S+)/.exec(operation) ?? [];
  const [, module = "sch_plug"] = /this kernel has no (\w+)/.exec(reason) ?? [];
  if (attaches && code === "foreign-qdisc") return `replace what is there with: plugctl attach ${queue} --replace`;
  const advice = (gate === undefined ? undefined : GATE_ADVICE[code]) ?? ADVICE[code];
  return advice?.replace("QUEUE", () => queue).replace("DEV", () => dev).replace("GATE", () => gate ?? "")
    .replace("MODULE", () => module);
}

/** The device that an operation on a queue is about: `attach to eth0 (root)`. */
function deviceIn(operation: string): string {
  return /(\S+) \((?:root|parent|handle)\b/.exec(operation)?.[1] ?? "DEV";
}

function adviceOn({ errno, operation }: NetlinkError): string | undefined {
  const enters = operation.startsWith("enter");
  if (enters && errno === EPERM) return "run it as root, or give the program CAP_SYS_ADMIN, which this takes";
  // Of pid:N, where that is somebody else's process.
  if (enters && errno === EACCES) return "run it as root, or give the program CAP_SYS_PTRACE, which this takes";
  if (errno === EPERM || errno === EACCES) return BECOME_ROOT;
  if (errno === ENODEV) return ADVICE["no-device"];
  return enters ? "see which there are with: ip netns" : undefined;
}
