/** What is used of `parseArgs` of `@std/cli`, which carries no types on npm. */
export function parseArgs(
  words: string[],
  options: { string: string[]; default: Record<string, string> },
): Record<string, string> & { _: string[] };
