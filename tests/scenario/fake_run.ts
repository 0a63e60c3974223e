import type { ScenarioEvent, StepEnd } from "../../scenario/event.ts";
import { readScenario } from "../../scenario/read.ts";
import { type Clock, PreciseClock } from "../../scenario/run/clock.ts";
import { type RunOptions, runPlan, type ScenarioResult } from "../../scenario/run/run_plan.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";

/** A clock that is at once where it is waited for. */
export class FakeClock implements Clock {
  #now = 1000;

  now(): number {
    return this.#now;
  }

  until(time: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#now = Math.max(this.#now, time);
    return Promise.resolve();
  }
}

/** What came of a scenario on a kernel that is none. */
export interface FakeRun {
  result: ScenarioResult;
  events: ScenarioEvent[];
  kernel: FakeKernel;
}

/** How to run it. */
export interface FakeRunOptions extends Omit<RunOptions, "onEvent"> {
  clock?: Clock;
  /** Is given each event, and may change the kernel. */
  onEvent?: (event: ScenarioEvent, kernel: FakeKernel) => void;
}

/** Runs steps on a kernel that has devices `eth0` and `eth1`, with a plug `up` on `eth0`. */
export async function runSteps(steps: string, options: FakeRunOptions = {}): Promise<FakeRun> {
  return await runText(`name: x\nplugs: { up: { dev: eth0 } }\nsteps:\n${steps}`, options);
}

/** Runs a scenario on a kernel that has devices `eth0` and `eth1`. */
export async function runText(text: string, { clock, onEvent, ...options }: FakeRunOptions = {}): Promise<FakeRun> {
  const kernel = new FakeKernel();
  kernel.addDevice("eth0");
  kernel.addDevice("eth1");
  const events: ScenarioEvent[] = [];
  const world = { clock: clock ?? new PreciseClock(), connect: () => kernel.connection };
  const result = await runPlan(readScenario(text, { file: "a.yaml" }), {
    ...options,
    onEvent: (event) => {
      events.push(event);
      onEvent?.(event, kernel);
    },
    world,
    origin: { file: "a.yaml", folder: Deno.cwd() },
  });
  return { result, events, kernel };
}

/** The events without what differs from run to run: times, and what processes are called. */
export function sequenceOf(events: readonly ScenarioEvent[]): unknown[] {
  return events.filter(({ event }) => event !== "process-end").map((event) => {
    const { t: _t, ...rest } = event as unknown as Record<string, unknown>;
    for (const name of ["time", "duration", "asked", "beforeAt", "due", "ran", "notes", "queues"]) {
      if (name !== "queues" || event.event === "scenario-end") delete rest[name];
    }
    return rest;
  });
}

/** How each step has ended, as `2: done`. */
export function outcomes(events: readonly ScenarioEvent[]): string[] {
  return ends(events).map(({ step, outcome }) => `${step}: ${outcome}`);
}

/** The ends of all steps. */
export function ends(events: readonly ScenarioEvent[]): StepEnd[] {
  return events.filter((event) => event.event === "step-end");
}

/** Runs steps, and says how the scenario has ended, where, and why. */
export async function ending(steps: string): Promise<[outcome: string, step: string | undefined, message: string]> {
  const { result } = await runSteps(steps);
  return [result.outcome, result.step, (result.error as Error | undefined)?.message ?? ""];
}

/** What `ending` says where all is done. */
export const DONE = ["done", undefined, ""];
