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
