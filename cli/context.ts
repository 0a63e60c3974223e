import type { Arguments } from "./arguments.ts";
import type { OptionName } from "./table.ts";

/** What a command works with: its arguments, and where its text goes. */
export interface Context {
  readonly arguments: Arguments;
  /** Runs another command, whose text goes to the same places, and returns its exit status. */
  run(other: Arguments): Promise<number>;
  /** Writes to standard output: a text, or one that is in UTF-8 already. */
  print(text: string | Uint8Array): void;
  /** Writes a line to standard error, unless `--quiet` is given. */
  note(text: string): void;
  /** Writes to standard error, also with `--quiet`. */
  trace(text: string): void;
}

/** What each command's module exports: it returns the exit status, or nothing for 0. */
export type Run = (context: Context) => number | void | Promise<number | void>;

/** The one value of an option that may be given once, or `undefined`. */
export function valueOf({ arguments: { values } }: Context, name: OptionName): string | undefined {
  return values.get(name)?.[0];
}

/** Whether an option was given. */
export function isGiven({ arguments: { values } }: Context, name: OptionName): boolean {
  return values.has(name);
}
