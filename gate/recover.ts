import { detachAll, type DetachOptions } from "../plug/drain.ts";
import type { DetachReport } from "../plug/detach_report.ts";
import { findGuardians, inTurn } from "../guardian/mark.ts";
import type { Connection } from "../netlink/connection.ts";
import { changeRequests, FIRST_HANDLE, HANDLES } from "../plug/plug_requests.ts";
import { nameQueue, onGate, onQueue, Queue } from "../plug/queue.ts";
import { readPlug } from "../plug/read_plug.ts";
import { checkAnswers, isGone, QueueError } from "../plug/queue_error.ts";
import { takeDown } from "./close_gate.ts";
import { deleteFilter, type Filter, readFilters, strayAmong } from "../plug/filter.ts";
import { removeTap, strayTaps, type Tap } from "./tap.ts";
import { type ListedPlug, listPlugs } from "../plug/qdiscs.ts";
import { allHooks, hookQdisc, isBare, readGates, readMachine } from "./gate_state.ts";
import { gateQueue } from "./named_gates.ts";

/** What was found of plugctl's making, and taken away. */
export interface Recovery {
  /** Gates, also what was left of some, by their names. */
  gates: (DetachReport & { name: string })[];
  /** Plugs that have one of the handles that plugctl gives. */
  plugs: (DetachReport & { dev: string; parent: number; handle: number })[];
  /** How many filters led to the device of a gate that somebody has deleted, and lost what they matched. */
  filters: number;
  /** Taps of gates that were left in place: nobody reads their copies. */
  taps: { name: string; group: number }[];
  /** Devices whose `clsact` has no filter, and stays: nothing tells who made it. */
  bareClsacts: string[];
  /** Plugs with other handles, which were left alone. */
  foreign: { dev: string; parent: number; handle: number }[];
  /** What another process has in hand, by what it is called, and the guardian that stands for that: left alone. */
  kept: { name: string; guardian: number }[];
  /** Why something could not be taken away. */
  failures: unknown[];
}

/**
 * Finds what plugctl has made in a network namespace, from the kernel alone, releases it, waits until what it held
 * has left, and takes it away; of what it cannot it says why, and goes on. What others made it leaves alone, and, unless
 * `force` says otherwise, what a guardian that lives stands for.
 */
export async function recover(connection: Connection, options: DetachOptions = {}): Promise<Recovery> {
  const recovery = nothingYet();
  const { queues: found, foreign } = findQueues(connection);
  recovery.foreign.push(...foreign);
  const queues = found.filter((queue) => options.force || !isKept(queue, recovery));
  // Before it is let go: by then it is gone.
  const lost = new Map(options.drop ? [] : queues.map((queue) => [queue, heldInVain(queue)]));
  const task = { recovery, options, lost };
  if (!options.drop) releaseEverything(connection, queues);
  for (const queue of queues) await attempt(task, queue, () => takeAway(queue, task));
  for (const work of [removeStrayFilters, removeStrayTaps, findBareClsacts]) {
    try {
      work(connection, recovery);
    } catch (error) {
      recovery.failures.push(error);
    }
  }
  return recovery;
}

/**
 * As `recover`, of gates by their names: what a process had `made` that was killed together with its guardian goes, what it
 * only `used` is released and stays. Of others nothing is touched.
 */
export async function recoverGates(
  connection: Connection,
  { made, used }: { made: ReadonlySet<string>; used: ReadonlySet<string> },
): Promise<Recovery> {
  const recovery = nothingYet();
  const named = (queue: Queue, names: ReadonlySet<string>) => queue.gate !== undefined && names.has(queue.gate.name);
  const queues = findQueues(connection).queues
    .filter((queue) => (named(queue, made) || named(queue, used)) && !isKept(queue, recovery));
  const task = { recovery, options: {}, lost: new Map(queues.map((queue) => [queue, heldInVain(queue)])) };
  releaseEverything(connection, queues);
  for (const queue of queues) {
    if (named(queue, made)) await attempt(task, queue, () => takeAway(queue, task));
    else await attempt(task, queue, () => Promise.resolve(release(queue)));
  }
  return recovery;
}

