import { RTM_GETLINK } from "../codec/assembly/constants.ts";
import { formatHandle, formatParent, TC_H_ROOT } from "../codec/handle.ts";
import type { Request } from "../codec/request.ts";
import type { Hook } from "../guardian/watch.ts";
import type { QueueGuard } from "../guardian/entrust.ts";
import { inTurn, markOfGate, markOfPlug, otherGuardian } from "../guardian/mark.ts";
import { beforeSignalEnds } from "../linux/ending_signals.ts";
import { type AnyOperation, ENODEV, Operation } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import type { PlugAction, QdiscPlace } from "./plug_requests.ts";
import type { Numbering } from "./filler.ts";
import type { HookLooks } from "./filter.ts";
import type { Held } from "./flow.ts";
import { findDevice } from "./qdiscs.ts";
import { QueueError } from "./queue_error.ts";

/** Where a plug is. */
export interface PlugPlace {
  /** The device's name. */
  dev: string;
  /** Where it hangs: `TC_H_ROOT`, the default, or a class of the qdisc above it (`parseParent`). */
  parent?: number;
  /** Its handle (`parseHandle`). To attach, the handle to give; to open, which handle must be there. */
  handle?: number;
}

/** What is known of the gate that a queue belongs to. */
export interface GateMark {
  readonly name: string;
  /** What it is called in messages. Default: `gate NAME`. */
  readonly label?: string;
  /** The devices whose packets it sees, by their index, and by which they go on. */
  readonly devices: readonly number[];
  /** What it holds of each of them. */
  readonly held: Held;
  /** Refuses to hold where packets do not reach it any more. */
  refuseBroken?(operation: AnyOperation): void;
  /** The filters that others have put behind it, and that its packets bypass, as tc names them. */
  bypassed?(operation: AnyOperation, looks?: HookLooks): string[];
  /** Whether its maker allowed that when it was made. */
  readonly mayBypass?: boolean;
  /** Where its filters hang; absent where nothing is known of them. */
  readonly hook?: Hook;
  /** How it releases packets by number; absent where it cannot. */
  readonly numbering?: Numbering<Queue>;
  /** What notes a new limit where the gate keeps what the kernel cannot tell; absent where it keeps nothing. */
  limitRequest?(limitBytes: number): Request;
}

/** What is known of a plug at first. */
export interface QueueOptions {
  dev: string;
  place: Readonly<QdiscPlace>;
  connection: Connection;
  /** Whether the place names the plug for certain: by the handle that it was seen with. */
  located?: boolean;
  asked?: "hold" | "pass";
  limitBytesAsked?: number;
  gate?: GateMark;
}

/** A plug as one process knows it: where it is, and what was last asked of it, which the kernel cannot tell. */
export class Queue {
  readonly dev: string;
  readonly connection: Connection;
  /** The gate that it belongs to, where it does. */
  readonly gate?: GateMark;
  #place: Readonly<QdiscPlace>;
  #located: boolean;
  #asked?: "hold" | "pass";
  #endedEpoch?: boolean;
  /** The number of the request by which it was asked to hold last. */
  #since?: number;
  #limitBytesAsked?: number;
  #gapMs = 0;
  #guard?: QueueGuard;
  /** Gives it into a guardian's charge. */
  #appoint?: () => QueueGuard | undefined;
  #isForfeited = false;
  /** What a signal that ends the process does first, and what waits for one while it holds. */
  #releaseOnSignal?: () => void;
  #watch?: Disposable;

  constructor({ dev, place, connection, located = false, asked, limitBytesAsked, gate }: QueueOptions) {
    this.dev = dev;
    this.connection = connection;
    this.gate = gate;
    this.#place = place;
    this.#located = located;
    this.#asked = asked;
    // What this process has just made has no epoch that could have ended.
    this.#endedEpoch = asked === undefined ? undefined : false;
    this.#limitBytesAsked = limitBytesAsked;
  }

  get place(): Readonly<QdiscPlace> {
    return this.#place;
  }

  /** Whether the place names the plug for certain: by the handle that it was seen with. */
  get located(): boolean {
    return this.#located;
  }

  /** Whether it was last asked to hold or to pass; absent where this process has asked neither. */
  get asked(): "hold" | "pass" | undefined {
    return this.#asked;
  }

  /** Whether an epoch has ended that is not released yet; absent where this process cannot know. */
  get endedEpoch(): boolean | undefined {
    return this.#endedEpoch;
  }

  /** The limit that was last asked for. */
  get limitBytesAsked(): number | undefined {
    return this.#limitBytesAsked;
  }

  /** The line to its guardian, where it has one. */
  get guard(): QueueGuard | undefined {
    return this.#guard;
  }

