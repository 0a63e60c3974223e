import * as v from "valibot";
import type { Desk } from "../desk.ts";
import { HOLD_MS, ON } from "../operation.ts";
import type { Hold } from "../../plug/hold.ts";
import { RequestError } from "../problem.ts";
import type { Thing } from "../room.ts";

/** What begins a hold: what is held, and after how many milliseconds without a renewal it ends. */
export const NEW_HOLD = v.strictObject({ ...ON, leaseMs: v.optional(HOLD_MS), force: v.optional(v.boolean()) });
/** What renews it. */
export const RENEWAL = v.strictObject({ leaseMs: v.optional(HOLD_MS) });

/** How long a lease is, where that is not said. */
const LEASE_MS = 5000;
/** How many holds go on at a time, and of how many that have ended it can still be asked how. */
const GOING_MAX = 1000;
const ENDED_MAX = 1000;

/** How a hold has ended: it was `released`, its `lease` was not renewed, its `client` has gone, or somebody `cut-short` it. */
export type HoldEnd = "released" | "lease" | "client" | "reset" | "cut-short";

/** A hold as it is told. */
export interface ToldHold {
  id: string;
  names: string[];
  /** When it began, and when it ends if nobody renews it; or has ended. */
  from: string;
  until: string;
  /** How it has ended; absent while it goes on. */
  ended?: HoldEnd;
  /** Of one that has ended: for how long it held, and what of each. */
  heldMs?: number;
  cutShort?: boolean;
  queues?: { name: string; packets?: number; bytes?: number; drops: number }[];
}

/** Holds that go on for as long as somebody renews them, and no longer than the most that the server allows. */
export class Holds {
  readonly #desk: Desk;
  readonly #onChange: (event: "holding" | "ended", hold: ToldHold) => void;
  readonly #going = new Map<string, LeasedHold>();
  readonly #ended = new Map<string, ToldHold>();

  constructor(desk: Desk, onChange: (event: "holding" | "ended", hold: ToldHold) => void) {
    this.#desk = desk;
    this.#onChange = onChange;
  }

  /** All of them, the oldest first. */
  get all(): ToldHold[] {
    return [...this.#ended.values(), ...[...this.#going.values()].map((hold) => hold.told)];
  }

  /** How many go on. */
  get size(): number {
    return this.#going.size;
  }

  /**
   * Begins to hold.
   *
   * @throws {QueueError} `held` where another hold or another process has it in hand
   */
  begin({ leaseMs = LEASE_MS, force, ...named }: v.InferOutput<typeof NEW_HOLD>): ToldHold {
    if (this.#going.size >= GOING_MAX) throw new RequestError("busy", `${GOING_MAX} holds go on already`);
    const things = this.#desk.findToHold(named);
    for (const other of this.#going.values()) {
      const both = things.find((thing) => other.things.includes(thing));
      if (both) {
        throw new RequestError("held", `${both.name} is held already, by ${other.id} until ${other.told.until}`);
      }
    }
    const hold = new LeasedHold(this.#desk, { things, force, leaseMs, onEnd: (told) => this.#end(told) });
    this.#going.set(hold.id, hold);
    this.#onChange("holding", hold.told);
    return hold.told;
  }

  /** @throws {RequestError} `no-hold` */
  get(id: string): ToldHold {
    const told = this.#going.get(id)?.told ?? this.#ended.get(id);
    if (!told) throw new RequestError("no-hold", `there is no hold ${JSON.stringify(id)}`);
    return told;
  }

  /** @throws {RequestError} `no-hold`; `ended` where it goes on no more */
  renew(id: string, { leaseMs = LEASE_MS }: v.InferOutput<typeof RENEWAL>): ToldHold {
    return this.#goingOn(id).renew(leaseMs);
  }

  /** Resolves when it has ended. */
  async whenEnded(id: string): Promise<ToldHold> {
    return await this.#going.get(id)?.ended ?? this.get(id);
  }

  /** Ends it, and returns what it held; one that has ended by itself is told as it is. */
  release(id: string, ended: HoldEnd = "released"): ToldHold {
    return this.#going.get(id)?.end(ended) ?? this.get(id);
  }

  /** Ends all of them. */
  releaseAll(ended: HoldEnd): void {
    for (const hold of [...this.#going.values()]) hold.end(ended);
  }

  #goingOn(id: string): LeasedHold {
    const hold = this.#going.get(id);
    if (hold) return hold;
    const { ended } = this.get(id);
    throw new RequestError("ended", `the hold ${id} has ended: ${ended}`);
  }

  #end(told: ToldHold): void {
    this.#going.delete(told.id);
    this.#ended.set(told.id, told);
    for (const id of this.#ended.keys()) if (this.#ended.size > ENDED_MAX) this.#ended.delete(id);
    this.#onChange("ended", told);
  }
}

interface LeasedHoldOptions {
  things: readonly Thing[];
  force?: boolean;
  leaseMs: number;
  onEnd: (told: ToldHold) => void;
}

/** A hold with a lease. The guardian ends it at the most that is allowed, and when this process is dead. */
class LeasedHold {
  readonly id = crypto.randomUUID();
  readonly things: readonly Thing[];
  readonly #hold: Hold;
  readonly #watch: Disposable;
  readonly #onEnd: (told: ToldHold) => void;
  readonly #fromMs = Date.now();
  readonly #latestMs: number;
  #untilMs = 0;
  #timer?: ReturnType<typeof setTimeout>;
  #told?: ToldHold;
  readonly #ending = Promise.withResolvers<ToldHold>();

  constructor(desk: Desk, { things, force, leaseMs, onEnd }: LeasedHoldOptions) {
    const maxMs = desk.maxHoldMs;
    this.things = things;
    this.#hold = desk.group(things).hold({ maxMs, guardian: desk.guardian, exclusive: true, bypass: force });
    this.#onEnd = onEnd;
    this.#latestMs = performance.now() + maxMs;
    this.#watch = desk.watch(things, () => this.end("cut-short"));
    this.renew(leaseMs);
  }

  get told(): ToldHold {
    const until = new Date(Date.now() + this.#untilMs - performance.now()).toISOString();
    return this.#told ?? { id: this.id, names: this.#names, from: this.#from, until };
  }

  get ended(): Promise<ToldHold> {
    return this.#ending.promise;
  }

  get #names(): string[] {
    return this.things.map(({ name }) => name);
  }

  get #from(): string {
    return new Date(this.#fromMs).toISOString();
  }

  /** It ends so many milliseconds from now, if not renewed again, or at the latest when it has held for the most that is allowed. */
  renew(leaseMs: number): ToldHold {
    clearTimeout(this.#timer);
    this.#untilMs = Math.min(performance.now() + leaseMs, this.#latestMs);
    this.#timer = setTimeout(() => this.end("lease"), this.#untilMs - performance.now());
    return this.told;
  }

  end(ended: HoldEnd): ToldHold {
    if (this.#told) return this.#told;
    clearTimeout(this.#timer);
    this.#watch[Symbol.dispose]();
    const { heldMs, cutShort, queues } = this.#hold.release();
    const told: ToldHold = {
      id: this.id,
      names: this.#names,
      from: this.#from,
      until: new Date().toISOString(),
      ended: cutShort ? "cut-short" : ended,
      heldMs,
      cutShort,
      queues: queues.map(({ packets, bytes, drops }, index) => ({
        name: this.things[index].name,
        packets,
        bytes,
        drops,
      })),
    };
    this.#told = told;
    this.#ending.resolve(told);
    this.#onEnd(told);
    return told;
  }
}
