import type { QdiscStats } from "../../codec/message.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { describeStep } from "../describe.ts";
import type { ParallelStep, PlannedStep, RepeatStep } from "../plan.ts";
import { act, type SimpleStep } from "./act.ts";
import { type Course, logged, type Mark } from "./logged.ts";
import type { Stage } from "./stage.ts";

/** Where a list of steps is done. */
export interface StepsCourse extends Course {
  /** What stands before the number of each step: `3[7].`. */
  prefix: string;
  /** Counts the steps that were done. */
  done: { steps: number };
}

/** How long before a set time the counters are read, in milliseconds. */
const AHEAD_MS = 2;

/** Does steps one after the other. Stops at the first that is not done. */
export async function doSteps(steps: readonly PlannedStep[], course: StepsCourse): Promise<void> {
  const { stage: { clock }, prefix, signal } = course;
  const from = clock.now();
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    const due = step.atMs === undefined ? undefined : from + step.atMs;
    await doStep(step, { ...course, path: `${prefix}${index + 1}`, due });
  }
}

/** Does each step, also where one before it was not done. */
export async function doEachStep(steps: readonly PlannedStep[], course: StepsCourse): Promise<void> {
  for (const [index, step] of steps.entries()) {
    // The course has been told of the failure.
    await doStep(step, { ...course, path: `${course.prefix}${index + 1}` }).catch(() => {});
  }
}

interface Here extends StepsCourse {
  path: string;
  /** When it is to be done, by the clock, in milliseconds. */
  due?: number;
}

async function doStep(step: PlannedStep, here: Here): Promise<void> {
  const { path, due, stage } = here;
  const { action, host, line, name } = step;
  const mark: Mark = { step: path, action, host, queues: queuesOf(step), process: processOf(step) };
  const start = { line, name, text: describeStep(step), due: due === undefined ? undefined : stage.micros(due) };
  switch (step.action) {
    case "repeat":
      return await logged({ mark, ...start, work: () => repeat(step, here) }, here);
    case "parallel":
      return await logged({ mark, ...start, work: () => parallel(step, here) }, here);
    default:
      await logged({ mark, ...start, work: (end) => doSimple(step, { ...here, end }) }, here);
      here.done.steps++;
  }
}

/** Does a step, and reads the counters before and after it. */
async function doSimple(
  step: SimpleStep,
  { stage, signal, path, due, end }: Here & { end: Parameters<Parameters<typeof logged>[0]["work"]>[0] },
): Promise<void> {
  if (due !== undefined) await stage.clock.until(due - AHEAD_MS, signal);
  end.before = statsOf(step, stage);
  try {
    if (due !== undefined) await stage.clock.until(due, signal);
    await act(step, { stage, path, signal, details: end });
  } finally {
    end.after = statsOf(step, stage);
  }
}

async function repeat({ rounds, variable }: RepeatStep, here: Here): Promise<void> {
  const { stage, path, signal, due } = here;
  if (due !== undefined) await stage.clock.until(due, signal);
  for (const [index, { value, steps }] of rounds.entries()) {
    signal.throwIfAborted();
    const number = index + 1;
    const step = `${path}[${number}]`;
    const which = variable === undefined ? "" : `, ${variable} is ${value}`;
    await logged({
      mark: { step, action: "round" },
      text: `round ${number} of ${rounds.length}${which}`,
      round: { number, of: rounds.length, variable, value },
      work: () => doSteps(steps, { ...here, prefix: `${step}.` }),
    }, here);
  }
}

/** Does branches at the same time; where one is not done, the others are ended. */
async function parallel({ branches }: ParallelStep, here: Here): Promise<void> {
  const { stage, path, signal, log, due } = here;
  if (due !== undefined) await stage.clock.until(due, signal);
  const others = new AbortController();
  const logs = log.branches(branches.length);
  const errors: unknown[] = [];
  await Promise.all(branches.map(async ({ name, steps }, index) => {
    const step = `${path}.${name}`;
    const within = { ...here, log: logs[index], signal: AbortSignal.any([signal, others.signal]) };
    const work = () => doSteps(steps, { ...within, prefix: `${step}.` });
    try {
      await logged({ mark: { step, action: "branch" }, text: `branch ${name}`, work }, within);
    } catch (error) {
      errors.push(error);
      others.abort(new DOMException(`The branch ${name} was not done`, "AbortError"));
    } finally {
      logs[index].close();
    }
  }));
  if (errors.length > 0) throw errors[0];
}

/** The gates and plugs that a step is about. */
function queuesOf(step: PlannedStep): readonly string[] {
  switch (step.action) {
    case "attach":
      return [step.queue.name];
    case "detach":
    case "buffer":
    case "release-one":
    case "release-indefinite":
    case "limit":
      return step.queues;
    case "wait":
    case "expect":
      return step.condition.about === "queue" ? [step.condition.queue] : [];
    default:
      return [];
  }
}

/** The process that a step is about. */
function processOf(step: PlannedStep): string | undefined {
  if (step.action === "wait" || step.action === "expect") {
    return step.condition.about === "process" ? step.condition.process : undefined;
  }
  return "process" in step ? step.process : undefined;
}

/** Counters of the queues that a step is about, or else of those that hold, as far as they are there. */
function statsOf(step: SimpleStep, { queues }: Stage): Record<string, QdiscStats> {
  const own = queuesOf(step);
  const names = own.length > 0 ? own.filter((name) => queues.names.includes(name)) : queues.holding;
  return Object.fromEntries(names.flatMap((name) => {
    const stats = ifThere(() => queues.stats(name));
    return stats ? [[name, stats]] : [];
  }));
}

/** That a queue is gone is met, and said, when something is to be done to it. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof QueueError) return undefined;
    throw error;
  }
}
