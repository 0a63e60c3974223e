import { NetlinkError } from "../../linux/netlink_error.ts";
import type { Outcome } from "../event.ts";

/** A step could not be done, or what it expects is not so. */
export class StepError extends Error {
  /** The class's name. */
  override name = "StepError";
  /** Whether something that the scenario expects is not so; otherwise the step failed. */
  readonly unmet: boolean;
  /** The step whose time is over, where that has others in it: these are ended with it, and not to blame. */
  readonly late?: string;

  /** What the kernel of another machine has answered. */
  readonly kernel?: KernelAnswer;

  /** The message says what was to be done and what is in the way. */
  constructor(
    message: string,
    { unmet = false, late, kernel, cause }: {
      unmet?: boolean;
      late?: string;
      kernel?: KernelAnswer;
      cause?: unknown;
    } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.unmet = unmet;
    this.late = late;
    this.kernel = kernel;
  }
}

/** What a kernel has answered: an errno, and the name of that. */
export interface KernelAnswer {
  errno: number;
  errnoName: string;
}

/** The kernel's answer behind an error: its errno and the name of that; 0 where the kernel was not what refused. */
export function errnoOf(error: unknown): KernelAnswer {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof StepError && cause.kernel) return cause.kernel;
    if (cause instanceof NetlinkError) return { errno: cause.errno, errnoName: cause.code };
  }
  return { errno: 0, errnoName: "" };
}

/** How a step has ended that was left by an error. */
export function outcomeOf(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted && error === signal.reason) return "aborted";
  return error instanceof StepError && error.unmet ? "unmet" : "failed";
}

/** Why, in a sentence. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
