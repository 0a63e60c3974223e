import type { StepEnd } from "../event.ts";
import { describeCommand, describeCondition, formatDuration } from "../describe.ts";
import type {
  CommandCondition,
  Condition,
  JoinStep,
  ParallelStep,
  PlannedCommand,
  PlannedStep,
  ProcessTest,
  RepeatStep,
  SleepStep,
  StartStep,
  StopStep,
  WaitStep,
} from "../plan.ts";
import { bounded, TooLate } from "./bounded.ts";
import { pause } from "./clock.ts";
import { findProcess, type Look, look, wrongEnd } from "./look.ts";
import { ScenarioProcess } from "./process.ts";
import { chance } from "./random.ts";
import type { Stage } from "./stage.ts";
import { StepError } from "./step_error.ts";

/** A step in which no other steps stand. */
export type SimpleStep = Exclude<PlannedStep, RepeatStep | ParallelStep>;

/** What is told of a step besides how it ended. */
export type Details = Pick<StepEnd, "notes" | "asked" | "ran" | "chosen">;

/** Where a step is done. */
export interface Scene {
  stage: Stage;
  /** Which step, for what is chosen by the seed. */
  path: string;
  signal: AbortSignal;
  details: Details;
}

/** The least and the longest time between two looks at a condition, in milliseconds. */
const LEAST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 10;

/** Does a step. */
export async function act(step: SimpleStep, scene: Scene): Promise<void> {
  const { stage: { queues }, signal, details } = scene;
  switch (step.action) {
    case "attach":
      details.notes = queues.attach(step.queue);
      return;
    case "detach":
      for (const name of step.queues) await queues.detach(name, { signal });
      return;
    case "buffer":
    case "release-one":
    case "release-indefinite":
    case "limit":
      details.asked = queues.change(step.queues, step);
      return;
    case "run":
      return await runCommand(step, { ...scene, host: step.host });
    case "start":
      return start(step, scene);
    case "stop":
      return await stop(step, scene);
    case "join":
      return await join(step, scene);
    case "sleep":
      return await sleep(step, scene);
    case "wait":
      return await wait(step, scene);
    case "expect":
      return await expect(step.condition, { ...scene, host: step.host });
    case "log":
  }
}

async function runCommand(
  step: PlannedCommand & ProcessTest & { timeoutMs?: number },
  { stage, signal, details, host }: Scene & { host?: string },
): Promise<void> {
  const process = ScenarioProcess.start(step, placeOf(stage, { host }));
  try {
    await endOf(process, { ...step, what: describeCommand(step), signal });
  } finally {
    await killLeader(process);
    details.ran = process.describe();
  }
  judge(process, step, `run ${describeCommand(step)}`);
}

function placeOf(stage: Stage, { host, name }: { host?: string; name?: string }) {
  const { folder, env, now, hosts } = stage;
  return { name, folder, env, now, netns: hosts.netnsOf(host) };
}

/** Waits for the end of a process. */
async function endOf(
  process: ScenarioProcess,
  { timeoutMs, what, signal }: { timeoutMs?: number; what: string; signal: AbortSignal },
): Promise<void> {
  try {
    await bounded(process.ended, { timeoutMs, signal });
  } catch (error) {
    if (!(error instanceof TooLate) || timeoutMs === undefined) throw error;
    throw new StepError(`Cannot wait for the end of ${what}: it still runs after ${formatDuration(timeoutMs)}`);
  }
}

async function killLeader(process: ScenarioProcess): Promise<void> {
  if (process.status) return;
  process.signal("SIGKILL");
  await process.ended;
}

/** Fails where a process has not ended as it should: as an expectation only where the scenario says how. */
function judge(process: ScenarioProcess, test: ProcessTest, operation: string): void {
  const wrong = wrongEnd(process, test);
  if (wrong === undefined) return;
  const { exit, stdout, stderr } = test;
  const unmet = exit !== undefined || stdout !== undefined || stderr !== undefined;
  throw new StepError(`Cannot ${operation}: ${wrong}${lastWords(process)}`, { unmet });
}

/** The last line that it has written to stderr. */
function lastWords(process: ScenarioProcess): string {
  const line = process.output.kept.stderr.trim().split("\n").at(-1);
  return line ? `; it says: ${line.slice(0, 200)}` : "";
}

function start(step: StartStep, { stage, details }: Scene): void {
  const before = stage.processes.get(step.process);
  if (before && !before.status) throw new StepError(`Cannot start ${step.process}: it runs already`);
  const process = ScenarioProcess.start(step, placeOf(stage, { host: step.host, name: step.process }));
  stage.processes.set(step.process, process);
  details.ran = process.describe();
}

async function stop(step: StopStep, { stage, signal, details }: Scene): Promise<void> {
  const process = findProcess(stage.processes, step.process);
  process.signal(step.signal);
  try {
    await endOf(process, { ...step, what: step.process, signal });
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    process.signal("SIGKILL");
    await endOf(process, { what: step.process, signal });
  }
  details.ran = process.describe();
}

async function join(step: JoinStep, { stage, signal, details }: Scene): Promise<void> {
  const process = findProcess(stage.processes, step.process);
  await endOf(process, { ...step, what: step.process, signal });
  details.ran = process.describe();
  judge(process, step, `join ${step.process}`);
}

async function sleep({ leastMs, mostMs }: SleepStep, { stage, path, signal, details }: Scene): Promise<void> {
  const from = stage.clock.now();
  const milliseconds = leastMs + (mostMs - leastMs) * chance(stage.seed, path);
  details.chosen = Math.round(milliseconds * 1000);
  await stage.clock.until(from + milliseconds, signal);
}

async function wait({ condition, host, timeoutMs }: WaitStep, { stage, signal }: Scene): Promise<void> {
  const { clock } = stage;
  const deadline = clock.now() + timeoutMs;
  const operation = `wait until ${describeCondition(condition)}`;
  let found = "nothing has been found out";
  for (let between = LEAST_PAUSE_MS;; between = Math.min(between * 1.1, LONGEST_PAUSE_MS)) {
    const seen = await lookUntil(deadline, { condition, host, stage, signal });
    if (seen?.holds) return;
    found = seen?.found ?? found;
    if (seen?.never) throw new StepError(`Cannot ${operation}: ${found}`);
    if (clock.now() >= deadline) {
      throw new StepError(`Cannot ${operation}: after ${formatDuration(timeoutMs)} ${found}`);
    }
    await pause(Math.min(between, deadline - clock.now()), signal);
  }
}

/** Looks at a condition; nothing where that takes too long, as it may with a port. */
async function lookUntil(
  deadline: number,
  { stage, signal, ...wanted }: { condition: Condition; host?: string; stage: Stage; signal: AbortSignal },
): Promise<Look | undefined> {
  try {
    return await bounded(look(wanted, stage), { timeoutMs: Math.max(deadline - stage.clock.now(), 0), signal });
  } catch (error) {
    if (error instanceof TooLate) return undefined;
    throw error;
  }
}

async function expect(
  condition: Condition | CommandCondition,
  scene: Scene & { host?: string },
): Promise<void> {
  if (condition.about === "command") {
    const test = condition.exit === undefined ? { ...condition, exit: STATUS_ZERO } : condition;
    return await runCommand(test, scene);
  }
  const { stage, signal, host } = scene;
  const { holds, found } = await bounded(look({ condition, host }, stage), { signal });
  if (!holds) throw new StepError(`Expected that ${describeCondition(condition)}: ${found}`, { unmet: true });
}

/** What a command is expected to end with where nothing else is said. */
const STATUS_ZERO = { operator: "=", number: 0 } as const;
