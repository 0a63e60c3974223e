import type { QdiscStats } from "../codec/message.ts";
import type { AnyGuardian } from "../guardian/entrust.ts";
import { Guardian } from "../guardian/guardian.ts";
import { findGuardians } from "../guardian/mark.ts";
import { sleep } from "../linux/process.ts";
import { checkChange } from "./change.ts";
import { entrustQueue } from "./guarded_plug.ts";
import { type Begun, checkMaxMs, DEFAULT_MAX_HOLD_MS, Hold, type HoldOptions } from "./hold.ts";
import type { Moment } from "./moment.ts";
import { inTurns, onQueue, type Queue } from "./queue.ts";
import { locatePlugs, readPlug } from "./read_plug.ts";
import { QueueError } from "./queue_error.ts";
import { type Change, prepareChange, sendChange } from "./send_change.ts";

/** How long a guardian that is not needed any more may take to go, in milliseconds. */
const GOING_MS = 1000;
/** How long a hold must last at the most for its guardian to be told ahead, in milliseconds: it counts from then on. */
const AHEAD_LEAST_MS = 200;

/**
 * A hold that is checked and set up, and lets packets pass till it begins: what can be refused is refused before that, and
 * the guardian is there. `begin` sends the kernel one message a queue.
 */
export class ArmedHold implements Disposable {
  readonly #queues: readonly Queue[];
  readonly #change: Change;
  readonly #maxMs: number;
  readonly #exclusive: boolean;
  /** A guardian of its own, where no other was given. */
  readonly #guardian: Guardian | undefined;
  readonly #entrusted: Queue[] = [];
  readonly #appointed: readonly Queue[];
  #isOver = false;

  /** Arms; use `Plug.arm`, `Gate.arm` or `PlugGroup.arm`. */
  constructor(queues: readonly Queue[], options: HoldOptions = {}) {
    const { maxMs = DEFAULT_MAX_HOLD_MS, guardian, orphan, bypass = false, exclusive = false } = options;
    checkMaxMs(maxMs);
    locatePlugs(queues, (queue) => onQueue(queue, "hold"));
    this.#queues = queues;
    this.#maxMs = maxMs;
    this.#exclusive = exclusive;
    // A deadline is as good as a way out of a device that carries the default route.
    this.#change = { action: "buffer", purpose: "hold", force: true, bypass, orphan, maxHoldMs: maxMs };
    this.#appointed = queues.filter((queue) => !queue.guard);
    for (const queue of this.#appointed) queue.appointGuard();
    const strangers = this.#appointed.filter((queue) => !queue.guard);
    this.#guardian = strangers.length > 0 && !guardian ? Guardian.start() : undefined;
    const appointed = guardian ?? this.#guardian;
    try {
      if (appointed) { for (const queue of strangers) this.#entrust(queue, appointed); }
      for (const queue of queues) statsOf(queue);
      inTurns(queues, () => {
        this.#refuseOthers();
        checkChange(queues, this.#change);
      });
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Holds from now on, or keeps the process waiting until a moment and holds from then on. Where that has passed,
   * it begins at once.
   *
   * @throws {QueueError} where another process has it in hand meanwhile, or the kernel refuses
   */
  begin(at?: Moment): Hold {
    const queues = this.#queues;
    try {
      const begun = at ? this.#beginAt(at) : inTurns(queues, () => this.#beginNow());
      this.#isOver = true;
      return new Hold({ ...begun, queues, maxMs: this.#maxMs, dismiss: () => this.#dismiss() });
    } catch (error) {
      // Told ahead, they would release at the deadline what does not hold.
      if (at) { for (const { guard, asked } of queues) if (asked !== "hold") guard?.disarm(); }
      this[Symbol.dispose]();
      throw error;
    }
  }

  #beginNow(): Pick<Begun, "before" | "since"> {
    // Again: it is in the same turn as what it speaks of.
    this.#refuseOthers();
    const before = this.#queues.map(statsOf);
    const since = performance.now();
    sendChange(this.#queues, this.#change, () => {});
    return { before, since };
  }

  /** All but the message itself is done before the moment: who is to hold at the same one waits for nobody's turn. */
  #beginAt(at: Moment): Pick<Begun, "before" | "since" | "lateMs"> {
    const queues = this.#queues;
    const before = queues.map(statsOf);
    if (this.#maxMs >= AHEAD_LEAST_MS) {
      // Told at that moment, the guardians would take their time.
      for (const { guard } of queues) guard?.arm(this.#maxMs);
    }
    const send = prepareChange(queues, this.#change, () => {});
    at.reach();
    const since = performance.now();
    send();
    const lateMs = -at.leftMs;
    // What has passed while the moment was waited for is not of this hold.
    return { before: queues.map((queue, index) => statsOr(queue, before[index])), since, lateMs };
  }

  /** Calls it off, where it has not begun. */
  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const queue of this.#appointed) queue.dismissGuard();
    this.#dismiss();
  }

  /** Refuses what is not whole, and where it is to be alone what others hold. */
  #refuseOthers(): void {
    // Behind the entrusting: two concurrent holds cannot both miss each other.
    if (this.#exclusive) { for (const queue of this.#queues) refuseOthers(queue); }
    for (const queue of this.#queues) queue.gate?.refuseBroken?.(onQueue(queue, "hold"));
  }

  #entrust(queue: Queue, guardian: AnyGuardian): void {
    queue.entrust(entrustQueue(queue, { guardian, takeAway: false }));
    this.#entrusted.push(queue);
  }

  #dismiss(): void {
    for (const queue of this.#entrusted.splice(0)) {
      queue.dismissGuard();
    }
    this.#guardian?.[Symbol.dispose]();
  }
}

/**
 * Refuses a queue that another process holds for a time, or has in hand. A process that keeps a deadline and has heard of a
 * release is given the time to go.
 */
function refuseOthers(queue: Queue): void {
  const operation = onQueue(queue, "hold");
  queue.refuseHeld(operation);
  const deadline = performance.now() + GOING_MS;
  for (;;) {
    const [keeper] = findGuardians("kept", queue);
    if (keeper === undefined) return;
    if (performance.now() > deadline) {
      const reason = `it is held already, until the deadline that process ${keeper} keeps`;
      throw new QueueError("held", operation, { reason });
    }
    sleep(GOING_MS / 50);
  }
}

/** What a queue has counted; what it had before where it has vanished, which is told when it is released. */
function statsOr(queue: Queue, before: QdiscStats): QdiscStats {
  try {
    return statsOf(queue);
  } catch (error) {
    if (error instanceof QueueError) return before;
    throw error;
  }
}

function statsOf(queue: Queue): QdiscStats {
  return readPlug(queue, onQueue(queue, "read")).stats;
}
