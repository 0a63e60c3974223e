import type { DetachOptions } from "../plug/drain.ts";
import type { DetachReport } from "../plug/detach_report.ts";
import { parseHandle, parseParent } from "../codec/handle.ts";
import type { GateOptions } from "../gate/gate_plan.ts";
import { checkExpression } from "../gate/match/meaning.ts";
import { MatchError } from "../gate/match/reader.ts";
import { Guardian } from "../guardian/guardian.ts";
import { findUser } from "../linux/process.ts";
import type { Connection } from "../netlink/connection.ts";
import type { AttachOptions } from "../plug/attach.ts";
import { type CutShort, describeDisturbance } from "../plug/hold.ts";
import { Plug } from "../plug/plug.ts";
import type { PlugGroup } from "../plug/plug_group.ts";
import type { PlugPlace } from "../plug/queue.ts";
import { isGone, QueueError } from "../plug/queue_error.ts";
import type { Policy } from "./policy.ts";
import { LAST_PRIORITY } from "../plug/shelter.ts";
import type { Needed } from "./needed.ts";
import { RequestError } from "./problem.ts";
import { Room, type Thing } from "./room.ts";

/** What an asker names, as `ON` of the schemas takes it. */
export interface Named {
  on?: readonly string[];
  gate?: readonly string[];
  dev?: readonly string[];
  parent?: string;
  handle?: string;
  netns?: string;
}

/** What is to be held with a lease, and of a device which packets. */
export interface ToPrepare extends Named {
  match?: readonly string[];
  except?: readonly string[];
  direction?: GateOptions["direction"];
  /** Whether its packets may bypass filters of others. */
  force?: boolean;
}

/** What is held with a lease. */
export interface Prepared {
  things: Thing[];
  /** Those that were made for it. */
  made: Thing[];
  /** What each is called: a gate that was made as its device. */
  names: string[];
}

/** How a desk is set up. */
export interface DeskOptions {
  /** The network namespace of what is named without one. Default: this process's own. */
  netns?: string;
  /** After how many milliseconds the guardian releases what a `buffer` holds that says nothing else. */
  maxHoldMs: number;
  /** What the owner of the machine lets be held. Default: all. */
  policy?: Policy;
  /** What must go on whatever is held. Default: nothing that a deadline would not give back. */
  needed?: () => Needed;
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

/** How often it is looked what can be let go, in milliseconds, */
const TIDY_MS = 1000;
/** and how many looks later whether all is there that the asker has made. */
const LOOKS_PER_COUNT = 10;

const DELETED = "its network namespace was deleted";

/**
 * What one asker has attached and holds: a guardian sees to it that nothing of that outlives the asker, and `close` puts it
 * right while this process lives. A namespace in which it has nothing any more, or that somebody has deleted, is let go.
 */
export class Desk {
  readonly #options: DeskOptions;
  readonly #rooms = new Map<string, Room>();
  /** What is being let go of namespaces that were deleted. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  /** Who waits for something to be let go by others, besides the asker. */
  readonly #watchers = new Set<(thing?: Thing) => void>();
  #guardian?: Guardian;
  #timer?: ReturnType<typeof setInterval>;
  #looks = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** For how long a `buffer` holds that says nothing else, in milliseconds. */
  get maxHoldMs(): number {
    return this.#options.maxHoldMs;
  }

