import { conditionKind } from "../conditions/list.ts";
import type { PacketIn, PacketOut, QueueTotal, ScenarioEvent, UnseenPackets } from "../event.ts";
import type { Condition, PlannedHost, PlannedQueue, ScenarioPlan, Step } from "../plan.ts";
import type { OutputLine } from "../run/processes.ts";
import { type Course, type End, logged, type Look, type OtherMachines, type Place } from "../run/stage.ts";
import { StepError } from "../run/step_error.ts";
import { attachedBy, endingsOf, everyStep, kindOf } from "../steps/list.ts";
import { ATTACH } from "../steps/attach.ts";
import { START } from "../steps/start.ts";
import { RemoteHost } from "./remote_host.ts";
import type { News, Opening, RemoteLink, TaskEnd } from "./wire.ts";

/** How the hosts of a scenario are used that are other machines. */
export interface RemotesOptions {
  plan: ScenarioPlan;
  /** The way to the agent of a host, by what that is called in the fleet. */
  linkTo: (on: string) => RemoteLink;
  /** The gates whose packets are told of; absent for all. */
  captured?: readonly string[];
  sampleMs?: number;
  /** When the run began, by this machine's wall clock, in milliseconds since 1970. */
  begunMs: number;
  emit: (event: ScenarioEvent) => void;
  onOutput?: (line: OutputLine) => void;
  onMorePackets?: (event: PacketIn | PacketOut) => void;
  /** Is told of a process that has ended though it may not, and of the step that started it. */
  onDeath: (step: string, error: StepError) => void;
  /** Is told that the scenario cannot go on. */
  onOver: (error: StepError) => void;
}

/** After how long without a word a machine undoes all that it does for a scenario, in milliseconds. */
export const LEASE_MS = 10_000;
/** How long before a set time another machine is told of a step, in milliseconds. */
const LEAD_MS = 150;
/** How long it takes at most until all machines know of a step that they do together, in milliseconds. */
const TOGETHER_MS = 50;

/** By how much machines may differ that do a step together, without a word about it, in milliseconds. */
const SKEW_MS = 2;

/** Where a step is done, or a part of it: on another machine, or where none is said here. */
type Share = readonly [host: RemoteHost | undefined, step: Step];

/** The hosts of a scenario that are other machines. */
export class Remotes implements OtherMachines {
  readonly #options: RemotesOptions;
  readonly #hosts: ReadonlyMap<string, RemoteHost>;
  /** On which host each gate, plug and process is, by its name. */
  readonly #queues: ReadonlyMap<string, string | undefined>;
  readonly #processes: ReadonlyMap<string, string | undefined>;
  readonly totals: Record<string, QueueTotal> = {};
  readonly unseen: Record<string, UnseenPackets> = {};
  #isClosing = false;

