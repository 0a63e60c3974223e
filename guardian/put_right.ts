import type { Duty } from "./duty.ts";

/** How often a release is tried that the kernel refuses. */
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/**
 * Does all duties: first lets go whatever is held, then ends processes and takes away, at once, and removes last. What
 * fails keeps nothing else from being done. Returns why something could not be done.
 */
export async function putRight(duties: readonly Duty[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  await Promise.all(duties.map((duty) => attempt(failures, () => releaseSurely(duty))));
  await Promise.all(duties.map((duty) => attempt(failures, () => duty.putRight?.())));
  for (const duty of duties) await attempt(failures, () => duty.remove?.());
  return failures;
}

/** Releases, and tries again where that fails: packets that nobody releases would be held for ever. */
async function releaseSurely(duty: Duty): Promise<void> {
  for (let left = ATTEMPTS; left > 1; left--) {
    try {
      return duty.release?.();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  duty.release?.();
}

async function attempt(failures: unknown[], work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(error);
  }
}
