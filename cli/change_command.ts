import { TC_H_ROOT } from "../codec/mod.ts";
import type { Connection } from "../netlink/mod.ts";
import {
  changeRequest,
  FIRST_HANDLE,
  Gate,
  gateDevice,
  Plug,
  type PlugAction,
  type PlugGroup,
  type PlugPlace,
} from "../qdisc/mod.ts";
import type { Context, Run } from "./context.ts";
import { isGiven } from "./given.ts";
import { openConnection, queueTargets } from "./queue_options.ts";
import { printResults } from "./results.ts";

/** What a command asks of the plugs that it names. */
export interface ChangeCommand {
  action: PlugAction;
  /** The limit that it sets, from its operands. */
  limitBytes?: (context: Context) => number;
  change: (group: PlugGroup, context: Context, limitBytes?: number) => void;
  /** What is worth knowing about the limit on a device. */
  warn?: (connection: Connection, limit: { ifindex: number; limitBytes: number }) => string | undefined;
}

/** Makes a command that asks the same of one or several plugs that are there. */
export function changeCommand({ action, limitBytes: readLimit, change, warn }: ChangeCommand): Run {
  return async (context) => {
    const { gates, places } = queueTargets(context);
    const limitBytes = readLimit?.(context);
    if (isGiven(context, "dry-run")) {
      const requestsFor = (place: Parameters<typeof changeRequest>[0]) => [changeRequest(place, action, limitBytes)];
      const { printRequests } = await import("./dry_run.ts");
      const ofGates = gates.map((name) => ({ dev: gateDevice(name), handle: FIRST_HANDLE, parent: TC_H_ROOT }));
      return printRequests(context, { places: [...ofGates, ...places], requestsFor });
    }
    using connection = await openConnection(context);
    const ofGates = Gate.named(connection, gates).map(({ plug }) => plug);
    const plugs = [...ofGates, ...openPlugs(connection, places)];
    change(Plug.all(plugs), context, limitBytes);
    for (const { place: { ifindex } } of plugs) {
      const warning = limitBytes === undefined ? undefined : warn?.(connection, { ifindex, limitBytes });
      if (warning !== undefined) context.note(warning);
    }
    printResults(context, plugs, (_plug, index) => ({ gate: gates[index], action, limitBytes }));
  };
}

/** Takes over the plugs at these places, over one connection. */
export function openPlugs(connection: Connection, places: readonly PlugPlace[]): Plug[] {
  return places.map((place) => Plug.open({ ...place, connection }));
}
