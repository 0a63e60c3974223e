import type { DetachOptions, DrainOptions } from "../plug/drain.ts";
import type { DetachReport } from "../plug/detach_report.ts";
import type { AnyOperation } from "../linux/netlink_error.ts";
import type { QdiscStats } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { type BufferOptions, type LimitOptions, sendChange } from "../plug/send_change.ts";
import { entrustGate } from "./guarded_gate.ts";
import type { GuardOptions, QueueGuard } from "../guardian/entrust.ts";
import { inTurn } from "../guardian/mark.ts";
import type { ArmedHold } from "../plug/armed_hold.ts";
import type { Hold, HoldOptions } from "../plug/hold.ts";
import { FIRST_HANDLE, RANKED_HANDLE } from "../plug/plug_requests.ts";
import { warnOfLimit } from "../plug/qdiscs.ts";
import type { PaceOptions, PaceReport } from "../plug/pace.ts";
import { Plug, type Via, withConnection } from "../plug/plug.ts";
import { onGate, type Queue } from "../plug/queue.ts";
import { isGone, QueueError } from "../plug/queue_error.ts";
import type { DiscardReport, ReleaseReport } from "../plug/release.ts";
import { takeDown, takeDownInTurn } from "./close_gate.ts";
import { type GateOptions, type GatePlan, planGate } from "./gate_plan.ts";
import { formatNote } from "../plug/gate_device.ts";
import { type GateState, type ListedGate, readGates } from "./gate_state.ts";
import { gateQueue, hookOfGate, namedGates } from "./named_gates.ts";
import { type Opened, openGate } from "./open_gate.ts";

/**
 * A gate: it holds only the packets meant, in either direction, and nothing else on the device. What it consists of
 * stays in the kernel: an ifb device named for it with a plug, and filters that send what they match through that.
 *
 * ```ts ignore
 * import { Gate } from "@plugctl/plugctl";
 *
 * using gate = Gate.open({ dev: "lo", direction: "egress", match: "tcp dst port 8000 flags syn" });
 * gate.buffer();
 * // who connects to port 8000 now waits
 * gate.release();
 * ```
 *
 * At the end of a `using` block a gate that was made is taken down without losing a packet, and one that was there
 * already is released if this object made it hold.
 */
export class Gate implements Disposable, AsyncDisposable {
  /** Its name. */
  readonly name: string;
  /** The plug that holds its packets; `Plug.all` takes gates too. */
  readonly plug: Plug;
  /** Whether this object made it; otherwise it was there already. */
  readonly made: boolean;
  readonly #queue: Queue;
  readonly #ownsConnection: boolean;
  #closed = false;

  private constructor(
    queue: Queue,
    { name, made, ownsConnection, warnings }: {
      name: string;
      made: boolean;
      ownsConnection: boolean;
      warnings?: readonly string[];
    },
  ) {
    this.name = name;
    this.plug = Plug.over(queue, { warnings });
    this.made = made;
    this.#queue = queue;
    this.#ownsConnection = ownsConnection;
  }

  /**
   * Makes a gate, which passes packets unless `hold` says otherwise. Where the same gate is there already it is
   * taken over, and nothing changes. A step that fails undoes those before it. A signal that ends the process
   * releases it first.
   *
   * @throws {MatchError} where an expression cannot be understood; nothing has been touched
   * @throws {RangeError} where an option is out of its range; nothing has been touched
   * @throws {QueueError} where another gate has the name, something is in the way, or the kernel refuses a step
   */
  static open(options: GateOptions & GuardOptions & Via): Gate {
    const plan = planGate(options);
    return withConnection(options, (connection, ownsConnection) => {
      const { name } = plan;
      const { guard, ifindex, note, made, warnings, gapMs } = openGuarded(connection, { plan, options });
      const asked = made ? plan.hold ? "hold" : "pass" : undefined;
      const queue = gateQueue(connection, {
        name,
        ifindex,
        alias: formatNote(note).alias,
        asked,
        mayBypass: plan.force,
        label: options.label,
        isNumbered: !made,
      });
      queue.noteGap(gapMs);
      queue.entrust(guard);
      queue.releaseOnSignal(() => sendChange([queue], { action: "release-indefinite" }));
      const { limitBytes } = plan;
      const warning = made
        ? limitBytes === undefined ? undefined : warnOfLimit(connection, { ifindex, limitBytes })
        : plan.hold
        ? `gate ${name} is there already, and goes on as it was: buffer it to hold`
        : undefined;
      return new Gate(queue, {
        name,
        made,
        ownsConnection,
        warnings: [...warnings, ...warning === undefined ? [] : [warning]],
      });
    });
  }

  /**
   * Takes over gates that are there, by their names, and leaves them there in the end. A guardian, which gets each when it
   * is first asked to hold, does the same.
   *
   * @throws {QueueError} `no-gate` where there is none of a name
   */
  static named(connection: Connection, names: readonly string[], options: GuardOptions = {}): Gate[] {
    return namedGates(connection, names).map((queue, index) => {
      const name = names[index];
      const { place: { ifindex, handle }, gate } = queue;
      const charge = { ...options, name, ifindex, handle, hook: gate?.hook, takeAway: false };
      queue.entrustWhenHeld(() => entrustGate(connection, charge));
      return new Gate(queue, { name, made: false, ownsConnection: false });
    });
  }

