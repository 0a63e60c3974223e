import type { Step } from "../plan.ts";
import type { StoppableClock } from "./clock.ts";
import type { HeldPacket } from "./packets.ts";
import type { ProcessSight } from "./processes.ts";
import type { QueueSight } from "./queues.ts";
import { sentenceOf } from "./step_error.ts";

/** Before what a scenario stops, from then on: each step, or only those that say `break: true`. */
export type StopBefore = "step" | "break";

/** A scenario that has stopped, with all that it has made, so that somebody can look. */
export interface Stop {
  /** Before a step, before one that says `break: true`, or at the end, before all is undone. */
  readonly why: StopBefore | "end";
  /** The step that is to be done next; absent at the end. */
  readonly step?: NextStep;
  /** At the end: which step has failed, as in the events, and why. */
  readonly failure?: { step?: string; sentence: string };
  /** The hosts, and in which network namespace each is; absent for this machine's. */
  readonly hosts: readonly { name: string; netns?: string }[];
  /** What those processes have in their environment that are ended with the scenario. */
  readonly env: Readonly<Record<string, string>>;
  /** How long a queue may hold without a release: that begins anew while it stands still, in milliseconds. */
  readonly maxHoldMs: number;
  /** Aborted when the scenario is to end, so that one no longer looks. */
  readonly signal: AbortSignal;
  /** What there is at this moment. */
  look(): Sight;
  /** Releases all that holds, and returns the names of what did. */
  release(): Promise<string[]>;
}

/** The step before which a scenario stands. */
export interface NextStep {
  /** As in the events: `3[7].2`. */
  path: string;
  /** Where it stands in the file, from 1 on. */
  line?: number;
  /** The host that it is done on; absent for this machine, and where it is done on none. */
  host?: string;
  /** What it does, or its name. */
  text: string;
}

/** What there is while a scenario stands still. */
export interface Sight {
  /** The gates and plugs. */
  queues: readonly (QueueSight & {
    /** The packets that wait, the oldest first; absent where they are not seen. */
    packets?: readonly HeldPacket[];
  })[];
  /** The processes that were started by name. */
  processes: readonly ProcessSight[];
}

/** Is given each stop, and returns before what the scenario is to stop next. All stands still until then. */
export type OnStop = (stop: Stop) => Promise<StopBefore>;

/** How a scenario stops. */
export interface StopsOptions extends Pick<Stop, "hosts" | "env" | "maxHoldMs" | "look" | "release"> {
  clock: StoppableClock;
  onStop?: OnStop;
  stopBefore?: StopBefore;
  /** Has the guardian count anew how long each queue may hold. */
  renew: () => void;
}

/** How often the deadlines of what is held are renewed, as a part of what each may take. */
const RENEWALS = 3;

/** Stops a scenario before steps, one stop after the other, also where steps are done at the same time. */
export class Stops {
  readonly #options: StopsOptions;
  #before: StopBefore;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: StopsOptions) {
    this.#options = options;
    this.#before = options.stopBefore ?? "break";
  }

  /** Whether somebody wants to look at each step. */
  get isEach(): boolean {
    return this.#options.onStop !== undefined && this.#before === "step";
  }

  /** Stops before a step, where that is wanted. */
  async before(step: Pick<Step, "break"> & NextStep, signal: AbortSignal): Promise<void> {
    if (!this.#options.onStop || !(step.break || this.#before === "step")) return;
    const { break: isBreak, ...next } = step;
    await this.#inTurn(async () => {
      // It may have been told to go on meanwhile.
      if (isBreak || this.isEach) await this.#stop({ why: isBreak ? "break" : "step", step: next, signal });
    });
    signal.throwIfAborted();
  }

  /** Stops at the end, before anything is undone: where something has failed, or each step was looked at. */
  async atEnd(failed: { step?: string; error: unknown } | undefined, signal: AbortSignal): Promise<void> {
    if (signal.aborted || !(this.isEach || failed && this.#options.onStop)) return;
    const failure = failed && { step: failed.step, sentence: sentenceOf(failed.error) };
    await this.#inTurn(() => this.#stop({ why: "end", failure, signal }));
  }

  async #stop(stop: Pick<Stop, "why" | "step" | "failure" | "signal">): Promise<void> {
    const { clock, onStop, renew, ...rest } = this.#options;
    const { hosts, env, maxHoldMs, look, release } = rest;
    if (!onStop) return;
    using _still = clock.stop();
    renew();
    const timer = setInterval(renew, maxHoldMs / RENEWALS);
    try {
      this.#before = await onStop({ ...stop, hosts, env, maxHoldMs, look, release });
      renew();
    } finally {
      clearInterval(timer);
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    try {
      await before;
      await work();
    } finally {
      resolve();
    }
  }
}
