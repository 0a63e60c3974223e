import { TC_H_ROOT } from "../codec/handle.ts";
import type { Connection } from "../netlink/connection.ts";
import { detachAll, type DetachOptions, type DetachReport, detachSync } from "../plug/drain.ts";
import { Queue } from "../plug/queue.ts";
import { checkAnswers } from "../plug/queue_error.ts";
import { deleteFilter } from "./filter.ts";
import { deleteClsact, deleteDevice } from "./gate_requests.ts";
import type { GateState } from "./gate_state.ts";
import { heldByGate } from "./held.ts";
import { heldPackets, hookQdisc, isBare, readMachine } from "./machine.ts";

/** Which gate to take down, and as a part of what. */
export interface TakeDown {
  state: GateState;
  operation: string;
}

const NOTHING_HELD: DetachReport = { discardedPackets: 0, drops: 0 };

/**
 * Takes a gate down without losing a packet: the filters first, then the plug is released and drained, then the
 * clsact goes if gates made it and this is the last of them, then its device. A clsact stays where a plug on the same
 * device holds packets, which would go with it. What is not there is passed over, so that what is left of a gate goes the
 * same way.
 *
 * @throws {QueueError} `not-drained` where packets have not left in time; what is left can be taken down again
 */
export async function takeDown(
  connection: Connection,
  { state, operation, ...options }: TakeDown & DetachOptions,
): Promise<DetachReport> {
  removeFilters(connection, { state, operation });
  const queue = plugQueue(connection, state);
  const [report] = queue ? await detachAll([queue], options) : [NOTHING_HELD];
  removeDevice(connection, { state, operation });
  return report;
}

/** As `takeDown`, but keeps the process waiting meanwhile. */
export function takeDownSync(connection: Connection, { state, operation }: TakeDown): DetachReport {
  removeFilters(connection, { state, operation });
  const queue = plugQueue(connection, state);
  const report = queue ? detachSync(queue) : NOTHING_HELD;
  removeDevice(connection, { state, operation });
  return report;
}

function removeFilters(connection: Connection, { state, operation }: TakeDown): void {
  checkAnswers(operation, connection.transact(state.filters.map((filter) => deleteFilter(filter))));
}

/** The gate's plug, where it has one. */
function plugQueue(connection: Connection, { listed, link, note, plugHandle }: GateState): Queue | undefined {
  if (plugHandle === undefined) return undefined;
  return new Queue({
    dev: link.name,
    place: { ifindex: link.ifindex, parent: TC_H_ROOT, handle: plugHandle },
    located: true,
    connection,
    limitBytesAsked: listed.limitBytes,
    gate: { name: listed.name, devices: note?.devices ?? [], held: heldByGate(connection, note) },
  });
}

/** Removes what gates made for all of them, where this is the last, and then the device, whose note says so till then. */
function removeDevice(connection: Connection, { state, operation }: TakeDown): void {
  const own = state.note?.ownClsact ?? [];
  const bare = own.length === 0 ? [] : bareClsacts(connection, { own, operation });
  checkAnswers(operation, connection.transact([...bare.map(deleteClsact), deleteDevice(state.link.ifindex)]));
}

/** Those of our own clsacts from which nothing hangs any more. */
function bareClsacts(
  connection: Connection,
  { own, operation }: { own: readonly number[]; operation: string },
): number[] {
  const machine = readMachine(connection, operation);
  return own.filter((ifindex) =>
    hookQdisc(machine, ifindex)?.kind === "clsact" && heldPackets(machine, ifindex) === 0 &&
    isBare(connection, { ifindex, operation })
  );
}
