// How late Deno's own timer is: prints a line of work and microseconds for each wait.
import { durations } from "./durations.ts";

for (const micros of durations()) {
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, micros / 1000));
  console.log(`sleep|${((performance.now() - from) * 1000 - micros).toFixed(0)}`);
}
