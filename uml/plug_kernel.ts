/**
 * A kernel with `sch_plug` to run a command on: this machine's own, or else User-Mode Linux.
 *
 * @module
 */

import { boot } from "./boot.ts";
import { type FetchOptions, umlFiles } from "./packages.ts";
import { systemPath } from "./system_path.ts";
import { probeThisKernel, type Unusable, type Usable } from "./this_kernel.ts";

const TERMINATION_MS = 5000;

/** How a command is run. */
export interface RunOptions {
  /** Variables on top of this process's own environment */
  env?: Record<string, string>;
  /** Ends the command */
  signal: AbortSignal;
}

/** A kernel that can hold packets. */
export interface PlugKernel {
  /** Where a command runs, as the end of a sentence */
  place: string;
  /**
   * Fetches what is needed to run commands there, if anything is.
   *
   * @throws {Error} If it cannot be had; the message says what to install.
   */
  prepare: (options: FetchOptions) => Promise<void>;
  /**
   * Runs a command there as root, away from this machine's network, and returns its exit status.
   *
   * Its output goes to this process's; it has no input.
   */
  run: (command: string[], options: RunOptions) => Promise<number>;
}

/**
 * Finds a kernel with `sch_plug`: this one, where this user may use it so, or else User-Mode Linux.
 *
 * @param options.asUser Whether an ordinary user may become root in a user namespace here.
 */
export function findPlugKernel(options: { asUser: boolean }): PlugKernel {
  const finding = probeThisKernel(options);
  return finding.usable ? thisKernel(finding) : userModeLinux(finding);
}

function thisKernel({ isolate }: Usable): PlugKernel {
  return {
    place: "on this machine's kernel, in a network namespace of its own",
    prepare: () => Promise.resolve(),
    run: (command, options) => runHere(isolate(command), options),
  };
}

function userModeLinux({ reason }: Unusable): PlugKernel {
  return {
    place: "on User-Mode Linux, a kernel that is an ordinary process, " +
      `because this machine's own cannot be used: ${reason}`,
    prepare: async (options) => void await umlFiles(options),
    run: (command, options) => boot(command, { ...options, env: environment(options) }),
  };
}

async function runHere(
  [command, ...args]: string[],
  options: RunOptions,
): Promise<number> {
  const { signal } = options;
  signal.throwIfAborted();
  const child = new Deno.Command(command, {
    args,
    env: environment(options),
    stdin: "null",
  }).spawn();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), TERMINATION_MS);
  };
  signal.addEventListener("abort", end);
  const { code } = await child.status;
  signal.removeEventListener("abort", end);
  clearTimeout(timer);
  signal.throwIfAborted();
  return code;
}

function environment({ env }: RunOptions): Record<string, string> {
  return {
    ...Deno.env.toObject(),
    PATH: systemPath(),
    DENO_NO_UPDATE_CHECK: "1",
    ...env,
  };
}
