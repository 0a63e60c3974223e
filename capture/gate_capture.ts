import { namedGates } from "../gate/named_gates.ts";
import { openTap } from "../gate/tap.ts";
import type { Guardian } from "../guardian/guardian.ts";
import {
  type GenericSocket,
  openGenericSocket,
  openPacketSocket,
  PACKET_OUTGOING,
  type PacketSocket,
  waitForAny,
} from "../linux/capture_socket.ts";
import type { Connection } from "../netlink/connection.ts";
import { gateDevice } from "../plug/gate_name.ts";
import { QueueError } from "../plug/queue_error.ts";
import { findPsample, type PsampleFamily, readSample, type Sample } from "./psample.ts";

/** A packet of a gate: as it came in, or as it left. */
export type PacketEvent =
  & { gate: string }
  & ({ event: "in"; packet: Arrival } | { event: "out"; packet: Departure });

/** How gates are captured. */
export interface CaptureOptions {
  /** The gates' names. */
  gates: readonly string[];
  /** How many bytes of each packet are kept. Default 256. */
  snapLength?: number;
  /** The network namespace of the connection. Default: this process's. */
  netns?: string;
  /** Takes the taps out when this process is dead. */
  guardian?: Guardian;
}

/** What is known of one gate. */
interface Captured {
  name: string;
  group: number;
  queue: PacketQueue;
  socket: PacketSocket;
  tap?: Disposable;
  /** The number of the copy that came last. */
  sequence?: number;
  /** How many packets waited when the capture began. */
  before: number;
  lostDepartures: number;
}

/** How many packets a gate's capture knows less of. */
export interface CaptureLosses {
  gate: string;
  /** Packets that came in, of which there is no copy. */
  arrivals: number;
  /** Packets that left, of which there is no copy. */
  departures: number;
  /** Packets that came in and never left. */
  dropped: number;
}

const SNAP_LENGTH = 256;
/** What a message of psample has beside the packet, at the most. */
const SAMPLE_ROOM = 512;
/** Groups of psample: one for each gate of each process that looks. */
const FIRST_GROUP = 0x50000000;
const GATES_MAX = 64;
/** The last of this process's groups that a gate was given. */
let lastGroup = 0;

/**
 * The packets of gates, as they come in and as they leave. A tap is in each gate for as long as this is there; what was
 * lost on the way to us is counted. The traffic loses nothing by it.
 */
export class GateCapture implements Disposable {
  readonly #gates: Captured[] = [];
  readonly #generic: GenericSocket;
  readonly #family?: PsampleFamily;
  /** Why packets are not seen as they come in, where they are not. */
  readonly blind?: QueueError;

  /**
   * Begins to capture.
   *
   * @throws {QueueError} `no-gate` where a gate is not there
   * @throws {NetlinkError} where the kernel refuses a socket
   */
  constructor(connection: Connection, { gates, snapLength = SNAP_LENGTH, netns, guardian }: CaptureOptions) {
    if (gates.length > GATES_MAX) {
      throw new RangeError(`${gates.length} gates are too many: at most ${GATES_MAX} at once`);
    }
    namedGates(connection, gates);
    const generic = this.#generic = openGenericSocket({ keep: snapLength + SAMPLE_ROOM, netns });
    try {
      let family = joinPsample(generic);
      for (const name of gates) {
        const ifindex = connection.deviceIndex(gateDevice(name));
        const socket = openPacketSocket(ifindex, { keep: snapLength, netns });
        const group = FIRST_GROUP + Deno.pid * GATES_MAX % 0x10000000 + lastGroup++ % GATES_MAX;
        this.#gates.push({ name, group, socket, queue: new PacketQueue(), before: 0, lostDepartures: 0 });
      }
      for (const gate of this.#gates) {
        gate.tap = openTap(connection, { name: gate.name, group: gate.group, truncBytes: snapLength, guardian });
      }
      // The first tap loads the module
      family ??= joinPsample(generic);
      this.#family = family;
    } catch (error) {
      if (!(error instanceof QueueError && error.code === "no-module")) {
        this[Symbol.dispose]();
        throw error;
      }
      this.blind = error;
    }
  }

