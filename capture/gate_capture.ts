import { namedGates } from "../gate/named_gates.ts";
import { type OpenTap, openTap } from "../gate/tap.ts";
import {
  type GenericSocket,
  openGenericSocket,
  openPacketSocket,
  PACKET_OUTGOING,
  type PacketSocket,
  waitForAny,
} from "../linux/capture_socket.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import type { QdiscStats } from "../codec/message.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { Connection } from "../netlink/connection.ts";
import { isFiller } from "../plug/filler.ts";
import { watchedAt } from "../plug/guarded_plug.ts";
import { RANKED_HANDLE } from "../plug/plug_requests.ts";
import { onQueue, openQueue, type Queue } from "../plug/queue.ts";
import { locatePlugs, readPlug } from "../plug/read_plug.ts";
import { readLinks } from "../plug/qdiscs.ts";
import { QueueError } from "../plug/queue_error.ts";
import type { CapturedPlace, CapturedWaiting, CaptureLosses, CaptureOptions, PacketEvent } from "./captured.ts";
import { Epochs } from "./epochs.ts";
import { type Arrival, type Copy, PacketQueue, PacketStore, type Waiting, withTag } from "./packet_queue.ts";
import type { LinkType } from "./packets/packet.ts";
import { findPsample, onlyGroups, type PsampleFamily, readSample, someGroups } from "./psample.ts";

export type { Arrival, CapturedBytes, Departure, Waiting } from "./packet_queue.ts";
export type { CapturedPlace, CapturedWaiting, CaptureLosses, CaptureOptions, PacketEvent } from "./captured.ts";

/** What is known of one plug. */
interface Captured extends CapturedPlace {
  queue: Queue;
  packets: PacketQueue;
  departures: PacketSocket;
  linkType: LinkType;
  /** How packets come to be known: from their copies, by counting, or, of one plug among others, as they leave. */
  by: "copy" | "count" | "departure";
  arrivals?: GenericSocket;
  tap?: OpenTap;
  /** The number of the copy that came last, by its group. */
  readonly sequences: Map<number, number>;
  dropsBefore: number;
  lostDepartures: number;
  countedMs: number;
  /** Why no more of it will be seen, once that is so. */
  gone?: QueueError;
}

const SNAP_LENGTH = 256;
/** What a message of psample has beside the packet, at the most. */
const SAMPLE_ROOM = 512;
const GATES_MAX = 64;
/** How often it is tried to count while nothing moves. */
const COUNTED_MAX = 20;
/** How much later than its copy a packet is in the queue at the latest, in nanoseconds. */
const QUEUED_NS = 100_000_000n;
/** How often packets are counted where they are not seen to come in, in milliseconds. */
const COUNT_EVERY_MS = 50;
/** `ARPHRD_ETHER` and `ARPHRD_LOOPBACK` of `linux/if_arp.h` */
const WITH_ETHERNET = [1, 772];

/**
 * The packets of gates, as they come in and as they leave, and of plugs on devices, as they leave. A tap is in each gate
 * for as long as this is there; what was lost on the way to us is counted. The traffic loses nothing by it.
 */
export class GateCapture implements Disposable {
  readonly #all: Captured[] = [];
  readonly #store = new PacketStore();
  readonly #connection: Connection;
  readonly #options: CaptureOptions;
  /** `ARPHRD_*` of each device. */
  #links: ReadonlyMap<number, number> = new Map();
  #family?: PsampleFamily;
  #epochs?: Epochs;
  /** What came in before it was known how many were there. */
  readonly #early: PacketEvent[] = [];
  /** Why packets of gates are not seen as they come in, where they are not. */
  blind?: QueueError;
  /** Why some of several are captured no more: they were deleted, or their device was taken down. */
  readonly gone: QueueError[] = [];

