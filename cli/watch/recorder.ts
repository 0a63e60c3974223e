import {
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_LIMIT,
  TCQ_PLUG_RELEASE_INDEFINITE,
  TCQ_PLUG_RELEASE_ONE,
} from "../../codec/assembly/constants.ts";
import { GateCapture } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { processOf } from "../../guardian/watch.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import type { Connection } from "../../netlink/connection.ts";
import { readGateTraffic, withoutFillers } from "../../plug/filler.ts";
import { isPlug, readQdiscs } from "../../plug/qdiscs.ts";
import { isGone, QueueError } from "../../plug/queue_error.ts";
import type { Deed, DeedKind } from "./recorded.ts";
import { type PlugChange, WatchedMachine, type WatchEvent } from "./watched_machine.ts";
import { keyOf, type WatchedQueue } from "./watched_queue.ts";

/** Where it is recorded. */
export interface RecorderOptions {
  /** The gates and devices that are recorded, by name; none for all. */
  names: readonly string[];
  netns?: string;
  /** Takes the taps out of gates when this process is dead. */
  guardian: Guardian;
}

const KINDS: Readonly<Record<number, DeedKind>> = {
  [TCQ_PLUG_BUFFER]: "buffer",
  [TCQ_PLUG_RELEASE_ONE]: "release-one",
  [TCQ_PLUG_RELEASE_INDEFINITE]: "release",
  [TCQ_PLUG_LIMIT]: "limit",
};
/** How soon the counters behind a release are those once it has settled, in milliseconds. */
const SETTLED_MS = 100;

/** What was last seen in a queue. */
interface Seen {
  waiting: number;
  sent: number;
  packets: string[];
}

/** Hears what is done to plugs and gates by hand, and sees what waits in them. */
export class Recorder implements Disposable {
  readonly deeds: Deed[] = [];
  readonly #machine: WatchedMachine;
  readonly #connection: Connection;
  readonly #options: RecorderOptions;
  readonly #captures = new Map<WatchedQueue, GateCapture>();
  /** The last look, and the one before: what is announced may have been done before the last. */
  readonly #seen = new Map<string, [last: Seen, prior: Seen]>();
  #changes: PlugChange[] = [];
  /** Those whose counters have not settled yet, or of which it is not known yet what they were. */
  #open: { deed: Deed; key: string }[] = [];
  #isFirst = true;

  constructor(connection: Connection, options: RecorderOptions) {
    this.#connection = connection;
    this.#options = options;
    const { names, netns } = options;
    this.#machine = new WatchedMachine(connection, { names, netns, onChange: (change) => this.#changes.push(change) });
  }

  /** How many plugs and gates there are. */
  get count(): number {
    return this.#machine.queues.length;
  }

  /** Resolves, as a rule, once something was announced. */
  announced(): Promise<unknown> {
    return this.#machine.announced();
  }

  /** Takes what was announced, and looks at what waits. */
  update(atMs: number): void {
    for (const event of this.#machine.update(atMs)) this.#heed(event);
    this.#isFirst = false;
    this.#takeChanges(atMs);
    this.#look(atMs);
  }

  [Symbol.dispose](): void {
    for (const capture of this.#captures.values()) disposeOf(capture);
    this.#machine[Symbol.dispose]();
  }

  #heed({ event, queue, atMs }: WatchEvent): void {
    if (event === "appeared") {
      this.#do({ what: this.#isFirst ? "there" : "attach", queue, atMs });
      this.#capture(queue);
      if (this.#isHeldFromTheFirst(queue)) this.#do({ what: "buffer", queue, atMs });
    } else if (event === "vanished") {
      this.#do({ what: "detach", queue, atMs });
      const capture = this.#captures.get(queue);
      this.#captures.delete(queue);
      if (capture) disposeOf(capture);
      this.#seen.delete(queue.key);
    }
  }

  /** Whether a new plug holds: plugctl releases it as it makes it, and what it asks then is not overheard. */
  #isHeldFromTheFirst({ key }: WatchedQueue): boolean {
    const making = this.#changes.filter((change) => change.key === key && change.action === undefined);
    this.#changes = this.#changes.filter((change) => !making.includes(change));
    return !this.#isFirst && making.length === 1;
  }

  /** Makes deeds of the changes of those that are known by now. */
  #takeChanges(atMs: number): void {
    const left: PlugChange[] = [];
    for (const change of this.#changes) {
      const queue = this.#machine.queues.find(({ key }) => key === change.key);
      if (!queue) left.push(change);
      else if (change.ofDiscard !== 2) {
        const asked = change.action === undefined ? "unknown" : KINDS[change.action] ?? "unknown";
        const what = change.ofDiscard ? "discard" : asked;
        this.#do({ what, queue, atMs, port: change.port, limitBytes: change.limitBytes });
      }
    }
    // What never becomes known was of a queue that is not recorded, or is gone.
    this.#changes = left.slice(-100);
  }

