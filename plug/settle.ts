/** How long to look at a queue that was released, until what it let go has left; it takes the kernel a moment. */
const SETTLE_MAX_MS = 30;
/** For how long nothing must have changed in it. */
const SETTLE_MS = 3;

/** How long to look. */
export interface SettleOptions {
  /** Ends the waiting, with its reason. */
  signal?: AbortSignal;
  /** When to have stopped at the latest, by `performance.now()`. */
  latest?: number;
}

/**
 * Returns once a release shows in the backlog, which `read` tells: it is 0, or nothing more of it changes. What is read
 * right behind a release is what was before it, as the kernel attends to that a moment later, in a softirq. Looks no
 * longer than 30 ms.
 */
export async function settled(
  read: () => number,
  { signal, latest = Infinity }: SettleOptions = {},
): Promise<void> {
  const end = Math.min(performance.now() + SETTLE_MAX_MS, latest - SETTLE_MS);
  let before = -1;
  let since = performance.now();
  for (;;) {
    const held = read();
    const now = performance.now();
    if (held !== before) since = now;
    if (held === 0 || now >= end || now - since >= SETTLE_MS) return;
    before = held;
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal?.throwIfAborted();
  }
}
