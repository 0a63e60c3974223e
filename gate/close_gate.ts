import { TC_H_ROOT } from "../codec/handle.ts";
import type { Connection } from "../netlink/connection.ts";
import { ENODEV } from "../linux/errno.ts";
import { inTurn } from "../guardian/mark.ts";
import { detachAll, detachInTurn, type DetachReport, type Removal } from "../plug/drain.ts";
import { Queue } from "../plug/queue.ts";
import { checkAnswers, QueueError } from "../plug/queue_error.ts";
import { deleteClsact, deleteDevice, deleteFilter } from "./gate_requests.ts";
import type { GateState } from "./gate_state.ts";
import { readGates } from "./list_gates.ts";
import { heldPackets, hookQdisc, isBare, readMachine } from "./machine.ts";

/** Which gate to take down, by the index of its device, and as a part of what. */
export interface TakeDown {
  ifindex: number;
  operation: string;
}

const NOTHING_HELD: DetachReport = { discardedPackets: 0, drops: 0, lostPackets: 0 };

/**
 * Takes a gate down without losing a packet: the filters first, then the plug is released and drained, then the
 * clsact goes if gates made it and this is the last of them, then its device. A clsact stays where a plug on the same
 * device holds packets, which would go with it. What is not there is passed over, so that what is left of a gate goes the
 * same way. What is there is read while no other plugctl is at work.
 *
 * @throws {QueueError} `not-drained` where packets have not left in time; what is left can be taken down again;
 * `held` where another process has it in hand; `no-gate` where it is gone
 */
export async function takeDown(
  connection: Connection,
  { ifindex, operation, ...options }: TakeDown & Removal,
): Promise<DetachReport> {
  const begun = inTurn(connection, () => begin(connection, { ifindex, operation, ...options }));
  const [report] = begun.queue ? await detachAll([begun.queue], options) : [NOTHING_HELD];
  inTurn(connection, () => removeDevice(connection, { ...begun, operation }));
  return { ...report, lostPackets: begun.lostPackets };
}

/** As `takeDown`, but keeps the process waiting meanwhile, where others are kept from it already. */
export function takeDownInTurn(connection: Connection, options: TakeDown & Removal): DetachReport {
  const begun = begin(connection, options);
  const report = begun.queue ? detachInTurn(begun.queue) : NOTHING_HELD;
  removeDevice(connection, { ...begun, operation: options.operation });
  return { ...report, lostPackets: begun.lostPackets };
}

/** A gate without filters. */
interface Begun {
  state: GateState;
  /** Its plug, where it has one. */
  queue?: Queue;
  /** What it holds of a device that is gone is lost when it is released. */
  lostPackets: number;
}

function begin(connection: Connection, { ifindex, operation, force, except }: TakeDown & Removal): Begun {
  const { machine, gates } = readGates(connection, operation);
  const state = gates.find(({ link }) => link.ifindex === ifindex);
  if (!state) throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  const queue = plugQueue(connection, state);
  if (!force) queue?.refuseHeld(operation, { except });
  checkAnswers(operation, connection.transact(state.filters.map((filter) => deleteFilter(filter))));
  const isLost = state.note?.devices.some((index) => !machine.links.some((link) => link.ifindex === index)) ?? false;
  return { state, queue, lostPackets: isLost ? state.listed.stats?.backlogPackets ?? 0 : 0 };
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
    gate: { name: listed.name, devices: note?.devices ?? [], holdsAllOf: [] },
  });
}

/** Removes what gates made for all of them, where this is the last, and then the device, whose note says so till then. */
function removeDevice(connection: Connection, { state, operation }: { state: GateState; operation: string }): void {
  const own = state.note?.ownClsact ?? [];
  const bare = own.length === 0 ? [] : bareClsacts(connection, { own, operation });
  const answers = connection.transact([...bare.map(deleteClsact), deleteDevice(state.link.ifindex)]);
  // That another process has just taken the device away is as good.
  checkAnswers(operation, answers.filter(({ errno }) => errno !== ENODEV));
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
