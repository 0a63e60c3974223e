import type { DetachReport } from "../plug/detach_report.ts";
import { findGuardians, inTurn } from "../guardian/mark.ts";
import type { Connection } from "../netlink/connection.ts";
import { detachAll, type DetachOptions } from "../plug/drain.ts";
import { changeRequest } from "../plug/plug_requests.ts";
import { nameQueue, onGate, type Queue } from "../plug/queue.ts";
import { checkAnswers, isGone, QueueError } from "../plug/queue_error.ts";
import { takeDown } from "./close_gate.ts";
import { deleteFilter } from "../plug/filter.ts";
import { bareClsacts, findQueues, strayFilters } from "./leftovers.ts";
import { removeTap, strayTaps } from "./tap.ts";

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
  const recovery: Recovery = {
    gates: [],
    plugs: [],
    filters: 0,
    taps: [],
    bareClsacts: [],
    foreign: [],
    kept: [],
    failures: [],
  };
  const task = { recovery, options };
  const { queues: found, foreign } = findQueues(connection);
  recovery.foreign.push(...foreign);
  const queues = found.filter((queue) => options.force || !isKept(queue, recovery));
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

interface Task {
  recovery: Recovery;
  options: DetachOptions;
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
  connection.transact(queues.map(({ place }) => changeRequest(place, "release-indefinite")), { overheard: true });
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

async function takeAway(queue: Queue, { recovery, options }: Task): Promise<void> {
  const { dev, gate, connection, place: { ifindex, parent, handle } } = queue;
  if (gate) {
    const { name } = gate;
    const report = await takeDown(connection, { ifindex, operation: onGate(name, "delete"), ...options });
    recovery.gates.push({ name, ...report });
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
  inTurn(connection, () => {
    for (const tap of strayTaps(connection)) {
      removeTap(connection, tap);
      recovery.taps.push(tap);
    }
  });
}

/** Finds the empty clsacts that stay, but those of which the report on their gate says so. */
function findBareClsacts(connection: Connection, recovery: Recovery): void {
  const told = recovery.gates.flatMap(({ keptClsact = [] }) => keptClsact);
  recovery.bareClsacts = bareClsacts(connection).filter((dev) => !told.includes(dev));
}
