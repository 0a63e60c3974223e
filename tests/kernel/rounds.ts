/**
 * Cases that are tried as often as is asked for: `PLUGCTL_ROUNDS` says how often, once if it does not.
 *
 * `PLUGCTL_WITHIN_MS` says within how many milliseconds traffic is to pass again; without it any time will do, as a
 * machine may be slow and have other work.
 *
 * @module
 */

import { assert } from "@std/assert";

/** How often each case is tried. */
export const ROUNDS = Number(Deno.env.get("PLUGCTL_ROUNDS") ?? 1);
const WITHIN_MS = Number(Deno.env.get("PLUGCTL_WITHIN_MS") ?? Infinity);

/**
 * Tries a case as often as is asked for. Each round returns after how many milliseconds traffic passed; nothing where
 * that is not a matter of this case.
 */
export async function rounds(round: () => Promise<number | void>): Promise<void> {
  const times: number[] = [];
  for (let number = 0; number < ROUNDS; number++) times.push(await round() ?? 0);
  const late = times.filter((time) => time > WITHIN_MS).map(Math.ceil);
  const longest = Math.ceil(Math.max(...times));
  if (ROUNDS > 1) console.log(`${ROUNDS} rounds${longest > 0 ? `; traffic passed within ${longest} ms` : ""}`);
  assert(late.length === 0, `traffic passed after ${late.join(", ")} ms in ${late.length} rounds of ${ROUNDS}`);
}
