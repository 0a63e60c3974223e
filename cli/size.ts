import { parseSize as parse } from "../plug/quantity.ts";
import { understood } from "./understood.ts";

/**
 * A size of the command line, in bytes.
 *
 * @throws {UsageError} where the text is none
 */
export function parseSize(text: string): number {
  return understood(() => parse(text));
}
