/** What the exit status says. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  expectation: 3,
  incapable: 4,
  /** Plus the signal's number: 129 SIGHUP, 130 SIGINT, 143 SIGTERM. */
  signal: 128,
} as const;

/** What each exit status means, in words. */
export const EXIT_STATUSES: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "done"],
  ["1", "the kernel refused, or something failed on the way"],
  ["2", "wrong usage: unknown command, option or value"],
  ["3", "an expectation of a scenario, or --expect-lossless, was not met"],
  ["4", "this machine cannot do it: no CAP_NET_ADMIN, no sch_plug, not Linux"],
  ["129, 130, 143", "interrupted by SIGHUP, SIGINT or SIGTERM; everything was released first"],
];

/** This machine lacks what a command takes; the message says what to do. */
export class IncapableError extends Error {
  override name = "IncapableError";
}

/** The command line is wrong: an unknown word, a value out of range, something missing or too much. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * What `parse` returns.
 *
 * @throws {UsageError} where it refuses what was given
 */
export function understood<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
}

/** A signal ended the work; everything that it held was released first. */
export class Interrupted extends Error {
  override name = "Interrupted";
  /** Which signal. */
  readonly signal: keyof typeof SIGNALS;
  /** The signal's number. */
  readonly number: number;

  constructor(signal: keyof typeof SIGNALS) {
    super(`Interrupted by ${signal}`);
    this.signal = signal;
    this.number = SIGNALS[signal];
  }
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Runs work that may wait; SIGINT, SIGTERM and SIGHUP end its waiting with `Interrupted`. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  const listeners = names.map((name) => [name, () => controller.abort(new Interrupted(name))] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  try {
    return await work(controller.signal);
  } finally {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  }
}

/** Waits until a signal is aborted, and throws its reason. */
export function whenAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}
