import type { QdiscStats } from "../../codec/message.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { QueueError } from "../../plug/queue_error.ts";
import type { Phase, RanProcess, ScenarioEvent, StepEnd, StepMark, StepStart } from "../event.ts";
import type { Condition, Scalar, Step } from "../plan.ts";
import type { StoppableClock } from "./clock.ts";
import type { Hosts } from "./hosts.ts";
import type { Packets } from "./packets.ts";
import type { Processes } from "./processes.ts";
import type { Queues } from "./queues.ts";
import type { Stops } from "./stops.ts";
import { errnoOf, outcomeOf, sentenceOf, StepError } from "./step_error.ts";

/** Counters of a gate or a plug, by the words of conditions. */
export type Counts = Readonly<Record<string, number>>;

/** A step that is being done. */
export interface Doing {
  text: string;
  line: number;
  /** What it waits for has been found to be, in words. */
  found?: string;
}

/** What the steps of a scenario work with. */
export interface Stage {
  /** By which steps are due and late: it stands still while somebody looks. */
  clock: StoppableClock;
  /** Microseconds since the scenario began. */
  now: () => number;
  /** A time of the clock in microseconds since the scenario began. */
  micros: (time: number) => number;
  seed: number;
  /** The variables that steps have set. */
  values: Map<string, Scalar>;
  /** The steps that are being done, by their ways through the file, but for those with others in them. */
  doing: Map<string, Doing>;
  /** The counters of each gate and plug when a condition last held of it, and at the beginning of steps that are asked for. */
  counted: { last: Map<string, Counts>; at: ReadonlyMap<string, Map<string, Counts>> };
  /** The folder of the scenario's file, in which commands run. */
  folder: string;
  hosts: Hosts;
  queues: Queues;
  /** Sees the packets of gates, where that is wanted. */
  packets?: Packets;
  processes: Processes;
  /** The hosts of the scenario that are other machines, whose agents do what is done there; absent where there are none. */
  remotes?: OtherMachines;
  /** Stops before steps, where somebody wants to look. */
  stops: Stops;
  /** Takes events that belong to no step. */
  emit: Sink;
}

/** What a look at a condition has found. */
export interface Look {
  holds: boolean;
  /** What is, in words. */
  found: string;
  /** Whether it cannot hold any more, however long one waits. */
  never?: boolean;
  /** Whether its time was over before more could be found out. */
  isCut?: boolean;
  /** The process that was run to find out. */
  ran?: RanProcess;
}

/** A step where it is done. */
export interface Place {
  stage: Stage;
  /** The way to it through the file. */
  path: string;
  signal: AbortSignal;
  /** When it is to be done, by the clock, in milliseconds. */
  due?: number;
  /** When the step behind it is due. */
  nextDue?: number;
  /** What is told of it. */
  end: End;
}

/** The hosts of a scenario that are other machines, as its steps use them. */
export interface OtherMachines {
  /** Notes there, too, the counters as a step begins, where a condition counts from then on. */
  mark(step: string, signal: AbortSignal): Promise<void>;
  /** How long before its time a step is begun, in milliseconds, since others must hear of it. */
  leadOf(step: Step): number;
  /** Does a step where it is to be done; `doHere` does what is to be done here. */
  perform(step: Step, place: Place & { doHere: (step: Step) => void | Promise<void> }): Promise<void>;
  /** What a look at a condition finds, where another machine looks. */
  look(asked: { condition: Condition; host?: string }, signal: AbortSignal): Promise<Look> | undefined;
}

/** What is told of a step besides how it ended. */
export type Details = Pick<StepEnd, "notes" | "asked" | "left" | "ran" | "chosen" | "skipped" | "opened">;

/** Takes events. */
export type Sink = (event: ScenarioEvent) => void;

/** Where branches that run at the same time write their events, and how they come out. */
export interface EventLog {
  emit: Sink;
  /** A log for each of several branches, which is closed when its branch has ended. */
  branches(count: number): BranchLog[];
}

/** The log of a branch. */
export interface BranchLog extends EventLog {
  close(): void;
}

/** Passes events on as they come. */
export function logByTime(sink: Sink): EventLog {
  const log: BranchLog = { emit: sink, branches: (count) => Array.from({ length: count }, () => log), close: () => {} };
  return log;
}

/** Passes events on in the order of the file: those of a branch when the branches before it have ended. */
export function logByFile(sink: Sink): EventLog {
  return { emit: sink, branches: (count) => branchesInOrder(sink, count) };
}

