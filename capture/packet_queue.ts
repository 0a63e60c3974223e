/** A packet as it was captured. */
export interface CapturedBytes {
  /** When, in nanoseconds since 1970. */
  timeNs: bigint;
  /** Its beginning, with the tags of its VLANs as far as they are known. */
  bytes: Uint8Array;
  /** How long it was. */
  length: number;
}

/** A packet as the kernel gives it. */
export interface Copy extends CapturedBytes {
  /** The outermost VLAN tag where the kernel keeps it beside the bytes: ether type and 16 bits; 0 or absent for none known. */
  tag?: number;
}

/** A packet that came in. */
export interface Arrival extends CapturedBytes {
  /** Its number, from 1 on: those that waited before the capture, and those without a copy, are counted. */
  number: number;
  /** In which epoch it came, where that is asked for and known; 0 where the plug passed packets. */
  epoch?: number;
}

/** A packet that left. */
export interface Departure extends CapturedBytes {
  /** The packet as it came in; absent where that was before the capture, or its copy was lost. */
  arrival?: Arrival;
  /** Its number; absent where that is not known. */
  number?: number;
  /** Where it was not seen to come in: since when it has been there at the latest. */
  sinceNs?: bigint;
}

/** A packet that waits, or several of which no more is known than how many they are. */
export interface Waiting {
  /** The number of the first. */
  number: number;
  count: number;
  /** The packet; absent where it was not seen to come in. */
  arrival?: Arrival;
  /** Since when it has been there, or they have at the latest. */
  sinceNs: bigint;
}

interface Entry extends Waiting {
  /** Its place among all that ever were in the queue. */
  at: number;
  /** The copy as it came, to be compared. */
  copy?: CapturedBytes;
  sign?: number;
  /** Whether they are known to have been in the queue: those of which no copy came may have been dropped. */
  isCertain: boolean;
}

/** How much of two copies of a packet is compared. */
const COMPARED = 256;
/** How much of it makes the sign by which it is looked for. */
const SIGNED = 96;
const TAG_AT = 12;
/** So many that have left are kept until they are cleared away. */
const CLEARED = 1024;

/**
 * What waits in a queue. A plug lets packets go in the order in which they came, so that each that leaves is the first
 * that came and says the same, or one of those that were only counted. What came before it and has not left was dropped,
 * but in a queue of two ranks, where it may wait for its turn.
 */
export class PacketQueue {
  readonly #isRanked: boolean;
  #entries: Entry[] = [];
  /** Where in the entries the first is that waits, and its place among all. */
  #head = 0;
  #next = 0;
  /** By their sign, in their order: one as a rule. */
  readonly #bySign = new Map<number, Entry | Entry[]>();
  #last = 0;
  /** How many packets came of which no copy did. */
  lostArrivals = 0;
  /** How many packets that came were not seen to leave: what was behind them left first. */
  skipped = 0;
  /** Whether every packet that left was seen: only then is one that was counted known by its turn. */
  isExact = true;

  constructor({ isRanked = false }: { isRanked?: boolean } = {}) {
    this.#isRanked = isRanked;
  }

  /** All that wait, from the one that came first on. */
  get queued(): readonly Waiting[] {
    return this.#entries.slice(this.#head);
  }

  /** Those that wait of which there is a copy, from the one that came first on. */
  get waiting(): Arrival[] {
    return this.queued.flatMap(({ arrival }) => arrival ?? []);
  }

  /** How many wait. */
  get size(): number {
    return this.queued.reduce((sum, { count }) => sum + count, 0);
  }

  /** Takes that so many wait that were not seen to come in, behind all others. */
  count(count: number, sinceNs: bigint): void {
    this.#add({ count, sinceNs, isCertain: true });
  }

