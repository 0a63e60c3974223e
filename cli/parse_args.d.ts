/** What plugctl uses of `parseArgs` of `@std/cli`, which carries no types on npm. */
export function parseArgs(words: string[], options: {
  string: readonly string[];
  collect: readonly string[];
  boolean: readonly string[];
  alias: Readonly<Record<string, string>>;
  /** Sees each word that is no option given here; `key` is its name where it looks like one. */
  unknown: (word: string, key?: string) => boolean;
}): Record<string, unknown> & { _: (string | number)[] };
