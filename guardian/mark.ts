import type { Connection } from "../netlink/connection.ts";
import { routePorts } from "../netlink/route_ports.ts";
import { findProcesses, hasVariable, pause, signal } from "./processes.ts";

/** The environment variable by which others know what a guardian is there for: `kept net:[4026531840]/2/ffffffff`. */
const VARIABLE = "PLUGCTL_GUARDS";
/** How long a guardian may take to go, in milliseconds. */
const PATIENCE_MS = 5000;

/** `held` while the process that started it holds, `kept` where it waits for a deadline, whoever has ended. */
export type Purpose = "held" | "kept";

/** Where a queue is, also where no plug is yet. */
export interface Whereabouts {
  readonly connection: Connection;
  readonly place: { readonly ifindex: number; readonly parent: number };
}

/** What a guardian has in its environment so that others find it. */
export function markFor(purpose: Purpose, queues: readonly Whereabouts[]): Record<string, string> {
  return { [VARIABLE]: [purpose, ...queues.map(markOf)].join(" ") };
}

/** The process numbers of the guardians that are there for a queue; none where this process may not look into `/proc`. */
export function findGuardians(purpose: Purpose, queue: Whereabouts): number[] {
  const mark = markOf(queue);
  const isMeant = hasVariable(VARIABLE, (value) => {
    const [whatFor, ...marks] = value.split(" ");
    return whatFor === purpose && marks.includes(mark);
  });
  using namespace = queue.connection.openNamespace();
  try {
    // A guardian has one socket in the namespace, so that not every process of the machine need be looked at.
    return findProcesses(isMeant, routePorts(namespace.path));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

/** Relieves the guardians that keep the deadline of a queue but `except`, and returns when they have gone. */
export async function relieveKeepers(queue: Whereabouts, except: number): Promise<void> {
  const keepers = findGuardians("kept", queue).filter((pid) => pid !== except);
  for (const pid of keepers) signal(pid, "SIGUSR1");
  const deadline = performance.now() + PATIENCE_MS;
  const isThere = () => findGuardians("kept", queue).some((pid) => keepers.includes(pid));
  while (keepers.length > 0 && isThere() && performance.now() < deadline) await pause();
}

/** What tells a queue from every other of this machine. */
function markOf({ connection, place: { ifindex, parent } }: Whereabouts): string {
  using namespace = connection.openNamespace();
  return `${namespace.identity}/${ifindex}/${parent.toString(16)}`;
}