function branchesInOrder(sink: Sink, count: number): BranchLog[] {
  const held: ScenarioEvent[][] = Array.from({ length: count }, () => []);
  const closed = new Set<number>();
  let turn = 0;
  const advance = () => {
    while (closed.has(turn)) {
      turn++;
      for (const event of held[turn]?.splice(0) ?? []) sink(event);
    }
  };
  return held.map((events, index) => {
    const emit: Sink = (event) => index === turn ? sink(event) : void events.push(event);
    const close = () => {
      closed.add(index);
      advance();
    };
    return { ...logByFile(emit), close };
  });
}

/** What is done, and where that is logged. */
export interface Course {
  stage: Stage;
  phase: Phase;
  log: EventLog;
  signal: AbortSignal;
  /** Called with each step that was not done, an inner one before the one that it is part of. */
  onFailure: (step: string, error: unknown) => void;
}

/** What an event says of its step, but for what the course says. */
export type Mark = Pick<StepMark, "step" | "action" | "host" | "process"> & { queues?: readonly string[] };

/** What is told at the end of a step besides how it has ended. */
export type End = Details & Pick<StepEnd, "before" | "beforeAt" | "after">;

/** A step as it begins, and what is to be done. */
export interface Logged extends Omit<StepStart, "event" | keyof StepMark> {
  mark: Mark;
  work: (end: End) => void | Promise<void>;
}

/** Does a step, and says that it begins and how it has ended. */
export async function logged({ mark, work, ...start }: Logged, course: Course): Promise<void> {
  const { stage, phase, log, signal, onFailure } = course;
  const from = stage.now();
  const own = { phase, ...mark, queues: [...mark.queues ?? []] };
  const end: End = { before: {}, after: {} };
  const emitEnd = (how: Pick<StepEnd, "outcome" | "errno" | "errnoName" | "sentence">) => {
    const t = stage.now();
    log.emit({ event: "step-end", t, ...own, ...how, duration: t - from, ...end });
  };
  log.emit({ event: "step-start", t: from, ...own, ...start });
  try {
    await work(end);
  } catch (error) {
    emitEnd({ outcome: outcomeOf(error, signal), ...errnoOf(error), sentence: sentenceOf(error) });
    const isEndedWithOther = error instanceof StepError && error.late !== undefined && error.late !== mark.step;
    if (!isEndedWithOther) onFailure(mark.step, error);
    throw error;
  }
  emitEnd({ outcome: "done", errno: 0, errnoName: "", sentence: "" });
}

/** What is being done below a step, in words: `; still doing branch a, line 4: sleep 1h; round 3, line 7: run make`. */
export function describeDoing(path: string, { doing }: Pick<Stage, "doing">): string {
  const below = [...doing].filter(([other]) => other.startsWith(`${path}.`) || other.startsWith(`${path}[`))
    .sort(([, one], [, other]) => one.line - other.line);
  if (below.length === 0) return "";
  return `; still doing ${below.map(([other, each]) => describeOne(other.slice(path.length), each)).join("; ")}`;
}

function describeOne(rest: string, { text, line, found }: Doing): string {
  const [, round, branch] = /^(?:\[(\d+)\]|\.([A-Za-z][^.[]*))/.exec(rest) ?? [];
  const where = round ? [`round ${round}`] : branch ? [`branch ${branch}`] : [];
  return `${[...where, `line ${line}`].join(", ")}: ${text}${found === undefined ? "" : ` (${found})`}`;
}

/** Reads the counters of all queues every so often, and tells of those that have changed. */
export function sample({ queues, now, emit }: Stage, everyMs: number): Disposable {
  const last = new Map<string, string>();
  const look = () => {
    const changed: Record<string, QdiscStats> = {};
    for (const name of queues.names) {
      const stats = readIfThere(() => queues.stats(name));
      const text = JSON.stringify(stats);
      if (stats && last.get(name) !== text) changed[name] = stats;
      last.set(name, text);
    }
    if (Object.keys(changed).length > 0) emit({ event: "sample", t: now(), queues: changed });
  };
  const timer = setInterval(look, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** That a queue is gone, or the kernel does not answer, is told of where something is to be done to it. */
function readIfThere(read: () => QdiscStats): QdiscStats | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof QueueError || error instanceof NetlinkError) return undefined;
    throw error;
  }
}
