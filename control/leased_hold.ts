import type { Desk } from "./desk.ts";
import type { ArmedHold } from "../plug/armed_hold.ts";
import type { Hold, HoldReport } from "../plug/hold.ts";
import type { Moment } from "../plug/moment.ts";
import { type Problem, problemOf } from "./problem.ts";
import type { Thing } from "./room.ts";

/** How late a hold may begin that has a time. */
const LATE_MS = 50;
/** How much later than the lease the guardian ends it, where this process has not, in milliseconds. */
export const GRACE_MS = 250;

/**
 * How a hold has ended: it was `released`, or `called-off` before it held, had held `for` its time, its `lease` was not renewed, its `client` has gone, or
 * somebody `cut-short` it; it was armed too `late`, or could not begin, and `failed`.
 */
export type HoldEnd =
  | "released"
  | "called-off"
  | "for"
  | "lease"
  | "client"
  | "reset"
  | "cut-short"
  | "late"
  | "failed";

/** A hold as it is told. */
export interface ToldHold {
  id: string;
  names: string[];
  /** The gates that were made for it, of the last of these; absent where none was. */
  made?: string[];
  /** Packets pass while it is armed. */
  state: "armed" | "holding" | "ended";
  /** When it is to begin, where that is said. */
  at?: string;
  /** When it began, */
  from?: string;
  /** how long that was after the moment that was meant, */
  lateMs?: number;
  /** and when it ends if nobody renews it; or has ended. */
  until: string;
  /** How it has ended; absent while it goes on. */
  ended?: HoldEnd;
  /** Why it could not begin, where it could not. */
  problem?: Problem;
  /** Of one that has ended: for how long it held, and what of each. */
  heldMs?: number;
  cutShort?: boolean;
  queues?: { name: string; packets?: number; bytes?: number; drops: number }[];
}

/** What is held, and how. */
export interface LeasedHoldOptions {
  id: string;
  things: readonly Thing[];
  /** Those that were made for it, and go with it. */
  made: readonly Thing[];
  /** What each is called. */
  names: readonly string[];
  force?: boolean;
  forMs?: number;
  leaseMs: number;
  /** The lease until the word to begin; absent where it is the same. */
  armedMs?: number;
  onChange: (event: "holding" | "ended", told: ToldHold) => void;
}

/** A hold with a lease. The guardian ends it where this process cannot, and at the most that is allowed. */
export class LeasedHold {
  readonly id: string;
  readonly things: readonly Thing[];
  readonly #desk: Desk;
  readonly #made: readonly Thing[];
  readonly #names: readonly string[];
  readonly #armed: ArmedHold;
  readonly #forMs: number;
  readonly #onChange: LeasedHoldOptions["onChange"];
  readonly #ending = Promise.withResolvers<ToldHold>();
  /** Ends the waiting for the moment. */
  readonly #over = new AbortController();
  #moment?: Moment;
  /** When that is by the wall clock, as that went when it was said. */
  #at?: string;
  #hold?: Hold;
  #fromMs?: number;
  #watch?: Disposable;
  /** The lease from the word to begin on, where it is another before. */
  readonly #nextLeaseMs?: number;
  /** The end of the lease, and the latest there can be. */
  #leaseMs = 0;
  #latestMs = Infinity;
  #timer?: ReturnType<typeof setTimeout>;
  #told?: ToldHold;

