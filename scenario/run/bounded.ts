/** It took too long. */
export class TooLate extends Error {
  /** The class's name. */
  override name = "TooLate";
}

/**
 * What a promise resolves to.
 *
 * @throws {TooLate} where it has not within `timeoutMs`, and the signal's reason where that is first
 */
export function bounded<T>(
  work: Promise<T>,
  { timeoutMs, signal }: { timeoutMs?: number; signal: AbortSignal },
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => reject(new TooLate()), timeoutMs);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  work.then(resolve, reject);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}
