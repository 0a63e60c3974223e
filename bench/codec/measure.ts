/** What one process measured: nanoseconds a message, by work. */
export type Results = Record<string, number>;

const WARM_UP_MS = 200;
const RUNS = 5;

/**
 * Measures what a call costs, in nanoseconds for each of its `items`: doubles the rounds until they take
 * 200 ms, which warms up too, and takes the fastest of five runs of a quarter of that.
 */
export function measure(items: number, work: (round: number) => number): number {
  let rounds = 1;
  while (time(rounds, work) < WARM_UP_MS) rounds *= 2;
  const times = Array.from({ length: RUNS }, () => time(Math.ceil(rounds / 4), work));
  return Math.min(...times) / Math.ceil(rounds / 4) / items * 1e6;
}

/** Where results go, so that no engine can find out that nobody needs them. */
export let sink = 0;

function time(rounds: number, work: (round: number) => number): number {
  const from = performance.now();
  for (let round = 0; round < rounds; round++) sink = sink + work(round) | 0;
  return performance.now() - from;
}

/** Prints what a process measured, for the process that started it. */
export function report(results: Results): void {
  for (const [work, nanoseconds] of Object.entries(results)) console.log(`${work} ${nanoseconds.toFixed(4)}`);
}
