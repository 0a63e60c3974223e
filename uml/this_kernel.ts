/**
 * Whether the kernel that runs this process can hold packets, without touching its network.
 *
 * @module
 */

import { namespaceIdentity } from "../linux/namespace.ts";
import { systemPath } from "./system_path.ts";

/** What makes a place for a command; the words before that are Deno, `probe.ts` and its argument. */
const SET_UP = 'mount -t tmpfs tmpfs /run && "$1" run -A --no-check --quiet "$2" "$3" && shift 3 && exec "$@"';

/** This kernel will do. */
export interface Usable {
  usable: true;
  /**
   * Turns a command into one that runs as root in a network namespace with an empty `/run`, so that
   * what it does to devices and with names of namespaces is gone when it ends.
   */
  isolate: (command: string[]) => string[];
}

/** This kernel will not do. */
export interface Unusable {
  usable: false;
  /** Why not, in the words of whatever refused */
  reason: string;
}

/**
 * Makes a plug in a throw-away network namespace, to find out whether this kernel and user can.
 *
 * @param options.asUser Whether an ordinary user may become root in a user namespace.
 */
export function probeThisKernel(
  options: { asUser: boolean },
): Usable | Unusable {
  if (Deno.build.os !== "linux") {
    return { usable: false, reason: `this is ${Deno.build.os}, not Linux` };
  }
  const isRoot = Deno.uid() === 0;
  if (!isRoot && !options.asUser) {
    return { usable: false, reason: "this user is not root" };
  }
  const isolate = (command: string[]) => isolated(command, isRoot);
  const complaint = run(isolate(["true"]));
  return complaint === undefined ? { usable: true, isolate } : { usable: false, reason: complaint };
}

function isolated(command: string[], isRoot: boolean): string[] {
  const asRoot = isRoot ? [] : ["--user", "--map-root-user"];
  const place = ["unshare", ...asRoot, "--net", "--mount", "--", "sh", "-c", SET_UP, "sh"];
  return [...place, Deno.execPath(), `${import.meta.dirname}/probe.ts`, namespaceIdentity(), ...command];
}

/** Runs a command and returns what it complained about, or nothing if it succeeded. */
function run([command, ...args]: string[]): string | undefined {
  try {
    const { success, stderr } = new Deno.Command(command, {
      args,
      env: { PATH: systemPath(), LC_ALL: "C" },
      stdin: "null",
    }).outputSync();
    if (success) return undefined;
    const complaint = new TextDecoder().decode(stderr).trim();
    return tidy(complaint) || `${command} failed`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `${command} is not installed`;
  }
}

/** Makes the middle of a sentence of what a command printed. */
function tidy(complaint: string): string {
  return complaint.replaceAll(/\s*\n\s*/g, " ").replace(/^Error: /, "").replace(/\.$/, "");
}
