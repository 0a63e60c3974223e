import type { DetachOptions } from "../plug/drain.ts";
import type { DetachReport } from "../plug/detach_report.ts";
import { formatHandle, formatParent, parseHandle, parseParent, TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscStats } from "../codec/message.ts";
import { Gate } from "../gate/gate.ts";
import type { GateOptions } from "../gate/gate_plan.ts";
import { isGateDevice } from "../gate/gate_state.ts";
import { Guardian } from "../guardian/guardian.ts";
import { Connection } from "../netlink/connection.ts";
import type { AttachOptions } from "../plug/attach.ts";
import { gateDevice } from "../plug/gate_name.ts";
import { type CutShort, describeDisturbance } from "../plug/hold.ts";
import { Plug } from "../plug/plug.ts";
import type { PlugGroup } from "../plug/plug_group.ts";
import { findDevice, linksByName } from "../plug/qdiscs.ts";
import { COUNTERS } from "../plug/quantity.ts";
import type { PlugPlace } from "../plug/queue.ts";
import { isGone } from "../plug/queue_error.ts";
import { RequestError } from "./problem.ts";

/** What an asker names, as `ON` of the schemas takes it. */
export interface Named {
  on?: readonly string[];
  gate?: readonly string[];
  dev?: readonly string[];
  parent?: string;
  handle?: string;
  netns?: string;
}

/** A gate or a plug that an asker has used. */
export interface Thing {
  /** What an asker calls it: the gate's name, or the device's. */
  readonly name: string;
  readonly key: string;
  readonly plug: Plug;
  readonly gate?: Gate;
  /** Whether it goes with the asker. */
  readonly isOwn: boolean;
  /** Whether what the guardian does to it is waited for. */
  isHeeded: boolean;
}

/** How a desk is set up. */
export interface DeskOptions {
  /** The network namespace of what is named without one. Default: this process's own. */
  netns?: string;
  /** After how many milliseconds the guardian releases what a `buffer` holds that says nothing else. */
  maxHoldMs: number;
  /** Called when the guardian has released something by itself, when others have disturbed it, or when the guardian has ended. */
  onCutShort: (event: CutShortEvent) => void;
}

/** Something was let go that whoever held it has not let go. */
export interface CutShortEvent {
  event: "cut-short";
  /** The gate or the device; absent where the guardian has ended, and it is all that was held. */
  name?: string;
  why: CutShort | "guardian-ended";
  /** What others have done to it, in words. */
  disturbance?: string;
}

/**
 * What one asker has attached and holds: a guardian sees to it that nothing of that outlives the asker, and `close` puts it
 * right while this process lives.
 */
export class Desk {
  readonly #options: DeskOptions;
  readonly #connections = new Map<string, Connection>();
  readonly #things = new Map<string, Thing>();
  /** Who waits for something to be let go by others, besides the asker. */
  readonly #watchers = new Set<(thing?: Thing) => void>();
  #guardian?: Guardian;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** For how long a `buffer` holds that says nothing else, in milliseconds. */
  get maxHoldMs(): number {
    return this.#options.maxHoldMs;
  }

  /** Started when it is first needed. */
  get guardian(): Guardian {
    return this.#guardian ??= Guardian.start();
  }

  /** The connection to a namespace, opened when it is first needed. */
  connect(netns = this.#options.netns): Connection {
    const key = netns ?? "";
    const connection = this.#connections.get(key) ?? Connection.open({ netns });
    this.#connections.set(key, connection);
    return connection;
  }

  /** Attaches a plug, which is taken away when the asker goes. */
  attach({ netns, ...options }: AttachOptions & { netns?: string }): Thing {
    const { guardian, maxHoldMs } = this;
    const [plug] = Plug.attachAll(this.connect(netns), [{ ...options, guardian, maxHoldMs }]);
    return this.#keep({ name: options.dev, key: keyOfPlug(options, netns), plug, isOwn: true, isHeeded: false });
  }