  /** Holds what it matches from here on; see `Plug.buffer`. */
  buffer(options: BufferOptions = {}): void {
    this.plug.buffer(options);
  }

  /** Holds what it matches for a time; see `Plug.hold`. */
  hold(options?: HoldOptions): Hold {
    return this.plug.hold(options);
  }

  /** Checks and sets up a hold that begins later; see `Plug.arm`. */
  arm(options?: HoldOptions): ArmedHold {
    return this.plug.arm(options);
  }

  /** Releases the epoch that the last `buffer` ended. */
  releaseOne(): void {
    this.plug.releaseOne();
  }

  /** Releases everything, and passes packets from here on: the kernel's RELEASE_INDEFINITE. */
  release(): void {
    this.plug.release();
  }

  /**
   * Releases so many of the packets that have waited longest, and goes on holding the rest; see `Plug.releasePackets`.
   *
   * ```ts ignore
   * const { releasedPackets, waitingPackets } = await gate.releasePackets(3);
   * ```
   */
  releasePackets(packets: number): Promise<ReleaseReport> {
    return this.plug.releasePackets(packets);
  }

  /** Discards all that it holds, and goes on holding; see `Plug.discard`. */
  discard(): DiscardReport {
    return this.plug.discard();
  }

  /**
   * Releases what it holds step by step; see `Plug.releasePaced`.
   *
   * ```ts ignore
   * await gate.releasePaced({ overMs: 2000 });
   * ```
   */
  releasePaced(options: PaceOptions): Promise<PaceReport> {
    return this.plug.releasePaced(options);
  }

  /** The same as `release`, by the kernel's name. */
  releaseIndefinite(): void {
    this.release();
  }

  /**
   * Sets how much it holds, in bytes of packets with their link headers, and notes it for other processes.
   *
   * @throws {RangeError} where the limit is not from 1 to 2^32 - 1
   */
  setLimit(limitBytes: number, options?: LimitOptions): void {
    this.plug.setLimit(limitBytes, options);
  }

  /**
   * Reports what a release cannot: packets go on by the device that they came from, and are lost without it.
   *
   * @throws {QueueError} `vanished` where a device that it is on is not there any more
   */
  assertDevices(): void {
    this.#queue.refuseLostDevice();
  }

  /** The counters of its plug at this moment. */
  stats(): QdiscStats {
    return this.plug.stats();
  }

  /** Waits until it holds nothing; see `Plug.drained`. */
  drained(options?: DrainOptions): Promise<void> {
    return this.plug.drained(options);
  }

  /** What the machine has of it at this moment. */
  read(): ListedGate {
    return this.#state(onGate(this.name, "read")).listed;
  }

  /**
   * Takes it down: the filters, then what it holds is released and has left, then its device. With `drop` what it
   * holds is discarded instead.
   *
   * @throws {QueueError} `not-drained` where packets have not left within `timeoutMs`: it is then released, without
   * filters, and can be taken down again
   */
  async close(options: DetachOptions = {}): Promise<DetachReport> {
    this.#queue.guard?.unwatch();
    try {
      const report = await takeDown(this.#queue.connection, { ...this.#takeDown, ...options });
      this.#close();
      return report;
    } catch (error) {
      // Nothing is left to be done with what is not there any more.
      if (this.made && isGone(error)) this.#close();
      else if (this.#queue.asked === "hold") this.#queue.guard?.watch();
      throw error;
    }
  }

  /** Ends the use of it, at the end of a `using` block. Keeps the process waiting while packets leave. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    const { connection, guard } = this.#queue;
    guard?.unwatch();
    try {
      if (this.made) inTurn(connection, () => takeDownInTurn(connection, this.#takeDown));
      else if (this.plug.isHolding) this.release();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.#close();
    }
  }

  /** Ends the use of it, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed || !this.made) return this[Symbol.dispose]();
    try {
      await this.close();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.#close();
    }
  }

  #state(operation: AnyOperation): GateState {
    const state = readGates(this.#queue.connection, operation).gates.find(({ listed }) => listed.name === this.name);
    if (state) return state;
    throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  }

  get #takeDown() {
    const { place: { ifindex }, guard, gate } = this.#queue;
    return { ifindex, operation: onGate(this.name, "delete"), hook: gate?.hook, except: guard?.pid };
  }

  #close(): void {
    this.#closed = true;
    this.#queue.end();
    if (this.#ownsConnection) this.#queue.connection[Symbol.dispose]();
  }
}

/** Makes a gate that is in a guardian's charge before any of it is there. */
function openGuarded(
  connection: Connection,
  { plan, options }: { plan: GatePlan; options: GuardOptions },
): Opened & { guard?: QueueGuard } {
  const { name } = plan;
  let guard: QueueGuard | undefined;
  options.guardian?.greet();
  try {
    const opened = openGate(connection, plan, () => {
      guard = entrustGate(connection, { ...options, name, takeAway: true });
      if (plan.hold) guard?.arm();
    });
    // From now on the guardian knows it from another of the same name.
    const { ifindex, note, made } = opened;
    const hook = hookOfGate(note);
    const handle = note.firstFilters ? RANKED_HANDLE : FIRST_HANDLE;
    const known = entrustGate(connection, { ...options, name, ifindex, handle, hook, takeAway: made });
    if (plan.hold && made) {
      known?.arm();
      known?.watch();
    }
    guard?.drop();
    return { ...opened, guard: known };
  } catch (error) {
    guard?.drop();
    throw error;
  }
}
