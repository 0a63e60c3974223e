import { type CutShortEvent, Desk } from "../control/desk.ts";
import { Holds } from "../control/holds.ts";
import type { HoldEvent } from "../control/holds.ts";
import type { ToldHold } from "../control/leased_hold.ts";
import { type Needed, neededNow } from "../control/needed.ts";
import { checked, perform } from "../control/operation.ts";
import { OPERATIONS } from "../control/operations/list.ts";
import type { Policy } from "../control/policy.ts";
import { RequestError } from "../control/problem.ts";
import { recoverGates } from "../gate/recover.ts";
import { Connection } from "../netlink/connection.ts";
import { formatDuration } from "../plug/quantity.ts";
import type { Worker } from "./agent.ts";

/** What holds on a host for those that ask its agent. */
export interface DeskWorkerOptions {
  maxHoldMs: number;
  policy?: Policy;
  /** The ports of the brokers, whose connections must go on. */
  ports: () => ReadonlySet<number>;
  /** Called when something has happened to a hold. */
  onChange: (event: HoldEvent, hold: ToldHold) => void;
  /** Called when something was released that nobody who asked has released. */
  onCutShort: (event: CutShortEvent) => void;
}

/** How long what must go on is taken for the same, in milliseconds. */
const NEEDED_MS = 1000;

/** Does on this host what is asked of its agent. */
export class DeskWorker implements Worker {
  readonly #desk: Desk;
  readonly #holds: Holds;
  readonly #ports: () => ReadonlySet<number>;
  readonly #policy?: Policy;
  #needed?: { atMs: number; needed: Needed };

  constructor({ maxHoldMs, policy, ports, onChange, onCutShort }: DeskWorkerOptions) {
    this.#ports = ports;
    this.#policy = policy;
    this.#desk = new Desk({
      maxHoldMs: Math.min(maxHoldMs, policy?.maxHoldMs ?? Infinity),
      policy,
      needed: () => this.needed,
      onCutShort,
    });
    this.#desk.connect();
    // Who asks for a hold is not to wait for it.
    this.#desk.guardian;
    this.#holds = new Holds(this.#desk, onChange);
  }

  get holds(): number {
    return this.#holds.size;
  }

  async perform(name: string, input: unknown, who: string): Promise<unknown> {
    const operation = OPERATIONS.get(name);
    if (!operation) {
      const names = [...OPERATIONS.keys()].join(", ");
      throw new RequestError("unknown-operation", `there is no operation ${JSON.stringify(name)}: ${names}`);
    }
    const understood = checked(operation, input);
    if (name === "arm") this.#refuseTooLong((understood as { forMs?: number }).forMs);
    const controller = new AbortController();
    using _turn = this.#desk.begin((understood as { netns?: string }).netns, controller);
    const { signal } = controller;
    return await perform(operation, understood, {
      desk: this.#desk,
      holds: this.#holds,
      who,
      id: name,
      signal,
      tell() {},
    });
  }

  /** Who asks for a time is not to find that it was less; of its policy the refusal names the line. */
  #refuseTooLong(ms = 0): void {
    const { maxHoldMs } = this.#desk;
    if (ms <= maxHoldMs || ms > (this.#policy?.maxHoldMs ?? Infinity)) return;
    const [asked, most] = [ms, maxHoldMs].map(formatDuration);
    throw new RequestError("max-hold", `its agent holds for ${most} at the most (--max-hold), not for ${asked}`);
  }

  /** Ends all holds, and takes away all that was made. Returns what could not be done. */
  async close(): Promise<unknown[]> {
    this.#holds.releaseAll("client");
    return await this.#desk.close();
  }

  /** What must go on whatever is held. */
  get needed(): Needed {
    const now = performance.now();
    if (!this.#needed || now - this.#needed.atMs > NEEDED_MS) {
      this.#needed = { atMs: now, needed: neededNow(this.#ports(), this.#policy?.alwaysPass ?? []) };
    }
    return this.#needed.needed;
  }
}

/**
 * Releases what holds have left whose agent was killed together with its guardian, as `recover` does, and nothing else.
 *
 * @throws {Error} where that is not possible
 */
export async function releaseLeft(holds: readonly Pick<ToldHold, "names" | "made">[]): Promise<void> {
  if (holds.length === 0) return;
  const made = new Set(holds.flatMap(({ made = [] }) => made));
  const used = new Set(holds.flatMap(({ names, made = [] }) => names.slice(0, names.length - made.length)));
  using connection = Connection.open();
  const { failures: [failure] } = await recoverGates(connection, { made, used });
  if (failure === undefined) return;
  const reason = failure instanceof Error ? failure.message : String(failure);
  throw new Error(`Cannot release what the agent before has left: ${reason}; see: plugctl recover`, { cause: failure });
}
