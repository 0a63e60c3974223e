/** The command line is wrong: an unknown word, a value out of range, something missing or too much. */
export class UsageError extends Error {
  override name = "UsageError";
}
