import { parseDuration as parse } from "../plug/quantity.ts";
import type { Context } from "./context.ts";
import { valueOf } from "./given.ts";
import { understood } from "./understood.ts";
import { UsageError } from "./usage_error.ts";

/**
 * A duration of the command line, in milliseconds.
 *
 * @throws {UsageError} where the text is none
 */
export function parseDuration(text: string): number {
  return understood(() => parse(text));
}

/** The duration that an option gives, in milliseconds, or `undefined` where it is not given. */
export function durationOf(context: Context, name: "timeout" | "for" | "max-hold"): number | undefined {
  const text = valueOf(context, name);
  return text === undefined ? undefined : parseDuration(text);
}

/**
 * As `durationOf`.
 *
 * @throws {UsageError} where it is 0
 */
export function positiveDuration(context: Context, name: "for" | "max-hold"): number | undefined {
  const milliseconds = durationOf(context, name);
  if (milliseconds === 0) throw new UsageError(`--${name} is ${valueOf(context, name)}, must be more than 0`);
  return milliseconds;
}