  #do(
    { queue, port, limitBytes, ...rest }: Pick<Deed, "what" | "atMs" | "limitBytes" | "port"> & { queue: WatchedQueue },
  ) {
    const { backlogPackets, packets: left } = queue.facts.stats;
    const first = { waiting: backlogPackets, sent: left, packets: [] };
    const [last, prior] = this.#seen.get(queue.key) ?? [first, first];
    const { waiting, packets } = last.waiting < prior.waiting ? prior : last;
    const { sent } = prior;
    const by = port === undefined ? undefined : processOf(port);
    const deed: Deed = { ...rest, facts: queue.facts, port, by, limitBytes, waiting, sent, seen: [...packets] };
    this.deeds.push(deed);
    if (deed.what === "release-one" || deed.what === "unknown") this.#open.push({ deed, key: queue.key });
  }

  #capture(queue: WatchedQueue): void {
    const { gate } = queue.facts;
    if (!gate) return;
    const { netns, guardian } = this.#options;
    try {
      this.#captures.set(queue, new GateCapture(this.#connection, { gates: [gate.name], netns, guardian }));
    } catch (error) {
      // It is recorded all the same, but for what its packets are.
      if (!(error instanceof QueueError || error instanceof NetlinkError)) throw error;
    }
  }

  #look(atMs: number): void {
    const plugs = readQdiscs(this.#connection, "read plugs").filter(isPlug);
    const { queues } = this.#machine;
    const gates = queues.flatMap(({ facts: { gate } }) => gate?.ifindex ?? []);
    const traffic = readGateTraffic(this.#connection, gates);
    for (const plug of plugs) {
      const queue = queues.find(({ key }) => key === keyOf(plug));
      if (!queue) continue;
      const own = queue.facts.gate && traffic.get(plug.ifindex);
      const { backlogPackets: waiting, packets: sent } = own ? withoutFillers(plug.stats, own) : plug.stats;
      const seen = { waiting, sent, packets: this.#packetsOf(queue) };
      this.#settle(queue.key, seen, atMs);
      const [last = seen] = this.#seen.get(queue.key) ?? [];
      this.#seen.set(queue.key, [seen, last]);
    }
  }

  /** The packets that wait in a gate, in words. */
  #packetsOf(queue: WatchedQueue): string[] {
    const capture = this.#captures.get(queue);
    const { gate } = queue.facts;
    return capture && gate && !capture.blind ? waitingIn(capture, gate.name) : [];
  }

  /** What came of releases, and of what others than plugctl have asked. */
  #settle(key: string, now: Seen, atMs: number): void {
    this.#open = this.#open.filter((one) => {
      const { deed } = one;
      if (one.key !== key || atMs - deed.atMs < SETTLED_MS) return true;
      const left = Math.max(0, now.sent - deed.sent);
      if (deed.what === "release-one") deed.sentAfter = now.sent;
      else if (left > 0) deed.what = now.waiting > 0 ? "release-one" : "release";
      else if (now.waiting > 0) deed.what = "buffer";
      return deed.what === "unknown";
    });
  }
}

/** The packets that wait in a gate, in words; none where the gate goes meanwhile: what was recorded is kept. */
export function waitingIn(capture: Pick<GateCapture, "take" | "waiting">, gate: string): string[] {
  try {
    capture.take();
    return capture.waiting(gate).map(({ bytes, length }) => {
      const { from = "", to = "", what } = describePacket(bytes, { length });
      return `${from} > ${to}  ${what}`;
    });
  } catch (error) {
    if (!isGone(error) && !(error instanceof NetlinkError)) throw error;
    return [];
  }
}

function disposeOf(capture: GateCapture): void {
  try {
    capture[Symbol.dispose]();
  } catch (error) {
    // The gate is gone, and the tap with it.
    if (!(error instanceof QueueError || error instanceof NetlinkError)) throw error;
  }
}
