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
