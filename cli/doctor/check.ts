/** One thing that was looked at. */
export interface Check {
  /** What was looked for: `CAP_NET_ADMIN`, `sch_plug`. */
  name: string;
  /** What needs it. */
  neededFor: "holding packets" | "gates" | "namespaces" | "hosts";
  ok: boolean;
  /** What was found, in a few words. */
  found: string;
  /** Where it is missing: what mends it, by distribution. */
  mend?: Mend;
}

/** A command line for each. */
export interface Mend {
  debian: string;
  fedora: string;
  alpine: string;
}

/** The same command everywhere. */
export function everywhere(command: string): Mend {
  return { debian: command, fedora: command, alpine: command };
}

/** The text of a file of /proc, /sys or /lib, or `undefined` where it is not there or not readable. */
export function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