  /** By what others know that a guardian has charge of it. */
  get marks(): string[] {
    const own = markOfPlug(this.#place);
    return this.gate ? [own, markOfGate(this.gate.name)] : [own];
  }

  /**
   * Refuses what would undo a hold that goes on.
   *
   * @throws {QueueError} `held` where a process has it in hand, for which a guardian stands
   */
  refuseHeld(operation: AnyOperation, { except }: { except?: number } = {}): void {
    const guard = otherGuardian(this, [this.#guard?.pid, except]);
    if (!guard) return;
    const who = guard.holder === Deno.pid ? "this process holds it already" : "another process is using it";
    throw new QueueError("held", operation, { reason: `${who}, with process ${guard.pid} as its guardian` });
  }

  /** For how long at the most its device has discarded what it was given to send, in milliseconds. */
  get gapMs(): number {
    return this.#gapMs;
  }

  /** It was put in or taken out, which took so long. */
  noteGap(ms: number): void {
    this.#gapMs += ms;
  }

  /** The plug was seen at this place. */
  locate({ ifindex, parent, handle }: QdiscPlace): void {
    this.#place = { ifindex, parent, handle };
    this.#located = true;
  }

  /** The kernel has done what was asked, by the request of this number. */
  note(action: PlugAction, { limitBytes, sequence = 0 }: { limitBytes?: number; sequence?: number } = {}): void {
    switch (action) {
      case "buffer":
        // The first buffer after a release ends nothing; the next ends the epoch that this one began.
        if (this.#asked === "hold") this.#endedEpoch = true;
        else this.#guard?.holdsSince(sequence);
        this.#asked = "hold";
        this.#since = sequence;
        this.#heedSignals();
        return;
      case "release-one":
        this.#endedEpoch = false;
        return;
      case "release-indefinite":
        this.#endedEpoch = false;
        this.#asked = "pass";
        this.#heedNoSignals();
        return;
      case "limit":
        this.#limitBytesAsked = limitBytes;
        return;
      default:
        action satisfies never;
    }
  }

  /** While it holds, has a signal that ends the process release it first. */
  releaseOnSignal(release: () => void): void {
    this.#releaseOnSignal = release;
    if (this.#asked === "hold") this.#heedSignals();
  }

  /** A guardian has charge of it from now on. */
  entrust(guard: QueueGuard | undefined): void {
    this.#guard = guard;
  }

  /** A guardian gets it once it is asked to hold: by then others are told that it is in use, and not while it is looked at. */
  entrustWhenHeld(appoint: () => QueueGuard | undefined): void {
    this.#appoint = appoint;
  }

  /** It is about to be asked to hold. */
  appointGuard(): void {
    this.#guard ??= this.#appoint?.();
  }

  /** Whether its guardian, or others, have let go all that it held since it was last asked to hold: what it holds now is theirs. */
  get isLetGo(): boolean {
    const released = this.#guard?.released();
    // What was let go before it was last asked to hold leaves what it holds since then
    if (!released || released.since !== this.#since) return false;
    return released.why === "disturbed" ? released.disturbance?.isWhole === true : released.failure === undefined;
  }

  /** Its guardian has nothing to do with it any more. */
  dismissGuard(): void {
    this.#guard?.drop();
    this.#guard = undefined;
  }

  /** Whether the plug is gone for good, so that what is in its place, though it looks the same, is somebody else's. */
  get isForfeited(): boolean {
    return this.#isForfeited;
  }

  /** The plug was seen to be deleted. */
  forfeit(): void {
    this.#isForfeited = true;
  }

  /** It is taken away, or this process is done with it. */
  end(): void {
    this.#heedNoSignals();
    this.dismissGuard();
  }

  /** Whether it is a gate's, and a device that the gate is on is not there any more: packets go on by that. */
  hasLostDevice(): boolean {
    if (!this.gate) return false;
    const answers = this.connection.transact(this.gate.devices.map((ifindex) => ({ type: RTM_GETLINK, ifindex })));
    return answers.some(({ errno }) => errno === ENODEV);
  }

  /**
   * Reports that what a gate has released is lost, or a part of it.
   *
   * @throws {QueueError} `vanished` where a device that the gate is on is not there any more
   */
  refuseLostDevice(): void {
    if (!this.hasLostDevice()) return;
    throw new QueueError("vanished", onQueue(this, "release"), {
      reason: "a device that it is on is gone, and what it held of that is lost",
    });
  }

  #heedSignals(): void {
    if (this.#releaseOnSignal) this.#watch ??= beforeSignalEnds(this.#releaseOnSignal);
  }

  #heedNoSignals(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }
}

/** Something that is done to a queue: `buffer` makes `buffer eth0 (root)`. */
export function onQueue(queue: Queue, verb: string): Operation {
  const { dev, gate } = queue;
  return new Operation(`${verb} ${nameQueue(queue)}`, gate ? { gate: gate.name } : { dev });
}

/** Something that is done to a gate: `add` makes `add gate web`. */
export function onGate(gate: string, verb: string): Operation {
  return new Operation(`${verb} gate ${gate}`, { gate });
}

/** A queue in words: `gate web`, or its place. */
export function nameQueue({ dev, place, gate }: Queue): string {
  return gate ? gate.label ?? `gate ${gate.name}` : describeQueue(dev, place);
}

/** A place on a device that was found, by its index. */
export interface FoundPlace extends PlugPlace {
  ifindex?: number;
}

/**
 * The queue at a place. Only the device is looked up; whether a plug is there, the first thing asked of it tells.
 *
 * @throws {QueueError} `no-device`
 */
export function openQueue(
  connection: Connection,
  { dev, handle = 0, parent = handle === 0 ? TC_H_ROOT : 0, ifindex = findDevice(connection, dev) }: FoundPlace,
): Queue {
  return new Queue({ dev, place: { ifindex, parent, handle }, connection });
}

/** A place in words: `eth0 (root)`, `eth0 (parent 1:4)`, `eth0 (handle 40:)`. */
export function describeQueue(dev: string, { parent, handle }: { parent: number; handle: number }): string {
  if (parent === 0) return `${dev} (handle ${formatHandle(handle)})`;
  return parent === TC_H_ROOT ? `${dev} (root)` : `${dev} (parent ${formatParent(parent)})`;
}

/** Queues by the connection that leads to them. */
export function byConnection(queues: readonly Queue[]): Map<Connection, Queue[]> {
  return Map.groupBy(queues, (queue) => queue.connection);
}

/** Does something to queues that must not meet another plugctl in the middle. */
export function inTurns<T>(queues: readonly Queue[], work: () => T): T {
  const connections = [...byConnection(queues).keys()];
  return connections.reduceRight((inner, connection) => () => inTurn(connection, inner), work)();
}
