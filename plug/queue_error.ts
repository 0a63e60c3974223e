import { errnoName } from "../codec/errno_name.ts";
import {
  type AnyOperation,
  EACCES,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  EPERM,
  errnoSentence,
  NetlinkError,
  type Refusal,
  subjectOf,
} from "../linux/netlink_error.ts";

/** Why something could not be done to a queue. */
export type QueueErrorCode =
  | "already-attached"
  | "broken-gate"
  | "different-gate"
  | "foreign-qdisc"
  | "handle-in-use"
  | "held"
  | "name-in-use"
  | "no-device"
  | "no-gate"
  | "no-module"
  | "no-parent"
  | "no-permission"
  | "no-way-back"
  | "not-a-gate"
  | "not-attached"
  | "not-drained"
  | "priority-in-use"
  | "refused"
  | "vanished"
  | "would-bypass"
  | "would-lock-out"
  | "would-orphan";

/** How commands reach the network namespace that something is about, for who advises to run one. */
export interface Where {
  /** The option of plugctl: ` --netns b`, or empty. */
  netns: string;
  /** A command of another program as it is run there: `tc -netns b qdisc`. */
  there(command: string): string;
}

/** This process's own network namespace. */
export const HERE: Where = { netns: "", there: (command) => command };

/** What a `QueueError` says besides. */
export interface QueueErrorDetails {
  /** What is in the way. */
  reason: string;
  /** What to do about it, where that takes a command; it ends the message. */
  remedy?: (where: Where) => string;
  /** The kernel's answer, where there was one. */
  cause?: unknown;
  /** The device that it is about. */
  dev?: string;
  /** The gate that it is about. */
  gate?: string;
  /** The kernel module that is missing. */
  module?: string;
}

/** Something could not be done to a queue. `cause` is the kernel's answer, where there was one. */
export class QueueError extends Error {
  /** The class's name. */
  override name = "QueueError";
  /** Which of the reasons that a program can tell apart. */
  readonly code: QueueErrorCode;
  /** What was to be done, and to what: `buffer eth0 (root)`. */
  readonly operation: string;
  /** What is in the way. */
  readonly reason: string;
  /** What to do about it, where that takes a command. */
  readonly remedy?: (where: Where) => string;
  /** The device that it is about, where that is known. */
  readonly dev?: string;
  /** The gate that it is about, where it is about one. */
  readonly gate?: string;
  /** The kernel module that is missing, where that is the reason. */
  readonly module?: string;

  /** Puts the sentence together: `Cannot buffer eth0 (root): no plug is attached`. */
  constructor(code: QueueErrorCode, operation: AnyOperation, { reason, remedy, cause, ...about }: QueueErrorDetails) {
    const advice = remedy ? `; ${remedy(HERE)}` : "";
    super(`Cannot ${operation}: ${reason}${advice}`, cause === undefined ? undefined : { cause });
    this.remedy = remedy;
    const subject = subjectOf(operation);
    this.dev = about.dev ?? subject.dev;
    this.gate = about.gate ?? subject.gate;
    this.module = about.module;
    this.code = code;
    this.operation = String(operation);
    this.reason = reason;
  }
}

const GONE: readonly QueueErrorCode[] = [
  "broken-gate",
  "no-device",
  "no-gate",
  "no-parent",
  "not-attached",
  "vanished",
];

/** Whether there is nothing left to release: the plug is gone, the gate, the device, or the qdisc that it hung from. */
export function isGone(error: unknown): boolean {
  return error instanceof QueueError && GONE.includes(error.code);
}

/** What the kernel's refusal of a request about a plug means. */
export function refusalError(operation: AnyOperation, { errno, sentence }: Refusal, cause?: NetlinkError): QueueError {
  const [code, reason] = meaning(errno, sentence ?? "");
  const module = code === "no-module" ? "sch_plug" : undefined;
  return new QueueError(code, operation, {
    reason,
    module,
    cause: cause ?? new NetlinkError(operation, { errno, sentence }),
  });
}

/** What the kernel's refusal of a request about a device or a filter means, where its sentences mean no plug. */
export function otherRefusalError(operation: AnyOperation, { errno, sentence }: Refusal): QueueError {
  const [code, reason] = isForbidden(errno) ? FORBIDDEN : errno === ENODEV ? NO_DEVICE : unknown(errno, sentence);
  return new QueueError(code, operation, { reason, cause: new NetlinkError(operation, { errno, sentence }) });
}

/** @throws {QueueError} what the first refusal among answers means, where there is one */
export function checkAnswers(operation: AnyOperation, answers: readonly Refusal[]): void {
  const refused = answers.find(({ errno }) => errno !== 0);
  if (refused) throw refusalError(operation, refused);
}

const FORBIDDEN = ["no-permission", "it takes root, or CAP_NET_ADMIN"] as const;
const NO_DEVICE = ["no-device", "there is no such device"] as const;

function isForbidden(errno: number): boolean {
  return errno === EPERM || errno === EACCES;
}

function unknown(errno: number, sentence = ""): readonly [QueueErrorCode, string] {
  return ["refused", `${sentence || errnoSentence(errno)} (${errnoName(errno)})`];
}

function meaning(errno: number, sentence: string): readonly [QueueErrorCode, string] {
  if (isForbidden(errno)) return FORBIDDEN;
  switch (errno) {
    case ENODEV:
      return NO_DEVICE;
    case ENOENT:
      return missing(sentence);
    case EEXIST:
      return ["foreign-qdisc", `another qdisc is there, with another handle (the kernel says: ${sentence})`];
    case EINVAL:
      // Newer kernels (seen on 6.18) add ": must match existing qdisc".
      if (sentence.startsWith("Invalid qdisc name")) return ["foreign-qdisc", "the qdisc there is not a plug"];
      // What was to be deleted is gone, and nothing or another qdisc is in its place.
      if (sentence === "Invalid handle") return ["not-attached", "no plug is attached"];
  }
  return unknown(errno, sentence);
}

/** The kernel answers ENOENT to much; only its sentence tells what is missing. */
function missing(sentence: string): [QueueErrorCode, string] {
  if (sentence === "Specified qdisc kind is unknown") return ["no-module", "this kernel has no sch_plug"];
  if (/class|Failed to find/.test(sentence)) return ["no-parent", `no such parent (the kernel says: ${sentence})`];
  return ["not-attached", "no plug is attached"];
}
