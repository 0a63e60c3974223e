import { EACCES, EINVAL, ENODEV, ENOENT, EPERM, NetlinkError } from "../linux/netlink_error.ts";
import { UnsupportedError } from "../linux/libc.ts";
import { NoLibpcapError } from "../linux/libpcap.ts";
import { QueueError, type QueueErrorCode, type Where } from "../plug/queue_error.ts";
import type { Arguments } from "./arguments.ts";
import { EXIT, IncapableError, Interrupted, UsageError } from "./exit_status.ts";
import { NotStarted } from "./hold/child.ts";
import type { CommandName } from "./table.ts";
import { whereGiven } from "./where.ts";

/** What to tell the user about an error, and with which status to exit. */
export interface Failure {
  message: string;
  status: number;
}

/** What an error is about, in the words of the command line that met it. */
interface About extends Where {
  /** The device, or DEV where it is not known. */
  dev: string;
  /** The words that name the plug: `eth0 --parent 1:4 --netns b`. */
  plug: string;
  /** Whether the command line names its handle. */
  hasHandle: boolean;
  /** The gate with the namespace, where it is about one. */
  gate?: string;
  command?: CommandName;
  /** The kernel module that is missing. */
  module: string;
}

const BECOME_ROOT = "run it as root, or give the program CAP_NET_ADMIN: plugctl doctor says how";

/** How to get libpcap, by who made the system. */
export const GET_LIBPCAP = "apt-get install libpcap0.8, dnf install libpcap, or apk add libpcap";

/** Those of which plugctl doctor says whether they are there, and how to get them. */
const CAPABILITIES = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_NET_RAW"];

/** What to do about it. */
const ADVICE: Readonly<Partial<Record<QueueErrorCode, (about: About) => string | undefined>>> = {
  "already-attached": ({ plug }) => `detach it first with: plugctl detach ${plug}`,
  "different-gate": () => "replace it with --replace, or choose another name",
  "foreign-qdisc": adviseGate,
  "held": ({ plug }) => `wait until that has ended, or end it with: plugctl release ${plug}`,
  "handle-in-use": () => "choose another with --handle, or give none",
  "name-in-use": () => "choose another name for the gate",
  "no-device": ({ there }) => `list the devices with: ${there("ip link")}`,
  "no-gate": ({ netns }) => `list the gates with: plugctl gate list${netns}`,
  "no-module": ({ module }) => `load it with: modprobe ${module}; if that fails, plugctl doctor says what to do`,
  "no-parent": ({ dev, there }) => `list the classes with: ${there(`tc class show dev ${dev}`)}`,
  "no-permission": () => "plugctl doctor says how",
  "not-attached": adviseAttach,
  "not-drained": ({ plug }) => `try again, or discard the held packets with: plugctl detach ${plug} --drop`,
  "priority-in-use": () => "choose another with --priority, or give none",
  "would-bypass": adviseBehind,
  "would-lock-out": () => "if that is what you want, add --force",
};

/** What to do instead where it is about a gate. */
const GATE_ADVICE: Readonly<Partial<Record<QueueErrorCode, (about: About) => string>>> = {
  "broken-gate": ({ gate }) => `take it down with: plugctl gate delete ${gate}`,
  "foreign-qdisc": () => "delete that first",
  "held": ({ gate }) => `wait until that has ended, or end it with: plugctl release ${gate}`,
  "not-attached": ({ netns }) => `see what is left of it with: plugctl gate list${netns}`,
  "not-drained": ({ gate }) => `try again, or discard the held packets with: plugctl gate delete ${gate} --drop`,
};

/** Where something is to be let go, or is looked for by its handle, what is there helps, and not another plug. */
function adviseAttach({ plug, netns, command, hasHandle }: About): string {
  const isToLetGo = command === "detach" || command === "release" || command === "release-one";
  return isToLetGo || hasHandle
    ? `list the plugs with: plugctl show${netns}`
    : `attach one with: plugctl attach ${plug}`;
}

/** A gate comes behind filters of others where its priority is higher; one that is there has to be made anew for that. */
function adviseBehind({ gate = "NAME", command }: About): string {
  const want = "or if that is what you want, add --force";
  const isThere = command === "buffer" || command === "hold" || command === "arm";
  if (!isThere) return `put the gate behind that with a higher --priority, ${want}`;
  return `put the gate behind that: plugctl gate add ${gate} ... --replace --priority N, N being higher; ${want}`;
}

