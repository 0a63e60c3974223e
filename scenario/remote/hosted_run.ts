import type { PlugGroup } from "../../plug/plug_group.ts";
import { TAG_VARIABLE } from "../../guardian/charge.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { wallClockMs } from "../../linux/process.ts";
import { formatDuration } from "../../plug/quantity.ts";
import { isGone } from "../../plug/queue_error.ts";
import { lookNow } from "../conditions/look.ts";
import { markCounts } from "../conditions/queue.ts";
import type { ScenarioEvent } from "../event.ts";
import type { PlannedQueue, Scalar, Step } from "../plan.ts";
import { StoppableClock } from "../run/clock.ts";
import { Hosts } from "../run/hosts.ts";
import { Packets } from "../run/packets.ts";
import { Processes } from "../run/processes.ts";
import { Queues, type QueuesOptions } from "../run/queues.ts";
import type { World } from "../run/run_plan.ts";
import { type Course, type End, logByTime, sample, type Stage } from "../run/stage.ts";
import { errnoOf, outcomeOf, sentenceOf } from "../run/step_error.ts";
import { doLeaf } from "../run/steps.ts";
import { Stops } from "../run/stops.ts";
import { logRelease, releaseAll, undoAll, whyCutShort } from "../run/undo.ts";
import { kindOf } from "../steps/list.ts";
import { type Followed, fromWire, type News, type Opening, type Task, type TaskEnd, toWire } from "./wire.ts";

/** What a part of a scenario is done with, on a machine that others ask. */
export interface HostedRunOptions {
  opening: Opening;
  world: World;
  /** A gate or a plug as it may be attached; throws where the owner of the machine does not let it be. */
  allowed: (queue: PlannedQueue) => PlannedQueue;
  /** Throws where what is to hold would cut off who asks. */
  beforeHold: (group: PlugGroup) => void;
  /** Called when all is undone because who asks was not heard of. */
  onLost: () => void;
  /** Called when all is undone because who asks has said so. */
  onClosed: () => void;
}

/** In which folder commands run that name none. */
const FOLDER = "/";
/** How long news are gathered before they are told, in milliseconds: packets come in many. */
const GATHER_MS = 5;
/** How much is told at once, in letters. */
const TOLD_MOST = 400_000;

/** What of a scenario is done on this machine, for who runs it on another. */
export class HostedRun {
  readonly #options: HostedRunOptions;
  readonly #tag = crypto.randomUUID();
  readonly #guardian?: Guardian;
  readonly #stage: Stage;
  readonly #sampler?: Disposable;
  readonly #doing = new Map<number, AbortController>();
  /** What who asks does not have yet. */
  readonly #news: Followed["news"] = [];
  #count = 0;
  readonly #begun = new Set<number>();
  #wake: () => void = () => {};
  #lease?: ReturnType<typeof setTimeout>;
  #closing?: Promise<void>;
  #failures: NonNullable<TaskEnd["failures"]> = [];
  /** Why nothing more is done. */
  #over?: string;

  constructor(options: HostedRunOptions) {
    this.#options = options;
    const { opening, world } = options;
    for (const queue of opening.queues) options.allowed(queue);
    this.#guardian = world.startGuardian?.();
    this.#guardian?.take({ kind: "processes", tag: this.#tag });
    this.#stage = this.#makeStage();
    this.#sampler = opening.sampleMs === undefined ? undefined : sample(this.#stage, opening.sampleMs);
    this.renew();
  }

