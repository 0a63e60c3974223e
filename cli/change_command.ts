import { TC_H_ROOT } from "../codec/handle.ts";
import type { Connection } from "../netlink/connection.ts";
import type { PlugPlace } from "../qdisc/attach.ts";
import { Gate } from "../qdisc/gate/gate.ts";
import { gateDevice } from "../qdisc/gate/gate_name.ts";
import { Plug } from "../qdisc/plug.ts";
import type { PlugGroup } from "../qdisc/plug_group.ts";
import { changeRequest, FIRST_HANDLE, type PlugAction } from "../qdisc/plug_requests.ts";
import type { Context, Run } from "./context.ts";
import { isGiven } from "./given.ts";
import { openConnection, queueTargets } from "./queue_options.ts";
import { printResults } from "./results.ts";

/** What a command asks of the plugs that it names. */
export interface ChangeCommand {
  action: PlugAction;
  /** The limit that it sets, from its operands. */
  limitBytes?: (context: Context) => number;
  /** Does it; what it returns is added to what `--json` prints of each plug. */
  change: (group: PlugGroup, context: Context, limitBytes?: number) => void | Promise<Record<string, unknown>[] | void>;
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
    const more = await change(Plug.all(plugs), context, limitBytes);
    for (const { place: { ifindex } } of plugs) {
      const warning = limitBytes === undefined ? undefined : warn?.(connection, { ifindex, limitBytes });
      if (warning !== undefined) context.note(warning);
    }
    printResults(context, plugs, (_plug, index) => ({ gate: gates[index], action, limitBytes, ...more?.[index] }));
  };
}

/** Takes over the plugs at these places, over one connection. */
export function openPlugs(connection: Connection, places: readonly PlugPlace[]): Plug[] {
  return places.map((place) => Plug.open({ ...place, connection }));
}
