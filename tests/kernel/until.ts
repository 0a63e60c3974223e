const POLL_MS = 5;

/** How long to wait, and for what. */
export interface UntilOptions {
  /** The bound; there is none that suits every wait */
  timeoutMs: number;
  /** What is waited for, for the message, such as `a packet in the backlog` */
  what?: string;
}

/**
 * Waits until a condition returns something truthy, and returns that.
 *
 * @throws {Error} If the condition does not hold within `timeoutMs`.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs, what = "the condition" }: UntilOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  while (true) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > deadline) {
      throw new Error(`Cannot see ${what}: waited for ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
