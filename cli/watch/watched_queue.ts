import { formatParent, TC_H_ROOT } from "../../codec/handle.ts";
import type { QdiscStats } from "../../codec/message.ts";
import type { ListedGate } from "../../gate/gate_state.ts";
import { markOfGate, markOfPlug } from "../../guardian/mark.ts";
import { packetsText } from "../../plug/gate_device.ts";
import type { QdiscPlace } from "../../plug/plug_requests.ts";

/** Whether a queue holds or passes packets, as far as that was announced or seen: the kernel does not tell. */
export type QueueState = "holds" | "passes" | "unknown";

/** For how long the oldest packet has waited. */
export interface OldestWait {
  ms: number;
  /** Whether it waited already when this process looked for the first time. */
  isLonger: boolean;
}

/** A queue as the kernel had it at a look. */
export interface QueueFacts {
  dev: string;
  place: QdiscPlace;
  stats: QdiscStats;
  /** The gate that it belongs to, where it does. */
  gate?: ListedGate;
}

/** How long the counters are kept, for the sparkline. */
export const HISTORY_MS = 60_000;

/** A plug, or a gate with its plug, that is watched: what it is, and what it was seen to do. */
export class WatchedQueue {
  facts: QueueFacts;
  state: QueueState = "unknown";
  /** Until when it holds at the latest, by a guardian, in milliseconds since 1970. */
  deadlineMs?: number;
  /** The counters at each look. */
  readonly #looks: { atMs: number; backlog: number }[] = [];
  /** When how many packets had come in altogether: the oldest that waits came before the first of these. */
  readonly #arrivals: { atMs: number; count: number }[] = [];
  /** How many packets have left since the first look, which wraps in the kernel's counter. */
  #left = 0;
  #drops = 0;
  readonly #beganMs: number;

  constructor(facts: QueueFacts, nowMs: number) {
    this.facts = facts;
    this.#beganMs = nowMs;
    this.#note(facts.stats, nowMs);
  }

  /** Its name. */
  get name(): string {
    return nameOf(this.facts);
  }

  /** What tells it from every other, for as long as it is there. */
  get key(): string {
    return keyOf(this.facts.place);
  }

  /** What of the packets of which devices it sees: `out of eth0: tcp dst port 80`. */
  get sees(): string {
    const { gate, dev, place: { parent } } = this.facts;
    if (!gate) return parent === TC_H_ROOT ? `all that leaves ${dev}` : `class ${formatParent(parent)} of ${dev}`;
    const ways = { ingress: "into", egress: "out of", both: "into and out of" } as const;
    const where = gate.direction === undefined ? "" : `${ways[gate.direction]} ${gate.devs.join(", ")}`;
    return [where, packetsText(gate)].filter(Boolean).join(": ") || "nothing is known of it";
  }

  /** By what guardians call it. */
  get marks(): string[] {
    const { gate, place } = this.facts;
    return [markOfPlug(place), ...gate ? [markOfGate(gate.name)] : []];
  }

  /** How many packets it has dropped since the first look. */
  get droppedSince(): number {
    return this.#drops;
  }

  /** It was looked at again. */
  look(facts: QueueFacts, nowMs: number): void {
    const before = this.facts.stats;
    const sent = (facts.stats.packets - before.packets) >>> 0;
    this.facts = facts;
    this.#left += sent;
    this.#drops += (facts.stats.drops - before.drops) >>> 0;
    this.#note(facts.stats, nowMs);
    if (this.state !== "unknown") return;
    // Nothing was said of it: what waits and does not leave is held, what leaves and does not wait passes.
    const { backlogPackets } = facts.stats;
    if (backlogPackets > 0 && before.backlogPackets > 0 && sent === 0) this.state = "holds";
    if (backlogPackets === 0 && before.backlogPackets === 0 && sent > 0) this.state = "passes";
  }

  #note({ backlogPackets }: QdiscStats, nowMs: number): void {
    this.#looks.push({ atMs: nowMs, backlog: backlogPackets });
    while (this.#looks.length > 1 && this.#looks[1].atMs < nowMs - HISTORY_MS) this.#looks.shift();
    const count = this.#left + backlogPackets;
    if (count > (this.#arrivals.at(-1)?.count ?? 0)) this.#arrivals.push({ atMs: nowMs, count });
    while (this.#arrivals.length > 0 && this.#arrivals[0].count <= this.#left) this.#arrivals.shift();
  }

  /** For how long the oldest packet has waited: as exact as the looks are close; `undefined` where none waits. */
  oldestWait(nowMs: number): OldestWait | undefined {
    const [first] = this.#arrivals;
    if (!first || this.facts.stats.backlogPackets === 0) return undefined;
    return { ms: Math.max(0, nowMs - first.atMs), isLonger: first.atMs === this.#beganMs };
  }

  /** The most that waited in each of so many parts of the last minute, the oldest first; `undefined` before it was seen. */
  history(nowMs: number, parts: number): (number | undefined)[] {
    const partMs = HISTORY_MS / parts;
    const from = nowMs - HISTORY_MS;
    const most = new Array<number | undefined>(parts);
    this.#looks.forEach(({ atMs, backlog }, index) => {
      // What was so at a look was so till the next, as far as is known.
      const until = this.#looks[index + 1]?.atMs ?? nowMs;
      if (until < nowMs && until <= from) return;
      const first = Math.max(0, Math.floor((atMs - from) / partMs));
      const last = Math.min(parts - 1, Math.max(first, Math.ceil((until - from) / partMs) - 1));
      for (let part = first; part <= last; part++) most[part] = Math.max(most[part] ?? 0, backlog);
    });
    return Array.from(most);
  }
}

/** A queue's name: the gate's, or the device's with the class where that is not the root. */
export function nameOf({ gate, dev, place: { parent } }: QueueFacts): string {
  return gate?.name ?? (parent === TC_H_ROOT ? dev : `${dev} ${formatParent(parent)}`);
}

/** What tells a plug from every other in a network namespace. */
export function keyOf({ ifindex, parent }: Pick<QdiscPlace, "ifindex" | "parent">): string {
  return `${ifindex}/${parent}`;
}
