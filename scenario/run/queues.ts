import { TC_H_ROOT } from "../../codec/handle.ts";
import type { QdiscStats } from "../../codec/message.ts";
import type { Connection } from "../../netlink/connection.ts";
import type { DetachReport } from "../../qdisc/drain.ts";
import { Gate } from "../../qdisc/gate/gate.ts";
import type { Charge } from "../../qdisc/guardian/charge.ts";
import { listPlugs } from "../../qdisc/list.ts";
import { Plug } from "../../qdisc/plug.ts";
import { FIRST_HANDLE, type PlugAction, type QdiscPlace } from "../../qdisc/plug_requests.ts";
import { findDevice } from "../../qdisc/queue.ts";
import { QueueError } from "../../qdisc/queue_error.ts";
import type { QueueTotal } from "../event.ts";
import type { PlannedGate, PlannedPlug, PlannedQueue } from "../plan.ts";
import { StepError } from "./step_error.ts";

/** Who puts things right when this process dies, and releases at a deadline: a `Guardian`. */
export interface Guard {
  take(charge: Charge): number;
  arm(id: number, maxMs: number): void;
  disarm(id: number): void;
  drop(id: number): void;
}

/** What queues are made with. */
export interface QueuesOptions {
  guard: Guard;
  /** The network namespace of a host; `undefined` for this process's own. */
  netnsOf: (host: string | undefined) => string | undefined;
  connect: (netns: string | undefined) => Connection;
  /** How long a queue may hold without a release, in milliseconds. */
  maxHoldMs: number;
  /** Microseconds since the scenario began. */
  now: () => number;
}

/** A gate or a plug that is there. */
interface Attached {
  planned: PlannedQueue;
  gate?: Gate;
  plug: Plug;
  /** The number by which the guardian knows it. */
  charge: number;
  /** Since when it holds. */
  heldFrom?: number;
}

/** The gates and plugs of a scenario, by name. */
export class Queues {
  readonly totals = new Map<string, QueueTotal>();
  readonly #options: QueuesOptions;
  readonly #attached = new Map<string, Attached>();
  readonly #connections = new Map<string | undefined, Connection>();

  constructor(options: QueuesOptions) {
    this.#options = options;
  }

