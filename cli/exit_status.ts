/** What the exit status says. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  expectation: 3,
  incapable: 4,
  /** Plus the signal's number: 129 SIGHUP, 130 SIGINT, 143 SIGTERM. */
  signal: 128,
} as const;

/** What each exit status means, in words. */
export const EXIT_STATUSES: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "the kernel refused, or something failed on the way"],
  ["2", "wrong usage: unknown command, option or value"],
  ["3", "an expectation of a scenario, or --expect-lossless, was not met"],
  ["4", "this machine cannot do it: no CAP_NET_ADMIN, no sch_plug, not Linux"],
  ["129, 130, 143", "interrupted by SIGHUP, SIGINT or SIGTERM; everything was released first"],
];

/** This machine lacks what a command takes; the message says what to do. */
export class IncapableError extends Error {
  override name = "IncapableError";
}

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
