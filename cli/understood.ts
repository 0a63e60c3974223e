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
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
}