  /** Makes a gate, which is taken away when the asker goes; one that is there already and the same stays. */
  addGate({ netns, ...options }: GateOptions & { netns?: string }): Thing & { gate: Gate } {
    const { guardian, maxHoldMs } = this;
    const gate = Gate.open({ ...options, connection: this.connect(netns), guardian, maxHoldMs });
    const { name, plug, made } = gate;
    return this.#keep({ name, key: keyOfGate(name, netns), plug, gate, isOwn: made, isHeeded: false });
  }

  /**
   * What is named, each once.
   *
   * @throws {RequestError} where nothing is named, or something twice, or a name is a gate's and a device's
   * @throws {QueueError} where there is none of a name
   */
  find(named: Named): Thing[] {
    const { on = [], gate = [], dev = [], netns } = named;
    const place = placeOf(named);
    const things = [
      ...on.map((name) => this.#known(name, place, netns) ?? this.#openAny(name, place, netns)),
      ...gate.map((name) => this.#gate(name, netns)),
      ...dev.map((dev) => this.#plug({ dev, ...place }, netns)),
    ];
    if (things.length === 0) throw new RequestError("invalid", "nothing is named: on is a gate or a device, or a list");
    const twice = things.find((thing, index) => things.indexOf(thing) !== index);
    if (twice) throw new RequestError("invalid", `${twice.name} is named twice`);
    return things;
  }

  /** Several that are moved together. */
  group(things: readonly Thing[]): PlugGroup {
    return Plug.all(things.map(({ plug }) => plug));
  }

  /** Has what the guardian does to them told, from now on. */
  heed(things: readonly Thing[]): void {
    for (const thing of things) if (!thing.isHeeded) this.#heed(thing);
  }

  /**
   * Has `onCutShort` called when one of them is let go that the asker has not let go, or when the guardian has ended, until
   * the result is disposed of.
   */
  watch(things: readonly Thing[], onCutShort: () => void): Disposable {
    this.heed(things);
    const watcher = (thing?: Thing) => (!thing || things.includes(thing)) && onCutShort();
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => this.#watchers.delete(watcher) };
  }

  /** Releases it, waits until what it held has left, and takes it away. */
  async takeAway(thing: Thing, options: DetachOptions): Promise<DetachReport> {
    const report = await (thing.gate ? thing.gate.close(options) : thing.plug.detach(options));
    this.#things.delete(thing.key);
    return report;
  }

  /**
   * Releases all that the asker holds, takes away what it has made, and waits until that is done. Returns what could not be done.
   */
  async close(): Promise<unknown[]> {
    const failures: unknown[] = [];
    const things = [...this.#things.values()];
    this.#things.clear();
    // What is held goes at once, whatever else takes its time.
    for (const { plug } of things) attempt(failures, () => plug.isHolding && plug.release());
    for (const { gate, plug } of things.reverse()) {
      await attempt(failures, () => (gate ?? plug)[Symbol.asyncDispose]());
    }
    if (failures.length > 0) this.#guardian?.disconnect();
    else this.#guardian?.[Symbol.dispose]();
    for (const connection of this.#connections.values()) connection[Symbol.dispose]();
    return failures;
  }

  #keep<T extends Thing>(thing: T): T {
    this.#things.set(thing.key, thing);
    return thing;
  }

  /** By `on`, what the asker has used before is meant, also where by now something else has the name. */
  #known(name: string, place: Omit<PlugPlace, "dev">, netns?: string): Thing | undefined {
    const isPlain = place.parent === undefined && place.handle === undefined;
    const gate = isPlain ? this.#things.get(keyOfGate(name, netns)) : undefined;
    const plug = this.#things.get(keyOfPlug({ dev: name, ...place }, netns));
    return gate && plug ? undefined : gate ?? plug;
  }

  #openAny(name: string, place: Omit<PlugPlace, "dev">, netns?: string): Thing {
    const isPlain = place.parent === undefined && place.handle === undefined;
    const device = isPlain ? deviceOfGate(name) : undefined;
    const [link, gateLink] = linksByName(this.connect(netns), [name, ...device === undefined ? [] : [device]]);
    const isGate = gateLink !== undefined && isGateDevice(gateLink);
    if (isGate && link) {
      throw new RequestError("invalid", `${name} is both a gate and a device: say gate or dev instead of on`);
    }
    return isGate ? this.#gate(name, netns) : this.#plug({ dev: name, ...place }, netns);
  }

  #gate(name: string, netns?: string): Thing {
    const key = keyOfGate(name, netns);
    const known = this.#things.get(key);
    if (known) return known;
    const { guardian, maxHoldMs } = this;
    const [gate] = Gate.named(this.connect(netns), [name], { guardian, maxHoldMs });
    return this.#keep({ name, key, plug: gate.plug, gate, isOwn: false, isHeeded: false });
  }

  #plug(place: PlugPlace, netns?: string): Thing {
    const key = keyOfPlug(place, netns);
    const known = this.#things.get(key) ?? this.#byAnotherName(place, netns);
    if (known) return known;
    const { guardian, maxHoldMs } = this;
    const plug = Plug.open({ ...place, connection: this.connect(netns), guardian, maxHoldMs });
    return this.#keep({ name: place.dev, key, plug, isOwn: false, isHeeded: false });
  }

