import type { Connection } from "../netlink/connection.ts";
import { type Change, changeQueues } from "../plug/change.ts";
import { changeRequest, type QdiscPlace } from "../plug/plug_requests.ts";
import { openQueue, type Queue } from "../plug/queue.ts";
import { type Context, isGiven, type Run } from "./context.ts";
import { namedTargets, openConnection, resolveTargets } from "./targets.ts";
import { printResults } from "./printing.ts";

/** Carries out what a command asks. May return what `--json` prints of each queue besides. */
export type CarryOut<C extends Change> = (
  queues: readonly Queue[],
  asked: { change: C; context: Context },
) => void | Promise<Record<string, unknown>[] | void>;

/** Makes a command that asks the same of one or several plugs that are there; `changeOf` reads what it asks,
 * `namesOf` picks the operands that name gates and devices. */
export function changeCommand<C extends Change>(
  changeOf: (context: Context) => C,
  carryOut: CarryOut<C> = (queues, { change }) => changeQueues(queues, change),
  namesOf: (operands: readonly string[]) => readonly string[] = (operands) => operands,
): Run {
  return async (context) => {
    const named = namedTargets(context, namesOf(context.arguments.operands));
    const change = changeOf(context);
    const { action, limitBytes } = change;
    if (isGiven(context, "dry-run")) {
      const requestsFor = (place: QdiscPlace) => [changeRequest(place, action, limitBytes)];
      const { gatePlace, guessTargets, printRequests } = await import("./dry_run.ts");
      const { gates, places } = guessTargets(context, named);
      return printRequests(context, { places: [...gates.map(gatePlace), ...places], requestsFor });
    }
    using connection = await openConnection(context);
    const { gates, places } = resolveTargets(connection, named);
    const ofGates = await gateQueues(connection, gates);
    const queues = [...ofGates, ...places.map((place) => openQueue(connection, place))];
    const more = await carryOut(queues, { change, context }) ?? [];
    printResults(context, queues, (_queue, index) => ({
      gate: gates[index],
      action: context.arguments.command,
      limitBytes,
      ...more[index],
    }));
  };
}

/** The queues of gates. What finds them is loaded only where a gate is named. */
async function gateQueues(connection: Connection, names: readonly string[]): Promise<Queue[]> {
  if (names.length === 0) return [];
  const { namedGates } = await import("../gate/named_gates.ts");
  return namedGates(connection, names);
}