  constructor(options: RemotesOptions) {
    this.#options = options;
    const { hosts, queues, steps, cleanup, moments, maxHoldMs, watched } = options.plan;
    const all = [...steps, ...cleanup];
    const known = [...queues, ...attachedBy(all)];
    this.#queues = new Map(known.map(({ name, host }) => [name, host]));
    const starts = everyStep(all).filter(({ action }) => action === START.action);
    this.#processes = new Map(starts.map((step) => [kindOf(step).process?.(step) ?? "", step.host]));
    const common: Omit<Opening, "host" | "version" | "begunMs" | "leaseMs" | "queues"> = {
      run: crypto.randomUUID(),
      maxHoldMs,
      endings: endingsOf(all),
      written: new Set(everyStep(all).flatMap((step) => kindOf(step).writesTo?.(step) ?? [])),
      moments,
      watched,
      captured: options.captured,
      sampleMs: options.sampleMs,
      isHeard: options.onOutput !== undefined,
      wantsMore: options.onMorePackets !== undefined,
    };
    const { begunMs } = options;
    const make = ({ name, on = "" }: PlannedHost) =>
      new RemoteHost({
        name,
        on,
        link: options.linkTo(on),
        opening: { ...common, queues: known.filter(({ host }) => host === name) },
        begunMs,
        leaseMs: LEASE_MS,
        onNews: (news) => this.#take(news, name),
        onLost: (error) => this.#isClosing || options.onOver(error),
      });
    this.#hosts = new Map(
      hosts.filter(({ on }) => on !== undefined).map((host) => [host.name, make(host)]),
    );
  }

  /** Opens all of them, at the same time, before anything is touched anywhere. */
  async open(course: Course): Promise<void> {
    const opened = [...this.#hosts.values()].map((host) => ({ host, told: host.open() }));
    // Each is waited for below, also where one before it has failed.
    for (const { told } of opened) told.catch(() => {});
    const failures: unknown[] = [];
    for (const { host, told } of opened) {
      const mark = { step: `setup.open.${host.name}`, action: "open-host", host: host.name };
      const work = async (end: End) => void (end.opened = await told);
      await logged({ mark, text: `open ${host.name} on ${host.on}`, work }, course).catch((error) =>
        failures.push(error)
      );
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Attaches a gate or a plug that the file names, where its host is another machine; whether it is. */
  async attach(queue: PlannedQueue, { end, ...course }: Course & { end: End }): Promise<boolean> {
    const host = this.#hosts.get(queue.host ?? "");
    if (!host) return false;
    const { name, line } = queue;
    const step = { action: ATTACH.action, host: queue.host, queue, line };
    const path = `setup.attach.${name}`;
    await this.#doThere(host, step, { ...course, path, end });
    return true;
  }

  /** Notes there, too, the counters as a step begins, where a condition counts from then on. */
  async mark(step: string, signal: AbortSignal): Promise<void> {
    if (!this.#options.plan.moments.includes(step)) return;
    await Promise.all([...this.#hosts.values()].map((host) => host.do({ kind: "mark", step }, signal)));
  }

  /** How long before its time a step is begun that another machine does, in milliseconds. */
  leadOf(step: Step): number {
    return step.took === undefined && this.#sharesOf(step).some(([host]) => host) ? LEAD_MS : 0;
  }

  /** Does a step where it is to be done; what is done to gates and plugs of several machines, at the same time. */
  async perform(
    step: Step,
    { doHere, ...here }: Place & { doHere: (step: Step) => void | Promise<void> },
  ): Promise<void> {
    const shares = this.#sharesOf(step);
    if (shares.every(([host]) => !host)) return await doHere(step);
    const { clock } = here.stage;
    const due = here.due ?? (shares.length > 1 ? clock.now() + TOGETHER_MS : undefined);
    const asked = await Promise.all(shares.map(async ([host, share]) => {
      if (host) return await this.#doThere(host, share, { ...here, due });
      if (due !== undefined) await clock.until(due, here.signal);
      await doHere(share);
      return here.end.asked;
    }));
    noteSkew(here.end, asked.filter((time) => time !== undefined));
  }

  /** What a look at a condition finds, where another machine looks. */
  look(
    { condition, host }: { condition: Condition; host?: string },
    signal: AbortSignal,
  ): Promise<Look> | undefined {
    const { queue, process } = conditionKind(condition);
    const [about, of] = [queue?.(condition), process?.(condition)];
    const name = about !== undefined ? this.#queues.get(about) : of !== undefined ? this.#processes.get(of) : host;
    const there = this.#hosts.get(name ?? "");
    return there && this.#lookThere(there, condition, signal);
  }

  /** Lets go whatever is held there. */
  async release(course: Course): Promise<void> {
    await Promise.all(this.#open.map(async (host) => {
      const { failures = [] } = await host.do({ kind: "release" }).catch(() => ({ failures: [] }));
      this.#fail(failures, course);
    }));
  }

  /** Takes away all that was made there. */
  async close(course: Course): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#open.map(async (host) => {
      const mark = { step: `undo.close.${host.name}`, action: "close-host", host: host.name };
      const work = async (end: End) => {
        const { failures = [], totals, unseen } = await host.do({ kind: "close" });
        Object.assign(this.totals, totals);
        Object.assign(this.unseen, unseen);
        this.#fail(failures, course);
        end.opened = await host.checkClock(course.stage.now);
      };
      await logged({ mark, text: `close ${host.name}`, work }, course).catch(() => {});
      host.leave();
    }));
  }

  get #open(): RemoteHost[] {
    return [...this.#hosts.values()].filter(({ isOpen }) => isOpen);
  }

  #fail(failures: NonNullable<TaskEnd["failures"]>, { onFailure }: Course): void {
    for (const { step, sentence, isGone } of failures) if (!isGone) onFailure(step, new StepError(sentence));
  }

  /** Who does which part of a step. */
  #sharesOf(step: Step): Share[] {
    const kind = kindOf(step);
    const made = kind.makes?.(step);
    const queues = made ? [] : kind.queues?.(step) ?? [];
    if (kind.parts) return [[undefined, step]];
    if (queues.length > 0) {
      const byHost = Map.groupBy(queues, (name) => this.#hosts.get(this.#queues.get(name) ?? ""));
      if (byHost.size > 1) return [...byHost].map(([host, names]): Share => [host, { ...step, queues: names } as Step]);
      return [...byHost.keys()].map((host): Share => [host, step]);
    }
    const process = step.action === START.action ? undefined : kind.process?.(step);
    const name = made ? made.host : process !== undefined ? this.#processes.get(process) : step.host;
    return [[this.#hosts.get(name ?? ""), step]];
  }

  /** Returns when the kernel there was asked, where it was. */
  async #doThere(host: RemoteHost, step: Step, here: Place): Promise<number | undefined> {
    const { stage, path, signal, due, nextDue, end } = here;
    const msOf = (time: number | undefined) => time === undefined ? undefined : stage.micros(time) / 1000;
    const { replan: _, when: _when, took: _took, allowedMs: _allowed, ...own } = step;
    const times = { dueMs: msOf(due), nextDueMs: msOf(nextDue) };
    const ended = await host.do({ kind: "step", path, step: own, ...times }, signal);
    add(end, ended.end);
    for (const [name, value] of Object.entries(ended.values ?? {})) stage.values.set(name, value);
    refuse(ended, host);
    return ended.end?.asked;
  }

  async #lookThere(host: RemoteHost, condition: Condition, signal: AbortSignal): Promise<Look> {
    const ended = await host.do({ kind: "look", condition }, signal);
    refuse(ended, host);
    return ended.look as Look;
  }

  #take(news: Exclude<News, { ended: TaskEnd }>, host: string): void {
    const { emit, onOutput, onMorePackets, onDeath, onOver } = this.#options;
    if ("event" in news) emit(news.event);
    else if ("more" in news) onMorePackets?.(news.more);
    else if ("output" in news) onOutput?.(news.output);
    else if ("died" in news) {
      const { step, sentence, unmet } = news.died;
      onDeath(step, new StepError(sentence, { unmet }));
    } else if (!this.#isClosing) onOver(new StepError(`On ${host}: ${news.over}`));
  }
}

