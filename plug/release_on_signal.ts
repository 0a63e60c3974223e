const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls `release` when a signal is about to end the process, and sends the signal again, so that it does what it
 * would have done. It is called no more once the result is disposed of.
 */
export function releaseOnSignal(release: () => void): Disposable {
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => end(signal) }));
  const stop = () => {
    for (const { signal, listener } of listeners.splice(0)) Deno.removeSignalListener(signal, listener);
  };
  const end = (signal: Deno.Signal) => {
    stop();
    try {
      release();
    } finally {
      Deno.kill(Deno.pid, signal);
    }
  };
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  return { [Symbol.dispose]: stop };
}
