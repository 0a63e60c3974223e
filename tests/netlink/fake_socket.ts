import { CHUNK_MAX, receiveRegion, sendRegion, SLOT_LEN } from "../../codec/mod.ts";
import { EAGAIN, ENODEV, EPERM } from "../../linux/netlink_error.ts";
import type { Socket } from "../../linux/socket.ts";

/** What one receive meets: a datagram, or a negative errno, once. `-EAGAIN` is an answer that is not there yet. */
export type Arrival = Uint8Array | number;

/** What a fake socket will answer. What is not scripted goes well: it sends, and waits until there is something. */
export interface Script {
  /** What the kernel answers to what was sent, in addition to `arrivals`; whether listeners were to hear it, too. */
  answer?: (sent: Uint8Array, overheard: boolean) => readonly Arrival[];
  /** What is to be received in any case, in this order. */
  arrivals?: readonly Arrival[];
  /** What the first sends return: a negative errno, and nothing was sent. */
  sends?: readonly number[];
  /** Whether the first waits end early, by a signal or because something has come; else they take their whole time. */
  waits?: readonly boolean[];
  /** A file descriptor of the network namespace that it is in, or why there is none. Default: no permission. */
  namespace?: () => number;
  /** Its number among the sockets. Default: 0. */
  port?: number;
  /** Devices by their names. */
  devices?: Readonly<Record<string, number>>;
}

/** A `Socket` that follows a script, and records what is done with it. Its clock stands still but in `wait`. */
export class FakeSocket implements Socket {
  /** Each datagram that was sent. */
  readonly sent: Uint8Array[] = [];
  /** How long each wait was to take at most, in milliseconds. */
  readonly waited: number[] = [];
  /** How many datagrams each call of `receiveSlots` returned, where it returned some. */
  readonly batches: number[] = [];
  /** How often it was closed. */
  closed = 0;
  /** Milliseconds. */
  clock = 0;
  readonly port: number;
  readonly #answer: (sent: Uint8Array, overheard: boolean) => readonly Arrival[];
  readonly #arrivals: Arrival[];
  readonly #sends: number[];
  readonly #waits: boolean[];
  readonly #devices: Readonly<Record<string, number>>;

  readonly #namespace: () => number;

  constructor(
    { answer = () => [], arrivals = [], sends = [], waits = [], devices = {}, namespace = () => -EPERM, port = 0 }:
      Script = {},
  ) {
    this.port = port;
    this.#namespace = namespace;
    this.#answer = answer;
    this.#arrivals = [...arrivals];
    this.#sends = [...sends];
    this.#waits = [...waits];
    this.#devices = devices;
  }

  /** How many arrivals have not been received. */
  get left(): number {
    return this.#arrivals.length;
  }

  send(length: number, overheard = false): number {
    const failed = this.#sends.shift();
    if (failed !== undefined) return failed;
    const sent = sendRegion.slice(0, length);
    this.sent.push(sent);
    this.#arrivals.push(...this.#answer(sent, overheard));
    return length;
  }

  receive(): number {
    const arrival = this.#arrivals.shift() ?? -EAGAIN;
    return typeof arrival === "number" ? arrival : put(arrival, { at: 0, room: CHUNK_MAX });
  }

  receiveSlots(lengths: Uint32Array): number {
    if (typeof this.#arrivals[0] !== "object") return this.receive();
    let count = 0;
    // As recvmmsg does: an error behind a datagram waits for the next call.
    while (count < lengths.length && typeof this.#arrivals[0] === "object") {
      const datagram = this.#arrivals.shift() as Uint8Array;
      lengths[count] = put(datagram, { at: count * SLOT_LEN, room: SLOT_LEN });
      count++;
    }
    this.batches.push(count);
    return count;
  }

  wait(timeoutMs: number): boolean {
    this.waited.push(timeoutMs);
    const endsEarly = this.#waits.shift() ?? this.#arrivals.length > 0;
    this.clock += endsEarly ? 1 : timeoutMs;
    return endsEarly;
  }

  openNamespace(): number {
    return this.#namespace();
  }

  deviceIndex(name: string): number {
    return this.#devices[name] ?? -ENODEV;
  }

  [Symbol.dispose](): void {
    this.closed++;
  }
}

/** Copies what there is room for, and returns the whole length, as MSG_TRUNC does. */
function put(datagram: Uint8Array, { at, room }: { at: number; room: number }): number {
  receiveRegion.set(datagram.subarray(0, room), at);
  return datagram.length;
}
