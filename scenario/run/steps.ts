import type { QdiscStats } from "../../codec/message.ts";
import { fitsNumber, formatDuration } from "../../plug/quantity.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { describeTook } from "../command.ts";
import { lookNow } from "../conditions/look.ts";
import { markCounts } from "../conditions/queue.ts";
import type { Step } from "../plan.ts";
import type { Part, StepKind } from "../step.ts";
import { describeStep, kindOf } from "../steps/list.ts";
import { type Course, describeDoing, type End, logged, type Mark, type Stage } from "./stage.ts";
import { Limited } from "./clock.ts";
import { StepError } from "./step_error.ts";

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
export async function doSteps(steps: readonly Step[], course: StepsCourse): Promise<void> {
  const { stage: { clock }, prefix, signal } = course;
  const from = clock.now();
  const dueOf = (step: Step | undefined) => step?.atMs === undefined ? undefined : from + step.atMs;
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    const nextDue = dueOf(steps[index + 1]);
    await doStep(step, { ...course, path: `${prefix}${index + 1}`, due: dueOf(step), nextDue });
  }
}

/** Does each step, also where one before it was not done. */
export async function doEachStep(steps: readonly Step[], course: StepsCourse): Promise<void> {
  for (const [index, step] of steps.entries()) {
    // The course has been told of the failure.
    await doStep(step, { ...course, path: `${course.prefix}${index + 1}` }).catch(() => {});
  }
}

/** Where a step is done. */
export interface Here extends StepsCourse {
  path: string;
  /** When it is to be done, by the clock, in milliseconds. */
  due?: number;
  /** When the step behind it is due. */
  nextDue?: number;
}

/** A step with the values that variables have by now; or as it was read, and why it cannot be. */
function withValues(step: Step, { values }: Stage): { step: Step; error?: unknown } {
  try {
    return { step: step.replan?.(values) ?? step };
  } catch (error) {
    return { step, error };
  }
}

async function doStep(planned: Step, here: Here): Promise<void> {
  const { path, due, stage, done } = here;
  const { step, error } = withValues(planned, stage);
  const { action, host, line, name } = step;
  const kind = kindOf(step);
  await stage.stops.before({ path, line, host, text: name ?? describeStep(step), break: step.break }, here.signal);
  const mark: Mark = { step: path, action, host, queues: kind.queues?.(step), process: kind.process?.(step) };
  const outer = kind.parts !== undefined || undefined;
  const start = {
    line,
    name,
    outer,
    text: describeStep(step),
    due: due === undefined ? undefined : stage.micros(due),
  };
  const work = async (end: End) => {
    if (error !== undefined) throw error;
    if (name !== undefined) {
      markCounts(name, stage);
      await stage.remotes?.mark(name, here.signal);
    }
    if (outer) return await run(step, { ...here, end });
    stage.doing.set(path, { text: name ?? describeStep(step), line });
    await doLeaf(step, { ...here, end });
    if (!end.skipped) done.steps++;
  };
  try {
    await logged({ mark, ...start, work }, here);
  } finally {
    stage.doing.delete(path);
  }
}

/** Does a step in which no others stand, and reads the counters before and after it. */
export async function doLeaf(step: Step, here: Here & { end: End }): Promise<void> {
  const { stage, signal, due, end } = here;
  const kind = kindOf(step);
  const leadMs = stage.remotes?.leadOf(step) ?? 0;
  if (due !== undefined) await stage.clock.until(due - AHEAD_MS - leadMs, signal);
  end.beforeAt = stage.now();
  end.before = statsOf(step, { kind, stage });
  try {
    await run(step, { ...here, leadMs });
    stage.queues.assertUndisturbed();
  } finally {
    end.after = { ...end.after, ...statsOf(step, { kind, stage }) };
  }
}

/** Does a step; so much before it is due as another machine must know of it before. */
async function run(step: Step, here: Here & { end: End; leadMs?: number }): Promise<void> {
  const { stage, path, signal, due, nextDue, end, leadMs = 0 } = here;
  if (due !== undefined) await stage.clock.until(due - leadMs, signal);
  if (!await isWanted(step, here)) {
    end.skipped = true;
    return;
  }
  const from = stage.clock.now();
  const late = () => {
    const what = `${describeStep(step)}${describeDoing(path, stage)}`;
    return new StepError(`Timed out after ${formatDuration(step.allowedMs ?? 0)}: ${what}`, { late: path });
  };
  using limited = new Limited(step.allowedMs, { signal, clock: stage.clock, late });
  const inside = { ...here, signal: limited.signal };
  const doHere = (step: Step) =>
    kindOf(step).run(step, {
      stage,
      path,
      signal: inside.signal,
      nextDue,
      details: end,
      doing: stage.doing.get(path),
      inner: (part, signal = inside.signal) => doPart(part, { ...inside, signal }),
      within: (steps) => doSteps(steps, { ...inside, prefix: `${path}.` }),
      atOnce: (parts) => doAtOnce(parts, inside),
    });
  if (stage.remotes) await stage.remotes.perform(step, { ...inside, doHere });
  else await doHere(step);
  const { took } = step;
  const lasted = Math.round(stage.clock.now() - from);
  if (!took || fitsNumber(lasted, took)) return;
  throw new StepError(`Expected that it takes ${describeTook(took)}: it took ${formatDuration(lasted)}`, {
    unmet: true,
  });
}

/** Whether a step is to be done, by its `when`. */
async function isWanted({ when = true }: Step, { stage, signal }: Here): Promise<boolean> {
  if (typeof when === "boolean") return when;
  const { condition, host } = when;
  return (await lookNow({ condition, host, stage, signal })).holds;
}

async function doPart({ path, action, text, round, steps }: Part, here: Here): Promise<void> {
  const step = `${here.path}${path}`;
  const work = () => doSteps(steps, { ...here, prefix: `${step}.` });
  await logged({ mark: { step, action }, text, outer: true, round, work }, here);
}

/** Does branches at the same time; where one is not done, the others are ended. */
async function doAtOnce(parts: readonly Part[], here: Here): Promise<void> {
  const { signal, log } = here;
  const others = new AbortController();
  const logs = log.branches(parts.length);
  const errors: unknown[] = [];
  await Promise.all(parts.map(async (part, index) => {
    const within = { ...here, log: logs[index], signal: AbortSignal.any([signal, others.signal]) };
    try {
      await doPart(part, within);
    } catch (error) {
      errors.push(error);
      others.abort(new DOMException(`the ${part.text} was not done`, "AbortError"));
    } finally {
      logs[index].close();
    }
  }));
  if (errors.length > 0) throw errors[0];
}

/** Counters of the queues that a step is about, or else of those that hold, as far as they are there. */
function statsOf(
  step: Step,
  { kind, stage: { queues } }: { kind: StepKind; stage: Stage },
): Record<string, QdiscStats> {
  const own = kind.queues?.(step) ?? [];
  const names = own.length > 0 ? own.filter((name) => queues.names.includes(name)) : queues.holding;
  return countersOf(names, queues);
}

/** Counters of queues, as far as they are there. */
export function countersOf(names: readonly string[], queues: Stage["queues"]): Record<string, QdiscStats> {
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