  /** Waits until there may be something, for `timeoutMs` at the most. */
  async wait(timeoutMs: number): Promise<void> {
    await waitForAny([this.#generic, ...this.#gates.map(({ socket }) => socket)], timeoutMs);
  }

  /** What has come in and left since the last call: of each gate in its order. */
  take(): PacketEvent[] {
    // Who has left has come in before, so that what came in is read last and taken first
    const departures = this.#gates.map((gate) => ({ gate, packets: this.#departures(gate) }));
    const events = this.#arrivals();
    for (const { gate, packets } of departures) {
      for (const packet of packets) events.push({ event: "out", gate: gate.name, packet: gate.queue.leave(packet) });
    }
    return events;
  }

  /** Those of a gate that wait, of which a copy has come. */
  waiting(name: string): readonly Arrival[] {
    return this.#gates.find((gate) => gate.name === name)?.queue.waiting ?? [];
  }

  /** What was lost of each gate's packets so far. */
  losses(): CaptureLosses[] {
    return this.#gates.map((gate) => {
      gate.lostDepartures += gate.socket.takeLosses();
      const { lostArrivals: arrivals, dropped } = gate.queue;
      return { gate: gate.name, arrivals, departures: gate.lostDepartures, dropped };
    });
  }

  #departures({ socket }: Captured) {
    const packets: { timeNs: bigint; bytes: Uint8Array; length: number }[] = [];
    socket.receive(({ bytes, length, timeNs, packetType }) => {
      if (packetType === PACKET_OUTGOING) packets.push({ bytes: bytes.slice(), length, timeNs });
    });
    return packets;
  }

  #arrivals(): PacketEvent[] {
    const events: PacketEvent[] = [];
    const family = this.#family;
    if (!family) return events;
    this.#generic.receive(({ bytes }) => {
      const sample = readSample(bytes, family);
      const gate = sample && this.#gates.find(({ group }) => group === sample.group);
      if (gate) events.push({ event: "in", gate: gate.name, packet: arrive(gate, sample) });
    });
    return events;
  }

  /** Takes the taps out, and ends the capture. Calling it again does nothing. */
  [Symbol.dispose](): void {
    for (const { tap, socket } of this.#gates.splice(0)) {
      socket[Symbol.dispose]();
      tap?.[Symbol.dispose]();
    }
    this.#generic[Symbol.dispose]();
  }
}

function joinPsample(socket: GenericSocket): PsampleFamily | undefined {
  const family = findPsample(socket);
  if (family) socket.join(family.packets);
  return family;
}

/** A copy that came, with what its number says of those before it. */
function arrive(gate: Captured, { bytes, length, sequence, timeNs = nowNs() }: Sample): Arrival {
  const missing = gate.sequence === undefined ? sequence : sequence - gate.sequence - 1;
  gate.sequence = sequence;
  return gate.queue.arrive({ bytes: bytes.slice(), length, timeNs }, Math.max(0, missing));
}

/** Now, where the kernel does not say when. */
function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** A packet as it was captured. */
export interface CapturedBytes {
  /** When, in nanoseconds since 1970. */
  timeNs: bigint;
  /** Its beginning. */
  bytes: Uint8Array;
  /** How long it was. */
  length: number;
}

/** A packet that came into a gate. */
export interface Arrival extends CapturedBytes {
  /** Its number, from 1 on, lost copies counted. */
  number: number;
}

/** A packet that left a gate. */
export interface Departure extends CapturedBytes {
  /** The packet as it came in; absent where that was before the capture, or its copy was lost. */
  arrival?: Arrival;
}

/** How far the copies of one packet may differ in length and still be compared. */
const COMPARED = 256;

/**
 * What waits in a gate: a plug lets packets go in the order in which they came, so that each that leaves is the first
 * that came and says the same. What came before it and has not left was dropped.
 */
export class PacketQueue {
  readonly #waiting: Arrival[] = [];
  #last = 0;
  /** How many packets came of which no copy did. */
  lostArrivals = 0;
  /** How many packets that came were not let go: what was behind them left first. */
  dropped = 0;

  /** Those that wait, from the one that came first on. */
  get waiting(): readonly Arrival[] {
    return this.#waiting;
  }

  /** Takes a packet that has come in, of which `missing` before it have no copy. */
  arrive(packet: CapturedBytes, missing = 0): Arrival {
    this.lostArrivals += missing;
    this.#last += missing + 1;
    const arrival = { ...packet, number: this.#last };
    this.#waiting.push(arrival);
    return arrival;
  }

  /** Takes a packet that has left. */
  leave(packet: CapturedBytes): Departure {
    const at = this.#waiting.findIndex((arrival) => isSame(arrival, packet));
    if (at < 0) return packet;
    this.dropped += at;
    const [arrival] = this.#waiting.splice(0, at + 1).slice(at);
    return { ...packet, arrival };
  }
}

function isSame(one: CapturedBytes, other: CapturedBytes): boolean {
  if (one.length !== other.length || one.timeNs > other.timeNs) return false;
  const length = Math.min(one.bytes.length, other.bytes.length, COMPARED);
  for (let at = 0; at < length; at++) if (one.bytes[at] !== other.bytes[at]) return false;
  return true;
}