  /** Begins a task. One that was begun already, of which this is another copy, is not begun again. */
  begin(task: number, wired: unknown): void {
    this.renew();
    if (this.#begun.has(task)) return;
    if (this.#over !== undefined) throw new Error(this.#over);
    this.#begun.add(task);
    void this.#do(task, fromWire(wired) as Task);
  }

  /** Ends a task, where there is one of that number. Returns what its clock shows, in microseconds since the run began. */
  stop(task: number): { t: number } {
    this.renew();
    this.#doing.get(task)?.abort(new DOMException("it was ended", "AbortError"));
    return { t: this.#stage.now() };
  }

  /** What has happened behind an entry, which is waited for; those up to it are forgotten. */
  async follow(after: number, waitMs: number): Promise<Followed> {
    this.renew();
    this.#news.splice(0, this.#news.findLastIndex(({ number }) => number <= after) + 1);
    if (this.#news.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, waitMs);
      this.#wake = () => void setTimeout(resolve, this.#isUrgent ? 0 : GATHER_MS);
      await promise;
      clearTimeout(timer);
    }
    let size = 0;
    const end = this.#news.findIndex(({ what }) => (size += JSON.stringify(what).length) > TOLD_MOST);
    return { news: this.#news.slice(0, end < 0 ? undefined : Math.max(1, end)) };
  }

  /** Whether somebody waits for the end of a task. */
  get #isUrgent(): boolean {
    return this.#news.some(({ what }) => "ended" in what || "over" in what);
  }

  /** Begins to count anew how long who asks is not heard of. */
  renew(): void {
    clearTimeout(this.#lease);
    const { leaseMs } = this.#options.opening;
    if (this.#over === undefined) this.#lease = setTimeout(() => void this.#lost(leaseMs), leaseMs);
  }

  async #lost(leaseMs: number): Promise<void> {
    await this.close(`who runs the scenario was not heard of for ${formatDuration(leaseMs)}, and all was undone there`);
    this.#options.onLost();
  }

  /** Ends what is done, and takes away all that was made; who asks from now on is told why. */
  close(why: string): Promise<void> {
    return this.#closing ??= this.#close(why);
  }

  async #close(why: string): Promise<void> {
    this.#over = why;
    clearTimeout(this.#lease);
    for (const controller of this.#doing.values()) controller.abort(new DOMException("it was ended", "AbortError"));
    this.#tell({ over: `Cannot go on: ${why}` });
    const course = this.#course();
    this.#stage.processes.letEnd();
    await releaseAll(course, this.#named("undo.release"));
    await undoAll(course, { tag: this.#tag });
    this.#sampler?.[Symbol.dispose]();
    this.#guardian?.[Symbol.dispose]();
  }

  async #do(number: number, task: Task): Promise<void> {
    const controller = new AbortController();
    if (task.kind !== "close") this.#doing.set(number, controller);
    const { signal } = controller;
    const end: End = { before: {}, after: {} };
    const said: Partial<TaskEnd> = task.kind === "step" ? { end } : {};
    const ended = (how: Pick<TaskEnd, "outcome" | "errno" | "errnoName" | "sentence">) =>
      this.#tell({ ended: { task: number, ...how, ...said } });
    try {
      await this.#perform(task, { end, said, signal });
      ended({ outcome: "done", errno: 0, errnoName: "", sentence: "" });
    } catch (error) {
      ended({ outcome: outcomeOf(error, signal), ...errnoOf(error), sentence: sentenceOf(error) });
    } finally {
      this.#doing.delete(number);
    }
  }

  async #perform(
    task: Task,
    { end, said, signal }: { end: End; said: Partial<TaskEnd>; signal: AbortSignal },
  ): Promise<void> {
    const stage = this.#stage;
    switch (task.kind) {
      case "step": {
        const values = new Map<string, Scalar>();
        await this.#step(task, { end, signal, stage: { ...stage, values } });
        said.values = Object.fromEntries(values);
        return;
      }
      case "look":
        said.look = await lookNow({ condition: task.condition, host: this.#options.opening.host, stage, signal });
        return;
      case "mark":
        return markCounts(task.step, stage);
      case "release":
        stage.processes.letEnd();
        await releaseAll(this.#course(), this.#named("undo.release"));
        said.failures = this.#failures.splice(0);
        return;
      case "close":
        await this.close("the scenario has ended");
        this.#options.onClosed();
        said.failures = this.#failures.splice(0);
        said.totals = Object.fromEntries(stage.queues.totals);
        said.unseen = stage.packets?.unseen;
        return;
      default:
        throw new TypeError(`Cannot do a task: ${JSON.stringify(task satisfies never)}`);
    }
  }

  /** Does a step by the code that does one of this machine. */
  async #step(
    { path, step: planned, dueMs, nextDueMs }: Task & { kind: "step" },
    { end, signal, stage }: { end: End; signal: AbortSignal; stage: Stage },
  ): Promise<void> {
    const step = this.#allowed(planned);
    const timeOf = (ms: number | undefined) => ms === undefined ? undefined : this.#began + ms;
    const course = { ...this.#course(), phase: "steps" as const, stage, signal };
    const [due, nextDue] = [timeOf(dueMs), timeOf(nextDueMs)];
    await doLeaf(step, { ...course, prefix: "", done: { steps: 0 }, path, due, nextDue, end });
  }

  /** A step as it may be done here: what it attaches is held to what the owner of the machine says. */
  #allowed(step: Step): Step {
    const { makes, parts } = kindOf(step);
    if (parts) throw new TypeError(`Cannot do ${step.action}: it has steps in it`);
    return makes ? { ...step, queue: this.#options.allowed(makes(step)) } as Step : step;
  }

  /** When the run began, by the clock. */
  get #began(): number {
    return this.#options.world.clock.now() - (wallClockMs() - this.#options.opening.begunMs);
  }

  #makeStage(): Stage {
    const { opening, world, beforeHold } = this.#options;
    const { clock, connect } = world;
    const { endings, written, maxHoldMs, watched, moments, captured, host } = opening;
    const from = this.#began;
    const micros = (time: number) => Math.max(0, Math.round((time - from) * 1000));
    const now = () => micros(clock.now());
    const guardian = this.#guardian;
    const emit = (event: ScenarioEvent) => this.#tell({ event });
    const env = { [TAG_VARIABLE]: this.#tag };
    const netnsOf = () => undefined;
    const emitMore = opening.wantsMore ? (more: ScenarioEvent) => this.#tell({ more } as News) : undefined;
    const gates = captured && [...captured, ...watched.keys()];
    const packets = gates?.length === 0
      ? undefined
      : new Packets({ clock, micros, emit, emitMore, guardian, gates, counted: watched });
    const onCutShort = this.#cutShort;
    const isMade = () => false;
    const queues = new Queues({
      guardian,
      netnsOf,
      isMade,
      connect,
      maxHoldMs,
      onCutShort,
      now,
      packets,
      beforeHold,
    });
    const processes = new Processes({
      folder: FOLDER,
      env,
      now,
      netnsOf,
      endings,
      written,
      emit,
      onDeath: (step, { message: sentence, unmet }) => this.#tell({ died: { step, sentence, unmet } }),
      onOutput: opening.isHeard ? (output) => this.#tell({ output }) : undefined,
    });
    const course = new StoppableClock(clock);
    const hosts = new Hosts([], { guardian, run: this.#tag.slice(0, 6) });
    const look = () => ({ queues: [], processes: [] });
    const stops = new Stops({
      clock: course,
      env,
      maxHoldMs,
      hosts: [{ name: host }],
      look,
      release: () => Promise.resolve([]),
      renew: () => {},
    });
    return {
      clock: course,
      now,
      micros,
      seed: 0,
      values: new Map(),
      doing: new Map(),
      counted: { last: new Map(), at: new Map(moments.map((step) => [step, new Map()])) },
      folder: FOLDER,
      hosts,
      queues,
      packets,
      processes,
      stops,
      emit,
    };
  }

  /** Tells that the guardian has released something, or is gone. */
  readonly #cutShort: QueuesOptions["onCutShort"] = (name, why, releasedAt) => {
    if (releasedAt !== undefined) logRelease(this.#course(), name, releasedAt);
    this.#tell({ over: whyCutShort(name, why, this.#options.opening.maxHoldMs).message });
  };

  #course(): Course {
    return {
      stage: this.#stage,
      phase: "undo",
      signal: new AbortController().signal,
      log: logByTime((event) => this.#tell({ event })),
      onFailure: (step, error) =>
        void this.#failures.push({ step, sentence: sentenceOf(error), isGone: isGone(error) }),
    };
  }

  #named(step: string): string {
    return `${step}.${this.#options.opening.host}`;
  }

  #tell(news: News): void {
    const { host } = this.#options.opening;
    const what = "event" in news && "step" in news.event && !("host" in news.event && news.event.host)
      ? { event: { ...news.event, host } }
      : news;
    this.#news.push({ number: ++this.#count, what: toWire(what) as News });
    this.#wake();
  }
}
