import { TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscMessage } from "../codec/message.ts";
import type { GuardOptions } from "../guardian/entrust.ts";
import { canOthersSend, sleep } from "../linux/process.ts";
import type { Connection } from "../netlink/connection.ts";
import { type Filter, isGateFilter, readFilters } from "../plug/filter.ts";
import { numberOf } from "../plug/quantity.ts";
import { findDevice, readQdiscs } from "../plug/qdiscs.ts";
import { QueueError, type Where } from "../plug/queue_error.ts";
import { LAST_PRIORITY } from "../plug/shelter.ts";
import { Gate } from "./gate.ts";
import { hookQdisc, queuedPackets } from "./gate_state.ts";
import { EVERYTHING } from "../plug/match/cube.ts";
import { othersAt } from "./others.ts";

/** A gate that stands for a plug at a device's root. */
export interface DeviceGate {
  gate: Gate;
  /** Why it is there instead: `it has netem at its root`. */
  why: string;
  /** What the device's own queue has dropped since: a release comes to it all at once. */
  droppedBehind(): string[];
}

/** Which device is to be held. */
export interface DeviceGateOptions extends GuardOptions {
  dev: string;
  limitBytes?: number;
  /** Expressions for what is to pass, which takes a gate. */
  except?: readonly string[];
}

/** How long a temporary gate may be in the way, and a queue may hold something, in milliseconds. */
const PATIENCE_MS = 1000;

/**
 * Makes a gate that sees all that leaves a device, before the device's own queue, where a plug at its root cannot be, since
 * somebody else's qdisc is there, or where packets would be lost while it comes and goes and a gate loses none, beside a
 * clsact, or where some packets are to pass. `undefined` where a plug is as good, or where a gate would not see all that a plug does: where filters take
 * packets away before it, where the device is an ifb, or where the kernel has no gates.
 *
 * @throws {QueueError} `held` where all that leaves the device goes through such a gate already; `refused` where packets
 * would be lost
 */
export function openDeviceGate(
  connection: Connection,
  { dev, limitBytes, guardian, except = [] }: DeviceGateOptions,
): DeviceGate | undefined {
  const operation = `hold ${dev}`;
  const ifindex = findDevice(connection, dev);
  const qdiscs = (): QdiscMessage[] => readQdiscs(connection, operation).filter((qdisc) => qdisc.ifindex === ifindex);
  const why = except.length > 0 ? "a plug lets nothing pass" : reasonFor(qdiscs(), ifindex);
  if (why === undefined) return undefined;
  const hasClsact = hookQdisc({ qdiscs: qdiscs() }, ifindex) !== undefined;
  if (hasClsact && !seesAll(connection, { ifindex, operation })) {
    if (except.length === 0) return undefined;
    const reason = "for what is to pass it takes a gate, and filters that are there take packets away before that";
    throw new QueueError("refused", operation, { reason, remedy: ({ netns }) => `see: plugctl gate list${netns}` });
  }
  if (!hasClsact) awaitEmpty(qdiscs, { ifindex, dev, operation });
  try {
    const gate = Gate.open({
      dev,
      direction: "egress",
      limitBytes,
      except,
      // As a plug holds it.
      withArp: true,
      priority: LAST_PRIORITY,
      // It is held for a time, as a device may be that carries the session; that no packet passes it by was seen above.
      force: true,
      label: `${dev} (through a gate)`,
      connection,
      guardian,
    });
    return { gate, why, droppedBehind: dropsSince(qdiscs, dev) };
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    if (error.code === "priority-in-use") throw heldAlready(operation);
    if (except.length > 0) throw error;
    // What is wrong with a plug there is said where that is attached.
    if (["refused", "no-module", "foreign-qdisc"].includes(error.code)) return undefined;
    throw error;
  }
}

/** Tells how many packets the qdisc at a device's root has dropped since this was called. */
function dropsSince(qdiscs: () => QdiscMessage[], dev: string): () => string[] {
  const root = () => qdiscs().find(({ parent }) => parent === TC_H_ROOT);
  const before = root()?.stats?.drops ?? 0;
  return () => {
    const { kind, stats } = root() ?? {};
    const dropped = (stats?.drops ?? 0) - before;
    if (dropped <= 0) return [];
    return [
      `${kind} at the root of ${dev} dropped ${
        numberOf(dropped, "packet")
      } meanwhile: a release comes to it all at once`,
    ];
  };
}

function reasonFor(qdiscs: QdiscMessage[], ifindex: number): string | undefined {
  const root = qdiscs.find(({ parent, handle }) => parent === TC_H_ROOT && handle !== 0);
  if (root) return root.kind === "plug" ? undefined : `it has ${root.kind} at its root`;
  const isBeside = hookQdisc({ qdiscs }, ifindex)?.kind === "clsact" && canOthersSend();
  return isBeside ? "it has a clsact, beside which a gate loses nothing" : undefined;
}

/** Whether what comes behind every other filter of a device's way out sees all packets; waits for who is about to go. */
function seesAll(connection: Connection, { ifindex, operation }: { ifindex: number; operation: string }): boolean {
  const deadline = performance.now() + PATIENCE_MS;
  const isStandIn = (filter: Filter) => isGateFilter(filter) && filter.priority === LAST_PRIORITY;
  for (;;) {
    const filters = readFilters(connection, { operation, hooks: [{ ifindex, side: "egress" }] });
    if (!filters.some(isStandIn)) {
      const { before } = othersAt(filters, { priority: LAST_PRIORITY, cubes: [EVERYTHING] });
      const isTaken = filters.some((filter) => isGateFilter(filter) || filter.priority === LAST_PRIORITY);
      return before.length === 0 && !isTaken;
    }
    if (performance.now() > deadline) throw heldAlready(operation);
    sleep(1);
  }
}

function heldAlready(operation: string): QueueError {
  const reason = "all that leaves it goes through a gate already";
  return new QueueError("held", operation, { reason, remedy: ({ netns }) => `see: plugctl gate list${netns}` });
}

/** Waits for a moment in which nothing waits in a device's queue: creating clsact discards that. */
function awaitEmpty(
  qdiscs: () => QdiscMessage[],
  { ifindex, dev, operation }: { ifindex: number; dev: string; operation: string },
): void {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const queued = queuedPackets({ qdiscs: qdiscs() }, ifindex);
    if (queued === 0) return;
    if (performance.now() > deadline) {
      const reason =
        `${numberOf(queued, "packet")} wait in the queue of ${dev}, which the kernel discards when clsact is put ` +
        "there, which a gate needs";
      const remedy = ({ there }: Where) => `where that does not matter: ${there(`tc qdisc add dev ${dev} clsact`)}`;
      throw new QueueError("refused", operation, { reason, remedy });
    }
    sleep(1);
  }
}