function release({ connection, place }: Queue): void {
  checkAnswers("release", connection.transact(changeRequests(place, "release-indefinite"), { overheard: true }));
}

function nothingYet(): Recovery {
  return { gates: [], plugs: [], filters: 0, taps: [], bareClsacts: [], foreign: [], kept: [], failures: [] };
}

interface Task {
  recovery: Recovery;
  options: DetachOptions;
  /** How many packets gates held that can go nowhere. */
  lost: ReadonlyMap<Queue, number>;
}

/** How many packets a gate holds of a device that is gone, by which they would go on. */
function heldInVain(queue: Queue): number {
  if (!queue.hasLostDevice()) return 0;
  try {
    return readPlug(queue, onQueue(queue, "read")).stats.backlogPackets;
  } catch (error) {
    // What is wrong with it is met where it is taken away.
    if (error instanceof QueueError) return 0;
    throw error;
  }
}

/** Whether a guardian stands for it, also one that keeps a deadline for a process that has ended; notes that. */
function isKept(queue: Queue, recovery: Recovery): boolean {
  const [guardian] = [...findGuardians("held", queue), ...findGuardians("kept", queue)];
  if (guardian === undefined) return false;
  recovery.kept.push({ name: nameQueue(queue), guardian });
  return true;
}

/** Lets go all that is held, before any of it is waited for. A refusal comes again where it is taken away. */
function releaseEverything(connection: Connection, queues: readonly Queue[]): void {
  connection.transact(queues.flatMap(({ place }) => changeRequests(place, "release-indefinite")), { overheard: true });
}

/** Does what may fail. What another process has taken in hand or away meanwhile is no failure. */
async function attempt({ recovery }: Task, queue: Queue, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DOMException) throw error;
    const isTaken = error instanceof QueueError && error.code === "held" && isKept(queue, recovery);
    const isAway = isGone(error) && error instanceof QueueError && error.code !== "vanished";
    if (!isTaken && !isAway) recovery.failures.push(error);
  }
}

async function takeAway(queue: Queue, { recovery, options, lost }: Task): Promise<void> {
  const { dev, gate, connection, place: { ifindex, parent, handle } } = queue;
  if (gate) {
    const { name } = gate;
    const report = await takeDown(connection, { ifindex, operation: onGate(name, "delete"), ...options });
    recovery.gates.push({ name, ...report, lostPackets: Math.max(report.lostPackets, lost.get(queue) ?? 0) });
  } else {
    const [report] = await detachAll([queue], options);
    recovery.plugs.push({ dev, parent, handle, ...report });
  }
}

/** Removes the filters of gates whose device is gone, which would lose every packet that they match. */
function removeStrayFilters(connection: Connection, recovery: Recovery): void {
  inTurn(connection, () => {
    const stray = strayFilters(connection);
    checkAnswers("delete a filter", connection.transact(stray.map((filter) => deleteFilter(filter))));
    recovery.filters = stray.length;
  });
}

/** Takes out the taps of gates that stay. */
function removeStrayTaps(connection: Connection, recovery: Recovery): void {
  for (const tap of strayTaps(connection)) {
    removeTap(connection, tap);
    recovery.taps.push(tap);
  }
}

/** Finds the empty clsacts that stay, but those of which the report on their gate says so. */
function findBareClsacts(connection: Connection, recovery: Recovery): void {
  const told = recovery.gates.flatMap(({ keptClsact = [] }) => keptClsact);
  recovery.bareClsacts = bareClsacts(connection).filter((dev) => !told.includes(dev));
}

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
  return strayAmong(readFilters(connection, { operation, hooks: allHooks(connection, operation) }));
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
