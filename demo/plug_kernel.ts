/**
 * A kernel with `sch_plug` to run a command on: this machine's own, or else User-Mode Linux.
 *
 * @module
 */

import { namespaceIdentity } from "../linux/namespace.ts";
import { boot, prepareBoot } from "../uml/boot.ts";
import type { FetchOptions } from "../uml/packages.ts";
import { systemPath, terminate } from "../uml/processes.ts";
import { readLines } from "../linux/incoming.ts";

/** What makes a place for a command; the words before that are Deno, `probe.ts` and its argument. */
const SET_UP = 'mount -t tmpfs tmpfs /run && "$1" run -A --no-check --quiet "$2" "$3" && shift 3 && exec "$@"';

/** This kernel will do. */
export interface Usable {
  usable: true;
  /**
   * Turns a command into one that runs as root in a network namespace with an empty `/run`, so that
   * what it does to devices and with names of namespaces is gone when it ends.
   */
  isolate: (command: string[]) => string[];
}

/** This kernel will not do. */
export interface Unusable {
  usable: false;
  /** Why not, in the words of whatever refused */
  reason: string;
}

/**
 * Makes a plug in a throw-away network namespace, to find out whether this kernel and user can.
 *
 * @param options.asUser Whether an ordinary user may become root in a user namespace.
 */
export function probeThisKernel(
  options: { asUser: boolean },
): Usable | Unusable {
  if (Deno.build.os !== "linux") {
    return { usable: false, reason: `this is ${Deno.build.os}, not Linux` };
  }
  const isRoot = Deno.uid() === 0;
  if (!isRoot && !options.asUser) {
    return { usable: false, reason: "this user is not root" };
  }
  const isolate = (command: string[]) => isolated(command, isRoot);
  const complaint = run(isolate(["true"]));
  return complaint === undefined ? { usable: true, isolate } : { usable: false, reason: complaint };
}

function isolated(command: string[], isRoot: boolean): string[] {
  const asRoot = isRoot ? [] : ["--user", "--map-root-user"];
  const place = ["unshare", ...asRoot, "--net", "--mount", "--", "sh", "-c", SET_UP, "sh"];
  return [...place, Deno.execPath(), `${import.meta.dirname}/probe.ts`, namespaceIdentity(), ...command];
}

/** Runs a command and returns what it complained about, or nothing if it succeeded. */
function run([command, ...args]: string[]): string | undefined {
  try {
    const { success, stderr } = new Deno.Command(command, {
      args,
      env: { PATH: systemPath(), LC_ALL: "C" },
      stdin: "null",
    }).outputSync();
    if (success) return undefined;
    const complaint = new TextDecoder().decode(stderr).trim();
    return tidy(complaint) || `${command} failed`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `${command} is not installed`;
  }
}

/** Makes the middle of a sentence of what a command printed. */
function tidy(complaint: string): string {
  return complaint.replaceAll(/\s*\n\s*/g, " ").replace(/^Error: /, "").replace(/\.$/, "");
}

/** How a command is run. */
export interface RunOptions {
  /** The command's working folder; this process's own if not given */
  cwd?: string;
  /** Variables on top of this process's own environment */
  env?: Record<string, string>;
  /** Receives the command's output and errors line by line; if not given, they go to this process's own */
  onLine?: (line: string) => void;
  /** The memory of a kernel that is started for it, in bytes; 2 GiB if not given */
  memoryBytes?: number;
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
    run: (command, options) =>
      boot(command, {
        ...options,
        output: options.onLine ? undefined : Deno.stdout.writable,
        env: environment(options),
      }),
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
  if (onLine) { for await (const line of readLines(child.stdout)) onLine(line); }
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

const PROJECT = `${import.meta.dirname}/..`;

/**
 * Fetches and compiles what programs of the project import, and with `cli/main.ts` what its commands do, which are
 * loaded when they are at hand: on a kernel of its own there may be no network, and what is compiled there is lost.
 *
 * @param modules Their paths from the root of the project
 * @throws {Error} If one cannot be had; Deno has said why.
 */
export async function cacheModules(modules: readonly string[], signal: AbortSignal): Promise<void> {
  const commands = Array.from(Deno.readDirSync(`${PROJECT}/cli/commands`), ({ name }) => `cli/commands/${name}`);
  const files = [...modules, ...modules.includes("cli/main.ts") ? commands : []];
  const cache = (...options: string[]) =>
    new Deno.Command(Deno.execPath(), { args: ["cache", "--quiet", ...options, ...files], cwd: PROJECT, signal });
  const { success } = await cache().spawn().status;
  // What npm says of a package, which with a lock is asked for only where a command is loaded that imports it.
  if (success) await cache("--no-lock").output();
  signal.throwIfAborted();
  if (!success) throw new Error("Cannot fetch the modules that plugctl imports");
}
