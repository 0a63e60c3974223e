import { ownProcessors } from "../linux/process.ts";
import guardScript from "./guard.sh" with { type: "text" };

/**
 * Starts a kernel that ends with this process, should this one be killed: `guard.sh` sees to it.
 *
 * Its standard input is what the guard watches; close it when the kernel has ended.
 *
 * @param command The program, by its path, and its arguments
 * @param env Its whole environment but for `PATH`
 */
export function startGuarded(command: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command("/bin/sh", {
    args: ["-c", guardScript, "guard", ...command],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** How long it is looked which processor has least to do, in milliseconds. */
const LOOK_MS = 50;

/** How many kernels of this process run on each processor. */
const kernels = new Map<number, number>();

/**
 * Chooses the processor that a kernel of User-Mode Linux is to run on: it goes to and fro between its own process and those
 * of its programs, one of which runs at a time, and takes half the time where that is no way to another processor. It counts
 * as taken until the result is disposed of.
 */
export async function chooseProcessor(): Promise<{ processor: number } & Disposable> {
  const before = idleTimes();
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const after = idleTimes();
  const idleFor = (processor: number) => (after.get(processor) ?? 0) - (before.get(processor) ?? 0);
  const kernelsOn = (processor: number) => kernels.get(processor) ?? 0;
  const [processor = 0] = ownProcessors()
    .sort((one, other) => kernelsOn(one) - kernelsOn(other) || idleFor(other) - idleFor(one));
  kernels.set(processor, kernelsOn(processor) + 1);
  return { processor, [Symbol.dispose]: () => void kernels.set(processor, kernelsOn(processor) - 1) };
}

/** For how long each processor had nothing to do since the machine began, in ticks. */
function idleTimes(): Map<number, number> {
  const lines = Deno.readTextFileSync("/proc/stat").matchAll(/^cpu(\d+)(?: \d+){3} (\d+)/gm);
  return new Map(Array.from(lines, ([, processor, idle]) => [Number(processor), Number(idle)]));
}

const PATIENCE_MS = 3000;

/**
 * Ends a process, by SIGTERM or else by SIGKILL, and then whatever is left of the group it leads.
 *
 * Returns when the process has ended. One that has ended already is no error.
 */
export async function terminate(child: Deno.ChildProcess): Promise<void> {
  killIfThere(child.pid, "SIGTERM");
  const timer = setTimeout(
    () => killIfThere(child.pid, "SIGKILL"),
    PATIENCE_MS,
  );
  await child.status;
  clearTimeout(timer);
  killIfThere(-child.pid, "SIGKILL");
}

/** Sends a signal to a process, or to a group by its negative number; one that has ended is no error. */
export function killIfThere(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What bounds a wait. */
export interface Bounds {
  /** For ever if not given */
  timeoutMs?: number;
  /** What to reject with when the time is up */
  late: () => Error;
  /** Rejects with the signal's reason when it is aborted */
  signal?: AbortSignal;
}

/** Waits for a promise within bounds; what it stands for goes on when they are passed. */
export async function within<T>(promise: Promise<T>, bounds: Bounds): Promise<T> {
  const { late, signal, timeoutMs } = bounds;
  signal?.throwIfAborted();
  const { promise: passed, reject } = Promise.withResolvers<never>();
  const interrupt = () => reject(signal?.reason);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => reject(late()), timeoutMs);
  signal?.addEventListener("abort", interrupt);
  try {
    return await Promise.race([promise, passed]);
  } finally {
    signal?.removeEventListener("abort", interrupt);
    clearTimeout(timer);
  }
}

/**
 * Returns `PATH` with the system's own folders first: `ip` and `tc` are in none of an ordinary user's on Debian, and
 * what a version manager puts in the way of a program takes seconds in User-Mode Linux.
 */
export function systemPath(): string {
  const own = Deno.env.get("PATH");
  return ["/usr/sbin", "/usr/bin", "/sbin", "/bin", ...own ? [own] : []].join(":");
}