  constructor(desk: Desk, options: LeasedHoldOptions) {
    const { id, things, made, names, force, forMs = Infinity, leaseMs, armedMs, onChange } = options;
    this.id = id;
    this.things = things;
    this.#desk = desk;
    this.#made = made;
    this.#names = names;
    this.#forMs = Math.min(forMs, desk.maxHoldMs);
    const maxMs = Math.min(leaseMs, this.#forMs) + GRACE_MS;
    this.#armed = desk.group(things).arm({ maxMs, guardian: desk.guardian, exclusive: true, bypass: force });
    this.#onChange = onChange;
    if (armedMs !== undefined) this.#nextLeaseMs = leaseMs;
    this.renew(armedMs ?? leaseMs);
  }

  get told(): ToldHold {
    return this.#told ?? {
      id: this.id,
      ...this.#named,
      state: this.#hold ? "holding" : "armed",
      ...this.#beginning,
      until: timeOf(Date.now() + this.#endMs - performance.now()),
    };
  }

  get ended(): Promise<ToldHold> {
    return this.#ending.promise;
  }

  /** It begins now, or at a moment; where it has begun, or is to, that stays. */
  begin(at?: Moment, maxLateMs = LATE_MS): ToldHold {
    if (this.#hold || this.#moment || this.#told) return this.told;
    this.#moment = at;
    this.#at = at && timeOf(at.epochMs);
    if (this.#nextLeaseMs !== undefined) this.renew(this.#nextLeaseMs);
    if (at) this.#beginAt(at, maxLateMs);
    else this.#begin();
    return this.told;
  }

  /** It ends so many milliseconds from now, if not renewed again, or at the latest when it has held for the most that is allowed. */
  renew(leaseMs: number): ToldHold {
    if (this.#told) return this.#told;
    this.#leaseMs = performance.now() + leaseMs;
    const leftMs = this.#endMs - performance.now();
    if (leftMs > 0) this.#hold?.renew(leftMs + GRACE_MS);
    this.#setTimer();
    return this.told;
  }

  end(ended: HoldEnd, problem?: Problem): ToldHold {
    if (this.#told) return this.#told;
    clearTimeout(this.#timer);
    this.#watch?.[Symbol.dispose]();
    this.#over.abort();
    this.#armed[Symbol.dispose]();
    const { report, problem: failure } = this.#letGo();
    const isOwnEnd = ended === "lease" || ended === "for";
    const told: ToldHold = {
      id: this.id,
      ...this.#named,
      state: "ended",
      ...this.#beginning,
      until: timeOf(Date.now()),
      ended: report?.cutShort && !isOwnEnd ? "cut-short" : ended === "released" && !this.#hold ? "called-off" : ended,
      problem: problem ?? failure,
      ...report && this.#held(report),
    };
    this.#told = told;
    for (const thing of this.#made) this.#desk.dismiss(thing);
    this.#ending.resolve(told);
    this.#onChange("ended", told);
    return told;
  }

  get #named(): Pick<ToldHold, "names" | "made"> {
    const made = this.#made.map(({ name }) => name);
    return { names: [...this.#names], made: made.length > 0 ? made : undefined };
  }

  get #beginning(): Pick<ToldHold, "at" | "from" | "lateMs"> {
    return {
      at: this.#at,
      from: this.#fromMs === undefined ? undefined : timeOf(this.#fromMs),
      lateMs: this.#hold?.lateMs,
    };
  }

  /** When it ends by itself, by `performance.now()`. */
  get #endMs(): number {
    return Math.min(this.#leaseMs, this.#latestMs);
  }

  /** What ends it, where that is due. */
  get #isDue(): "lease" | "for" | undefined {
    if (performance.now() < this.#endMs) return undefined;
    return this.#leaseMs < this.#latestMs ? "lease" : "for";
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#isDue ? this.end(this.#isDue) : this.#setTimer(),
      Math.max(this.#endMs - performance.now(), 0),
    );
  }

  async #beginAt(at: Moment, maxLateMs: number): Promise<void> {
    try {
      await at.nears(this.#over.signal);
    } catch {
      // It has ended before.
      return;
    }
    if (-at.leftMs > maxLateMs) {
      const late = Math.round(-at.leftMs);
      const message = `Cannot begin at ${
        timeOf(at.epochMs)
      }: that was ${late} ms before, at most ${maxLateMs} ms may pass`;
      return void this.end("late", { code: "late", message });
    }
    try {
      this.#begin(at);
    } catch {
      // The end says why.
    }
  }

  #begin(at?: Moment): void {
    try {
      this.#hold = this.#armed.begin(at);
    } catch (error) {
      this.end("failed", problemOf(error));
      throw error;
    }
    this.#fromMs = Date.now() - this.#hold.elapsedMs;
    this.#latestMs = performance.now() - this.#hold.elapsedMs + this.#forMs;
    // Where this process was stopped, the guardian has ended it in its place.
    this.#watch = this.#desk.watch(this.things, () => this.end(this.#isDue ?? "cut-short"));
    this.#setTimer();
    this.#onChange("holding", this.told);
  }

  /** Releases, and says what was held, or why that could not be done. */
  #letGo(): { report?: HoldReport; problem?: Problem } {
    try {
      return { report: this.#hold?.release() };
    } catch (error) {
      return { problem: problemOf(error) };
    }
  }

  #held({ heldMs, cutShort, queues }: HoldReport): Pick<ToldHold, "heldMs" | "cutShort" | "queues"> {
    return {
      heldMs,
      cutShort,
      queues: queues.map(({ packets, bytes, drops }, index) => ({ name: this.#names[index], packets, bytes, drops })),
    };
  }
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