/** A qdisc that somebody else configured stays where it is: a gate holds packets without it. */
function adviseGate({ dev, plug, netns, command }: About): string {
  const gate = `keep it, and hold packets with a gate: plugctl gate add NAME --dev ${dev} --direction egress${netns}`;
  const attaches = command === "attach" || command === "hold" || command === "arm";
  return attaches ? `${gate}; plugctl attach ${plug} --replace would delete it, with its settings, for good` : gate;
}

/**
 * Describes an error that ended a command.
 *
 * @param given The command line that it ended, whose options the advice repeats.
 * @param advice What to do about it, where the machine was looked at for that.
 */
export function describeFailure(error: unknown, given?: Arguments, advice?: string): Failure {
  if (error instanceof AggregateError) return severalFailures(error.errors, given);
  if (error instanceof QueueError) return queueFailure(error, given, advice);
  if (error instanceof NetlinkError) return netlinkFailure(error, given);
  if (error instanceof IncapableError) return withAdvice(error, undefined, EXIT.incapable);
  if (error instanceof NoLibpcapError) return withAdvice(error, `install it with: ${GET_LIBPCAP}`, EXIT.incapable);
  if (error instanceof UnsupportedError) return withAdvice(error, "plugctl doctor says more", EXIT.incapable);
  if (error instanceof Deno.errors.NotCapable) return withAdvice(error, undefined, EXIT.incapable);
  if (error instanceof NotStarted) return withAdvice(error, undefined, error.status);
  if (error instanceof Interrupted) return withAdvice(error, undefined, EXIT.signal + error.number);
  return withAdvice(error, undefined, error instanceof UsageError ? EXIT.usage : EXIT.failed);
}

function queueFailure(error: QueueError, given?: Arguments, advice = adviceOnQueue(error, given)): Failure {
  const { operation, reason, remedy } = error;
  if (!remedy) return withAdvice(error, advice, statusOf(error));
  const what = new Error(`Cannot ${operation}: ${reason}`);
  return withAdvice(what, remedy(whereGiven(given?.values)), statusOf(error));
}

function severalFailures(errors: readonly unknown[], given?: Arguments): Failure {
  const failures = errors.map((error) => describeFailure(error, given));
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

function adviceOnQueue(error: QueueError, given?: Arguments): string | undefined {
  const about = aboutWhat(error, given);
  const advice = (about.gate === undefined ? undefined : GATE_ADVICE[error.code]) ?? ADVICE[error.code];
  return advice?.(about);
}

function aboutWhat({ dev: device, gate, module = "sch_plug" }: QueueError, given?: Arguments): About {
  const { command, values } = given ?? {};
  const devices = values?.get("dev") ?? [];
  const [parent] = values?.get("parent") ?? [];
  const dev = device ?? (devices.length === 1 ? devices[0] : "DEV");
  const where = whereGiven(values);
  return {
    dev,
    plug: `${devices.length > 0 ? "--dev " : ""}${dev}${
      parent === undefined ? "" : ` --parent ${parent}`
    }${where.netns}`,
    hasHandle: values?.has("handle") ?? false,
    gate: gate === undefined ? undefined : `${gate}${where.netns}`,
    ...where,
    command,
    module,
  };
}

function netlinkFailure(error: NetlinkError, given?: Arguments): Failure {
  const { errno, operation, subject: { enters, takes, ...about } } = error;
  const status = statusOf(error);
  const isForbidden = errno === EPERM || errno === EACCES;
  if (takes !== undefined && isForbidden) {
    return withAdvice(error, CAPABILITIES.includes(takes) ? "plugctl doctor says how" : undefined, status);
  }
  if (isForbidden) {
    return withAdvice(permissionError(error, given), given ? "plugctl doctor says how" : BECOME_ROOT, status);
  }
  if (errno === ENODEV) {
    const noDevice = new QueueError("no-device", operation, { reason: error.message, ...about });
    return withAdvice(error, adviceOnQueue(noDevice, given), status);
  }
  return withAdvice(error, enters === undefined ? undefined : adviceOnNamespace(errno, enters), status);
}

/** What to do where a namespace cannot be entered that this process might enter. */
function adviceOnNamespace(errno: number, namespace: string): string | undefined {
  if (errno === EINVAL) return "that is not a network namespace";
  if (errno !== ENOENT) return undefined;
  return namespace.startsWith("pid:") ? "there is no such process" : "list the namespaces with: ls /run/netns";
}

/** Names the command that lacks the permission, not the step at which the kernel said so. */
function permissionError(error: NetlinkError, given?: Arguments): Error {
  if (!given) return error;
  const names = [...given.operands, ...given.values.get("gate") ?? [], ...given.values.get("dev") ?? []];
  return new Error(`Cannot ${[given.command, ...names].join(" ")}: it takes root, or CAP_NET_ADMIN`);
}