  /** How many gates and plugs it has made or used, and not let go of yet. */
  get size(): number {
    return [...this.#rooms.values()].reduce((sum, { things }) => sum + things.size, 0);
  }

  /** Started when it is first needed. */
  get guardian(): Guardian {
    return this.#guardian ??= Guardian.start();
  }

  /** @throws {RequestError} `policy` where somebody may not ask for anything but a release */
  checkWho(who = findUser(String(Deno.uid()))?.name ?? ""): void {
    this.#options.policy?.checkWho(who);
  }

  /** A request about a namespace is being done until the result is disposed of; it is aborted where that is deleted. */
  begin(netns: string | undefined, request: AbortController): Disposable {
    const room = this.#room(netns);
    if (!room.isElsewhere) return room.begin(request);
    // By the name is meant the one that it leads to now.
    this.#leave(netns, room);
    return this.#room(netns).begin(request);
  }

  /** The connection to a namespace, opened when it is first needed. */
  connect(netns?: string): Connection {
    return this.#room(netns).connection;
  }

  /** Attaches a plug, which is taken away when the asker goes. */
  attach({ netns, ...options }: AttachOptions & { netns?: string }): Thing {
    this.#options.policy?.checkHold({ devs: [options.dev] });
    return this.#room(netns).attach(options);
  }

  /** Makes a gate, which is taken away when the asker goes; one that is there already and the same stays. */
  addGate({ netns, ...options }: GateOptions & { netns?: string }): ReturnType<Room["addGate"]> {
    const { dev = [], devs = [], match = [], direction } = options;
    this.#options.policy?.checkHold({ devs: [dev, devs].flat(), match: [match].flat(), direction });
    const { passing = [] } = this.#options.needed?.() ?? {};
    const within = [match].flat();
    const needed = passing.filter((text) => within.length === 0 || canFit(text, within));
    return this.#room(netns).addGate({ ...options, except: [options.except ?? [], needed].flat() });
  }

  /**
   * What is to be held with a lease: what is there, or gates that are made for it, of devices of which only some packets are
   * meant, or some must pass.
   */
  prepare({ match, except, direction, force, ...named }: ToPrepare, ms?: number): Prepared {
    const needsGate = match !== undefined || except !== undefined || direction !== undefined;
    const names = [named.on ?? [], named.dev ?? []].flat();
    if (!needsGate && !this.#options.needed) {
      const things = this.findToHold(named, ms);
      return { things, made: [], names: things.map(({ name }) => name) };
    }
    const { netns } = named;
    const isGate = (name: string) => named.dev?.includes(name) !== true && this.#room(netns).hasGate(name);
    const devs = names.filter((name) => !isGate(name));
    if (needsGate && devs.length < names.length + (named.gate?.length ?? 0)) {
      throw new RequestError("invalid", "match, except and direction go with a device: a gate has its own");
    }
    if (devs.length > 0 && (named.parent ?? named.handle) !== undefined) {
      throw new RequestError(
        "invalid",
        "parent and handle name a plug, which lets nothing pass: name the device alone",
      );
    }
    const twice = devs.find((dev, index) => devs.indexOf(dev) !== index);
    if (twice !== undefined) throw new RequestError("invalid", `${twice} is named twice`);
    const gates = names.filter((name) => !devs.includes(name));
    const there = { gate: [...named.gate ?? [], ...gates], netns };
    const things = there.gate.length > 0 ? this.findToHold(there, ms) : [];
    const made: Thing[] = [];
    try {
      for (const dev of devs) {
        this.#options.policy?.checkHold({
          devs: [dev],
          match: [match ?? []].flat(),
          direction: direction ?? "out",
          ms,
        });
        made.push(this.#addGateOf(dev, { direction, match, except, force, netns }));
      }
    } catch (error) {
      for (const thing of made) this.dismiss(thing);
      throw error;
    }
    return { things: [...things, ...made], made, names: [...things.map(({ name }) => name), ...devs] };
  }

  /** Makes a gate of a device for a hold. All of it is held behind what other gates hold of it. */
  #addGateOf(
    dev: string,
    { match, direction = "out", ...asked }: Omit<ToPrepare, keyof Named> & { netns?: string },
  ): Thing {
    const priority = match === undefined ? LAST_PRIORITY : undefined;
    try {
      return this.addGate({ ...asked, dev, direction, match, priority, label: dev }).thing;
    } catch (error) {
      if (priority === undefined || !(error instanceof QueueError) || error.code !== "priority-in-use") throw error;
      throw new RequestError("held", `all of ${dev} goes through a gate already, such as another hold's`);
    }
  }

