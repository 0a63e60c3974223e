import type { DetachOptions } from "../../plug/drain.ts";
import { type DetachReport, gapRemarks } from "../../plug/detach_report.ts";
import type { QdiscStats } from "../../codec/message.ts";
import type { Connection } from "../../netlink/connection.ts";
import { Gate } from "../../gate/gate.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { type CutShort, describeDisturbance, type HoldDisturbance } from "../../plug/hold.ts";
import { describePace, type PaceOptions } from "../../plug/pace.ts";
import { Plug } from "../../plug/plug.ts";
import type { PlugGroup } from "../../plug/plug_group.ts";
import { describeBypass } from "../../plug/change.ts";
import type { PlugAction } from "../../plug/plug_requests.ts";
import { isGone, QueueError } from "../../plug/queue_error.ts";
import type { QueueTotal } from "../event.ts";
import type { PlannedGate, PlannedPlug, PlannedQueue } from "../plan.ts";
import { VERBS } from "../../plug/send_change.ts";
import { settled, type SettleOptions, whyNothing } from "../../plug/release.ts";
import { discardAll, type Packets } from "./packets.ts";
import { refuseExisting, withAdvice } from "./refusal.ts";
import { StepError } from "./step_error.ts";

/** What queues are made with. */
export interface QueuesOptions {
  /** Has charge of each from before it is there; absent where nothing is to be done when this process dies. */
  guardian?: Guardian;
  /** The network namespace of a host; `undefined` for this process's own. */
  netnsOf: (host: string | undefined) => string | undefined;
  /** Whether a host is one that the scenario has made, which nobody can be locked out of. */
  isMade: (host: string | undefined) => boolean;
  connect: (netns: string | undefined) => Connection;
  /** How long a queue may hold from one `buffer` on, in milliseconds, before the guardian releases it. */
  maxHoldMs: number;
  /**
   * Called when the guardian has released a queue by itself, or has ended; `releasedAt` is when it was seen that all was let
   * go, in microseconds, where it was.
   */
  onCutShort: (name: string, why: WhyCutShort, releasedAt?: number) => void;
  /** Microseconds since the scenario began. */
  now: () => number;
  /** Sees the packets of gates, where that is wanted. */
  packets?: Packets;
  /** Throws where something must not hold. */
  beforeHold?: (group: PlugGroup) => void;
}

/** Why what was held was let go, or can be held no more. */
export type WhyCutShort = Exclude<CutShort, "disturbed"> | "gone" | HoldDisturbance;

/** What is seen of a gate or a plug. */
export interface QueueSight {
  /** What the scenario calls it. */
  name: string;
  /** Which of both it is. */
  kind: "gate" | "plug";
  /** The host that it is on; absent for this machine. */
  host?: string;
  /** For how long it has held, in milliseconds; absent where it does not. */
  heldMs?: number;
  /** Absent where it is gone. */
  stats?: QdiscStats;
}

/** A gate or a plug that is there. */
interface Attached {
  name: string;
  /** The host that it is on; absent for this process's own namespace. */
  host?: string;
  gate?: Gate;
  plug: Plug;
  /** What filters of others packets may bypass, of those it is known by now; absent where they may not. */
  bypassed?: Set<string>;
  /** Since when it holds. */
  heldFrom?: number;
}

