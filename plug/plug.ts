import { detachAll, type DetachOptions, detachSync, drained, type DrainOptions } from "./drain.ts";
import type { DetachReport } from "./detach_report.ts";
import type { QdiscStats } from "../codec/message.ts";
import { Connection } from "../netlink/connection.ts";
import { attachAll, type AttachOptions } from "./attach.ts";
import { changeQueues } from "./change.ts";
import { type BufferOptions, type LimitOptions, sendChange } from "./send_change.ts";
import { entrustPlug } from "./guarded_plug.ts";
import type { GuardOptions } from "../guardian/entrust.ts";
import { ArmedHold } from "./armed_hold.ts";
import { type CutShort, disturbanceTillNow, type Hold, type HoldDisturbance, type HoldOptions } from "./hold.ts";
import { type PaceOptions, type PaceReport, releasePaced } from "./pace.ts";
import { PlugGroup } from "./plug_group.ts";
import type { QdiscPlace } from "./plug_requests.ts";
import { onQueue, openQueue, type PlugPlace, type Queue } from "./queue.ts";
import { locatePlugs, readPlug } from "./read_plug.ts";
import { isGone } from "./queue_error.ts";
import {
  discardHeld,
  type DiscardReport,
  releaseAndCount,
  type ReleaseOptions,
  type ReleaseReport,
} from "./release.ts";

/** Which connection to use. */
export interface Via {
  /** The network namespace: a name of `ip netns`, a path, or `pid:N`. Default: this process's own. */
  netns?: string;
  /** A connection that is already in the right namespace, instead of one that the plug opens and closes. */
  connection?: Connection;
}

/**
 * A plug in the kernel, which holds the packets that leave a device until it is told to release them.
 *
 * ```ts
 * import { Plug } from "@plugctl/plugctl";
 *
 * function holdDuring(work: () => void) {
 *   using plug = Plug.attach({ dev: "eth0", limitBytes: 1 << 20 });
 *   plug.buffer();
 *   work(); // what is sent now waits
 *   plug.release();
 * }
 * ```
 *
 * At the end of a `using` block a plug that was attached is released, drained and deleted, and one that was
 * opened is released if this object made it hold. While a plug that was attached holds, SIGINT, SIGTERM and
 * SIGHUP release it before they end the process, which leaves it there, passing packets.
 */
export class Plug implements Disposable, AsyncDisposable {
  /** What is worth knowing about how it was attached, or made with its gate, a sentence each. */
  readonly warnings: readonly string[];
  readonly #state: Queue;
  readonly #ownsConnection: boolean;
  readonly #ownsPlug: boolean;
  #closed = false;

  private constructor(
    queue: Queue,
    { ownsConnection = false, ownsPlug = false, warnings = [] }: {
      ownsConnection?: boolean;
      ownsPlug?: boolean;
      warnings?: readonly string[];
    },
  ) {
    this.#state = queue;
    this.#ownsConnection = ownsConnection;
    this.#ownsPlug = ownsPlug;
    this.warnings = warnings;
  }

  /**
   * Creates a plug, which passes packets unless `hold` says otherwise: creation and release go out in one
   * send, so that nothing is held in between.
   *
   * @throws {QueueError} where a qdisc is there that is not the kernel's default, it would lock out, or the
   * kernel refuses
   * @throws {RangeError} where the limit is not from 1 to 2^32 - 1
   */
  static attach(options: AttachOptions & Via): Plug {
    return withConnection(options, (connection, ownsConnection) => {
      const [{ queue, warnings }] = attachAll(connection, [options]);
      queue.releaseOnSignal(() => sendChange([queue], { action: "release-indefinite" }));
      return new Plug(queue, { ownsConnection, ownsPlug: true, warnings });
    });
  }

  /**
   * Creates several plugs in one send over one connection, all or none; see `attach`. No signal releases them.
   *
   * @throws {QueueError} where one of them cannot be created; none is then
   */
  static attachAll(connection: Connection, list: readonly AttachOptions[]): Plug[] {
    return attachAll(connection, list).map(({ queue, warnings }) => new Plug(queue, { ownsPlug: true, warnings }));
  }

  /**
   * Takes over the plug that is at a place, and leaves it there in the end. Only the device is looked up;
   * whether a plug is there, the first thing asked of it tells.
   *
   * A guardian gets it when it is first asked to hold; it releases it, and leaves it there too.
   *
   * @throws {QueueError} `no-device`; with a guardian also `not-attached`
   */
  static open(options: PlugPlace & GuardOptions & Via): Plug {
    return withConnection(options, (connection, ownsConnection) => {
      const queue = openQueue(connection, options);
      if (options.guardian) locatePlugs([queue], (queue) => onQueue(queue, "open"));
      queue.entrustWhenHeld(() => entrustPlug(queue, { ...options, takeAway: false }));
      return new Plug(queue, { ownsConnection });
    });
  }

