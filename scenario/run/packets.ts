import { formatHex } from "../../codec/text.ts";
import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import type { Arrival, Departure } from "../../capture/packet_queue.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import type { LinkType } from "../../capture/packets/packet.ts";
import { type Matcher, matcher } from "../../gate/match/meaning.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import type { Connection } from "../../netlink/connection.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { describeDiscard, type DiscardReport } from "../../plug/release.ts";
import type { NumberRange, PacketIn, PacketOut, UnseenPackets } from "../event.ts";
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
  /** The expressions by which the packets of gates are counted as they come in. */
  counted?: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What has come into a gate since it was attached. */
export interface Arrived {
  /** How many packets fit an expression. */
  fitting: number;
  all: number;
  /** How many came in unseen. */
  lost: number;
  /** What the last ones are. */
  latest: readonly string[];
}

/** How many packets are named where a condition does not hold. */
export const SHOWN_MOST = 5;

/** The packets of a gate, counted as they come in. */
class Tally {
  readonly #linkType: LinkType;
  readonly #counts: Map<string, Count>;
  readonly #first: Arrival[] = [];
  readonly #latest: Arrival[] = [];
  #all = 0;

  constructor(matches: Iterable<string>, linkType: LinkType) {
    this.#linkType = linkType;
    this.#counts = new Map([...matches].map((match) => [match, { isMeant: matcher(match), fitting: 0 }]));
  }