  /** The names of those that are there, in the order in which they were attached. */
  get names(): string[] {
    return [...this.#attached.keys()];
  }

  /** The names of those that hold, as far as this scenario has asked for it. */
  get holding(): string[] {
    return this.names.filter((name) => this.#attached.get(name)?.heldFrom !== undefined);
  }

  /** Which queue the guardian means. */
  nameOf(charge: number): string | undefined {
    return this.#attached.entries().find(([, attached]) => attached.charge === charge)?.[0];
  }

  /** Makes a gate or a plug, which passes packets. The guardian has charge of it before it is there. */
  attach(planned: PlannedQueue): void {
    const { name } = planned;
    if (this.#attached.has(name)) throw new StepError(`Cannot attach ${name}: it is attached already`);
    const connection = this.#connect(planned.host);
    const attached = planned.kind === "gate"
      ? this.#attachGate(planned, connection)
      : this.#attachPlug(planned, connection);
    this.#attached.set(name, attached);
    if (!this.totals.has(name)) this.totals.set(name, noTotal());
  }

  /** Asks the same of several, with one send a host. Returns when it was asked, in microseconds. */
  change(names: readonly string[], change: { action: PlugAction; limitBytes?: number }): number {
    const queues = names.map((name) => this.#find(name, change.action));
    const group = Plug.all(queues.map(({ plug }) => plug));
    const asked = this.#options.now();
    switch (change.action) {
      case "buffer":
        // That it can lock out is no reason to refuse: the guardian releases it.
        this.#arm(queues);
        group.buffer({ force: true });
        break;
      case "release-one":
        group.releaseOne();
        this.#arm(queues.filter(({ heldFrom }) => heldFrom !== undefined));
        break;
      case "release-indefinite":
        group.releaseIndefinite();
        for (const { charge } of queues) this.#options.guard.disarm(charge);
        break;
      case "limit":
        group.setLimit(change.limitBytes ?? 0);
    }
    for (const queue of queues) this.#note(queue, change.action, asked);
    return asked;
  }

  /** The counters of a queue at this moment. */
  stats(name: string): QdiscStats {
    const stats = this.#find(name, "read").plug.stats();
    const total = this.totals.get(name) as QueueTotal;
    total.mostHeld = Math.max(total.mostHeld, stats.backlogPackets);
    return stats;
  }

  /** How many packets have met a gate's filters. */
  hits(name: string): number {
    const { gate } = this.#find(name, "read");
    if (!gate) throw new StepError(`Cannot count the hits of ${name}: it is a plug`);
    return gate.read().hitPackets;
  }

  /** Releases it, waits until what it held has left, and takes it away. */
  async detach(name: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<DetachReport> {
    const attached = this.#find(name, "detach");
    const asked = this.#options.now();
    const last = this.#lastStats(name);
    const report = await (attached.gate ? attached.gate.close(options) : attached.plug.detach(options));
    this.#note(attached, "release-indefinite", asked);
    this.#addUp(name, last, report);
    this.forget(name);
    return report;
  }

  /** Has nothing to do with it any more: it is gone. */
  forget(name: string): void {
    const attached = this.#attached.get(name);
    if (attached) this.#options.guard.drop(attached.charge);
    this.#attached.delete(name);
  }

  /** Closes the connections. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections.values()) connection[Symbol.dispose]();
    this.#connections.clear();
  }

  #attachGate(planned: PlannedGate, connection: Connection): Attached {
    const { guard, netnsOf } = this.#options;
    const { name, devs, direction, match, limitBytes, priority } = planned;
    refuseExisting(connection, name);
    const charge = guard.take({ kind: "gate", name, takeAway: true, netns: netnsOf(planned.host) });
    return this.#guarded(charge, () => {
      const gate = Gate.open({ name, devs, direction, match, limitBytes, priority, connection });
      return { planned, gate, plug: gate.plug, charge };
    });
  }

  #attachPlug(planned: PlannedPlug, connection: Connection): Attached {
    const { dev, parent = TC_H_ROOT, handle, limitBytes } = planned;
    // As a rule it gets this handle; where it is another, that is known before anything is held.
    const expected = { ifindex: findDevice(connection, dev), parent, handle: handle ?? FIRST_HANDLE };
    const there = listPlugs(connection).some((plug) => plug.ifindex === expected.ifindex && plug.parent === parent);
    const charge = there ? undefined : this.#takePlug(planned, expected);
    return this.#guarded(charge, () => {
      const [plug] = Plug.attachAll(connection, [{ dev, parent, handle, limitBytes }]);
      if (charge !== undefined && plug.place.handle === expected.handle) return { planned, plug, charge };
      if (charge !== undefined) this.#options.guard.drop(charge);
      return { planned, plug, charge: this.#takePlug(planned, plug.place) };
    });
  }

  #takePlug({ dev, host }: PlannedPlug, place: QdiscPlace): number {
    const { guard, netnsOf } = this.#options;
    return guard.take({ kind: "plug", dev, place: { ...place }, takeAway: true, netns: netnsOf(host) });
  }

  /** What is made; where it cannot be, the guardian is told that it is not there. */
  #guarded(charge: number | undefined, make: () => Attached): Attached {
    try {
      return make();
    } catch (error) {
      if (charge !== undefined) this.#options.guard.drop(charge);
      throw error;
    }
  }

  #connect(host: string | undefined): Connection {
    const netns = this.#options.netnsOf(host);
    const connection = this.#connections.get(netns) ?? this.#options.connect(netns);
    this.#connections.set(netns, connection);
    return connection;
  }

  #find(name: string, verb: string): Attached {
    const attached = this.#attached.get(name);
    if (attached) return attached;
    throw new StepError(`Cannot ${verb} ${name}: it is not attached now`);
  }

  #arm(queues: readonly Attached[]): void {
    for (const { charge } of queues) this.#options.guard.arm(charge, this.#options.maxHoldMs);
  }

  /** Keeps in mind for how long it holds. */
  #note(queue: Attached, action: PlugAction, asked: number): void {
    const total = this.totals.get(queue.planned.name) as QueueTotal;
    if (action === "buffer" && queue.heldFrom === undefined) {
      queue.heldFrom = asked;
      total.holds++;
    } else if (action === "release-indefinite" && queue.heldFrom !== undefined) {
      total.longestHold = Math.max(total.longestHold, asked - queue.heldFrom);
      queue.heldFrom = undefined;
    }
  }

  /** Counters before it goes, where it is still there. */
  #lastStats(name: string): QdiscStats | undefined {
    try {
      return this.stats(name);
    } catch (error) {
      if (error instanceof QueueError) return undefined;
      throw error;
    }
  }

  /** What was held is released before it is deleted, and counted as sent then. */
  #addUp(name: string, last: QdiscStats | undefined, { drops }: DetachReport): void {
    const total = this.totals.get(name) as QueueTotal;
    total.packets += (last?.packets ?? 0) + (last?.backlogPackets ?? 0);
    total.bytes += (last?.bytes ?? 0) + (last?.backlogBytes ?? 0);
    total.drops += drops;
  }
}

function noTotal(): QueueTotal {
  return { packets: 0, bytes: 0, drops: 0, holds: 0, longestHold: 0, mostHeld: 0 };
}

/** A gate that is there belongs to somebody else, who may count on it. */
function refuseExisting(connection: Connection, name: string): void {
  try {
    Gate.named(connection, [name]);
  } catch (error) {
    if (error instanceof QueueError && error.code === "no-gate") return;
    throw error;
  }
  throw new StepError(
    `Cannot attach gate ${name}: there is a gate of this name already; give another, or: plugctl gate delete ${name}`,
  );
}