  /** Takes away what was made for a hold, when what it held has left; `close` waits for that. */
  dismiss(thing: Thing): void {
    this.#soon((async () => {
      try {
        await this.takeAway(thing, {});
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    })());
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
    const room = this.#room(netns);
    const things = [
      ...on.map((name) => room.any(name, place)),
      ...gate.map((name) => room.gate(name)),
      ...dev.map((dev) => room.plug({ dev, ...place })),
    ];
    if (things.length === 0) throw new RequestError("invalid", "nothing is named: on is a gate or a device, or a list");
    const twice = things.find((thing, index) => things.indexOf(thing) !== index);
    if (twice) throw new RequestError("invalid", `${twice.name} is named twice`);
    return things;
  }

  /**
   * As `find`, of what is to be held, for so long where that is said, or to lose packets.
   *
   * @throws {RequestError} `policy` where the owner of the machine does not let it be
   */
  findToHold(named: Named, ms?: number): Thing[] {
    const { policy, needed } = this.#options;
    const things = this.find(named);
    for (const { name, gate, plug } of policy || needed ? things : []) {
      const { devs, match, direction } = gate?.read() ?? { devs: [plug.dev], match: undefined, direction: undefined };
      policy?.checkHold({ devs, match, direction, ms });
      if (!gate && needed) throw new RequestError("needs-lease", `all of ${name} can be held with a lease alone: arm`);
    }
    if (needed) this.group(things).refuseConnections(needed().connections);
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
    this.#roomOf(thing)?.things.delete(thing.key);
    return report;
  }

  /**
   * Releases all that the asker holds, takes away what it has made, and waits until that is done. Returns what could not be done.
   */
  async close(): Promise<unknown[]> {
    clearInterval(this.#timer);
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    // What is held goes at once, whatever else takes its time.
    for (const room of rooms) this.#failures.push(...room.release());
    await Promise.all(this.#leaving);
    for (const room of rooms.reverse()) this.#failures.push(...await room.close());
    if (this.#failures.length > 0) this.#guardian?.disconnect();
    else this.#guardian?.[Symbol.dispose]();
    return this.#failures;
  }

  #room(netns = this.#options.netns): Room {
    const key = netns ?? "";
    const guard = () => ({ guardian: this.guardian, maxHoldMs: this.maxHoldMs });
    const room = this.#rooms.get(key) ?? new Room({ netns, guard });
    this.#rooms.set(key, room);
    this.#timer ??= setInterval(() => this.#tidy(), TIDY_MS);
    return room;
  }

  #roomOf(thing: Thing): Room | undefined {
    return [...this.#rooms.values()].find(({ things }) => things.get(thing.key) === thing);
  }

  /** Lets go what is not needed any more. */
  #tidy(): void {
    const isToCount = ++this.#looks % LOOKS_PER_COUNT === 0;
    for (const [key, room] of this.#rooms) {
      if (room.isAbandoned) this.#leave(key, room);
      else if (room.tidy()) this.#rooms.delete(key);
      else if (isToCount) this.#soon(room.forgetGone());
    }
  }

  /** Has nothing to do any more with a namespace that was deleted: ends what is asked there, and lets go what is held. */
  #leave(netns = this.#options.netns, room: Room): void {
    this.#rooms.delete(netns ?? "");
    for (const thing of room.things.values()) if (thing.plug.isHolding) this.#tell(thing, "disturbed", DELETED);
    this.#soon((async () => {
      this.#failures.push(...room.release());
      await room.clear(new RequestError("vanished", DELETED));
      this.#failures.push(...await room.close());
    })());
  }

  /** Does not wait for something; `close` does. */
  #soon(work: Promise<void>): void {
    const done = work.catch((error) => void this.#failures.push(error)).finally(() => this.#leaving.delete(done));
    this.#leaving.add(done);
  }

  async #heed(thing: Thing): Promise<void> {
    thing.isHeeded = true;
    const { plug } = thing;
    const why = await plug.whenCutShort().catch(() => "gone" as const);
    thing.isHeeded = false;
    if (!this.#roomOf(thing)) return;
    if (why === "gone") {
      for (const watcher of this.#watchers) watcher();
      return this.#options.onCutShort({ event: "cut-short", why: "guardian-ended" });
    }
    const { disturbance } = why === "disturbed" ? plug : {};
    this.#tell(thing, why, disturbance && describeDisturbance(disturbance));
  }

  /** Says what somebody else has released. */
  #tell(thing: Thing, why: CutShort, disturbance?: string): void {
    for (const watcher of this.#watchers) watcher(thing);
    this.#options.onCutShort({ event: "cut-short", name: thing.name, why, disturbance });
  }
}

/** Whether a packet that a gate matches can fit an expression. */
export function canFit(text: string, within: readonly string[]): boolean {
  try {
    checkExpression(text, { within });
    return true;
  } catch (error) {
    if (error instanceof MatchError) return false;
    throw error;
  }
}

function placeOf({ parent, handle }: Named): Omit<PlugPlace, "dev"> {
  return {
    parent: parent === undefined ? undefined : parseParent(parent),
    handle: handle === undefined ? undefined : parseHandle(handle),
  };
}
