import type { Outcome, RanProcess } from "../event.ts";
import type { Hold } from "./holds.ts";
import { formatNumberOf } from "./markup.ts";
import { laneName, linesByLane, type WrittenLine } from "./output.ts";
import { clockError, everyStep, hostsOfQueues, momentOf, type RunLog } from "./run_log.ts";

/** What the page draws; times are microseconds since the scenario began. */
export interface Timeline {
  /** When the last event was. */
  duration: number;
  /** The backlog of every queue at each of these times, in packets; `null` while the queue is not there. */
  times: readonly number[];
  queues: readonly QueueLane[];
  processes: readonly ProcessLane[];
  /** The steps that are made of no others. */
  marks: readonly Mark[];
}

/** What is drawn of a queue. */
export interface QueueLane {
  name: string;
  backlog: readonly (number | null)[];
  holds: readonly { from: number; to: number; text: string }[];
}

/** What is drawn of processes: one lane each that was started, and one for all commands of a host. */
export interface ProcessLane {
  name: string;
  bars: readonly ProcessBar[];
  /** What was written, and when. */
  lines: readonly WrittenLine[];
}

/** A process, from its start to its end, or to the end of the log. */
export interface ProcessBar {
  from: number;
  to: number;
  text: string;
  isRunning: boolean;
  /** Whether the step that it ended in was not done, or it may not end so: not every status but 0 is a failure. */
  isFailed: boolean;
}

/** What is drawn of a step. */
export interface Mark {
  /** When it took effect, began and ended. */
  t: number;
  from: number;
  to: number;
  step: string;
  action: string;
  text: string;
  outcome: Outcome;
  queues: readonly string[];
  /** By how much its times may be wrong, where another machine's clock tells them. */
  error?: number;
}

/** What the page draws of a run. */
export function makeTimeline(log: RunLog, holds: readonly Hold[]): Timeline {
  const duration = lastMoment(log);
  const looks = [...log.looks.values()].flatMap((each) => each.map(({ t }) => t));
  const times = [...new Set([0, ...looks, duration])].sort((one, other) => one - other);
  return {
    duration,
    times,
    queues: queueNames(log).map((name) => ({
      name,
      backlog: backlogAt(log, name, times),
      holds: holds.filter(({ queue }) => queue === name).map((hold) => ({
        from: hold.from,
        to: hold.to ?? duration,
        text: `${name} held ${formatNumberOf(hold.packets, "packet")}`,
      })),
    })),
    processes: processLanes(log, duration),
    marks: marks(log),
  };
}

/** The queues of the file, and those that steps have made. */
function queueNames({ start, looks }: RunLog): string[] {
  return [...new Set([...start.queues.map(({ name }) => name), ...looks.keys()])];
}

function lastMoment({ start, end, steps, looks }: RunLog): number {
  if (end) return end.t;
  const moments = everyStep(steps).map((step) => step.end?.t ?? step.start.t);
  const seen = [...looks.values()].map((each) => each.at(-1)?.t ?? 0);
  return [...moments, ...seen].reduce((last, t) => Math.max(last, t), start.t);
}

function backlogAt({ looks, steps }: RunLog, queue: string, times: readonly number[]): (number | null)[] {
  const own = looks.get(queue) ?? [];
  const detached = everyStep(steps)
    .filter(({ start, end }) => start.action === "detach" && start.queues.includes(queue) && end?.outcome === "done")
    .map((step) => step.end?.t ?? 0).toArray();
  let next = 0;
  return times.map((t) => {
    while (next < own.length && own[next].t <= t) next++;
    const look = own[next - 1];
    if (!look || detached.some((end) => look.t < end && end < t)) return null;
    return look.stats.backlogPackets;
  });
}

function marks(log: RunLog): Mark[] {
  const hosts = hostsOfQueues(log);
  return everyStep(log.steps).filter((step) => step.steps.length === 0 && step.end !== undefined).map((step) => ({
    t: momentOf(step),
    from: step.start.t,
    to: step.end?.t ?? step.start.t,
    step: step.start.step,
    action: step.start.action,
    text: step.start.name ?? step.start.text,
    outcome: step.end?.outcome ?? "aborted",
    queues: step.start.queues,
    error: clockError(log, [step.start.host, ...step.start.queues.map((name) => hosts.get(name))]),
  })).toArray();
}

function processLanes(log: RunLog, duration: number): ProcessLane[] {
  const { steps, processes } = log;
  const lines = linesByLane(log);
  const lanes = new Map<string, Map<string, ProcessBar>>();
  // A process that was started is told of twice: in the end of that step, which has its host, and where it has ended
  const laneOf = new Map<string, Map<string, ProcessBar>>();
  for (const { start, end } of everyStep(steps)) {
    if (!end?.ran) continue;
    const process = `${end.ran.pid} ${end.ran.from}`;
    const name = laneName(start.host, end.ran.name);
    const lane = laneOf.get(process) ?? lanes.get(name) ?? new Map<string, ProcessBar>();
    if (!laneOf.has(process)) lanes.set(name, lane);
    const ended = processes.get(start.step);
    const isFailed = end.outcome !== "done" || ended?.isExpected === false;
    laneOf.set(process, lane.set(process, bar(ended?.ran ?? end.ran, { isFailed, duration })));
  }
  return [...lanes].map(([name, lane]) => ({ name, bars: [...lane.values()], lines: lines.get(name) ?? [] }));
}

function bar(ran: RanProcess, { isFailed, duration }: { isFailed: boolean; duration: number }): ProcessBar {
  return {
    from: ran.from,
    to: ran.to ?? duration,
    text: `${ran.command.join(" ")} (${howEnded(ran)})`,
    isRunning: ran.to === undefined,
    isFailed,
  };
}

/** How a process ended, in words. */
export function howEnded({ to, exit, signal }: RanProcess): string {
  if (signal !== undefined) return `ended by ${signal}`;
  if (exit !== undefined) return `exit status ${exit}`;
  return to === undefined ? "running" : "ended";
}
