/** What can be done with plugctl, the first being what it is there for. */
export const USES = ["holding packets", "gates", "--netns", "scenarios with hosts", "the demo without root"] as const;

/** One thing that was looked at. */
export interface Check {
  /** What was looked for: `CAP_NET_ADMIN`, `sch_plug`. */
  name: string;
  /** What needs it. */
  neededFor: typeof USES[number];
  ok: boolean;
  /** What was found, in a few words. */
  found: string;
  /** If it is missing: how to fix that. */
  fix?: string;
}

/** The text of a file of /proc, /sys, /etc or /lib, or `undefined` where it is not there or not readable. */
export function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
