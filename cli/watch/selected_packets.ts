import { GateCapture } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import { Guardian } from "../../guardian/guardian.ts";
import type { Connection } from "../../netlink/connection.ts";
import { isGone, QueueError } from "../../plug/queue_error.ts";
import { describeFailure } from "../failure.ts";
import type { ShownPacket, ShownPackets } from "./screen.ts";
import { countText, waitText } from "./text.ts";
import type { WatchedQueue } from "./watched_queue.ts";

/** How long one look for packets waits; what is selected by then is met between two. */
const LOOK_MS = 100;
/** For how long a queue is selected before its packets are looked at: somebody may be on the way to another. */
const LINGER_MS = 200;
/** How many that have left are kept, and how many that wait are described. */
const LEFT_MOST = 50;
const WAITING_MOST = 200;

/** The packets of the queue that is selected: a tap is in its gate for as long as it is. */
export class SelectedPackets {
  readonly #connection: Connection;
  readonly #netns?: string;
  readonly #onPackets: () => void;
  #queue?: WatchedQueue;
  #capture?: GateCapture;
  #guardian?: Guardian;
  #left: ShownPacket[] = [];
  #failure?: string;
  #ended: Promise<void> = Promise.resolve();

  constructor(connection: Connection, { netns, onPackets }: { netns?: string; onPackets: () => void }) {
    this.#connection = connection;
    this.#netns = netns;
    this.#onPackets = onPackets;
  }

  /** Looks at another queue from now on, or at none. */
  select(queue: WatchedQueue | undefined): void {
    if (queue === this.#queue) return;
    this.#queue = queue;
    this.#left = [];
    this.#failure = undefined;
    this.#ended = this.#ended.then(() => this.#follow(queue));
  }

  /** What there is to show; nothing before it has begun. */
  shown(nowMs: number): ShownPackets | undefined {
    const [queue, capture] = [this.#queue, this.#capture];
    if (!queue?.facts.gate) {
      return queue && { packets: [], waiting: 0, remarks: ["the packets of a gate are shown here; this is a plug"] };
    }
    if (!capture) return { packets: [], waiting: 0, remarks: this.#failure === undefined ? [] : [this.#failure] };
    const waiting = capture.waiting(queue.facts.gate.name);
    const packets = waiting.slice(0, WAITING_MOST).map(({ number, timeNs, bytes, length }) => ({
      number,
      waitMs: Math.max(0, nowMs - Number(timeNs / 1000n) / 1000),
      hasLeft: false,
      ...describe(bytes, length),
    }));
    return {
      packets: [...packets, ...this.#left],
      waiting: waiting.length,
      remarks: remarksOn(capture, queue.facts.stats.backlogPackets - waiting.length),
    };
  }

  /** Takes the tap out, and returns once it is. */
  async end(): Promise<void> {
    this.select(undefined);
    await this.#ended;
    this.#guardian?.[Symbol.dispose]();
  }

  async #follow(queue: WatchedQueue | undefined): Promise<void> {
    const name = queue?.facts.gate?.name;
    if (name === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    if (this.#queue !== queue) return;
    try {
      this.#guardian ??= Guardian.start();
      using capture = this.#capture = new GateCapture(this.#connection, {
        gates: [name],
        netns: this.#netns,
        guardian: this.#guardian,
      });
      this.#onPackets();
      while (this.#queue === queue) {
        await capture.wait(LOOK_MS);
        this.#take(capture);
      }
    } catch (error) {
      // Its gate may have been deleted meanwhile, which is announced.
      if (!(error instanceof QueueError && isGone(error))) this.#failure = describeFailure(error).message;
    } finally {
      this.#capture = undefined;
      this.#onPackets();
    }
  }

  #take(capture: GateCapture): void {
    const events = capture.take();
    for (const event of events) {
      if (event.event === "in") continue;
      const { arrival, timeNs, bytes, length } = event.packet;
      const waitMs = arrival && Number(timeNs - arrival.timeNs) / 1e6;
      this.#left.unshift({ number: arrival?.number, waitMs, hasLeft: true, ...describe(bytes, length) });
    }
    if (events.length === 0) return;
    this.#left.splice(LEFT_MOST);
    this.#onPackets();
  }
}

function describe(bytes: Uint8Array, length: number): Pick<ShownPacket, "from" | "to" | "what"> {
  const { from = "", to = "", vlans, what } = describePacket(bytes, { length });
  return { from, to, what: [...vlans.map((vlan) => `VLAN ${vlan}`), what].join(" ") };
}

/** What of the packets is not shown. */
function remarksOn(capture: GateCapture, unseen: number): string[] {
  if (capture.blind) return [`packets are shown as they leave only: ${capture.blind.reason}`];
  const { arrivals, departures } = capture.losses()
    .reduce((sum, one) => ({
      arrivals: sum.arrivals + one.arrivals,
      departures: sum.departures + one.departures,
    }), { arrivals: 0, departures: 0 });
  return [
    ...unseen > 0 ? [`${waitText(unseen)} that came before: the kernel does not tell which`] : [],
    ...arrivals > 0 ? [`${countText(arrivals)} came in that could not be copied`] : [],
    ...departures > 0 ? [`${countText(departures)} left that could not be copied`] : [],
  ];
}
