import type { Hold } from "../../plug/hold.ts";
import { readLines } from "../../linux/incoming.ts";
import type { HoldPlan } from "./hold_plan.ts";

/** The line by which an owner releases; each other renews the lease. */
const RELEASE = "release";

/** Who keeps a hold going: a line to `--renew-fd` renews its lease, never beyond `--max-hold`. */
export class HoldOwner {
  readonly #plan: HoldPlan;
  readonly #renewal?: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #hold: Hold;
  /** When the lease ends, in milliseconds from the beginning of the hold. */
  #endsMs: number;

  constructor(hold: Hold, { plan, renewal }: { plan: HoldPlan; renewal?: ReadableStream<Uint8Array<ArrayBuffer>> }) {
    this.#hold = hold;
    this.#renewal = renewal;
    this.#plan = plan;
    this.#endsMs = plan.leaseMs ?? Infinity;
  }

  /** Whether what ends the hold is the lease, and not the most that is allowed. */
  get isLease(): boolean {
    return this.#endsMs < this.#plan.maxMs;
  }

  /** Renews as long as lines come; resolves when one says that it is to be released, and never where they end. */
  async released(): Promise<void> {
    const { leaseMs, maxMs } = this.#plan;
    if (this.#renewal && leaseMs !== undefined) {
      for await (const line of readLines(this.#renewal)) {
        if (line.trim() === RELEASE) return;
        this.#endsMs = Math.min(this.#hold.elapsedMs + leaseMs, maxMs);
        const leftMs = this.#endsMs - this.#hold.elapsedMs;
        if (leftMs > 0) this.#hold.renew(leftMs);
      }
    }
    await new Promise<never>(() => {});
  }
}
