// How late Deno's own timer is: prints a line of work and microseconds for each wait.

/** How often each work waits. */
export const WAITS = 400;

/** How long, in microseconds: from 1 to 40 ms, in an order that is no order. The peers in C and Python wait for the same. */
export function durations(): number[] {
  return Array.from({ length: WAITS }, (_, index) => 1000 + index * 7919 % 400 * 100);
}

if (import.meta.main) {
  for (const micros of durations()) {
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, micros / 1000));
    console.log(`sleep|${((performance.now() - from) * 1000 - micros).toFixed(0)}`);
  }
}
