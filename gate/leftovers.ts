import type { Connection } from "../netlink/connection.ts";
import { type Filter, isGateFilter, readFilters, redirectsTo } from "../plug/filter.ts";
import { FIRST_HANDLE, HANDLES } from "../plug/plug_requests.ts";
import { type ListedPlug, listPlugs } from "../plug/qdiscs.ts";
import { Queue } from "../plug/queue.ts";
import { allHooks, hookQdisc, isBare, readGates, readMachine } from "./gate_state.ts";
import { gateQueue } from "./named_gates.ts";
import { strayTaps, type Tap } from "./tap.ts";

/** What `recover` would release and take away. */
export interface Leftovers {
  /** Gates, also incomplete ones, with what they hold; `undefined` where a gate has no plug. */
  gates: { name: string; packets?: number }[];
  /** Plugs that have one of the handles that plugctl gives, with what they hold. */
  plugs: { dev: string; parent: number; handle: number; packets: number }[];
  /** How many filters lead to the device of a gate that is gone. */
  filters: number;
  /** Taps of gates for which no guardian stands. */
  taps: Tap[];
  /** Devices whose `clsact` has no filter, which it would leave alone: nothing tells who made it. */
  bareClsacts: string[];
  /** Plugs with other handles, which it would leave alone. */
  foreign: { dev: string; parent: number; handle: number }[];
}

/** What plugctl has made in a network namespace, as what is to be taken away. */
export interface Found {
  /** The plugs of gates, and those that have one of the handles that plugctl gives. */
  queues: Queue[];
  /** Plugs with other handles. */
  foreign: { dev: string; parent: number; handle: number }[];
}

/** Finds what plugctl has made in a network namespace, from the kernel alone, and touches nothing. */
export function findLeftovers(connection: Connection): Leftovers {
  const { gates, plugs, foreign } = look(connection);
  return {
    gates: gates.map(({ listed: { name, stats } }) => ({ name, packets: stats?.backlogPackets })),
    plugs: plugs.map(({ stats, ...plug }) => ({ ...placeOf(plug), packets: stats.backlogPackets })),
    filters: strayFilters(connection).length,
    taps: strayTaps(connection),
    bareClsacts: bareClsacts(connection),
    foreign: foreign.map(placeOf),
  };
}

/** As `findLeftovers`, for who takes them away; stray filters are looked for when all else is gone. */
export function findQueues(connection: Connection): Found {
  const { gates, plugs, foreign } = look(connection);
  return {
    queues: [
      ...gates.map(({ listed: { name, ifindex }, link: { alias } }) => gateQueue(connection, { name, ifindex, alias })),
      ...plugs.map(({ dev, ifindex, parent, handle }) =>
        new Queue({ dev, place: { ifindex, parent, handle }, located: true, connection })
      ),
    ],
    foreign: foreign.map(placeOf),
  };
}

/** The filters of gates whose device is gone, which lose every packet that they match. */
export function strayFilters(connection: Connection): Filter[] {
  const operation = "list filters";
  return readFilters(connection, { operation, hooks: allHooks(connection, operation) })
    .filter((filter) => isGateFilter(filter) && redirectsTo(filter) === 0);
}

function look(connection: Connection) {
  const { gates } = readGates(connection, "list gates");
  const plugs = listPlugs(connection).filter(({ ifindex }) => !gates.some(({ link }) => link.ifindex === ifindex));
  return {
    gates,
    plugs: plugs.filter(({ handle }) => isOwnHandle(handle)),
    foreign: plugs.filter(({ handle }) => !isOwnHandle(handle)),
  };
}

function placeOf({ dev, parent, handle }: Pick<ListedPlug, "dev" | "parent" | "handle">) {
  return { dev, parent, handle };
}

/** Whether it is one of the handles that plugctl gives. */
function isOwnHandle(handle: number): boolean {
  return handle >= FIRST_HANDLE && handle < FIRST_HANDLE + HANDLES * 0x10000;
}

/** The names of the devices whose clsact has no filter. The kernel keeps nothing of who has made one, and takes no mark. */
export function bareClsacts(connection: Connection): string[] {
  const operation = "list clsacts";
  const machine = readMachine(connection, operation);
  return machine.links.filter(({ ifindex }) =>
    hookQdisc(machine, ifindex)?.kind === "clsact" && isBare(connection, { ifindex, operation })
  ).map(({ name }) => name);
}
