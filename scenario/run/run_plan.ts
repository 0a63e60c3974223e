import type { Connection } from "../../netlink/connection.ts";
import { TAG_VARIABLE } from "../../guardian/charge.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { isGone } from "../../plug/queue_error.ts";
import { formatDuration } from "../../plug/quantity.ts";
import type { Outcome, PacketIn, PacketOut, QueueTotal, ScenarioEvent } from "../event.ts";
import type { ScenarioPlan, Step } from "../plan.ts";
import { describeQueue } from "../queue.ts";
import { endingsOf, everyStep, kindOf } from "../steps/list.ts";
import { type Clock, StoppableClock } from "./clock.ts";
import { type Course, type EventLog, logByFile, logByTime, logged, sample, type Sink, type Stage } from "./stage.ts";
import { Hosts } from "./hosts.ts";
import { wallClockMs } from "../../linux/process.ts";
import { refuseRemotes, Remotes } from "../remote/remotes.ts";
import type { RemoteLink } from "../remote/wire.ts";
import { Packets } from "./packets.ts";
import { type OutputLine, Processes } from "./processes.ts";
import { Queues, type QueuesOptions } from "./queues.ts";
import { startOf } from "./start.ts";
import { sentenceOf, StepError } from "./step_error.ts";
import { type OnStop, type StopBefore, Stops, type StopsOptions } from "./stops.ts";
import { doEachStep, doSteps } from "./steps.ts";
import { logRelease, releaseAll, undoAll, whyCutShort } from "./undo.ts";

/** How a scenario is run. */
export interface RunOptions {
  /** Ends it early: everything is undone, and `outcome` is `aborted`. */
  signal?: AbortSignal;
  /** Is given each event. What it throws ends the scenario, and is thrown by `run` once everything is undone. */
  onEvent?: (event: ScenarioEvent) => void;
  /** `file`, the default, gives the events of parallel branches one branch after the other; `time` as they happen. */
  order?: "file" | "time";
  /** What random choices are made from, 0 to 2^32 - 1. Default: what the file says, or else one that is chosen. */
  seed?: number;
  /** Is given each line that a process of the scenario writes, as it comes. */
  onOutput?: (line: OutputLine) => void;
  /** Gives the counters in between every so many milliseconds, as `sample` events. Default: never. */
  sampleMs?: number;
  /** How long a queue may hold without a release, in milliseconds. Default: what the file says, or 30 seconds. */
  maxHoldMs?: number;
  /** Whether the packets of gates are told of, where the file does not say it; `asked`: also where it says `false`. Default: they are not. */
  capture?: boolean | "asked";
  /**
   * Is given the scenario each time that it stops, before steps and before all is undone, and returns before what it is to stop
   * next. While it stands still, no deadline comes nearer. Default: it never stops.
   */
  onStop?: OnStop;
  /** Before what it stops first. Default: before the first step that says `break: true`. */
  stopBefore?: StopBefore;
  /** Is given what comes of packets behind the first 20,000, which `onEvent` is not given. */
  onMorePackets?: (event: PacketIn | PacketOut) => void;
  /** Gives the way to the agent of a host that is another machine. Without it no scenario is run that has one. */
  linkTo?: (on: string) => RemoteLink;
}

/** How a scenario has ended. */
export interface ScenarioResult {
  /** `done`, or how it has ended otherwise: by a failure, an expectation that is not met, or because it was told to. */
  outcome: Outcome;
  /** Why it was not done; absent where it was. */
  error?: unknown;
  /** The step that was not done, as in the events. */
  step?: string;
  /** Whether everything was undone. */
  undone: boolean;
  /** What random choices were made from. */
  seed: number;
  /** What each gate and plug has seen. */
  queues: Record<string, QueueTotal>;
}

/** What a scenario is run with and on; a test replaces it. */
export interface World {
  clock: Clock;
  connect: (netns: string | undefined) => Connection;
  /** Starts the guardian that undoes everything should this process die; absent where there is to be none. */
  startGuardian?: () => Guardian;
}

