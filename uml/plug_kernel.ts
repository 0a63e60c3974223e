/**
 * A kernel with `sch_plug` to run a command on: this machine's own, or else User-Mode Linux.
 *
 * @module
 */

import { boot, prepareBoot } from "./boot.ts";
import { lines } from "./lines.ts";
import type { FetchOptions } from "./packages.ts";
import { systemPath } from "./system_path.ts";
import { terminate } from "./terminate.ts";
import { probeThisKernel, type Unusable, type Usable } from "./this_kernel.ts";

/** How a command is run. */
export interface RunOptions {
  /** The command's working folder; this process's own if not given */
  cwd?: string;
  /** Variables on top of this process's own environment */
  env?: Record<string, string>;
  /** Receives the command's output and errors line by line; if not given, they go to this process's own */
  onLine?: (line: string) => void;
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
   * It has no input.
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
    prepare: prepareBoot,
    run: (command, options) => boot(command, { ...options, env: environment(options) }),
  };
}

async function runHere(command: string[], options: RunOptions): Promise<number> {
  const { onLine, signal } = options;
  signal.throwIfAborted();
  // In a group of its own, so that it can be ended with all that it started
  const child = new Deno.Command("setsid", {
    args: onLine ? ["sh", "-c", 'exec "$@" 2>&1', "sh", ...command] : command,
    cwd: options.cwd,
    env: environment(options),
    stdin: "null",
    stdout: onLine ? "piped" : "inherit",
  }).spawn();
  const end = () => terminate(child);
  signal.addEventListener("abort", end);
  if (onLine) { for await (const line of lines(child.stdout)) onLine(line); }
  const { code } = await child.status;
  signal.removeEventListener("abort", end);
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