  /** Counts a packet as it comes in. */
  add(packet: Arrival): void {
    this.#all++;
    if (this.#first.length < KEPT_MOST) this.#first.push(packet);
    if (this.#latest.push(packet) > SHOWN_MOST) this.#latest.shift();
    for (const count of this.#counts.values()) if (count.isMeant(packet, this.#linkType)) count.fitting++;
  }

  /** What has come in, and how much of it fits an expression, which may have been unknown until now. */
  arrived(match: string, { gate, lost }: { gate: string; lost: number }): Arrived {
    const { fitting } = this.#counts.get(match) ?? this.#countLate(match, gate);
    const latest = this.#latest.map(({ bytes, length }) =>
      describePacket(bytes, { length, linkType: this.#linkType }).what
    );
    return { fitting, all: this.#all, lost, latest };
  }

  #countLate(match: string, gate: string): Count {
    if (this.#all > KEPT_MOST) {
      const why = `"${match}" has a variable that a step has set, and more than ${KEPT_MOST} packets came before it`;
      throw new StepError(`Cannot count the packets of ${gate}: ${why}. Write the match without it`);
    }
    const isMeant = matcher(match);
    const fitting = this.#first.filter((packet) => isMeant(packet, this.#linkType)).length;
    const count = { isMeant, fitting };
    this.#counts.set(match, count);
    return count;
  }

  /** How many packets fit each expression. */
  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].map(([match, { fitting }]) => [packetCounter(match), fitting]));
  }
}

/** How many packets fit an expression. */
interface Count {
  readonly isMeant: Matcher;
  fitting: number;
}

/** How many packets of a gate are kept, for expressions that are known only when a step has set a variable. */
const KEPT_MOST = 20_000;

/** What the number of packets that fit an expression is called among counters. */
export function packetCounter(match: string): string {
  return `packet ${match}`;
}

/** A packet that waits in a gate. */
export interface HeldPacket {
  /** The how manieth that came. */
  number: number;
  /** How long it has waited, in milliseconds. */
  waitedMs: number;
  /** From where, with its port; absent where it does not say. */
  from?: string;
  /** To where. */
  to?: string;
  /** What it is, in words: `TCP SYN …`. */
  what: string;
}

/** How often what was seen is taken, in milliseconds. */
const LOOK_MS = 10;
/** How many packets the log tells of; of more, only how many there were. */
const TOLD_MAX = 20_000;

/** Notes which packets leave gates, from its beginning on. */
export interface DepartureNotes {
  /** Ends that. Of those that had come in by then, in microseconds since the scenario began, returns the numbers. */
  end(asked: number): Record<string, NumberRange[]> | undefined;
}

/** Numbers as ranges of those that follow each other. */
function rangesOf(numbers: readonly number[]): NumberRange[] {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

/** The packets of a scenario's gates: each as it comes in, and as it leaves. */
export class Packets implements Disposable {
  readonly #options: PacketsOptions;
  readonly #captures = new Map<string, GateCapture>();
  /** What was counted of the gates that are attached, or were. */
  readonly #tallies = new Map<string, Tally>();
  readonly #unseen = new Map<string, UnseenPackets>();
  /** What the clock says when 1970 began, in milliseconds. */
  readonly #epochMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  /** What leaves gates while steps are done that release them. */
  readonly #noted = new Set<ReadonlyMap<string, Set<Departure>>>();
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
    const { gates, guardian, counted } = this.#options;
    if (gates && !gates.includes(gate)) return [];
    const capture = new GateCapture(connection, { gates: [gate], netns, guardian });
    this.#captures.set(gate, capture);
    if (counted && counted.size > 0) {
      this.#tallies.set(gate, new Tally(counted.get(gate) ?? [], capture.linkType({ gate })));
    }
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
    const isMeant = matcher(match);
    const capture = this.#sighted(gate);
    const packets = capture.waiting(gate);
    const linkType = capture.linkType({ gate });
    return {
      fitting: packets.filter((packet) => isMeant(packet, linkType)).length,
      all: packets.map(({ bytes, length }) => describePacket(bytes, { length, linkType }).what),
    };
  }

  /**
   * How many packets that fit an expression have come into a gate since it was attached.
   *
   * @throws {StepError} where packets are not seen as they come in
   */
  arrived(gate: string, match: string): Arrived | undefined {
    const [{ arrivals }] = this.#sighted(gate).losses();
    return this.#tallies.get(gate)?.arrived(match, { gate, lost: arrivals });
  }

  /** Begins to note which packets leave some gates. */
  noteDepartures(gates: readonly string[]): DepartureNotes {
    this.take();
    const noted = new Map(gates.filter((gate) => this.#captures.has(gate)).map((gate) => [gate, new Set<Departure>()]));
    this.#noted.add(noted);
    return {
      end: (asked) => {
        this.take();
        this.#noted.delete(noted);
        const waited = ({ arrival }: Departure) => arrival && this.#microsOf(arrival.timeNs) <= asked ? [arrival] : [];
        const left = [...noted].map(([gate, departures]) =>
          [gate, rangesOf([...departures].flatMap(waited).map(({ number }) => number))] as const
        ).filter(([, ranges]) => ranges.length > 0);
        return left.length > 0 ? Object.fromEntries(left) : undefined;
      },
    };
  }

  /** Takes that so many packets that waited longest in a gate were discarded. */
  discarded(gate: string, count: number): void {
    this.#take(gate);
    this.#captures.get(gate)?.discard(gate, count);
  }

  /** How many packets of a gate have fit each expression by which they are counted. */
  counts(gate: string): Record<string, number> {
    this.#take(gate);
    return this.#tallies.get(gate)?.counts ?? {};
  }

  /** The capture of a gate, of which is told and counted what it has seen by now. */
  #sighted(gate: string): GateCapture {
    this.#take(gate);
    const capture = this.#captures.get(gate);
    if (!capture) throw new StepError(`Cannot see the packets of ${gate}: it is not attached now`);
    if (capture.blind) throw new StepError(`Cannot see which packets come into ${gate}: ${capture.blind.reason}`);
    return capture;
  }

  /** The packets that wait in a gate, the oldest first; nothing where they are not seen as they come in. */
  held(gate: string): HeldPacket[] | undefined {
    this.#take(gate);
    const capture = this.#captures.get(gate);
    if (!capture || capture.blind) return undefined;
    const nowMs = Date.now();
    return capture.waiting(gate).map(({ number, timeNs, bytes, length }): HeldPacket => {
      const { from, to, vlans, what } = describePacket(bytes, { length });
      const words = [...vlans.map((vlan) => `VLAN ${vlan}`), what].join(" ");
      return { number, waitedMs: Math.max(0, nowMs - Number(timeNs / 1_000_000n)), from, to, what: words };
    });
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
    const tally = this.#tallies.get(gate);
    for (const seen of capture.take()) {
      if (seen.event === "in") tally?.add(seen.packet);
      else for (const noted of this.#noted) noted.get(gate)?.add(seen.packet);
      const tell = this.#isTold(gate, seen) ? emit : emitMore;
      tell?.(this.#eventOf(gate, seen, capture.linkType({ gate })));
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

  #eventOf(queue: string, seen: PacketEvent, linkType: LinkType): PacketIn | PacketOut {
    const { bytes, length, timeNs } = seen.packet;
    const { from, to, vlans, what } = describePacket(bytes, { length, linkType });
    const base = {
      t: this.#microsOf(timeNs),
      queue,
      unixNs: String(timeNs),
      length,
      link: linkType === "ip" ? linkType : undefined,
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

/** Discards what gates hold, which is seen to wait no more. A sentence about each. */
export function discardAll(
  group: { discard(): DiscardReport[] },
  { names, seen }: { names: readonly string[]; seen?: Packets },
): string[] {
  return group.discard().map((report, index) => {
    seen?.discarded(names[index], report.discardedPackets);
    return describeDiscard(report);
  });
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