/**
 * Refuses what cannot be where other machines take part.
 *
 * @throws {StepError} where there is no way to them, or somebody wants to stop and look
 */
export function refuseRemotes(
  { hosts }: ScenarioPlan,
  { linkTo, onStop }: { linkTo?: RemotesOptions["linkTo"]; onStop?: unknown },
): void {
  const host = hosts.find(({ on }) => on !== undefined);
  if (!host) return;
  const what = `Cannot run it: host ${host.name} is ${host.on}, another machine`;
  if (!linkTo) throw new StepError(`${what}, and no broker is named by which its agent is asked: --nats URL`);
  if (onStop) {
    throw new StepError(`${what}, and what is there cannot be looked at: it takes no --step and no break: true`);
  }
}

/** Adds what one of several machines tells of a step. */
function add(end: End, told: End = { before: {}, after: {} }): void {
  const { before, after, notes, left, asked, beforeAt, ...rest } = told;
  Object.assign(end, rest);
  end.before = { ...end.before, ...before };
  end.after = { ...end.after, ...after };
  if (beforeAt !== undefined) end.beforeAt = beforeAt;
  if (asked !== undefined) end.asked = Math.min(asked, end.asked ?? asked);
  if (notes) end.notes = [...end.notes ?? [], ...notes];
  if (left) end.left = { ...end.left, ...left };
}

/** Says how far apart several machines have done a step. */
function noteSkew(end: End, asked: readonly number[]): void {
  if (asked.length < 2) return;
  end.asked = Math.min(...asked);
  const skewMs = (Math.max(...asked) - end.asked) / 1000;
  if (skewMs > SKEW_MS) end.notes = [...end.notes ?? [], `not at one moment: within ${skewMs.toFixed(1)} ms`];
}

/** @throws {StepError} where it was not done, with what the other machine says */
function refuse({ outcome, sentence, errno, errnoName }: TaskEnd, { name }: RemoteHost): void {
  if (outcome === "done") return;
  throw new StepError(`On ${name}: ${sentence}`, { unmet: outcome === "unmet", kernel: { errno, errnoName } });
}
