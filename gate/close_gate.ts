import { TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { allPacketsMoveOn, hasSeveralProcessors, undisturbed } from "../linux/undisturbed.ts";
import { detachAll, type DetachOptions, type DetachReport, detachSync, passOn, passOnSync } from "../plug/drain.ts";
import { Queue } from "../plug/queue.ts";
import { checkAnswers } from "../plug/queue_error.ts";
import { deleteFilter } from "./filter.ts";
import { deleteClsact, deleteDevice } from "./device.ts";
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
 * Takes a gate down without losing a packet: it passes until it is empty, then the filters go, then what was on its way
 * to it is waited for, then the plug and the device go. A clsact that gates made goes with the last of them on a machine
 * with one processor; with several others would lose what they send meanwhile, so it stays, as it does where a plug on
 * the same device holds packets, which would go with it. What is not there is passed over, so that what is left of a gate
 * goes the same way.
 *
 * @throws {QueueError} `not-drained` where packets have not left in time; what is left can be taken down again
 */
export async function takeDown(
  connection: Connection,
  { state, operation, ...options }: TakeDown & DetachOptions,
): Promise<DetachReport> {
  const queue = plugQueue(connection, state);
  if (queue && !options.drop) await passOn(queue);
  removeFilters(connection, { state, operation });
  const [report] = queue ? await detachAll([queue], options) : [NOTHING_HELD];
  return { ...report, ...removeDevice(connection, { state, operation }) };
}

/** As `takeDown`, but keeps the process waiting meanwhile. */
export function takeDownSync(connection: Connection, { state, operation }: TakeDown): DetachReport {
  const queue = plugQueue(connection, state);
  if (queue) passOnSync(queue);
  removeFilters(connection, { state, operation });
  const report = queue ? detachSync(queue) : NOTHING_HELD;
  return { ...report, ...removeDevice(connection, { state, operation }) };
}

function removeFilters(connection: Connection, { state, operation }: TakeDown): void {
  checkAnswers(operation, connection.transact(state.filters.map((filter) => deleteFilter(filter))));
  if (state.filters.length > 0) allPacketsMoveOn();
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

/**
 * Removes what gates made for all of them, where this is the last and no packet is lost by it, and then the device, whose
 * note says so till then. Tells what stays.
 */
function removeDevice(connection: Connection, { state, operation }: TakeDown): Pick<DetachReport, "keptClsact"> {
  const bare = bareClsacts(connection, { own: state.note?.ownClsact ?? [], operation });
  const [going, kept] = hasSeveralProcessors() ? [[], bare] : [bare, []];
  const requests = [...going.map(({ ifindex }) => deleteClsact(ifindex)), deleteDevice(state.link.ifindex)];
  checkAnswers(operation, undisturbed(() => connection.transact(requests)));
  return kept.length === 0 ? {} : { keptClsact: kept.map(({ name }) => name) };
}

/** The devices of our own clsacts from which nothing hangs any more. */
function bareClsacts(
  connection: Connection,
  { own, operation }: { own: readonly number[]; operation: string },
): LinkMessage[] {
  if (own.length === 0) return [];
  const machine = readMachine(connection, operation);
  return machine.links.filter(({ ifindex }) =>
    own.includes(ifindex) && hookQdisc(machine, ifindex)?.kind === "clsact" && heldPackets(machine, ifindex) === 0 &&
    isBare(connection, { ifindex, operation })
  );
}
