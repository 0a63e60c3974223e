/**
 * The frame of a program whose work must be undone when a signal ends it.
 *
 * @module
 */

// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";

const EXIT_STATUSES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

type Interruption = keyof typeof EXIT_STATUSES;

/**
 * Runs a program's work and exits with the status that it returns.
 *
 * SIGHUP, SIGINT and SIGTERM abort the signal that the work is given; when it has ended, this
 * process exits with the status of that signal. An error is printed, and the status is 1.
 */
export async function runProgram(
  name: string,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<never> {
  const controller = new AbortController();
  let interruption: Interruption | undefined;
  for (const signal of Object.keys(EXIT_STATUSES) as Interruption[]) {
    Deno.addSignalListener(signal, () => {
      interruption ??= signal;
      controller.abort();
    });
  }
  const status = await work(controller.signal).catch((error) => {
    if (!interruption) console.error(`${name}: ${messageOf(error)}`);
    return 1;
  });
  Deno.exit(interruption ? EXIT_STATUSES[interruption] : status);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The options of this program, each with a value: those that are given, and the defaults of the others.
 *
 * @throws {RangeError} Where a word is none of them, or an option has no value: as a prefix that would be the root.
 */
export function options<Options extends Record<string, string>>(defaults: Options): Options {
  const names = Object.keys(defaults);
  const { _: operands, ...given } = parseArgs(Deno.args, { string: names, default: defaults });
  const stray = [...operands, ...Object.keys(given).filter((name) => !names.includes(name)).map((name) => `--${name}`)];
  if (stray.length > 0) {
    const all = names.map((name) => `--${name}`).join(", ");
    throw new RangeError(`Cannot understand ${JSON.stringify(stray[0])}: there are ${all}`);
  }
  const empty = names.find((name) => given[name] === "");
  if (empty === undefined) return given as unknown as Options;
  throw new RangeError(`Cannot understand --${empty}: it needs a value`);
}

/** How a command is run. */
export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/**
 * Runs a command to its end and returns its standard output.
 *
 * @throws {Error} Where it is not installed or fails; the message holds what it printed.
 */
export async function run([program, ...args]: readonly string[], options: CommandOptions = {}): Promise<string> {
  try {
    const command = new Deno.Command(program, {
      ...options,
      args,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
    });
    const { success, stdout, stderr } = await command.output();
    const [printed, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (success) return printed;
    throw new Error(`Cannot run ${program} ${args.join(" ")}: it said\n${complaint}${printed}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot run ${program}: it is not installed`, { cause: error });
  }
}