  /**
   * Begins to capture.
   *
   * @throws {QueueError} `no-gate` where a gate is not there, and where no plug is at a place
   * @throws {NetlinkError} where the kernel refuses a socket
   */
  constructor(connection: Connection, options: CaptureOptions) {
    this.#connection = connection;
    this.#options = options;
    const { gates = [], places = [] } = options;
    if (gates.length > GATES_MAX) {
      throw new RangeError(`${gates.length} gates are too many: at most ${GATES_MAX} at once`);
    }
    try {
      this.#links = new Map(readLinks(connection, "list devices").map(({ ifindex, arpType }) => [ifindex, arpType]));
      namedGates(connection, gates).forEach((queue, index) => this.#add(queue, { gate: gates[index] }));
      const onDevices = places.map((place) => openQueue(connection, place));
      locatePlugs(onDevices, (queue) => onQueue(queue, "see the packets of"));
      for (const queue of onDevices) this.#add(queue, { gate: queue.dev, dev: queue.dev });
      this.#openTaps();
      if (options.epochs) this.#epochs = Epochs.open({ netns: options.netns, nowNs });
      for (const each of this.#all) this.#countFirst(each);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #add(queue: Queue, place: CapturedPlace): void {
    const { snapLength = SNAP_LENGTH, netns, bufferBytes } = this.#options;
    const { ifindex, parent, handle } = queue.place;
    const arpType = this.#links.get(firstDevice(queue) ?? ifindex) ?? WITH_ETHERNET[0];
    const { drops } = readPlug(queue, onQueue(queue, "read")).stats;
    this.#all.push({
      ...place,
      queue,
      packets: new PacketQueue({ isRanked: handle === RANKED_HANDLE }),
      departures: openPacketSocket(ifindex, { keep: snapLength, netns, bufferBytes }),
      linkType: WITH_ETHERNET.includes(arpType) ? "ethernet" : "ip",
      by: place.dev === undefined ? "copy" : parent === TC_H_ROOT ? "count" : "departure",
      sequences: new Map(),
      dropsBefore: drops,
      lostDepartures: 0,
      countedMs: 0,
    });
  }

  /** Puts the taps in; where the kernel has none, the packets of gates are counted. */
  #openTaps(): void {
    const { snapLength = SNAP_LENGTH, guardian, netns, bufferBytes } = this.#options;
    const gates = this.#all.filter(({ by }) => by === "copy");
    if (gates.length === 0) return;
    using asking = openGenericSocket({ keep: SAMPLE_ROOM, netns });
    let family = findPsample(asking);
    try {
      for (const gate of gates) {
        const groups = someGroups();
        const socket = gate.arrivals = openGenericSocket({ keep: snapLength + SAMPLE_ROOM, netns, bufferBytes });
        socket.filter(onlyGroups(groups[0], groups.length));
        if (family) socket.join(family.packets);
        gate.tap = openTap(this.#connection, { name: gate.gate, groups, truncBytes: snapLength, guardian });
        if (family) continue;
        // The first tap loads the module
        family = findPsample(asking);
        if (family) socket.join(family.packets);
      }
      this.#family = family;
    } catch (error) {
      if (!(error instanceof QueueError && error.code === "no-module")) throw error;
      this.blind = error;
      for (const gate of gates) gate.by = "count";
    }
  }

  /**
   * Counts what was in a queue before its packets were seen: what waits, and has been seen to leave, without a copy of it
   * having come. That is looked at until nothing moves meanwhile; of a queue that passes packets all the time the last look counts.
   */
  #countFirst(each: Captured): void {
    if (each.by === "departure") return;
    const arrivals: [copy: Copy, missing: number][] = [];
    const departures: Copy[] = [];
    let stats: QdiscStats | undefined;
    const look = () => {
      // Who has left has come in before, so that what came in is read last
      const moved = departures.length + arrivals.length;
      departures.push(...copiesOf(each, this.#store));
      arrivals.push(...this.#samplesOf(each));
      return departures.length + arrivals.length > moved;
    };
    look();
    for (let tries = 0; tries < COUNTED_MAX; tries++) {
      stats = readPlug(each.queue, onQueue(each.queue, "read")).stats;
      if (!look()) break;
    }
    const { backlogPackets = 0, drops = 0 } = stats ?? {};
    const came = arrivals.reduce((sum, [, missing]) => sum + missing + 1, 0);
    const before = backlogPackets + departures.length + drops - each.dropsBefore - came;
    each.packets.count(Math.max(0, before), nowNs());
    this.#epochs?.attend(watchedAt(each.queue.place), { holds: backlogPackets > 0 });
    for (const arrival of arrivals) this.#early.push(arrive(each, arrival));
    for (const departure of departures) this.#early.push(leave(each, departure));
  }

  /** Waits until there may be something, for `timeoutMs` at the most. */
  async wait(timeoutMs: number): Promise<void> {
    const sockets = this.#all.flatMap(({ departures, arrivals }) => arrivals ? [departures, arrivals] : [departures]);
    const counts = this.#all.some(({ by }) => by === "count");
    await waitForAny(sockets, counts ? Math.min(timeoutMs, COUNT_EVERY_MS) : timeoutMs);
  }

  /** What has come in and left since the last call: of each plug in its order. */
  take(): PacketEvent[] {
    // What had come by then was taken the last time
    for (const each of [...this.#all]) if (each.gone) this.#part(each, each.gone);
    const events = this.#early.splice(0);
    this.#epochs?.look();
    // Who has left has come in before, so that what came in is read last and taken first
    const all = this.#all.map((each) => (
      { each, departures: copiesOf(each, this.#store), arrivals: this.#samplesOf(each) }
    ));
    for (const { each, arrivals } of all) for (const arrival of arrivals) events.push(arrive(each, arrival));
    this.#tellEpochs(events);
    for (const { each, departures } of all) {
      for (const departure of departures) events.push(leave(each, departure));
      const lost = each.departures.takeLosses();
      each.lostDepartures += lost;
      if (lost > 0) each.packets.forget(lost);
      if (each.by === "count" && !each.gone) this.#count(each);
    }
    return events;
  }

  /** Goes on without one that is gone, where there are others. */
  #part(each: Captured, error: QueueError): void {
    if (this.#all.length === 1) throw error;
    this.#all.splice(this.#all.indexOf(each), 1);
    this.gone.push(error);
    closeAll(each);
  }

  #tellEpochs(events: readonly PacketEvent[]): void {
    const epochs = this.#epochs;
    if (!epochs) return;
    // What was asked by now may be behind the packets that were taken
    epochs.look();
    for (const { event, gate, dev, packet } of events) {
      if (event !== "in") continue;
      const each = this.#all.find((one) => one.gate === gate && one.dev === dev);
      if (each) packet.epoch = epochs.at(each.queue.place.ifindex, packet.timeNs);
    }
  }

  /** Takes those that have come since, where they are not seen. */
  #count(each: Captured): void {
    if (performance.now() - each.countedMs < COUNT_EVERY_MS) return;
    each.countedMs = performance.now();
    const { backlogPackets } = readPlug(each.queue, onQueue(each.queue, "read")).stats;
    each.packets.count(Math.max(0, backlogPackets - each.packets.size), nowNs());
  }

  /** Takes that so many of those that waited longest in a gate are gone without having left. */
  discard(name: string, count: number): void {
    for (const { gate, dev, packets } of this.#all) if (gate === name && dev === undefined) packets.discard(count);
  }

  /** Those of a gate that wait, of which a copy has come. */
  waiting(name: string): readonly Arrival[] {
    const each = this.#all.find(({ gate, dev, gone }) => gate === name && dev === undefined && !gone);
    if (!each) return [];
    const { backlogPackets } = readPlug(each.queue, onQueue(each.queue, "read")).stats;
    return queuedIn(each, backlogPackets).flatMap(({ arrival }) => arrival ?? []);
  }

  /** What waits in each plug now, as far as what `take` has given tells. */
  queues(): CapturedWaiting[] {
    return this.#all.filter(({ gone }) => !gone).map((each) => {
      const { gate, dev, queue, dropsBefore } = each;
      const { backlogPackets, backlogBytes, drops } = readPlug(queue, onQueue(queue, "read")).stats;
      const waiting = queuedIn(each, backlogPackets);
      return { gate, dev, backlogPackets, backlogBytes, waiting, drops: drops - dropsBefore };
    });
  }

  /** What is captured: the gates, then the plugs on devices. */
  get places(): CapturedPlace[] {
    return this.#all.map(({ gate, dev }) => ({ gate, dev }));
  }

  /** The plugs that have only a part of their device's packets: which of those that leave were theirs is not known. */
  get partial(): CapturedPlace[] {
    return this.#all.filter(({ by }) => by === "departure").map(({ gate, dev }) => ({ gate, dev }));
  }

  /** How a plug's packets begin. */
  linkType({ gate, dev }: CapturedPlace): LinkType {
    return this.#all.find((each) => each.gate === gate && each.dev === dev)?.linkType ?? "ethernet";
  }

  /** What was lost of each plug's packets so far. */
  losses(): CaptureLosses[] {
    return this.#all.map((each) => {
      each.lostDepartures += each.departures.takeLosses();
      const { gate, dev, packets: { lostArrivals, skipped }, lostDepartures } = each;
      return {
        gate,
        dev,
        // Those that were lost last have none behind them whose number shows it
        arrivals: Math.max(lostArrivals, each.arrivals?.lost ?? 0),
        departures: lostDepartures,
        dropped: Math.max(0, skipped - lostDepartures),
      };
    });
  }

