import { parseDuration as parse } from "../qdisc/duration.ts";
import { understood } from "./understood.ts";

/**
 * A duration of the command line, in milliseconds.
 *
 * @throws {UsageError} where the text is none
 */
export function parseDuration(text: string): number {
  return understood(() => parse(text));
}
