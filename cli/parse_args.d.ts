/** What plugctl uses of `parseArgs` of `@std/cli`, which carries no types on npm. */
export function parseArgs(words: string[], options: {
  string: readonly string[];
  collect: readonly string[];
  boolean: readonly string[];
}): Record<string, unknown> & { _: (string | number)[] };
