import { formatHandle, formatParent, TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscStats } from "../codec/message.ts";
import { Gate } from "../gate/gate.ts";
import type { GateOptions } from "../gate/gate_plan.ts";
import { isGateDevice } from "../gate/gate_state.ts";
import type { GuardOptions } from "../guardian/entrust.ts";
import { NamespaceUse } from "../guardian/places.ts";
import { EPERM, NetlinkError } from "../linux/netlink_error.ts";
import { Connection } from "../netlink/connection.ts";
import type { AttachOptions } from "../plug/attach.ts";
import { gateDevice } from "../plug/gate_name.ts";
import { Plug } from "../plug/plug.ts";
import { findDevice, linksByName, listPlugs } from "../plug/qdiscs.ts";
import { COUNTERS } from "../plug/quantity.ts";
import type { PlugPlace } from "../plug/queue.ts";
import { isGone } from "../plug/queue_error.ts";
import { RequestError } from "./problem.ts";

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

/** A network namespace that an asker has named, with what it uses there. */
export interface RoomOptions {
  /** Its name or path; absent for this process's own. */
  netns?: string;
  /** Who has charge of what is used there. */
  guard: () => GuardOptions;
}

/** What one asker uses in a network namespace, and who is asked meanwhile. */
export class Room {
  readonly things = new Map<string, Thing>();
  readonly #options: RoomOptions;
  readonly #requests = new Set<AbortController>();
  #connection?: Connection;
  #use?: NamespaceUse;
  /** Called when no request is being done any more. */
  #onQuiet?: () => void;
  /** Whether it was used since the last look. */
  #isFresh = true;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** The connection to it, opened when it is first needed. */
  get connection(): Connection {
    this.#isFresh = true;
    if (this.#connection) return this.#connection;
    const { netns } = this.#options;
    const connection = this.#connection = Connection.open({ netns });
    this.#use = netns === undefined ? undefined : useOf(connection);
    return connection;
  }

  /** A request about it is being done until the result is disposed of. */
  begin(request: AbortController): Disposable {
    this.#requests.add(request);
    return {
      [Symbol.dispose]: () => {
        this.#isFresh = true;
        this.#requests.delete(request);
        if (this.#requests.size === 0) this.#onQuiet?.();
      },
    };
  }

  /** Whether its name leads to another namespace by now. */
  get isElsewhere(): boolean {
    return this.#use?.isElsewhere(this.#options.netns ?? "") === true;
  }

  /** Whether the namespace was deleted, and is there only because it is kept open. */
  get isAbandoned(): boolean {
    return this.#use?.isAbandoned({ namespace: this.#options.netns }) === true;
  }

  /** Attaches a plug, which is taken away when the asker goes. */
  attach(options: AttachOptions): Thing {
    const [plug] = Plug.attachAll(this.connection, [{ ...options, ...this.#options.guard() }]);
    return this.#keep({ name: options.dev, key: keyOfPlug(options), plug, isOwn: true, isHeeded: false });
  }

  /** Makes a gate, which is taken away when the asker goes; one that is there already and the same stays. */
  addGate(options: GateOptions): { thing: Thing; made: boolean; warnings: readonly string[] } {
    const gate = Gate.open({ ...options, connection: this.connection, ...this.#options.guard() });
    const { name, plug, made } = gate;
    const { warnings } = plug;
    const known = this.things.get(keyOfGate(name));
    if (known && !made) {
      // Whoever has made it takes it away.
      gate[Symbol.dispose]();
      return { thing: known, made, warnings };
    }
    return {
      thing: this.#keep({ name, key: keyOfGate(name), plug, gate, isOwn: made, isHeeded: false }),
      made,
      warnings,
    };
  }

  /**
   * What has a name, a gate's or a device's: what the asker has used before is meant, also where by now something else has
   * the name.
   *
   * @throws {RequestError} where a gate and a device have it
   */
  any(name: string, place: Omit<PlugPlace, "dev">): Thing {
    return this.#known(name, place) ?? this.#openAny(name, place);
  }

  /** Whether a gate has a name; where a device has it too, that must be said. */
  hasGate(name: string): boolean {
    const device = deviceOfGate(name);
    const [link, gateLink] = linksByName(this.connection, [name, ...device === undefined ? [] : [device]]);
    const isGate = gateLink !== undefined && isGateDevice(gateLink);
    if (!isGate || !link) return isGate;
    throw new RequestError("invalid", `${name} is both a gate and a device: say gate or dev instead of on`);
  }

  gate(name: string): Thing {
    const key = keyOfGate(name);
    const known = this.things.get(key);
    if (known) return known;
    const [gate] = Gate.named(this.connection, [name], this.#options.guard());
    return this.#keep({ name, key, plug: gate.plug, gate, isOwn: false, isHeeded: false });
  }

  plug(place: PlugPlace): Thing {
    const key = keyOfPlug(place);
    const known = this.things.get(key) ?? this.#byAnotherName(place);
    if (known) return known;
    const plug = Plug.open({ ...place, connection: this.connection, ...this.#options.guard() });
    return this.#keep({ name: place.dev, key, plug, isOwn: false, isHeeded: false });
  }

  /**
   * Lets go of what was not used since this was called last, and is neither the asker's nor held by it; then, where there
   * is nothing else, of the namespace. Whether nothing is left.
   */
  tidy(): boolean {
    const isIdle = !this.#isFresh && this.#requests.size === 0;
    this.#isFresh = false;
    if (!isIdle) return false;
    for (const thing of [...this.things.values()].filter(({ isOwn, plug }) => !isOwn && !plug.isHolding)) {
      this.things.delete(thing.key);
      (thing.gate ?? thing.plug)[Symbol.dispose]();
    }
    if (this.things.size > 0) return false;
    this.#disconnect();
    return true;
  }

  /** Has nothing to do any more with what is not there: somebody has deleted it, or its device. */
  async forgetGone(): Promise<void> {
    if (this.#requests.size > 0 || this.things.size === 0) return;
    const there = listPlugs(this.connection);
    const isThere = ({ plug: { place } }: Thing) =>
      there.some(({ ifindex, parent, handle }) =>
        ifindex === place.ifindex && parent === place.parent && handle === place.handle
      );
    for (const thing of [...this.things.values()].filter((thing) => !isThere(thing))) {
      this.things.delete(thing.key);
      await (thing.gate ?? thing.plug)[Symbol.asyncDispose]();
    }
  }

  /** Ends the requests about it, with a reason, and returns when they have ended. */
  async clear(reason: unknown): Promise<void> {
    for (const request of this.#requests) request.abort(reason);
    if (this.#requests.size > 0) await new Promise<void>((resolve) => this.#onQuiet = resolve);
  }

  /** Lets go what is held, at once. Returns what could not be done. */
  release(): unknown[] {
    const failures: unknown[] = [];
    for (const { plug } of this.things.values()) {
      try {
        if (plug.isHolding) plug.release();
      } catch (error) {
        if (!isGone(error)) failures.push(error);
      }
    }
    return failures;
  }

  /** Takes away what the asker has made, and waits until that is done. Returns what could not be done. */
  async close(): Promise<unknown[]> {
    const failures: unknown[] = [];
    const things = [...this.things.values()].reverse();
    this.things.clear();
    for (const { gate, plug } of things) {
      try {
        await (gate ?? plug)[Symbol.asyncDispose]();
      } catch (error) {
        if (!isGone(error)) failures.push(error);
      }
    }
    this.#disconnect();
    return failures;
  }

  #disconnect(): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = this.#use = undefined;
  }

  #keep<T extends Thing>(thing: T): T {
    this.things.set(thing.key, thing);
    return thing;
  }

  #known(name: string, place: Omit<PlugPlace, "dev">): Thing | undefined {
    const gate = isPlain(place) ? this.things.get(keyOfGate(name)) : undefined;
    const plug = this.things.get(keyOfPlug({ dev: name, ...place }));
    return gate && plug ? undefined : gate ?? plug;
  }

  #openAny(name: string, place: Omit<PlugPlace, "dev">): Thing {
    return isPlain(place) && this.hasGate(name) ? this.gate(name) : this.plug({ dev: name, ...place });
  }

  /** What the asker has used before by another name of the device, or of the place on it. */
  #byAnotherName({ dev, parent, handle }: PlugPlace): Thing | undefined {
    const there = [...this.things.values()].filter(({ gate }) => !gate);
    if (there.length === 0) return undefined;
    const ifindex = findDevice(this.connection, dev);
    return there.find(({ plug: { place } }) =>
      place.ifindex === ifindex && (handle === undefined || place.handle === handle) &&
      (parent === undefined && handle !== undefined || place.parent === (parent ?? TC_H_ROOT))
    );
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

/** Who else has a use for the namespace of a connection; nothing where that is the one that this process is in, or may not be looked at. */
function useOf(connection: Connection): NamespaceUse | undefined {
  try {
    using namespace = connection.openNamespace();
    return namespace.path === undefined ? undefined : new NamespaceUse(namespace.path);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === EPERM) return undefined;
    throw error;
  }
}

function isPlain({ parent, handle }: Omit<PlugPlace, "dev">): boolean {
  return parent === undefined && handle === undefined;
}

function keyOfGate(name: string): string {
  return `gate ${name}`;
}

function keyOfPlug({ dev, parent = TC_H_ROOT, handle }: PlugPlace): string {
  const isRoot = parent === TC_H_ROOT && handle === undefined;
  return `plug ${dev} ${isRoot ? "root" : `${parent} ${handle}`}`;
}

function deviceOfGate(name: string): string | undefined {
  try {
    return gateDevice(name);
  } catch {
    return undefined;
  }
}
