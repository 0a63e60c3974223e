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
