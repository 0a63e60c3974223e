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
