import { type Arrival, type CapturedBytes, GateCapture, type Waiting } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import type { LinkType } from "../../capture/packets/packet.ts";
import { Guardian } from "../../guardian/guardian.ts";
import type { Connection } from "../../netlink/connection.ts";
import { isGone } from "../../plug/queue_error.ts";
import { describeFailure } from "../failure.ts";
import type { ShownPacket, ShownPackets } from "./screen.ts";
import { countText } from "./text.ts";
import type { WatchedQueue } from "./watched_queue.ts";

/** How long one look for packets waits; what is selected by then is met between two. */
const LOOK_MS = 100;
/** For how long a queue is selected before its packets are looked at: somebody may be on the way to another. */
const LINGER_MS = 200;
/** How often what waits is read again while nothing comes and leaves. */
const READ_MS = 500;
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
  #waiting: readonly Waiting[] = [];
  #remarks: readonly string[] = [];
  #readMs = 0;
  /** Whether a tap may still be in a gate that is not looked at any more. */
  #mayHaveLeftTap = false;
  /** What was said of packets that wait, which are drawn again and again. */
  readonly #said = new WeakMap<Arrival, PacketWords>();
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
    if (!this.#queue) return undefined;
    const capture = this.#capture;
    if (!capture) return { packets: [], waiting: 0, remarks: this.#failure === undefined ? [] : [this.#failure] };
    const [place] = capture.places;
    const packets = this.#waiting.slice(0, WAITING_MOST).map(({ number, count, arrival, sinceNs }) => ({
      count,
      number: count === 1 ? String(number) : `${number}–${number + count - 1}`,
      waitMs: Math.max(0, nowMs - Number(sinceNs / 1000n) / 1000),
      isLonger: arrival === undefined,
      hasLeft: false,
      ...arrival ? this.#describe(arrival, capture.linkType(place)) : { from: "", to: "", what: notSeen(count) },
    }));
    return {
      packets: [...packets, ...this.#left],
      waiting: this.#waiting.reduce((sum, { count }) => sum + count, 0),
      remarks: this.#remarks,
    };
  }

  #describe(arrival: Arrival, linkType: LinkType): PacketWords {
    const said = this.#said.get(arrival) ?? describe(arrival, linkType);
    this.#said.set(arrival, said);
    return said;
  }

  /** Takes the tap out, and returns once it is. */
  async end(): Promise<void> {
    this.select(undefined);
    await this.#ended;
    // Where it could not be taken out, the guardian does that as soon as this process has ended.
    if (!this.#mayHaveLeftTap) this.#guardian?.[Symbol.dispose]();
  }

  async #follow(queue: WatchedQueue | undefined): Promise<void> {
    if (!queue) return;
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    if (this.#queue !== queue) return;
    try {
      this.#guardian ??= Guardian.start();
      await this.#look(queue, this.#guardian);
    } catch (error) {
      // It may have been deleted meanwhile, which is announced.
      if (isGone(error)) return;
      this.#failure = describeFailure(error).message;
      this.#mayHaveLeftTap = true;
    } finally {
      this.#capture = undefined;
      this.#waiting = [];
      this.#onPackets();
    }
  }

  async #look(queue: WatchedQueue, guardian: Guardian): Promise<void> {
    const { gate, dev, place } = queue.facts;
    using capture = this.#capture = new GateCapture(this.#connection, {
      ...gate ? { gates: [gate.name] } : { places: [{ dev, ...place }] },
      netns: this.#netns,
      guardian,
    });
    while (this.#queue === queue) {
      this.#take(capture);
      await capture.wait(LOOK_MS);
    }
  }

  #take(capture: GateCapture): void {
    const events = capture.take();
    for (const event of events) {
      if (event.event === "in") continue;
      const { arrival, number = arrival?.number, sinceNs = arrival?.timeNs, timeNs } = event.packet;
      this.#left.unshift({
        number: number === undefined ? undefined : String(number),
        waitMs: sinceNs === undefined ? undefined : Number(timeNs - sinceNs) / 1e6,
        isLonger: arrival === undefined,
        hasLeft: true,
        ...describe(event.packet, capture.linkType(event)),
      });
    }
    this.#left.splice(LEFT_MOST);
    const nowMs = performance.now();
    if (events.length === 0 && nowMs < this.#readMs + READ_MS) return;
    this.#readMs = nowMs;
    this.#waiting = capture.queues()[0].waiting;
    this.#remarks = remarksOn(capture);
    this.#onPackets();
  }
}

type PacketWords = Pick<ShownPacket, "from" | "to" | "what">;

function describe({ bytes, length }: CapturedBytes, linkType: LinkType): PacketWords {
  const { from = "", to = "", vlans, what } = describePacket(bytes, { length, linkType });
  return { from, to, what: [...vlans.map((vlan) => `VLAN ${vlan}`), what].join(" ") };
}

function notSeen(count: number): string {
  return count === 1 ? "not seen as it came in" : `${countText(count)} packets, not seen as they came in`;
}

/** What of the packets is not shown, or less is known of. */
function remarksOn(capture: GateCapture): string[] {
  const { arrivals, departures } = capture.losses()
    .reduce((sum, one) => ({
      arrivals: sum.arrivals + one.arrivals,
      departures: sum.departures + one.departures,
    }), { arrivals: 0, departures: 0 });
  const isOnDevice = capture.places.some(({ dev }) => dev !== undefined);
  return [
    ...capture.blind ? [`packets are seen as they leave only: ${capture.blind.reason}`] : [],
    ...isOnDevice ? ["packets of a plug on a device are seen as they leave only: a gate shows those that wait"] : [],
    ...capture.partial.length > 0 ? ["packets that leave the device past this plug are shown too"] : [],
    ...arrivals > 0 ? [`${countText(arrivals)} came in that could not be copied`] : [],
    ...departures > 0 ? [`${countText(departures)} left that could not be copied`] : [],
  ];
}