/** So many packets, or all step by step, or all to nowhere. */
type How = { packets?: number; pace?: PaceOptions; discard?: boolean };
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

  /**
   * Looks whether all that hold still have what they held.
   *
   * @throws {StepError} where others have done something to one
   */
  assertUndisturbed(): void {
    for (const name of this.holding) {
      const { disturbance } = this.#find(name, "read").plug;
      if (disturbance) throw disturbed(name, disturbance);
    }
  }

  /**
   * Makes a gate or a plug, which passes packets. Returns what is worth knowing about it, a sentence each; not what is
   * lost meanwhile where nothing sends yet, as on a host that was just made.
   */
  attach(planned: PlannedQueue, { isIdle = false } = {}): string[] | undefined {
    const { name } = planned;
    if (this.#attached.has(name)) throw new StepError(`Cannot attach ${name}: it is attached already`);
    const connection = this.#connect(planned.host);
    const attached = withAdvice(() =>
      planned.kind === "gate" ? this.#addGate(planned, connection) : this.#addPlug(planned, connection)
    );
    const known = { ...attached, host: planned.host };
    this.#attached.set(name, known);
    this.#totalOf(name);
    if (this.#options.guardian) this.#heed(known);
    const { plug, gate } = attached;
    const seen = gate && this.#options.packets?.open(name, connection, this.#options.netnsOf(planned.host));
    const notes = [...plug.warnings, ...gate || isIdle ? [] : gapRemarks(plug), ...seen ?? []];
    return notes.length > 0 ? notes : undefined;
  }

  /**
   * Asks the same of several, with one send a host. Returns when it was asked, in microseconds.
   *
   * @throws {QueueError} also where all were released, and what a gate held is lost with a device that it was on
   */
  change(names: readonly string[], { action, limitBytes = 0 }: { action: PlugAction; limitBytes?: number }): number {
    const queues = names.map((name) => this.#find(name, VERBS[action]));
    const group = Plug.all(queues.map(({ plug }) => plug));
    const asked = this.#options.now();
    const force = queues.every(({ host }) => this.#options.isMade(host));
    if (action === "buffer") this.#buffer(queues, { group, asked });
    else if (action === "release-one") group.releaseOne();
    else if (action === "release-indefinite") group.releaseIndefinite();
    else withAdvice(() => group.setLimit(limitBytes, { force }));
    if (action === "release-indefinite") {
      const held = queues.filter(({ heldFrom }) => heldFrom !== undefined);
      for (const queue of held) this.#noteRelease(queue, asked);
      for (const { gate } of held) gate?.assertDevices();
    }
    return asked;
  }

  /** Releases the oldest packets of gates, or all step by step, or discards them; tells when, and what to know about it. */
  async releaseSome(names: readonly string[], { packets, pace, discard }: How) {
    const queues = names.map((name) => this.#find(name, "release"));
    const group = Plug.all(queues.map(({ plug }) => plug));
    const from = this.#options.now();
    if (discard) return { asked: from, notes: discardAll(group, { names, seen: this.#options.packets }) };
    if (!pace) {
      const reports = await group.releaseAndCount({ packets });
      return { asked: from, notes: reports.flatMap((one) => whyNothing(one) ?? []) };
    }
    const notes = (await group.releasePaced(pace)).flatMap(describePace);
    const asked = this.#options.now();
    for (const queue of queues) if (queue.heldFrom !== undefined) this.#noteRelease(queue, asked);
    return { asked, notes };
  }

  /** What filters of others gates bypass that were made with `force`, a sentence each, as far as that is new. */
  newlyBypassed(names: readonly string[]): string[] {
    return names.map((name) => this.#find(name, "read")).flatMap(({ name, gate, bypassed }) => {
      if (!gate || !bypassed) return [];
      const found = gate.read().bypassed.filter((filter) => !bypassed.has(filter));
      for (const filter of found) bypassed.add(filter);
      return found.map((filter) => describeBypass(name, filter));
    });
  }

  /**
   * Returns once what was released has left the queues: they are empty, or of one epoch nothing more of them changes.
   * Waits no longer than until `latest`, a time of the clock, and 100 ms.
   */
  async settled(names: readonly string[], options?: SettleOptions): Promise<void> {
    const held = () =>
      names.filter((name) => this.#attached.has(name))
        .reduce((held, name) => held + (this.#lastStats(name)?.backlogPackets ?? 0), 0);
    await settled(held, options);
  }

  /** The counters of those that are there, in their order. */
  peek(names: readonly string[]): (QdiscStats | undefined)[] {
    return names.map((name) => this.#attached.has(name) ? this.#lastStats(name) : undefined);
  }

  /** Those that are there, as they are at this moment. */
  look(): QueueSight[] {
    const now = this.#options.now();
    return this.#attached.values().map(({ name, host, gate, heldFrom }): QueueSight => ({
      name,
      kind: gate ? "gate" : "plug",
      host,
      heldMs: heldFrom === undefined ? undefined : (now - heldFrom) / 1000,
      stats: this.#lastStats(name),
    })).toArray();
  }

  /** Has the guardian count anew how long each that holds may do so. */
  renew(): void {
    for (const { plug, heldFrom } of this.#attached.values()) if (heldFrom !== undefined) plug.renew();
  }

  /** Why `release-one` has released nothing of some, a sentence each, where they have settled behind it. */
  notReleased(names: readonly string[], before: readonly (QdiscStats | undefined)[]): string[] | undefined {
    const why = this.peek(names).flatMap((after, index) => {
      const { packets, backlogPackets } = before[index] ?? {};
      if (!after || packets === undefined || backlogPackets === undefined) return [];
      const releasedPackets = Math.min(after.packets - packets, backlogPackets);
      const counts = { releasedPackets, waitingPackets: after.backlogPackets, lostPackets: 0 };
      return whyNothing({ queue: names[index], one: true, ...counts }) ?? [];
    });
    return why.length > 0 ? why : undefined;
  }

  /** Releases whatever holds. One that is gone, with what it held, is passed over. */
  releaseAll(): void {
    const failures: unknown[] = [];
    for (const name of this.holding) {
      try {
        this.change([name], { action: "release-indefinite" });
      } catch (error) {
        const queue = this.#find(name, "release");
        // Where it was released all the same, what it held is lost behind it.
        if (isGone(error) && queue.heldFrom !== undefined) this.#noteRelease(queue, this.#options.now());
        else failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** The counters of a queue at this moment. */
  stats(name: string): QdiscStats {
    const stats = this.#find(name, "read").plug.stats();
    const total = this.#totalOf(name);
    total.mostHeld = Math.max(total.mostHeld, stats.backlogPackets);
    return stats;
  }

  /** How many packets have met a gate's filters. */
  hits(name: string): number {
    const { gate } = this.#find(name, "read");
    if (!gate) throw new StepError(`Cannot count the hits of ${name}: it is a plug`);
    return gate.read().hitPackets;
  }

  /** Releases it, waits until what it held has left, and takes it away; with `drop` it discards what it holds instead. */
  async detach(name: string, options: DetachOptions = {}): Promise<DetachReport> {
    const attached = this.#find(name, "detach");
    await this.#seeLast(attached, options);
    const asked = this.#options.now();
    const last = this.#lastStats(name);
    const report = await (attached.gate ? attached.gate.close(options) : attached.plug.detach(options));
    const { heldFrom } = attached;
    this.#noteRelease(attached, asked);
    this.#addUp(name, last, report);
    this.#attached.delete(name);
    if (heldFrom !== undefined && !options.drop) attached.gate?.assertDevices();
    return report;
  }

  /** What a gate holds leaves while its packets are still seen. */
  async #seeLast({ name, gate, heldFrom }: Attached, { drop }: DetachOptions): Promise<void> {
    const { packets } = this.#options;
    if (!gate || !packets) return;
    if (heldFrom !== undefined && !drop) {
      this.change([name], { action: "release-indefinite" });
      await this.settled([name]);
    }
    packets.close(name);
  }

  /** Whether one is a gate, of whose filters the hits are counted. */
  isGate(name: string): boolean {
    return this.#attached.get(name)?.gate !== undefined;
  }

  /** The name of the host that one is on. */
  hostOf(name: string): string | undefined {
    return this.#attached.get(name)?.host;
  }

  /** Has nothing to do with it any more: it could not be taken away. */
  forget(name: string): void {
    this.#attached.delete(name);
  }

  /** Closes the connections. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections.values()) connection[Symbol.dispose]();
    this.#connections.clear();
  }

  #addGate({ kind: _kind, line: _line, host, ...planned }: PlannedGate, connection: Connection): Attached {
    const { name, force } = planned;
    refuseExisting(connection, { name, netns: this.#options.netnsOf(host) });
    const { guardian, maxHoldMs } = this.#options;
    const options = { ...planned, guardian, maxHoldMs };
    const gate = Gate.open({ ...options, connection });
    return { name, gate, plug: gate.plug, bypassed: force ? new Set(gate.read().bypassed) : undefined };
  }

  #addPlug({ name, host, dev, parent, handle, limitBytes }: PlannedPlug, connection: Connection): Attached {
    const { guardian, maxHoldMs, isMade } = this.#options;
    const options = { guardian, maxHoldMs, force: isMade(host) };
    const [plug] = Plug.attachAll(connection, [{ dev, parent, handle, limitBytes, ...options }]);
    return { name, plug };
  }

  async #heed(attached: Attached): Promise<void> {
    const { name, plug } = attached;
    const why = await plug.whenCutShort().catch(() => "gone" as const);
    // Taken away, it needs no guardian.
    if (!plug.isGuarded) return;
    const now = this.#options.now();
    const isReleased = attached.heldFrom !== undefined && !plug.isHolding;
    if (isReleased) this.#noteRelease(attached, now);
    const { onCutShort } = this.#options;
    onCutShort(name, why === "disturbed" ? plug.disturbance ?? "gone" : why, isReleased ? now : undefined);
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

  #buffer(queues: readonly Attached[], { group, asked }: { group: PlugGroup; asked: number }): void {
    this.#options.beforeHold?.(group);
    try {
      // That it can lock out is no reason to refuse: there is a deadline.
      withAdvice(() => group.buffer({ force: true, bypass: false }));
    } finally {
      // Where the kernel refuses one of them, the others hold all the same.
      for (const queue of queues) if (queue.plug.lastAsked === "hold") this.#noteHold(queue, asked);
    }
  }

  #noteHold(queue: Attached, asked: number): void {
    if (queue.heldFrom !== undefined) return;
    queue.heldFrom = asked;
    this.#totalOf(queue.name).holds++;
  }

  #noteRelease(queue: Attached, asked: number): void {
    if (queue.heldFrom === undefined) return;
    const total = this.#totalOf(queue.name);
    total.longestHold = Math.max(total.longestHold, asked - queue.heldFrom);
    queue.heldFrom = undefined;
  }

  #totalOf(name: string): QueueTotal {
    const total = this.totals.get(name) ??
      { packets: 0, bytes: 0, drops: 0, holds: 0, longestHold: 0, mostHeld: 0 };
    this.totals.set(name, total);
    return total;
  }

  /** Its counters, where it is still there. */
  #lastStats(name: string): QdiscStats | undefined {
    try {
      return this.stats(name);
    } catch (error) {
      if (error instanceof QueueError) return undefined;
      throw error;
    }
  }

  /** What was held is released before it is deleted, and counted as sent then. */
  #addUp(name: string, last: QdiscStats | undefined, { drops, discardedPackets }: DetachReport): void {
    const total = this.#totalOf(name);
    const { packets = 0, bytes = 0, backlogPackets = 0, backlogBytes = 0 } = last ?? {};
    const isDiscarded = discardedPackets > 0;
    total.packets += packets + (isDiscarded ? 0 : backlogPackets);
    total.bytes += bytes + (isDiscarded ? 0 : backlogBytes);
    total.drops += drops;
  }
}

/** Why a scenario does not go on where others have done something to what it holds. */
export function disturbed(name: string, disturbance: HoldDisturbance): StepError {
  return new StepError(`Cannot go on: ${name}: ${describeDisturbance(disturbance)}`);
}
