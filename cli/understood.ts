import { MatchError } from "../qdisc/match/match_error.ts";
import { UsageError } from "./usage_error.ts";

/**
 * What `parse` returns.
 *
 * @throws {UsageError} where it refuses what was given
 */
export function understood<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof MatchError) throw new UsageError(drawn(error), { cause: error });
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
}

/** A match that cannot be understood, with a caret under what is wrong. */
function drawn({ expected, drawing }: MatchError): string {
  return `cannot understand --match, expected ${expected}:\n${drawing.replaceAll(/^/gm, "  ")}`;
}
