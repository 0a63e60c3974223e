import type { Connection } from "../netlink/connection.ts";
import type { Arguments } from "./arguments.ts";
import type { OptionName } from "./table.ts";

/** Where the text of a command line goes. */
export interface Streams {
  stdout: Stream;
  stderr: Stream;
}

/** What text is written to: it takes some of the bytes, and says how many. */
export interface Stream {
  writeSync(bytes: Uint8Array): number;
}

/** What a command works with: its arguments, and where its text goes. */
export interface Context {
  readonly arguments: Arguments;
  /** Those that it has in common with other commands, where it does, by the namespace that they lead to. */
  readonly connections?: { find(netns: string | undefined): Connection };
  /** Runs another command, whose text goes to the same places, and returns its exit status. */
  run(other: Arguments, shared?: Pick<Context, "connections">): Promise<number>;
  /** Writes to standard output: a text, or one that is in UTF-8 already. */
  print(text: string | Uint8Array): void;
  /** Writes lines to standard error, unless `--quiet` is given. */
  note(...lines: string[]): void;
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

/** The words that start this very plugctl: the binary, or Deno with its program. */
export function ownProgram(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const main = new URL(Deno.mainModule).pathname;
  return [Deno.execPath(), "run", "--quiet", "--no-check", "--no-prompt", "-A", main];
}

/** Which columns hold numbers, which are aligned to the right. */
export interface TextTableOptions {
  right?: readonly number[];
}

/**
 * Lays out rows in columns, two spaces apart. Made here because the libraries for it take longer to load than
 * all of plugctl.
 */
export function textTable(rows: readonly (readonly string[])[], { right = [] }: TextTableOptions = {}): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))
      .join("  ").trimEnd();
  return rows.map(line).join("\n");
}
