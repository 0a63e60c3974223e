import type { Connection } from "../netlink/connection.ts";
import { type BufferOptions, changeQueues } from "../qdisc/change.ts";
import { changeRequest, type PlugAction } from "../qdisc/plug_requests.ts";
import { openQueue, type Queue } from "../qdisc/queue.ts";
import type { Context, Run } from "./context.ts";
import { isGiven } from "./given.ts";
import { openConnection, queueTargets } from "./queue_options.ts";
import { printResults } from "./results.ts";

/** What a command asks of the plugs that it names. */
export interface ChangeCommand {
  action: PlugAction;
  /** The limit that it sets, from its operands. */
  limitBytes?: (context: Context) => number;
  /** How it holds. */
  options?: (context: Context) => BufferOptions;
  /** Does it in another way, where it returns something: of each queue what `--json` prints besides. */
  instead?: (queues: readonly Queue[], context: Context) => Promise<Record<string, unknown>[]> | undefined;
  /** What is worth knowing about the limit on a device. */
  warn?: (connection: Connection, limit: { ifindex: number; limitBytes: number }) => string | undefined;
}

/** Makes a command that asks the same of one or several plugs that are there. */
export function changeCommand({ action, limitBytes: readLimit, options, instead, warn }: ChangeCommand): Run {
  return async (context) => {
    const { gates, places } = await queueTargets(context);
    const limitBytes = readLimit?.(context);
    if (isGiven(context, "dry-run")) {
      const requestsFor = (place: Parameters<typeof changeRequest>[0]) => [changeRequest(place, action, limitBytes)];
      const { gatePlace, printRequests } = await import("./dry_run.ts");
      return printRequests(context, { places: [...gates.map(gatePlace), ...places], requestsFor });
    }
    using connection = await openConnection(context);
    const ofGates = await gateQueues(connection, gates);
    const queues = [...ofGates, ...places.map((place) => openQueue(connection, place))];
    const more = await instead?.(queues, context);
    if (!more) changeQueues(queues, { action, limitBytes, ...options?.(context) });
    for (const { place: { ifindex } } of queues) {
      const warning = limitBytes === undefined ? undefined : warn?.(connection, { ifindex, limitBytes });
      if (warning !== undefined) context.note(warning);
    }
    printResults(context, queues, (_queue, index) => ({ gate: gates[index], action, limitBytes, ...more?.[index] }));
  };
}

/** The queues of gates, by what is loaded only where there are any. */
async function gateQueues(connection: Connection, names: readonly string[]): Promise<Queue[]> {
  if (names.length === 0) return [];
  const { namedGates } = await import("../qdisc/gate/named_gates.ts");
  return namedGates(connection, names);
}
