import {
  NLM_F_REQUEST,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_RELEASE_INDEFINITE,
} from "../../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../../codec/handle.ts";
import type { Records } from "../../codec/records.ts";
import { type ListedGate, readGates } from "../../gate/gate_state.ts";
import { readDeadlines } from "../../guardian/mark.ts";
import { actionOf, limitOf, processOf, WATCHED_GROUPS } from "../../guardian/watch.ts";
import type { Connection } from "../../netlink/connection.ts";
import { Listener } from "../../netlink/listener.ts";
import { plugsAt, wholePlace } from "../../plug/plug_requests.ts";
import { parseFillerNote, readGateTraffic, withoutFillers } from "../../plug/filler.ts";
import { isPlug, type PlugMessage, readQdiscs } from "../../plug/qdiscs.ts";
import { keyOf, nameOf, type QueueFacts, type QueueState, WatchedQueue } from "./watched_queue.ts";

/** What has happened to a queue. */
export type WatchEvent =
  & { atMs: number; queue: WatchedQueue }
  & (
    | { event: "appeared" | "vanished" | "changed" }
    | { event: "state"; state: QueueState; by?: string }
    | { event: "backlog"; drops: number }
    | { event: "deadline" }
  );

/** Which queues are watched, and where. */
export interface WatchOptions {
  /** The gates and devices, by name; none for all. */
  names: readonly string[];
  netns?: string;
  /** Is told of each change of a plug that the kernel announces, as it is heard. */
  onChange?: (change: PlugChange) => void;
  /** What hears the announcements there, and is closed in the end. Default: one that is opened. */
  listener?: Listener;
}

/** A change of a plug, or that it came, as it was announced. */
export interface PlugChange {
  /** Which: `keyOf` its place. */
  key: string;
  /** The kernel's action; absent where another program than plugctl asked. */
  action?: number;
  /** The limit that came with it, in bytes. */
  limitBytes?: number;
  /** Which it is of the two BUFFERs by which plugctl discards what a gate holds. */
  ofDiscard?: 1 | 2;
  /** The port of the socket that asked: as a rule the number of its process. */
  port: number;
}

/** How often counters are read, in milliseconds: the kernel does not announce them. */
const LOOK_MS = 500;
/** How soon what is there is read again after it was announced to have changed. */
const SETTLE_MS = 100;
const PORT_AT = 12;
/** How many requests are kept of which the kernel has not said that it did them. */
const ASKED_MAX = 256;

/** Which request of whom something was announced of, and of which device. */
interface Sent {
  ifindex: number;
  sequence: number;
  port: number;
}

/** What was announced of a plug. */
interface Announced {
  key: string;
  state?: QueueState;
  by?: string;
}

/**
 * The plugs and gates of a network namespace. What comes, goes and is told to hold appears as the kernel announces it, and
 * as other plugctl processes tell of it; how much waits is not announced, and is read twice a second.
 */
export class WatchedMachine implements Disposable {
  readonly #connection: Connection;
  readonly #listener: Listener;
  readonly #names: readonly string[];
  #queues = new Map<string, WatchedQueue>();
  /** The last clsact that was deleted, by which request of whom. */
  #emptied?: Sent;
  readonly #asked: { id: string; action?: number; limitBytes?: number }[] = [];
  readonly #onChange?: (change: PlugChange) => void;
  #announced: Announced[] = [];
  /** When what is there is to be read again; counters alone are read otherwise. */
  #rereadMs?: number = 0;
  /** The devices of gates in whose queues fillers may be. */
  #withFillers: number[] = [];
  #lookMs = 0;

  constructor(connection: Connection, { names, netns, listener, onChange }: WatchOptions) {
    this.#onChange = onChange;
    this.#connection = connection;
    this.#names = names;
    this.#listener = listener ?? Listener.open({ groups: WATCHED_GROUPS, netns });
  }

