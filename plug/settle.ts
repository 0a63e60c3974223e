/** How long to look at a queue that was released, until what it let go has left: a busy machine takes a while. */
const SETTLE_MAX_MS = 100;
/** For how long nothing must have changed in one of which an epoch was released. */
const SETTLE_MS = 3;

/** How long to look. */
export interface SettleOptions {
  /** Where one epoch alone was released, behind which some may stay: how much was held before. */
  heldBefore?: number;
  /** Ends the waiting, with its reason. */
  signal?: AbortSignal;
  /** When to have stopped at the latest, by `performance.now()`. */
  latest?: number;
}

/**
 * Returns once a release shows in the backlog, which `read` tells: it is 0, or, of one epoch, it has changed and does so
 * no more. What is read right behind a release is what was before it, as the kernel attends to that a moment later, in a
 * softirq. Looks no longer than 100 ms.
 */
export async function settled(
  read: () => number,
  { heldBefore, signal, latest = Infinity }: SettleOptions = {},
): Promise<void> {
  const end = Math.min(performance.now() + SETTLE_MAX_MS, latest - SETTLE_MS);
  let before = heldBefore;
  let since = Infinity;
  for (;;) {
    const held = read();
    const now = performance.now();
    if (held !== before) since = now;
    const isSettled = heldBefore !== undefined && now - since >= SETTLE_MS;
    if (held === 0 || now >= end || isSettled) return;
    before = held;
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal?.throwIfAborted();
  }
}
