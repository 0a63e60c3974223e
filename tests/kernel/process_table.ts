/**
 * The process table, as far as programs are in it: not the threads of the kernel, and not those that are ending.
 *
 * @module
 */

import { until } from "./until.ts";

/** The command lines of all processes, in alphabetical order. */
export function processTable(): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 0)
    .map(commandLine).filter((line) => line !== "").sort();
}

/** The numbers of the guardians that are there. */
export function guardians(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => pid > 0 && /guardian_process\.ts/.test(commandLine(pid)));
}

/** The number of the only guardian that is there, once others have ended that are about to. */
export function onlyGuardian(): Promise<number> {
  return until(() => {
    const [first, ...others] = guardians();
    return others.length === 0 ? first : undefined;
  }, { timeoutMs: 60_000, what: "one guardian alone" });
}

/** The numbers of the processes that one has started, and that are there, also those that have ended and are not asked for. */
export function children(parent: number): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => pid > 0 && parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return undefined;
    throw error;
  }
}

/** How often a process has waited for something, and has gone on; `Infinity` where it has ended. */
export function wakings(pid: number): number {
  if (hasEnded(pid)) return Infinity;
  try {
    return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
  } catch (error) {
    if (hasEnded(pid)) return Infinity;
    throw error;
  }
}

/** Whether a process has ended, and has closed all that it had open. */
export function hasEnded(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // Behind the name, which may hold anything: of one that has ended and that nobody has asked for, Z. Others of its
    // threads may not have ended then, which have all open that it had.
    const isZombie = stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
    return isZombie && [...Deno.readDirSync(`/proc/${pid}/task`)].length <= 1;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return true;
    throw error;
  }
}

/** Of a thread of the kernel and of a process that has ended it is empty. */
function commandLine(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return "";
    throw error;
  }
}
