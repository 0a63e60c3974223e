import { formatHex } from "../../codec/text.ts";
import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import { matcher } from "../../gate/match/meaning.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import type { Connection } from "../../netlink/connection.ts";
import { QueueError } from "../../plug/queue_error.ts";
import type { PacketIn, PacketOut, UnseenPackets } from "../event.ts";
import type { Clock } from "./clock.ts";
import { StepError } from "./step_error.ts";

/** How packets of a scenario's gates are seen. */
export interface PacketsOptions {
  clock: Clock;
  /** Microseconds since the scenario began, of a time of the clock. */
  micros: (time: number) => number;
  /** Takes each packet as it is seen. */
  emit: (event: PacketIn | PacketOut) => void;
  /** Takes those behind the first 20,000 packets, which `emit` is not given. */
  emitMore?: (event: PacketIn | PacketOut) => void;
  /** Takes the taps out when this process is dead. */
  guardian?: Guardian;
  /** The gates that are captured; absent for all. */
  gates?: readonly string[];
}

/** How often what was seen is taken, in milliseconds. */
const LOOK_MS = 10;
/** How many packets the log tells of; of more, only how many there were. */
const TOLD_MAX = 20_000;

/** The packets of a scenario's gates: each as it comes in, and as it leaves. */
export class Packets implements Disposable {
  readonly #options: PacketsOptions;
  readonly #captures = new Map<string, GateCapture>();
  readonly #unseen = new Map<string, UnseenPackets>();
  /** What the clock says when 1970 began, in milliseconds. */
  readonly #epochMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #told = 0;
  /** The number of each gate's last packet that was told of as it came in. */
  readonly #toldUpTo = new Map<string, number>();

  constructor(options: PacketsOptions) {
    this.#options = options;
    this.#epochMs = epochOf(options.clock);
    this.#timer = setInterval(() => this.take(), LOOK_MS);
  }

  /** Begins to see the packets of a gate. Returns what is worth knowing of it. */
  open(gate: string, connection: Connection, netns: string | undefined): string[] {
    const { gates, guardian } = this.#options;
    if (gates && !gates.includes(gate)) return [];
    const capture = new GateCapture(connection, { gates: [gate], netns, guardian });
    this.#captures.set(gate, capture);
    return capture.blind ? [`packets of ${gate} are seen as they leave only: ${capture.blind.reason}`] : [];
  }

  /** Sees the packets of a gate no more. */
  close(gate: string): void {
    this.#take(gate);
    const capture = this.#captures.get(gate);
    if (!capture) return;
    const [{ arrivals, departures }] = capture.losses();
    if (arrivals > 0 || departures > 0) {
      const unseen = this.#unseenOf(gate);
      unseen.arrivals += arrivals;
      unseen.departures += departures;
    }
    this.#captures.delete(gate);
    // Who attaches it again counts anew.
    this.#toldUpTo.delete(gate);
    capture[Symbol.dispose]();
  }

  /** Tells of what was seen of a gate. One that is gone, which is told where something is done to it, is seen no more. */
  #take(gate: string): void {
    const capture = this.#captures.get(gate);
    if (!capture) return;
    try {
      this.#takeFrom(gate, capture);
    } catch (error) {
      if (!(error instanceof NetlinkError || error instanceof QueueError)) throw error;
      this.#captures.delete(gate);
      ignoring(() => capture[Symbol.dispose]());
    }
  }

  /** Tells of what was seen since the last time. */
  take(): void {
    for (const gate of [...this.#captures.keys()]) this.#take(gate);
  }

  /**
   * How many packets that wait in a gate fit an expression, and what all that wait are.
   *
   * @throws {StepError} where packets are not seen as they come in
   */
  waiting(gate: string, match: string): { fitting: number; all: string[] } {
    this.#take(gate);
    const capture = this.#captures.get(gate);
    if (!capture) throw new StepError(`Cannot see the packets of ${gate}: it is not attached now`);
    if (capture.blind) throw new StepError(`Cannot see which packets wait in ${gate}: ${capture.blind.reason}`);
    const isMeant = matcher(match);
    const packets = capture.waiting(gate);
    return {
      fitting: packets.filter(isMeant).length,
      all: packets.map(({ bytes, length }) => describePacket(bytes, { length }).what),
    };
  }

  /** How many packets of each gate are not told of, where there are any. */
  get unseen(): Record<string, UnseenPackets> {
    return Object.fromEntries(this.#unseen);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const gate of [...this.#captures.keys()]) this.close(gate);
  }

  #takeFrom(gate: string, capture: GateCapture): void {
    const { emit, emitMore } = this.#options;
    for (const seen of capture.take()) {
      if (this.#isTold(gate, seen)) emit(this.#eventOf(gate, seen));
      else emitMore?.(this.#eventOf(gate, seen));
    }
  }

  /** Whether a packet is one of the first: who is told that it came in is told that it left. */
  #isTold(gate: string, { event, packet }: PacketEvent): boolean {
    if (event === "out" && packet.arrival) return packet.arrival.number <= (this.#toldUpTo.get(gate) ?? 0);
    if (this.#told === TOLD_MAX) {
      this.#unseenOf(gate).untold++;
      return false;
    }
    this.#told++;
    if (event === "in") this.#toldUpTo.set(gate, packet.number);
    return true;
  }

  #unseenOf(gate: string): UnseenPackets {
    const unseen = this.#unseen.get(gate) ?? { arrivals: 0, departures: 0, untold: 0 };
    this.#unseen.set(gate, unseen);
    return unseen;
  }

  #eventOf(queue: string, seen: PacketEvent): PacketIn | PacketOut {
    const { bytes, length, timeNs } = seen.packet;
    const { from, to, vlans, what } = describePacket(bytes, { length });
    const base = {
      t: this.#microsOf(timeNs),
      queue,
      length,
      from,
      to,
      vlans: vlans.length > 0 ? [...vlans] : undefined,
      what,
    };
    if (seen.event === "in") {
      return { event: "packet-in", ...base, number: seen.packet.number, bytes: formatHex(bytes) };
    }
    const { arrival } = seen.packet;
    if (!arrival) return { event: "packet-out", ...base, bytes: formatHex(bytes) };
    const waited = Number(timeNs - arrival.timeNs) / 1000;
    return { event: "packet-out", ...base, number: arrival.number, waited: Math.round(waited) };
  }

  #microsOf(timeNs: bigint): number {
    return Math.max(0, this.#options.micros(Number(timeNs) / 1e6 + this.#epochMs));
  }
}

/** Does what the kernel may refuse, since it is done already: the gate is gone. */
function ignoring(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof NetlinkError || error instanceof QueueError)) throw error;
  }
}

/** What a clock says when 1970 began: the clock of the day counts whole milliseconds, so the next one is waited for. */
function epochOf(clock: Clock): number {
  const first = Date.now();
  for (;;) {
    const time = Date.now();
    if (time !== first) return clock.now() - time;
  }
}
