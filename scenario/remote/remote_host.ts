import config from "../../deno.json" with { type: "json" };
import { formatDuration } from "../../plug/quantity.ts";
import type { OpenedHost } from "../event.ts";
import { bounded, pause } from "../run/clock.ts";
import { StepError } from "../run/step_error.ts";
import {
  type Followed,
  fromWire,
  type News,
  type Opened,
  type Opening,
  type RemoteLink,
  type RunAnswer,
  type RunOperation,
  type Task,
  type TaskEnd,
  toWire,
} from "./wire.ts";

/** A host of a scenario that is another machine. */
export interface RemoteHostOptions {
  /** What the scenario calls it. */
  name: string;
  /** What it is called in the fleet. */
  on: string;
  link: RemoteLink;
  /** What of the scenario is done there, but for what is known only when it begins. */
  opening: Omit<Opening, "host" | "version" | "begunMs" | "leaseMs">;
  /** When the run began, by this machine's wall clock, in milliseconds since 1970. */
  begunMs: number;
  leaseMs: number;
  /** Is given what happens there, in order, but for what becomes of tasks. */
  onNews: (news: Exclude<News, { ended: TaskEnd }>) => void;
  /** Called when it was not heard of for too long, or knows nothing of the run. */
  onLost: (error: StepError) => void;
}

/** How long an answer is waited for, in milliseconds; an opening starts a guardian. */
const ANSWER_MS = 1500;
const OPENING_MS = 10_000;
/** After how long it is asked again where no answer has come, in milliseconds. */
const AGAIN_MS = 100;
/** How long an agent may wait with news where there are none, as a part of the lease. */
const WAITS = 4;
/** How often a clock is looked at in the end. */
const LOOKS = 5;
/** No task has this number. */
const NONE = 0;
/** What is said where nobody has answered, so that it is asked again. */
const UNHEARD = new Set(["no-answer", "no-agent"]);

/** What is done of a scenario on another machine, by its agent. */
export class RemoteHost {
  readonly #options: RemoteHostOptions;
  readonly #tasks = new Map<number, PromiseWithResolvers<TaskEnd>>();
  readonly #end = new AbortController();
  #count = 0;
  #isOpen = false;
  #lost?: StepError;
  #opened?: OpenedHost;
  #heardMs = 0;

  constructor(options: RemoteHostOptions) {
    this.#options = options;
  }

  /** What the scenario calls it. */
  get name(): string {
    return this.#options.name;
  }

  /** What it is called in the fleet. */
  get on(): string {
    return this.#options.on;
  }

  /** Whether there is something to be undone. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Has its agent look at what is to be done there, and begin with nothing of it.
   *
   * @throws {StepError} where it does not answer, or does not let it be done
   */
  async open(): Promise<OpenedHost> {
    const { link, opening, begunMs, leaseMs } = this.#options;
    const { aheadMs, errorMs, by } = await link.clock().catch((error) => {
      throw this.#failure("cannot be used", error instanceof Error ? error.message : String(error));
    });
    const asked: Opening = {
      ...opening,
      host: this.name,
      version: config.version,
      begunMs: begunMs + aheadMs,
      leaseMs,
    };
    const answer = await link.ask("run-open", toWire(asked) as object, OPENING_MS);
    if ("error" in answer) throw this.#failure("cannot be used", answer.error.message);
    this.#isOpen = true;
    this.#heardMs = performance.now();
    void this.#follow();
    return this.#opened = { ...answer.result as Opened, clock: { error: Math.ceil(errorMs * 1000), by } };
  }

  /**
   * What is known of it in the end. Where its clock has gone faster or slower than this machine's, the times that it has
   * told are known less well than in the beginning: the best of several looks at both clocks says by how much.
   */
  async checkClock(now: () => number): Promise<OpenedHost | undefined> {
    let least = Infinity;
    for (let look = 0; look < LOOKS && this.#opened && least > this.#opened.clock.error; look++) {
      const from = now();
      const { t } = await this.#ask("run-stop", { task: NONE }) as { t: number };
      least = Math.min(least, Math.max(Math.abs(t - from), Math.abs(now() - t)));
    }
    const { clock } = this.#opened ?? {};
    return this.#opened && clock && { ...this.#opened, clock: { ...clock, error: Math.max(clock.error, least) } };
  }

  /**
   * Has something done there, and returns what has come of it.
   *
   * @throws {StepError} where it is not heard of any more; the signal's reason where that ends it
   */
  async do(task: Task, signal?: AbortSignal): Promise<TaskEnd> {
    if (this.#lost) throw this.#lost;
    signal?.throwIfAborted();
    const number = ++this.#count;
    const ended = Promise.withResolvers<TaskEnd>();
    // It may fail before it is waited for.
    ended.promise.catch(() => {});
    this.#tasks.set(number, ended);
    const stop = () => void this.#ask("run-stop", { task: number }).catch(() => {});
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await this.#ask("run-do", { number, task: toWire(task) });
      return await bounded(ended.promise, { signal });
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#tasks.delete(number);
    }
  }

  /** Has nothing to do with it any more. */
  leave(): void {
    this.#isOpen = false;
    this.#end.abort();
  }

  /** Asks, again and again until an answer comes or it is lost: an agent does a task once, however often it hears of it. */
  async #ask(operation: RunOperation, input: object): Promise<unknown> {
    for (;;) {
      const answer = await this.#askOnce(operation, input, ANSWER_MS);
      if ("result" in answer) return answer.result;
      if (!UNHEARD.has(answer.error.code)) throw this.#failure("cannot go on", answer.error.message);
      await pause(AGAIN_MS);
      if (this.#lost) throw this.#lost;
    }
  }

  async #askOnce(operation: RunOperation, input: object, timeoutMs: number): Promise<RunAnswer> {
    const { link, opening } = this.#options;
    const answer = await link.ask(operation, { run: opening.run, host: this.name, ...input }, timeoutMs);
    if ("result" in answer) this.#heardMs = performance.now();
    return answer;
  }

  /** Fetches what happens there, as long as it is heard of; that renews its lease. */
  async #follow(): Promise<void> {
    const { leaseMs } = this.#options;
    const waitMs = leaseMs / WAITS;
    let after = 0;
    while (!this.#end.signal.aborted) {
      const answer = await this.#askOnce("run-follow", { after, waitMs }, waitMs + ANSWER_MS);
      if (this.#end.signal.aborted) return;
      if ("result" in answer) {
        for (const { number, what } of (fromWire(answer.result) as Followed).news) {
          after = number;
          this.#take(what);
        }
      } else if (!UNHEARD.has(answer.error.code)) {
        return this.#lose(this.#failure("cannot go on", answer.error.message));
      } else if (performance.now() - this.#heardMs > leaseMs) {
        const by = "what it holds is released there by its lease or its guardian";
        return this.#lose(this.#failure("cannot go on", `it was not heard of for ${formatDuration(leaseMs)}; ${by}`));
      } else await pause(AGAIN_MS);
    }
  }

  #take(what: News): void {
    if ("ended" in what) this.#tasks.get(what.ended.task)?.resolve(what.ended);
    else this.#options.onNews(what);
  }

  #lose(error: StepError): void {
    this.#lost = error;
    for (const { reject } of this.#tasks.values()) reject(error);
    this.#options.onLost(error);
  }

  #failure(what: string, why: string): StepError {
    const { name, on } = this.#options;
    const machine = name === on ? name : `${name} (${on})`;
    return new StepError(`Host ${machine} ${what}: ${why}`);
  }
}