/** A scenario's file, for what depends on where it is. */
export interface Origin {
  /** As it was named; absent where the text came from elsewhere. */
  file?: string;
  /** In which commands run. */
  folder: string;
}

/** How long the steps of `cleanup:` may take, in milliseconds. */
const CLEANUP_MS = 30_000;

/** Runs a scenario. What does not go as it should is in the result; only what `onEvent` throws is thrown, in the end. */
export function runPlan(
  plan: ScenarioPlan,
  { world, origin, ...options }: RunOptions & { world: World; origin: Origin },
): Promise<ScenarioResult> {
  return new Run(plan, { world, origin, options }).run();
}

class Run {
  readonly #plan: ScenarioPlan;
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #origin: Origin;
  readonly #log: EventLog;
  readonly #tag = crypto.randomUUID();
  /** Ends the steps early. */
  readonly #stop = new AbortController();
  readonly #done = { steps: 0 };
  readonly #seed: number;
  #stage?: Stage;
  #remotes?: Remotes;
  #failure?: { step?: string; error: unknown };
  /** What `onEvent` has thrown, if anything. */
  #thrown?: { error: unknown };
  #undone = true;

  constructor(
    plan: ScenarioPlan,
    { world, origin, options }: { world: World; origin: Origin; options: RunOptions },
  ) {
    const { order = "file", seed = plan.seed, maxHoldMs = plan.maxHoldMs } = options;
    this.#plan = { ...plan, maxHoldMs };
    this.#options = options;
    this.#world = world;
    this.#origin = origin;
    this.#log = order === "file" ? logByFile(this.#tell) : logByTime(this.#tell);
    this.#seed = seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  }

  async run(): Promise<ScenarioResult> {
    const from = this.#world.clock.now();
    const time = new Date();
    using guardian = this.#world.startGuardian?.();
    const stage = this.#stage = this.#makeStage(guardian, from);
    this.#log.emit(
      startOf(this.#plan, { file: this.#origin.file, seed: this.#seed, time, netnsOf: stage.hosts.netnsOf }),
    );
    const { signal } = this.#options;
    const abort = () => this.#stop.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    {
      using _sampler = this.#options.sampleMs === undefined ? undefined : sample(stage, this.#options.sampleMs);
      await this.#perform(stage, guardian);
      await this.#stopAtEnd(stage);
      await this.#putBack(stage);
    }
    signal?.removeEventListener("abort", abort);
    const result = this.#end(stage);
    if (this.#thrown) throw this.#thrown.error;
    return result;
  }

  /** Passes an event on. Who cannot take it ends the steps, and hears no more: everything must be undone all the same. */
  readonly #tell: Sink = (event) => this.#guarded(() => this.#options.onEvent?.(event));

  #guarded(tell: () => void): void {
    if (this.#thrown) return;
    try {
      tell();
    } catch (error) {
      this.#thrown = { error };
      this.#stop.abort(error);
    }
  }

  #makeStage(guardian: Guardian | undefined, from: number): Stage {
    const { clock, connect } = this.#world;
    const { hosts: planned, maxHoldMs, steps, cleanup } = this.#plan;
    const micros = (time: number) => Math.round((time - from) * 1000);
    const now = () => micros(clock.now());
    const course = new StoppableClock(clock);
    const env = { [TAG_VARIABLE]: this.#tag };
    const hosts = new Hosts(planned, { guardian, run: this.#tag.slice(0, 6) });
    const onCutShort = this.#cutShort;
    const { capture: inFile, watched } = this.#plan;
    const { capture: wanted } = this.#options;
    const capture = wanted === "asked" && !inFile ? true : inFile ?? wanted;
    const gates = capture === true ? undefined : [...capture || [], ...watched.keys()];
    const { onMorePackets } = this.#options;
    const emitMore = onMorePackets &&
      ((event: PacketIn | PacketOut) => this.#guarded(() => onMorePackets(event)));
    const remotes = this.#remotes = this.#makeRemotes(from, gates);
    const packets = !gates || gates.length > 0
      ? new Packets({ clock, micros, emit: this.#tell, emitMore, guardian, gates, counted: watched })
      : undefined;
    const { netnsOf, isMade } = hosts;
    const queues = new Queues({ guardian, netnsOf, isMade, connect, maxHoldMs, onCutShort, now, packets });
    const processes = new Processes({
      folder: this.#origin.folder,
      env,
      now,
      netnsOf,
      endings: endingsOf([...steps, ...cleanup]),
      written: new Set(everyStep([...steps, ...cleanup]).flatMap((step) => kindOf(step).writesTo?.(step) ?? [])),
      emit: this.#tell,
      onDeath: this.#died,
      onOutput: this.#options.onOutput,
    });
    const stops = this.#makeStops({ clock: course, env, hosts, queues, packets, processes });
    return {
      clock: course,
      now,
      micros: (time) => micros(course.real(time)),
      seed: this.#seed,
      values: new Map([["seed", this.#seed]]),
      doing: new Map(),
      counted: { last: new Map(), at: new Map(this.#plan.moments.map((step) => [step, new Map()])) },
      folder: this.#origin.folder,
      hosts,
      queues,
      packets,
      processes,
      remotes,
      stops,
      emit: this.#tell,
    };
  }

  /** The hosts that are other machines, where there are any. */
  #makeRemotes(from: number, captured: readonly string[] | undefined): Remotes | undefined {
    const { linkTo, sampleMs, onOutput, onMorePackets } = this.#options;
    if (!linkTo || this.#plan.hosts.every(({ on }) => on === undefined)) return undefined;
    return new Remotes({
      plan: this.#plan,
      linkTo,
      captured,
      sampleMs,
      begunMs: wallClockMs() - (this.#world.clock.now() - from),
      emit: this.#tell,
      onOutput,
      onMorePackets: onMorePackets && ((event) => this.#guarded(() => onMorePackets(event))),
      onDeath: this.#died,
      onOver: (error) => this.#stop.abort(error),
    });
  }

  #makeStops(
    { hosts, queues, packets, processes, ...rest }:
      & Pick<Stage, "clock" | "hosts" | "queues" | "packets" | "processes">
      & Pick<StopsOptions, "env">,
  ): Stops {
    const { onStop, stopBefore } = this.#options;
    const { hosts: planned, maxHoldMs } = this.#plan;
    return new Stops({
      ...rest,
      onStop,
      stopBefore,
      maxHoldMs,
      hosts: planned.length === 0 ? [] : planned.map(({ name }) => ({ name, netns: hosts.netnsOf(name) })),
      look: () => ({
        queues: queues.look().map((queue) => ({ ...queue, packets: packets?.held(queue.name) })),
        processes: processes.look(),
      }),
      release: async () => {
        const held = queues.holding;
        await releaseAll(
          this.#course(this.#stage as Stage, { phase: "steps", signal: this.#stop.signal }),
          "stop.release",
        );
        return held;
      },
      renew: () => queues.renew(),
    });
  }

  /** Lets somebody look at what has failed, before it is gone. */
  async #stopAtEnd(stage: Stage): Promise<void> {
    const { signal = new AbortController().signal } = this.#options;
    await stage.stops.atEnd(this.#failure, signal);
  }

  /** Makes what the file names, and does the steps. */
  async #perform(stage: Stage, guardian: Guardian | undefined): Promise<void> {
    const { timeoutMs, steps } = this.#plan;
    const course = this.#course(stage, { phase: "setup", signal: this.#stop.signal });
    const late = () =>
      this.#stop.abort(new StepError(`Cannot go on: the scenario's timeout of ${formatDuration(timeoutMs)} is over`));
    using _limit = stage.clock.after(timeoutMs, late);
    try {
      this.#stop.signal.throwIfAborted();
      refuseRemotes(this.#plan, this.#options);
      await this.#remotes?.open(course);
      this.#stop.signal.throwIfAborted();
      stage.hosts.check();
      guardian?.take({ kind: "processes", tag: this.#tag });
      await this.#setUp(course);
      await doSteps(steps, { ...course, phase: "steps", prefix: "", done: this.#done });
      this.#stop.signal.throwIfAborted();
    } catch (error) {
      this.#fail(undefined, error);
    } finally {
      stage.processes.letEnd();
    }
  }

  async #setUp(course: Course): Promise<void> {
    const { hosts, queues } = course.stage;
    if (hosts.made.length > 0) {
      const text = `make hosts ${hosts.made.map(({ name }) => name).join(", ")}`;
      await logged({ mark: { step: "setup.hosts", action: "make-host" }, text, work: () => hosts.make() }, course);
    }
    for (const queue of this.#plan.queues) {
      course.signal.throwIfAborted();
      const { name, host, line } = queue;
      const mark = { step: `setup.attach.${name}`, action: "attach" as const, host, queues: [name] };
      await logged({
        mark,
        line,
        text: `attach ${describeQueue(queue)}`,
        work: async (end) => {
          if (await this.#remotes?.attach(queue, { ...course, end })) return;
          end.notes = queues.attach(queue, { isIdle: hosts.made.some(({ name }) => name === host) });
          end.after = { [name]: queues.stats(name) };
        },
      }, course);
    }
  }

  /** Lets go, does the steps of `cleanup:`, and undoes everything. */
  async #putBack(stage: Stage): Promise<void> {
    const undo = this.#course(stage, { phase: "undo", signal: new AbortController().signal });
    const release = () => Promise.all([releaseAll(undo), this.#remotes?.release(undo)]);
    await release();
    await this.#cleanUp(stage, this.#plan.cleanup);
    await release();
    await Promise.all([undoAll(undo, { tag: this.#tag }), this.#remotes?.close(undo)]);
  }

  async #cleanUp(stage: Stage, steps: readonly Step[]): Promise<void> {
    const over = new AbortController();
    const late = () => over.abort(new StepError(`Cannot go on: cleanup has taken ${formatDuration(CLEANUP_MS)}`));
    const timer = setTimeout(late, CLEANUP_MS);
    const course = this.#course(stage, { phase: "cleanup", signal: over.signal });
    await doEachStep(steps, { ...course, prefix: "cleanup.", done: this.#done });
    clearTimeout(timer);
  }

  #course(stage: Stage, { phase, signal }: Pick<Course, "phase" | "signal">): Course {
    const onFailure = (step: string, error: unknown) => {
      // What is gone is as good as taken away, though the scenario has not gone as it should.
      if (phase === "undo" && !isGone(error)) this.#undone = false;
      this.#fail(step, error);
    };
    return { stage, phase, signal, log: this.#log, onFailure };
  }

  /** Keeps the first failure in mind. */
  #fail(step: string | undefined, error: unknown): void {
    this.#failure ??= { step, error };
  }

  /** Ends the steps when the guardian has released something, or is gone. */
  readonly #cutShort: QueuesOptions["onCutShort"] = (name, why, releasedAt) => {
    const course = { phase: "undo" as const, signal: new AbortController().signal };
    if (releasedAt !== undefined) logRelease(this.#course(this.#stage as Stage, course), name, releasedAt);
    this.#stop.abort(whyCutShort(name, why, this.#plan.maxHoldMs));
  };

  /** Ends the steps when a process has ended that may not. */
  readonly #died = (step: string, error: StepError): void => {
    this.#fail(step, error);
    this.#stop.abort(error);
  };

  #outcome(): Outcome {
    if (!this.#failure) return "done";
    const { error } = this.#failure;
    if (this.#options.signal?.aborted && error === this.#options.signal.reason) return "aborted";
    return error instanceof StepError && error.unmet ? "unmet" : "failed";
  }

  #end(stage: Stage): ScenarioResult {
    const { step, error } = this.#failure ?? {};
    const outcome = this.#outcome();
    const queues = { ...Object.fromEntries(stage.queues.totals), ...this.#remotes?.totals };
    const undone = this.#undone;
    const sentence = this.#failure ? sentenceOf(error) : "";
    const { steps } = this.#done;
    const unseen = stage.packets && { ...stage.packets.unseen, ...this.#remotes?.unseen };
    this.#log.emit({ event: "scenario-end", t: stage.now(), outcome, sentence, step, undone, queues, steps, unseen });
    return { outcome, error, step, undone, seed: this.#seed, queues };
  }
}
