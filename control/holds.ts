import * as v from "valibot";
import type { Desk } from "./desk.ts";
import { HOLD_MS, MILLISECONDS, ON, ONE_OR_MORE, TEXT } from "./fields.ts";
import { type HoldEnd, LeasedHold, type ToldHold } from "./leased_hold.ts";
import { Moment, parseMoment } from "../plug/moment.ts";
import { RequestError } from "./problem.ts";

/** A moment: as `hold --at` takes it, or in milliseconds since 1970. */
const AT = v.pipe(
  v.union(
    [v.pipe(v.string(), v.check(isTime, "a time")), v.number()],
    "+2s, a date with a time, or milliseconds since 1970",
  ),
  v.transform((at) => typeof at === "number" ? Moment.at(at) : parseMoment(at)),
);
const DIRECTIONS = ["in", "out", "both", "ingress", "egress"] as const;

/**
 * What begins a hold: what is held, of devices which packets, at what moment and for how long, and after how many
 * milliseconds without a renewal it ends.
 */
export const NEW_HOLD = v.strictObject({
  ...ON,
  match: v.optional(ONE_OR_MORE),
  except: v.optional(ONE_OR_MORE),
  direction: v.optional(v.picklist(DIRECTIONS, "in, out or both")),
  /** What whoever asks calls it. */
  hold: v.optional(TEXT),
  armed: v.optional(v.boolean()),
  at: v.optional(AT),
  maxLateMs: v.optional(MILLISECONDS),
  forMs: v.optional(HOLD_MS),
  leaseMs: v.optional(HOLD_MS),
  armedMs: v.optional(HOLD_MS),
  force: v.optional(v.boolean()),
});
/** When an armed one begins. */
export const BEGINNING = v.strictObject({ at: v.optional(AT), maxLateMs: v.optional(MILLISECONDS) });
/** What renews it. */
export const RENEWAL = v.strictObject({ leaseMs: v.optional(HOLD_MS) });

/** How long a lease is, where that is not said. */
const LEASE_MS = 5000;
/** How many holds go on at a time, and of how many that have ended it can still be asked how. */
const GOING_MAX = 1000;
const ENDED_MAX = 1000;

/** What has happened to a hold. */
export type HoldEvent = "armed" | "holding" | "ended";

/** Holds that go on for as long as somebody renews them, and no longer than the most that the server allows. */
export class Holds {
  readonly #desk: Desk;
  readonly #onChange: (event: HoldEvent, hold: ToldHold) => void;
  readonly #going = new Map<string, LeasedHold>();
  readonly #ended = new Map<string, ToldHold>();

  constructor(desk: Desk, onChange: (event: HoldEvent, hold: ToldHold) => void = () => {}) {
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
   * Arms a hold, and begins it: at once, at a moment, or where it is to stay armed when it is told. Asked again by the same
   * name for one, it tells how that goes on.
   *
   * @throws {QueueError} `held` where another hold or another process has it in hand
   */
  begin(asked: v.InferOutput<typeof NEW_HOLD>): ToldHold {
    const { hold: id = crypto.randomUUID(), armed = false, at, maxLateMs, ...rest } = asked;
    const { forMs, leaseMs = LEASE_MS, armedMs, force, ...named } = rest;
    const known = this.#going.get(id)?.told ?? this.#ended.get(id);
    if (known) return known;
    if (this.#going.size >= GOING_MAX) throw new RequestError("busy", `${GOING_MAX} holds go on already`);
    const { things, made, names } = this.#desk.prepare({ ...named, force }, forMs);
    try {
      for (const other of this.#going.values()) {
        const both = things.find((thing) => other.things.includes(thing));
        if (both) {
          throw new RequestError("held", `${both.name} is held already, by ${other.id} until ${other.told.until}`);
        }
      }
      const hold = new LeasedHold(this.#desk, {
        id,
        things,
        made,
        names,
        force,
        forMs,
        leaseMs,
        armedMs,
        onChange: (event, told) => this.#note(event, told),
      });
      this.#going.set(id, hold);
    } catch (error) {
      for (const thing of made) this.#desk.dismiss(thing);
      throw error;
    }
    if (armed || at) this.#onChange("armed", this.get(id));
    return armed && !at ? this.get(id) : this.start(id, { at, maxLateMs });
  }

  /**
   * Has an armed one begin; one that has begun is told as it is.
   *
   * @throws {RequestError} `no-hold`; `ended` where it goes on no more
   */
  start(id: string, { at, maxLateMs }: v.InferOutput<typeof BEGINNING>): ToldHold {
    return this.#goingOn(id).begin(at, maxLateMs);
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

  #note(event: "holding" | "ended", told: ToldHold): void {
    if (event === "ended") {
      this.#going.delete(told.id);
      this.#ended.set(told.id, told);
      for (const id of this.#ended.keys()) if (this.#ended.size > ENDED_MAX) this.#ended.delete(id);
    }
    this.#onChange(event, told);
  }
}

function isTime(text: string): boolean {
  try {
    parseMoment(text);
    return true;
  } catch {
    return false;
  }
}
