import { detachAll, detachInTurn, passOn, passOnSync, type Removal } from "../plug/drain.ts";
import type { DetachReport } from "../plug/detach_report.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage } from "../codec/message.ts";
import { inTurn } from "../guardian/mark.ts";
import type { Hook } from "../guardian/watch.ts";
import { type AnyOperation, EINVAL, ENODEV, ENOENT } from "../linux/netlink_error.ts";
import { allPacketsMoveOn, hasSeveralProcessors, sleep, timedUndisturbed } from "../linux/process.ts";
import type { Answer, Connection } from "../netlink/connection.ts";
import { Queue } from "../plug/queue.ts";
import { checkAnswers, QueueError } from "../plug/queue_error.ts";
import { deleteFilter, hookOf, readFilters, strayAmong } from "../plug/filter.ts";
import { deleteClsact, deleteDevice } from "../plug/gate_device.ts";
import {
  BOTH_SIDES,
  type GateState,
  hookQdisc,
  isBare,
  type Machine,
  queuedPackets,
  readGates,
  readMachine,
} from "./gate_state.ts";
import { heldByGate } from "./held.ts";

/** Which gate to take down, by the index of its device, and as a part of what. */
export interface TakeDown {
  ifindex: number;
  operation: AnyOperation;
  /** Where its filters hang, which stay where somebody has deleted its device, and lose what they match. */
  hook?: Hook;
}

/** How long what was let go may take to leave a device's own queue, in milliseconds. */
const LEAVING_MS = 200;
const NOTHING_HELD: DetachReport = { discardedPackets: 0, drops: 0, lostPackets: 0 };

/**
 * Takes a gate down without losing a packet: it passes until it is empty, then the filters go, then what was on its way
 * to it is waited for, then the plug and the device go. A clsact that gates made goes with the last of them on a machine
 * with one processor; with several others would lose what they send meanwhile, so it stays, as it does where packets
 * wait in a queue of the device, which would go with it. What is not there is passed over, so that what is left of a gate
 * goes the same way. What is there is read while no other plugctl is at work.
 *
 * @throws {QueueError} `not-drained` where packets have not left in time; what is left can be taken down again;
 * `held` where another process has it in hand; `no-gate` where it is gone
 */
export async function takeDown(
  connection: Connection,
  { ifindex, operation, ...options }: TakeDown & Removal,
): Promise<DetachReport> {
  const find = () => findGate(connection, { ifindex, operation, ...options });
  const { queue, lostPackets } = inTurn(connection, find);
  if (queue && !options.drop) await passOn(queue);
  const begun = inTurn(connection, () => withoutFilters(connection, { ...find(), operation }));
  const [report] = begun.queue ? await detachAll([begun.queue], options) : [NOTHING_HELD];
  const left = inTurn(connection, () => removeDevice(connection, { ...begun, operation }));
  return { ...report, ...left, lostPackets };
}

/** As `takeDown`, but keeps the process waiting meanwhile, where others are kept from it already. */
export function takeDownInTurn(connection: Connection, options: TakeDown & Removal): DetachReport {
  const { operation } = options;
  const found = findGate(connection, options);
  if (found.queue) passOnSync(found.queue);
  withoutFilters(connection, { ...found, operation });
  const report = found.queue ? detachInTurn(found.queue) : NOTHING_HELD;
  return { ...report, ...removeDevice(connection, { ...found, operation }), lostPackets: found.lostPackets };
}

/** A gate that is to be taken down. */
interface Begun {
  state: GateState;
  /** Its plug, where it has one. */
  queue?: Queue;
  /** What it holds of a device that is gone is lost when it is released. */
  lostPackets: number;
}