  /** Those that are there: gates by name, then plugs. */
  get queues(): readonly WatchedQueue[] {
    return [...this.#queues.values()];
  }

  /** Resolves, as a rule, once something was announced. */
  announced(): Promise<unknown> {
    return this.#listener.readable();
  }

  /** In how many milliseconds there is something to read. */
  dueMs(nowMs: number): number {
    return Math.max(0, Math.min(this.#rereadMs ?? Infinity, this.#lookMs) - nowMs);
  }

  /** Takes what was announced, reads what is due, and tells what has happened. */
  update(nowMs: number): WatchEvent[] {
    this.#hear(nowMs);
    const events: WatchEvent[] = [];
    if (this.#rereadMs !== undefined && nowMs >= this.#rereadMs) events.push(...this.#reread(nowMs));
    else if (nowMs >= this.#lookMs) events.push(...this.#look(nowMs));
    events.unshift(...this.#takeAnnounced(nowMs));
    return events;
  }

  #hear(nowMs: number): void {
    // Nothing is asked of the kernel meanwhile, whose answer would overwrite what is being read.
    this.#listener.hears((message) => {
      if (this.#isStructure(message)) this.#rereadMs ??= nowMs + SETTLE_MS;
      return false;
    });
    if (!this.#listener.takeLoss()) return;
    this.#rereadMs = nowMs;
    for (const key of this.#queues.keys()) this.#announced.push({ key, state: "unknown" });
  }

  /** Whether a message says that there may be other queues than before; keeps what it says of one that is there. */
  #isStructure(message: Records): boolean {
    switch (message.type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
      case RTM_NEWTFILTER:
      case RTM_DELTFILTER:
        return true;
      case RTM_DELQDISC:
        // Its request, which plugctl lets others hear, is none of the kernel's words.
        if ((message.flags & NLM_F_REQUEST) !== 0) return false;
        if (message.kind === "clsact") this.#emptied = sentBy(message);
        return true;
      case RTM_NEWQDISC:
        return this.#isNewQdisc(message);
      default:
        return false;
    }
  }

  #isNewQdisc(message: Records): boolean {
    const whole = wholePlace(message);
    if (!whole) return false;
    const key = keyOf(whole);
    const id = `${key}/${message.sequence}`;
    if ((message.flags & NLM_F_REQUEST) !== 0) {
      this.#asked.push({ id, action: actionOf(message), limitBytes: limitOf(message) });
      if (this.#asked.length > ASKED_MAX) this.#asked.shift();
      return false;
    }
    if (message.kind === "plug") {
      this.#announced.push({ key, ...this.#changeBy({ key, id, plugs: plugsAt(whole).length }, sentBy(message)) });
    }
    return message.kind !== "plug" || this.#queues.get(key)?.facts.place.handle !== whole.handle;
  }

  /** What a plug was asked, where plugctl did, or that it may be anything now; and who asked. */
  #changeBy({ key, id, plugs }: { key: string; id: string; plugs: number }, request: Sent): Omit<Announced, "key"> {
    const { port } = request;
    const at = this.#asked.findIndex((asked) => asked.id === id);
    const [asked] = at < 0 ? [] : this.#asked.splice(at, 1);
    const by = processOf(port);
    const ofDiscard = asked?.action === TCQ_PLUG_BUFFER ? this.#partOfDiscard(request, plugs) : undefined;
    this.#onChange?.({ key, action: asked?.action, limitBytes: asked?.limitBytes, ofDiscard, port });
    switch (asked?.action) {
      case TCQ_PLUG_BUFFER:
        return { state: "holds", by };
      case TCQ_PLUG_RELEASE_INDEFINITE:
        return { state: "passes", by };
      case undefined:
        return { state: "unknown", by };
      default: // An epoch was released, or the limit set: it holds as before.
        return {};
    }
  }

  /** plugctl discards by one send: a clsact is deleted, then two BUFFERs, each for so many plugs. */
  #partOfDiscard({ ifindex, port, sequence }: Sent, plugs: number): 1 | 2 | undefined {
    const emptied = this.#emptied;
    if (emptied?.ifindex !== ifindex || emptied.port !== port) return undefined;
    const behind = (sequence - emptied.sequence) / plugs;
    return behind === 1 || behind === 2 ? behind : undefined;
  }

  #takeAnnounced(atMs: number): WatchEvent[] {
    return this.#announced.splice(0).flatMap((announced) => {
      const { key, state, by } = announced;
      const queue = this.#queues.get(key);
      // It may be one that has just come, and is yet to be read
      if (!queue && this.#rereadMs !== undefined) this.#announced.push(announced);
      if (!queue || state === undefined || state === queue.state) return [];
      queue.state = state;
      return [{ event: "state", atMs, queue, state, by } as const];
    });
  }

  /** Reads all that there is. */
  #reread(nowMs: number): WatchEvent[] {
    const { machine, gates } = readGates(this.#connection, "list gates");
    const listed = new Map(gates.map(({ listed }) => [listed.ifindex, listed]));
    const names = new Map(machine.links.map(({ ifindex, name }) => [ifindex, name]));
    const facts = machine.qdiscs.filter(isPlug).flatMap((plug) => {
      const dev = names.get(plug.ifindex);
      const gate = plug.parent === TC_H_ROOT ? listed.get(plug.ifindex) : undefined;
      return dev === undefined ? [] : [{ dev, place: placeOf(plug), stats: gate?.stats ?? plug.stats, gate }];
    }).filter((queue) => this.#isMeant(queue)).sort(inOrder);
    this.#withFillers = machine.links.filter(({ alias }) => parseFillerNote(alias)).map(({ ifindex }) => ifindex);
    this.#rereadMs = undefined;
    this.#lookMs = nowMs + LOOK_MS;
    const before = this.#queues;
    const events: WatchEvent[] = [];
    this.#queues = new Map(facts.map((one) => {
      const key = keyOf(one.place);
      const known = before.get(key);
      const isSame = known?.facts.place.handle === one.place.handle && known?.name === nameOf(one);
      const queue = known && isSame ? known : new WatchedQueue(one, nowMs);
      if (queue === known) events.push(...this.#lookAt(known, one, nowMs));
      else events.push({ event: "appeared", atMs: nowMs, queue });
      return [key, queue] as const;
    }));
    const gone = [...before.values()].filter((queue) => this.#queues.get(queue.key) !== queue);
    const vanished = gone.map((queue) => ({ event: "vanished", atMs: nowMs, queue } as const));
    return [...vanished, ...events, ...this.#readDeadlines(nowMs)];
  }

  #isMeant({ gate, dev }: QueueFacts): boolean {
    const names = gate ? [gate.name, ...gate.devs] : [dev];
    return this.#names.length === 0 || names.some((name) => this.#names.includes(name));
  }

  /** Reads the counters. */
  #look(nowMs: number): WatchEvent[] {
    this.#lookMs = nowMs + LOOK_MS;
    const plugs = readQdiscs(this.#connection, "read plugs").filter(isPlug);
    const traffic = readGateTraffic(this.#connection, this.#withFillers);
    const events = plugs.flatMap((plug) => {
      const queue = this.#queues.get(keyOf(plug));
      if (queue?.facts.place.handle !== plug.handle) return [];
      const own = queue.facts.gate && traffic.get(plug.ifindex);
      const stats = own ? withoutFillers(plug.stats, own) : plug.stats;
      return this.#lookAt(queue, { ...queue.facts, stats }, nowMs);
    });
    return [...events, ...this.#readDeadlines(nowMs)];
  }

  #lookAt(queue: WatchedQueue, facts: QueueFacts, atMs: number): WatchEvent[] {
    const { facts: before, state } = queue;
    queue.look(facts, atMs);
    const drops = (facts.stats.drops - before.stats.drops) >>> 0;
    const isOther = facts.stats.backlogPackets !== before.stats.backlogPackets || drops > 0;
    return [
      ...isChanged(before.gate, facts.gate) ? [{ event: "changed", atMs, queue } as const] : [],
      ...queue.state === state ? [] : [{ event: "state", atMs, queue, state: queue.state } as const],
      ...isOther ? [{ event: "backlog", atMs, queue, drops } as const] : [],
    ];
  }

  #readDeadlines(atMs: number): WatchEvent[] {
    const deadlines = this.#queues.size > 0 ? readDeadlines(this.#connection) : new Map<string, number>();
    return this.queues.flatMap((queue) => {
      const known = queue.marks.flatMap((mark) => deadlines.get(mark) ?? []);
      const deadlineMs = known.length > 0 ? Math.min(...known) : undefined;
      if (deadlineMs === queue.deadlineMs) return [];
      queue.deadlineMs = deadlineMs;
      return [{ event: "deadline", atMs, queue } as const];
    });
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }
}

function sentBy(message: Records): Sent {
  return { ifindex: message.ifindex, sequence: message.sequence, port: message.word(PORT_AT) };
}

function placeOf({ ifindex, parent, handle }: PlugMessage): QueueFacts["place"] {
  return { ifindex, parent, handle };
}

function inOrder(one: QueueFacts, other: QueueFacts): number {
  const isGate = (facts: QueueFacts) => Number(facts.gate === undefined);
  return isGate(one) - isGate(other) || nameOf(one).localeCompare(nameOf(other));
}

/** Whether a gate is another than before, but for its counters. */
function isChanged(before: ListedGate | undefined, now: ListedGate | undefined): boolean {
  const signOf = (gate: ListedGate | undefined) =>
    gate &&
    [gate.direction, gate.devs, gate.match, gate.except, gate.first, gate.limitBytes, gate.priority, gate.faults];
  return JSON.stringify(signOf(before)) !== JSON.stringify(signOf(now));
}
