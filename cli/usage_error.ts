/** The command line is wrong: an unknown word, a value out of range, something missing or too much. */
export class UsageError extends Error {
  override name = "UsageError";
}

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
