import type { Connection } from "../netlink/connection.ts";
import { listPlugs } from "../plug/qdiscs.ts";
import { isGateFilter, readFilters, redirectsTo } from "../plug/filter.ts";
import { allHooks, readGates } from "./gate_state.ts";
import { isOwnHandle } from "./recover.ts";

/** What `recover` would release and take away. */
export interface Leftovers {
  /** Gates, also incomplete ones, with what they hold; `undefined` where a gate has no plug. */
  gates: { name: string; packets?: number }[];
  /** Plugs that have one of the handles that plugctl gives, with what they hold. */
  plugs: { dev: string; parent: number; handle: number; packets: number }[];
  /** How many filters lead to the device of a gate that is gone. */
  filters: number;
  /** Plugs with other handles, which it would leave alone. */
  foreign: { dev: string; parent: number; handle: number }[];
}

/** Finds what plugctl has made in a network namespace, from the kernel alone, and touches nothing. */
export function findLeftovers(connection: Connection): Leftovers {
  const gates = readGates(connection, "list gates").gates.map(({ listed }) => listed);
  const plugs = listPlugs(connection).filter(({ ifindex }) => !gates.some((gate) => gate.ifindex === ifindex));
  const operation = "list filters";
  const stray = readFilters(connection, { operation, hooks: allHooks(connection, operation) })
    .filter((filter) => isGateFilter(filter) && redirectsTo(filter) === 0);
  return {
    gates: gates.map(({ name, stats }) => ({ name, packets: stats?.backlogPackets })),
    plugs: plugs.filter(({ handle }) => isOwnHandle(handle))
      .map(({ dev, parent, handle, stats }) => ({ dev, parent, handle, packets: stats.backlogPackets })),
    filters: stray.length,
    foreign: plugs.filter(({ handle }) => !isOwnHandle(handle))
      .map(({ dev, parent, handle }) => ({ dev, parent, handle })),
  };
}