  /** What the asker has used before by another name of the device, or of the place on it. */
  #byAnotherName({ dev, parent, handle }: PlugPlace, netns?: string): Thing | undefined {
    const there = [...this.#things.values()].filter(({ key, gate }) => !gate && key.startsWith(`${netns ?? ""} plug `));
    if (there.length === 0) return undefined;
    const ifindex = findDevice(this.connect(netns), dev);
    return there.find(({ plug: { place } }) =>
      place.ifindex === ifindex && (handle === undefined || place.handle === handle) &&
      (parent === undefined && handle !== undefined || place.parent === (parent ?? TC_H_ROOT))
    );
  }

  async #heed(thing: Thing): Promise<void> {
    thing.isHeeded = true;
    const { name, plug } = thing;
    const why = await plug.whenCutShort().catch(() => "gone" as const);
    thing.isHeeded = false;
    if (!this.#things.has(thing.key)) return;
    const { onCutShort } = this.#options;
    for (const watcher of this.#watchers) watcher(why === "gone" ? undefined : thing);
    if (why === "gone") return onCutShort({ event: "cut-short", why: "guardian-ended" });
    const { disturbance } = why === "disturbed" ? plug : {};
    onCutShort({ event: "cut-short", name, why, disturbance: disturbance && describeDisturbance(disturbance) });
  }
}

/** What a plug does and has done, by the words of the answers. */
export function countsOf({ name, plug }: Thing, stats: QdiscStats = plug.stats()): Record<string, unknown> {
  return { name, ...Object.fromEntries(Object.values(COUNTERS).map((counter) => [counter.name, stats[counter.stat]])) };
}

/** Where a plug is, by the words of the answers. */
export function placeIn({ plug: { dev, place: { parent, handle } } }: Thing): Record<string, unknown> {
  return { dev, parent: formatParent(parent), handle: formatHandle(handle) };
}

function placeOf({ parent, handle }: Named): Omit<PlugPlace, "dev"> {
  return {
    parent: parent === undefined ? undefined : parseParent(parent),
    handle: handle === undefined ? undefined : parseHandle(handle),
  };
}

function keyOfGate(name: string, netns = ""): string {
  return `${netns} gate ${name}`;
}

function keyOfPlug({ dev, parent = TC_H_ROOT, handle }: PlugPlace, netns = ""): string {
  const isRoot = parent === TC_H_ROOT && handle === undefined;
  return `${netns} plug ${dev} ${isRoot ? "root" : `${parent} ${handle}`}`;
}

function deviceOfGate(name: string): string | undefined {
  try {
    return gateDevice(name);
  } catch {
    return undefined;
  }
}

async function attempt(failures: unknown[], work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGone(error)) failures.push(error);
  }
}