  /** Takes over a plug of which all is known, and leaves it there in the end. */
  static over(queue: Queue, options: { warnings?: readonly string[] } = {}): Plug {
    return new Plug(queue, options);
  }

  /** Several plugs, of gates too, moved together: one send for all of a connection. */
  static all(plugs: readonly (Plug | { readonly plug: Plug })[]): PlugGroup {
    return new PlugGroup(plugs.map((one) => (one instanceof Plug ? one : one.plug).#queue));
  }

  /** The queue, while it is in use. */
  get #queue(): Queue {
    if (this.#closed) throw new TypeError(`Cannot use the plug on ${this.dev}: it was detached or disposed of`);
    return this.#state;
  }

  /** The device's name. */
  get dev(): string {
    return this.#state.dev;
  }

  /** Where it is, in the kernel's numbers. */
  get place(): Readonly<QdiscPlace> {
    return this.#state.place;
  }

  /** Whether this object last asked it to hold or to pass; the kernel cannot tell what it does. */
  get lastAsked(): "hold" | "pass" | undefined {
    return this.#state.asked;
  }

  /** Whether it holds by the will of this object, and neither its guardian nor others have let that go. */
  get isHolding(): boolean {
    return this.#state.asked === "hold" && !this.#state.isLetGo;
  }

  /** The limit in bytes that this object last asked for; the kernel cannot tell what it is. */
  get limitBytesLastAsked(): number | undefined {
    return this.#state.limitBytesAsked;
  }

  /**
   * For how long at the most its device has sent nothing because the plug was put in or taken out, or, of a gate, because
   * its devices were given a clsact, in milliseconds. The kernel discards what it is given to send meanwhile, and counts it
   * nowhere (seen on 6.1). 0 where no other process could send anything: with one processor, as a rule, below a class, and
   * beside a clsact.
   */
  get gapMs(): number {
    return this.#state.gapMs;
  }

  /**
   * Holds from here on. Called again, it ends the current epoch and begins the next.
   *
   * @throws {QueueError} `would-orphan` where an epoch has ended and is not released yet, `would-lock-out` where
   * the device carries the default route or this SSH session, or where there is no plug
   */
  buffer(options: BufferOptions = {}): void {
    changeQueues([this.#queue], { action: "buffer", ...options });
  }

  /**
   * Holds until the result is disposed of, its `release` is called, `maxMs` is over or this process is dead, whichever
   * comes first: a guardian, a process of its own, sees to that. For that it may hold any device.
   *
   * ```ts
   * import { Plug } from "@plugctl/plugctl";
   *
   * function holdDuring(plug: Plug, work: () => void) {
   *   using _hold = plug.hold({ maxMs: 500 });
   *   work(); // what is sent now waits
   * }
   * ```
   *
   * @throws {RangeError} where `maxMs` is not more than 0, or is more than 24 days
   * @throws {QueueError} where there is no plug
   */
  hold(options?: HoldOptions): Hold {
    return this.arm(options).begin();
  }

  /**
   * Checks and sets up a hold that begins when its `begin` is called, within a fraction of a millisecond; till then packets
   * pass.
   *
   * @throws {QueueError} where it could not begin
   */
  arm(options?: HoldOptions): ArmedHold {
    return new ArmedHold([this.#queue], options);
  }

  /** Releases the epoch that the last `buffer` ended. Again without a `buffer` in between, it releases nothing. */
  releaseOne(): void {
    sendChange([this.#queue], { action: "release-one" });
  }

  /** Releases everything, and passes packets from here on: the kernel's RELEASE_INDEFINITE. */
  release(): void {
    sendChange([this.#queue], { action: "release-indefinite" });
  }

  /** As `release`, `releaseOne` or `releasePackets`, and tells what has left, once that has: up to 100 ms later. */
  async releaseAndCount(options?: ReleaseOptions): Promise<ReleaseReport> {
    const [report] = await releaseAndCount([this.#queue], options);
    return report;
  }

  /**
   * Releases so many of the packets that have waited longest, and goes on holding the rest, which then belong to the epoch
   * that the next `buffer` ends. That takes a gate's plug, and CAP_NET_RAW. A packet that comes in while it is done may
   * be counted too: `releasedPackets` says how many really left. Keeps the process waiting until they have, some
   * milliseconds as a rule.
   *
   * @throws {RangeError} where the number is not from 1 to 2^31 - 1
   * @throws {QueueError} `not-a-gate` where it is a plug on a device
   */
  async releasePackets(packets: number): Promise<ReleaseReport> {
    return await this.releaseAndCount({ packets });
  }

  /**
   * Discards all that it holds, and goes on holding: the packets are gone, as if they had been lost on the way. That takes
   * a gate's plug.
   *
   * @throws {QueueError} `not-a-gate` where it is a plug on a device
   */
  discard(): DiscardReport {
    return discardHeld([this.#queue])[0];
  }

  /**
   * Releases what it holds step by step, `packetsPerSecond` or all within `overMs`, and passes packets from the end on, so
   * that a receiver with a small buffer loses nothing. What comes in meanwhile waits behind; where more comes in than
   * leaves, it leaves at once in the end. That takes a gate's plug; a guardian releases it should this process die.
   *
   * @throws {RangeError} where not exactly one of both is given, or it is out of its range
   * @throws {QueueError} `not-a-gate` where it is a plug on a device
   */
  async releasePaced(options: PaceOptions): Promise<PaceReport> {
    const [report] = await releasePaced([this.#queue], options);
    return report;
  }

  /** The same as `release`, by the kernel's name. */
  releaseIndefinite(): void {
    this.release();
  }

  /**
   * Sets how much it holds, in bytes of packets with their link headers. Below the backlog it keeps what it
   * has and drops what comes.
   *
   * @throws {RangeError} where the limit is not from 1 to 2^32 - 1
   * @throws {QueueError} `would-lock-out` where it is below the MTU of a device that carries the default route or this SSH
   * session, which would drop every packet of full size, held or not
   */
  setLimit(limitBytes: number, options: LimitOptions = {}): void {
    changeQueues([this.#queue], { action: "limit", limitBytes, ...options });
  }

  /** Has its guardian count anew from now on for how long it may hold, where there is one. */
  renew(): void {
    if (this.isHolding) this.#queue.guard?.renew();
  }

  /** Whether a guardian has charge of it. */
  get isGuarded(): boolean {
    return this.#state.guard !== undefined;
  }

  /**
   * Waits until its guardian has released it by itself, or others have disturbed what it held, and tells why; "gone" where
   * the guardian has ended instead, or where it has none, or none any more.
   */
  async whenCutShort(): Promise<CutShort | "gone"> {
    return (await this.#queue.guard?.whenReleased())?.why ?? "gone";
  }

  /** What others have done to it while it held, as its guardian sees it: absent where it has none. */
  get disturbance(): HoldDisturbance | undefined {
    return disturbanceTillNow([this.#state]);
  }

  /** Its counters at this moment. */
  stats(): QdiscStats {
    return readPlug(this.#queue, onQueue(this.#queue, "read")).stats;
  }

  /**
   * Waits until the backlog is 0.
   *
   * @throws {QueueError} `not-drained` where it is not within `timeoutMs`
   */
  drained(options?: DrainOptions): Promise<void> {
    return drained(this.#queue, options);
  }

  /**
   * Releases, waits until the backlog is 0, and deletes the plug; with `drop` it discards what is held instead.
   *
   * @throws {QueueError} `not-drained` where packets have not left within `timeoutMs`; it is then released and
   * still there
   */
  async detach(options?: DetachOptions): Promise<DetachReport> {
    try {
      const [report] = await detachAll([this.#queue], options);
      this.#close();
      return report;
    } catch (error) {
      // Nothing is left to be done with what is not there any more.
      if (this.#ownsPlug && isGone(error)) this.#close();
      throw error;
    }
  }

  /** Ends the use of it, at the end of a `using` block. Keeps the process waiting while packets leave. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    try {
      if (this.#ownsPlug) detachSync(this.#queue);
      else this.#releaseOwnHold();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.#close();
    }
  }

  /** Ends the use of it, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#ownsPlug) await detachAll([this.#queue]);
      else this.#releaseOwnHold();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.#close();
    }
  }

  #releaseOwnHold(): void {
    if (this.isHolding) this.release();
  }

  #close(): void {
    this.#closed = true;
    this.#state.end();
    if (this.#ownsConnection) this.#state.connection[Symbol.dispose]();
  }
}

/** Makes something with the connection given, or with one of its own, which is closed where that fails. */
export function withConnection<T>(via: Via, make: (connection: Connection, ownsConnection: boolean) => T): T {
  if (via.connection) return make(via.connection, false);
  const connection = Connection.open({ netns: via.netns });
  try {
    return make(connection, true);
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}
