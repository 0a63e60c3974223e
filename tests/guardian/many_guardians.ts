/**
 * Starts guardians and ends them, one after the other, while the event loop does not turn, and prints what is left of
 * that as JSON: descriptors that were not open before, and numbers of processes that are not cleared away. A process of
 * its own, in which nothing else opens anything.
 *
 * @module
 */

import { Guardian } from "../../guardian/guardian.ts";

/** How many descriptors this process has open. */
function open(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Whether a process is there, also one that has ended and is not cleared away. */
function isThere(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Starts a guardian, hears that it is there, and ends it; its process number. */
function startAndEnd(): number {
  using guardian = Guardian.start();
  guardian.greet();
  return guardian.pid;
}

startAndEnd();
const before = open();
const pids = Array.from({ length: 10 }, startAndEnd);
console.log(JSON.stringify({ descriptors: open() - before, processes: pids.filter(isThere) }));
