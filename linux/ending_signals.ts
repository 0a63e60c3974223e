const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * How often the listeners come and go without a turn of the event loop: what Deno keeps of one is freed when it turns
 * (seen in 2.9.6), which a program that holds again and again without waiting for anything never lets it do.
 */
const CHANGES_MAX = 100;

/** What is to be done before a signal ends this process: a process's own, and so the same for all that it holds. */
const works = new Set<() => void>();
let listeners: Disposable | undefined;
let changes = 0;

/**
 * Does `work` when SIGINT, SIGTERM or SIGHUP is about to end this process, and sends the signal again, so that it does what
 * it would have done. It is done no more once the result is disposed of.
 */
export function beforeSignalEnds(work: () => void): Disposable {
  // Of one work given twice each counts for itself.
  const own = () => work();
  works.add(own);
  listeners ??= listen();
  return {
    [Symbol.dispose]: () => {
      works.delete(own);
      if (changes < CHANGES_MAX) stopIfNeedless();
    },
  };
}

function listen(): Disposable {
  const added = SIGNALS.map((signal) => ({ signal, listener: () => end(signal) }));
  for (const { signal, listener } of added) Deno.addSignalListener(signal, listener);
  if (++changes === CHANGES_MAX) Deno.unrefTimer(setTimeout(turned));
  return {
    [Symbol.dispose]: () => {
      for (const { signal, listener } of added) Deno.removeSignalListener(signal, listener);
    },
  };
}

/** The event loop has turned. */
function turned(): void {
  changes = 0;
  stopIfNeedless();
}

function stopIfNeedless(): void {
  if (works.size === 0) stop();
}

function stop(): void {
  listeners?.[Symbol.dispose]();
  listeners = undefined;
}

function end(signal: Deno.Signal): void {
  stop();
  const failures: unknown[] = [];
  for (const work of [...works]) {
    try {
      work();
    } catch (error) {
      failures.push(error);
    }
  }
  Deno.kill(Deno.pid, signal);
  if (failures.length > 0) throw new AggregateError(failures, `Cannot do all that is to be done before ${signal}`);
}
