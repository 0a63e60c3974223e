import * as v from "valibot";
import { NetlinkError } from "../linux/netlink_error.ts";
import { QueueError } from "../plug/queue_error.ts";

/** Why something was not done, for a program and for a person. */
export interface Problem {
  /** What kind of mistake or refusal it is: `invalid`, `unknown-operation`, `timeout`, a code of `QueueError`, or a name such as `EPERM`. */
  code: string;
  /** What went wrong, in a sentence. */
  message: string;
  /** What the kernel answered, where it was the kernel that refused. */
  errno?: number;
  /** Where in the request the mistake is: `limitBytes`, `match.0`. */
  field?: string;
}

/** A request that cannot be understood, or asks for what is not possible; nothing was touched. */
export class RequestError extends Error {
  override name = "RequestError";
  readonly code: string;
  readonly field?: string;

  constructor(code: string, message: string, { field, cause }: { field?: string; cause?: unknown } = {}) {
    super(message, { cause });
    this.code = code;
    this.field = field;
  }
}

/** An error as it is told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return { ...problemOf(error.errors[0]), message: error.message };
  }
  if (error instanceof RequestError) return { code: error.code, message: error.message, field: error.field };
  if (error instanceof QueueError) {
    const errno = error.cause instanceof NetlinkError ? error.cause.errno : undefined;
    return { code: error.code, message: error.message, errno };
  }
  if (error instanceof NetlinkError) return { code: error.code, message: error.message, errno: error.errno };
  const isMistake = error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError;
  return { code: isMistake ? "invalid" : "failed", message: error instanceof Error ? error.message : String(error) };
}

/** What a schema found wrong, as an error that names the field: the first of its faults. */
export function mistakeIn(what: string, [issue]: readonly v.BaseIssue<unknown>[]): RequestError {
  const field = v.getDotPath(issue) ?? undefined;
  const where = field === undefined ? what : `${field} of ${what}`;
  const { message, received } = issue;
  if (issue.type === "strict_object" && issue.expected === "never") {
    return new RequestError("invalid", `${what} takes no ${field}`, { field });
  }
  if (received === "undefined") return new RequestError("invalid", `${what} needs ${field}`, { field });
  if (issue.type === "non_empty") {
    return new RequestError("invalid", `${where} is empty, must be ${message}`, { field });
  }
  const expected = message.startsWith("Invalid ") ? issue.expected ?? "something else" : message;
  return new RequestError("invalid", `${where} is ${received}, must be ${expected}`, { field });
}
