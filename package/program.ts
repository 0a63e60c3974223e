/**
 * The frame of a program whose work must be undone when a signal ends it.
 *
 * @module
 */

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
