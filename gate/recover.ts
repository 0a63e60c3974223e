import type { Connection } from "../netlink/connection.ts";
import { detachAll, type DetachOptions, type DetachReport } from "../plug/drain.ts";
import { takeDown } from "./close_gate.ts";
import { deleteFilter, isGateFilter, readFilters, redirectsTo } from "./filter.ts";
import { isGateDevice } from "./gate_state.ts";
import { readGates } from "./gate_state.ts";
import { allHooks } from "./machine.ts";
import { type ListedPlug, listPlugs, readLinks } from "../plug/qdiscs.ts";
import { changeRequest, FIRST_HANDLE, HANDLES } from "../plug/plug_requests.ts";
import { Queue } from "../plug/queue.ts";
import { checkAnswers } from "../plug/queue_error.ts";

/** What was found of plugctl's making, and taken away. */
export interface Recovery {
  /** Gates, also what was left of some, by their names. */
  gates: (DetachReport & { name: string })[];
  /** Plugs that have one of the handles that plugctl gives. */
  plugs: (DetachReport & { dev: string; parent: number; handle: number })[];
  /** How many filters led to the device of a gate that somebody has deleted, and lost what they matched. */
  filters: number;
  /** Plugs with other handles, which were left alone. */
  foreign: { dev: string; parent: number; handle: number }[];
  /** Why something could not be taken away. */
  failures: unknown[];
}

/**
 * Finds what plugctl has made in a network namespace, from the kernel alone, releases it, waits until what it held
 * has left, and takes it away; of what it cannot it says why, and goes on. What others made it leaves alone.
 */
export async function recover(connection: Connection, options: DetachOptions = {}): Promise<Recovery> {
  const recovery: Recovery = { gates: [], plugs: [], filters: 0, foreign: [], failures: [] };
  if (!options.drop) releaseEverything(connection);
  await recoverGates(connection, { recovery, options });
  await attempt(recovery, () => removeStrayFilters(connection, recovery));
  for (const plug of otherPlugs(connection)) {
    const { dev, parent, handle } = plug;
    if (isOwnHandle(handle)) await attempt(recovery, () => recoverPlug(connection, { plug, recovery, options }));
    else recovery.foreign.push({ dev, parent, handle });
  }
  return recovery;
}

/** Lets go all that is held, before any of it is waited for. A refusal comes again where the plug is taken away. */
function releaseEverything(connection: Connection): void {
  const own = listPlugs(connection).filter(({ handle }) => isOwnHandle(handle));
  connection.transact(own.map((plug) => changeRequest(plug, "release-indefinite")));
}

interface Task {
  recovery: Recovery;
  options: DetachOptions;
}

async function attempt({ failures }: Recovery, work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DOMException) throw error;
    failures.push(error);
  }
}

async function recoverGates(connection: Connection, { recovery, options }: Task): Promise<void> {
  for (const state of readGates(connection, "list gates").gates) {
    const { name } = state.listed;
    await attempt(recovery, async () => {
      const report = await takeDown(connection, { state, operation: `delete gate ${name}`, ...options });
      recovery.gates.push({ name, ...report });
    });
  }
}

/** Removes the filters of gates whose device is gone, which would lose every packet that they match. */
function removeStrayFilters(connection: Connection, recovery: Recovery): void {
  const operation = "list filters";
  const hooks = allHooks(connection, operation);
  const stray = readFilters(connection, { operation, hooks })
    .filter((filter) => isGateFilter(filter) && redirectsTo(filter) === 0);
  checkAnswers("delete a filter", connection.transact(stray.map((filter) => deleteFilter(filter))));
  recovery.filters = stray.length;
}

/** The plugs that are not those of gates. */
function otherPlugs(connection: Connection): ListedPlug[] {
  const gates = readLinks(connection, "list devices").filter(isGateDevice).map(({ ifindex }) => ifindex);
  return listPlugs(connection).filter(({ ifindex }) => !gates.includes(ifindex));
}

/** Whether it is one of the handles that plugctl gives. */
export function isOwnHandle(handle: number): boolean {
  return handle >= FIRST_HANDLE && handle < FIRST_HANDLE + HANDLES * 0x10000;
}

async function recoverPlug(
  connection: Connection,
  { plug: { dev, ifindex, parent, handle }, recovery, options }: Task & { plug: ListedPlug },
): Promise<void> {
  const place = { ifindex, parent, handle };
  const [report] = await detachAll([new Queue({ dev, place, located: true, connection })], options);
  recovery.plugs.push({ dev, parent, handle, ...report });
}