  /** Takes a packet that has come in, before which `missing` came without a copy. */
  arrive(copy: Copy, missing = 0): Arrival {
    this.lostArrivals += missing;
    this.#add({ count: missing, sinceNs: copy.timeNs, isCertain: false });
    const arrival = { ...withTag(copy), number: this.#last + 1 };
    const sign = signOf(copy);
    const entry = this.#add({ count: 1, sinceNs: copy.timeNs, isCertain: true, arrival, copy, sign });
    const others = this.#bySign.get(sign);
    if (others === undefined) this.#bySign.set(sign, entry);
    else if (Array.isArray(others)) others.push(entry);
    else this.#bySign.set(sign, [others, entry]);
    return arrival;
  }

  /** Takes a packet that has left. */
  leave(copy: Copy): Departure {
    const first = this.#entries.at(this.#head);
    const isCounted = first !== undefined && !first.arrival;
    if (!isCounted || !first.isCertain || !this.isExact || this.#isRanked) {
      const found = this.#find(copy);
      if (found) return this.#leaveAs(found, copy);
    }
    if (!isCounted) return withTag(copy);
    const { number, sinceNs } = first;
    first.number++;
    if (--first.count === 0) this.#removeFirst();
    return { ...withTag(copy), number, sinceNs };
  }

  /** Takes that so many left unseen: of those that are counted only, the first ones. */
  forget(count: number): void {
    this.isExact = false;
    for (let left = count; left > 0;) {
      const first = this.#entries.at(this.#head);
      if (!first || first.arrival) return;
      const gone = Math.min(left, first.count);
      left -= gone;
      first.number += gone;
      first.count -= gone;
      if (first.count === 0) this.#removeFirst();
    }
  }

  /** Takes that so many of those that have waited longest are gone without having left. */
  discard(count: number): void {
    for (let left = count; left > 0;) {
      const first = this.#entries.at(this.#head);
      if (!first) return;
      const gone = Math.min(left, first.count);
      left -= gone;
      first.number += gone;
      first.count -= gone;
      if (first.count === 0) this.#removeFirst();
    }
  }

  #find(copy: Copy): Entry | undefined {
    const found = this.#bySign.get(signOf(copy));
    if (Array.isArray(found)) return found.find((entry) => isSame(entry.copy!, copy));
    return found && isSame(found.copy!, copy) ? found : undefined;
  }

  #leaveAs(entry: Entry, copy: Copy): Departure {
    if (this.#isRanked) this.#bringForward(entry);
    while (this.#entries[this.#head].at < entry.at) {
      if (this.#entries[this.#head].arrival) this.skipped++;
      this.#removeFirst();
    }
    this.#removeFirst();
    const known = entry.arrival!;
    const arrival = copy.tag ? { ...known, ...withTag({ ...entry.copy!, tag: copy.tag }) } : known;
    return { ...withTag(copy), number: arrival.number, arrival };
  }

  /** Has it stand before all that wait: they did not leave, and wait still. */
  #bringForward(entry: Entry): void {
    const index = this.#entries.indexOf(entry, this.#head);
    if (index > this.#head) this.#entries.splice(this.#head, 0, ...this.#entries.splice(index, 1));
  }

  #add(entry: Omit<Entry, "number" | "at">): Entry {
    const added = { ...entry, number: this.#last + 1, at: this.#next };
    if (entry.count === 0) return added;
    this.#next++;
    this.#last += entry.count;
    this.#entries.push(added);
    return added;
  }

  #removeFirst(): void {
    const { sign } = this.#entries[this.#head++];
    if (sign !== undefined) {
      const same = this.#bySign.get(sign);
      if (!Array.isArray(same) || same.length === 1) this.#bySign.delete(sign);
      else same.shift();
    }
    if (this.#head < CLEARED || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

/** How large the pieces are in which the bytes of packets are kept. */
const PIECE_LEN = 1 << 16;

/** Keeps the bytes of packets, many in one piece: a buffer for each would take longer than all the rest. */
export class PacketStore {
  #piece = new Uint8Array(PIECE_LEN);
  #used = 0;

  /** Returns a copy of the bytes. */
  keep(bytes: Uint8Array): Uint8Array {
    if (bytes.length > PIECE_LEN / 4) return bytes.slice();
    if (this.#used + bytes.length > PIECE_LEN) {
      this.#piece = new Uint8Array(PIECE_LEN);
      this.#used = 0;
    }
    const kept = this.#piece.subarray(this.#used, this.#used + bytes.length);
    kept.set(bytes);
    this.#used += bytes.length;
    return kept;
  }
}

/** A packet with the tag that the kernel keeps beside it put back where it was sent: behind the addresses. */
export function withTag({ tag, timeNs, bytes, length }: Copy): CapturedBytes {
  if (!tag || bytes.length < TAG_AT) return { timeNs, bytes, length };
  const tagged = new Uint8Array(bytes.length + 4);
  tagged.set(bytes.subarray(0, TAG_AT));
  new DataView(tagged.buffer).setUint32(TAG_AT, tag);
  tagged.set(bytes.subarray(TAG_AT), TAG_AT + 4);
  return { timeNs, bytes: tagged, length: length + 4 };
}

function signOf({ bytes, length }: CapturedBytes): number {
  let sign = length;
  const end = Math.min(bytes.length, SIGNED);
  for (let at = 0; at < end; at++) sign = Math.imul(sign ^ bytes[at], 0x01000193);
  return sign;
}

function isSame(one: CapturedBytes, other: CapturedBytes): boolean {
  if (one.length !== other.length || one.timeNs > other.timeNs) return false;
  const length = Math.min(one.bytes.length, other.bytes.length, COMPARED);
  for (let at = 0; at < length; at++) if (one.bytes[at] !== other.bytes[at]) return false;
  return true;
}