  /** The copies of packets that have come in, each with how many before it have none. */
  #samplesOf(each: Captured): [copy: Copy, missing: number][] {
    const samples: [Copy, number][] = [];
    const family = this.#family;
    if (!family) return samples;
    each.arrivals?.receive(({ bytes }) => {
      const sample = readSample(bytes, family);
      const tag = sample && each.tap?.tags.get(sample.group);
      if (!sample || tag === undefined) return;
      const { group, sequence, length, timeNs = nowNs() } = sample;
      const missing = Math.max(0, sequence - (each.sequences.get(group) ?? -1) - 1);
      each.sequences.set(group, sequence);
      samples.push([{ bytes: this.#store.keep(sample.bytes), length, timeNs, tag }, missing]);
    });
    return samples;
  }

  /** Takes the taps out, and ends the capture. Calling it again does nothing. */
  [Symbol.dispose](): void {
    this.#epochs?.[Symbol.dispose]();
    for (const each of this.#all.splice(0)) closeAll(each);
  }
}

function closeAll({ tap, departures, arrivals }: Captured): void {
  departures[Symbol.dispose]();
  tap?.[Symbol.dispose]();
  arrivals?.[Symbol.dispose]();
}

/** What still waits: where the kernel says that nothing does, what came a while ago was discarded. */
function queuedIn({ packets }: Captured, backlogPackets: number): readonly Waiting[] {
  if (backlogPackets > 0) return packets.queued;
  const latest = nowNs() - QUEUED_NS;
  return packets.queued.filter(({ sinceNs }) => sinceNs > latest);
}

/** The device whose packets a gate gets. */
function firstDevice({ gate }: Queue): number | undefined {
  return gate?.devices[0];
}

/** The copies of packets that have left. Where the device was taken down, which is said once, that is noted. */
function copiesOf(each: Captured, store: PacketStore): Copy[] {
  const copies: Copy[] = [];
  try {
    each.departures.receive(({ bytes, length, timeNs, tag, packetType }) => {
      if (packetType !== PACKET_OUTGOING || isFiller(bytes, length)) return;
      copies.push({ bytes: store.keep(bytes), length, timeNs, tag });
    });
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const reason = "its device was taken down or deleted meanwhile";
    each.gone = new QueueError("vanished", onQueue(each.queue, "see the packets of"), { reason, cause: error });
  }
  return copies;
}

function arrive({ gate, dev, packets }: Captured, [copy, missing]: readonly [Copy, number]): PacketEvent {
  return { event: "in", gate, dev, packet: packets.arrive(copy, missing) };
}

function leave({ gate, dev, by, packets }: Captured, copy: Copy): PacketEvent {
  return { event: "out", gate, dev, packet: by === "departure" ? withTag(copy) : packets.leave(copy) };
}

/** Now, where the kernel does not say when. */
function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
