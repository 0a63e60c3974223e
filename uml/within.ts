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
