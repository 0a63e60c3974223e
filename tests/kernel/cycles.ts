/**
 * Attaches a plug, holds and detaches it, again and again: `cycles.ts DEVICE ROUNDS [pass]`, with `pass`
 * without holding. Prints a line when it begins, and one
 * of JSON at its end: for how long at the longest the device discarded what it was given to send, in milliseconds.
 *
 * @module
 */

import { Plug } from "../../mod.ts";

const [dev, rounds, pass] = Deno.args;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
console.log("begun");
let longestGapMs = 0;
for (let round = 0; round < Number(rounds); round++) {
  const plug = Plug.attach({ dev, force: true });
  await pause(5);
  if (!pass) plug.buffer({ force: true });
  await pause(5);
  await plug.detach();
  longestGapMs = Math.max(longestGapMs, plug.gapMs);
}
console.log(JSON.stringify({ longestGapMs }));
