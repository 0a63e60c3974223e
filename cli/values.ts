import { gateDevice } from "../gate/gate_name.ts";
import { parseDuration as durationText, parseSize as sizeText } from "../plug/quantity.ts";
import { type Context, valueOf } from "./context.ts";
import { understood, UsageError } from "./usage_error.ts";

/**
 * A size of the command line, in bytes.
 *
 * @throws {UsageError} where the text is none
 */
export function parseSize(text: string): number {
  return understood(() => sizeText(text));
}

/**
 * A duration of the command line, in milliseconds.
 *
 * @throws {UsageError} where the text is none
 */
export function parseDuration(text: string): number {
  return understood(() => durationText(text));
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

/**
 * A device's name or one of its altnames: what the kernel takes for one.
 *
 * @throws {UsageError} where the text is anything else
 */
export function deviceName(text: string): string {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > 15 || text === "." || text === ".." || /[\s/:\0]/.test(text)) {
    throw new UsageError(`${JSON.stringify(text)} is no device's name: one has up to 15 bytes, no space, / or :`);
  }
  return text;
}

/**
 * A gate's name.
 *
 * @throws {UsageError} where the text is none
 */
export function gateOperand(text: string): string {
  understood(() => gateDevice(text));
  return text;
}