function findGate(connection: Connection, { ifindex, operation, hook, force, except }: TakeDown & Removal): Begun {
  const { machine, gates } = readGates(connection, operation);
  const state = gates.find(({ link }) => link.ifindex === ifindex);
  if (!state) {
    if (hook) deleteStray(connection, { machine, hook, operation });
    throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  }
  const queue = plugQueue(connection, state);
  if (!force) queue?.refuseHeld(operation, { except });
  const isLost = state.note?.devices.some((index) => !machine.links.some((link) => link.ifindex === index)) ?? false;
  return { state, queue, lostPackets: isLost ? state.listed.stats?.backlogPackets ?? 0 : 0 };
}

/** Deletes the filters that a gate has left whose device is gone. */
function deleteStray(
  connection: Connection,
  { machine, hook: { devices, parents, priority }, operation }: {
    machine: Machine;
    hook: Hook;
    operation: AnyOperation;
  },
): void {
  const hooks = devices.filter((ifindex) => hookQdisc(machine, ifindex)).flatMap((ifindex) =>
    BOTH_SIDES.filter((side) => parents.includes(hookOf(side))).map((side) => ({ ifindex, side }))
  );
  const stray = strayAmong(readFilters(connection, { operation, hooks })).filter((each) => each.priority === priority);
  const answers = connection.transact(stray.map((filter) => deleteFilter(filter)));
  checkAnswers(operation, answers.filter((answer) => !isFilterGone(answer)));
}

function withoutFilters(connection: Connection, begun: Begun & { operation: AnyOperation }): Begun {
  const { state: { filters, exceptions }, operation } = begun;
  // Exceptions last: what is to pass is not to go by way of the gate meanwhile.
  const answers = connection.transact([...filters, ...exceptions].map((filter) => deleteFilter(filter)));
  // That another process has just taken a filter away, or what it hung from, is as good.
  checkAnswers(operation, answers.filter((answer) => !isFilterGone(answer)));
  if (filters.length > 0) allPacketsMoveOn();
  return begun;
}

/** Whether a filter that was to be deleted is not there: it, its clsact, or its device. */
function isFilterGone({ errno, sentence }: Answer): boolean {
  return errno === ENOENT || errno === ENODEV || errno === EINVAL && sentence.startsWith("Parent Qdisc");
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
function removeDevice(
  connection: Connection,
  { state, operation }: Pick<Begun, "state"> & { operation: AnyOperation },
): Pick<DetachReport, "keptClsact" | "gapMs"> {
  const bare = bareClsacts(connection, { own: state.note?.ownClsact ?? [], operation });
  const going = bare.filter(({ ifindex }) => !hasSeveralProcessors() && isAtRest(connection, { ifindex, operation }));
  const kept = bare.filter((link) => !going.includes(link));
  const { result: answers, gapMs } = going.length === 0
    ? { result: [], gapMs: 0 }
    : timedUndisturbed(() => connection.transact(going.map(({ ifindex }) => deleteClsact(ifindex))));
  // That another process has just taken the device away is as good.
  answers.push(...connection.transact([deleteDevice(state.link.ifindex)]));
  checkAnswers(operation, answers.filter(({ errno }) => errno !== ENODEV));
  return { ...kept.length === 0 ? {} : { keptClsact: kept.map(({ name }) => name) }, ...gapMs === 0 ? {} : { gapMs } };
}

/** Whether nothing waits in a device's queues, which go with its clsact: what was let go is given the time to leave. */
function isAtRest(
  connection: Connection,
  { ifindex, operation }: { ifindex: number; operation: AnyOperation },
): boolean {
  const deadline = performance.now() + LEAVING_MS;
  while (queuedPackets(readMachine(connection, operation), ifindex) > 0) {
    if (performance.now() > deadline) return false;
    sleep(1);
  }
  return true;
}

/** The devices of our own clsacts from which nothing hangs any more. */
function bareClsacts(
  connection: Connection,
  { own, operation }: { own: readonly number[]; operation: AnyOperation },
): LinkMessage[] {
  if (own.length === 0) return [];
  const machine = readMachine(connection, operation);
  return machine.links.filter(({ ifindex }) =>
    own.includes(ifindex) && hookQdisc(machine, ifindex)?.kind === "clsact" &&
    isBare(connection, { ifindex, operation })
  );
}
