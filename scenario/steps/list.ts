import { nearest } from "../../plug/nearest.ts";
import { conditionKind } from "../conditions/list.ts";
import type { PlannedQueue, ProcessTest, Step } from "../plan.ts";
import type { Ending, Part, StepKind } from "../step.ts";
import { ATTACH } from "./attach.ts";
import { BUFFER, DETACH, DISCARD, RELEASE, RELEASE_ONE, RELEASE_PACKETS } from "./change.ts";
import { EXPECT } from "./expect.ts";
import { HOLD } from "./hold.ts";
import { JOIN } from "./join.ts";
import { LIMIT } from "./limit.ts";
import { LOG } from "./log.ts";
import { PARALLEL } from "./parallel.ts";
import { REPEAT } from "./repeat.ts";
import { RUN } from "./run.ts";
import { SEND } from "./send.ts";
import { SET } from "./set.ts";
import { SIGNAL_STEP } from "./signal.ts";
import { SLEEP } from "./sleep.ts";
import { START } from "./start.ts";
import { STOP } from "./stop.ts";
import { WAIT } from "./wait.ts";

/** Every kind of step. */
export const STEPS: readonly StepKind[] = [
  ATTACH,
  DETACH,
  BUFFER,
  RELEASE_ONE,
  RELEASE,
  RELEASE_PACKETS,
  DISCARD,
  HOLD,
  LIMIT,
  RUN,
  START,
  STOP,
  SIGNAL_STEP,
  SEND,
  JOIN,
  SLEEP,
  WAIT,
  EXPECT,
  LOG,
  SET,
  REPEAT,
  PARALLEL,
];

const BY_ACTION: ReadonlyMap<string, StepKind> = new Map(STEPS.map((kind) => [kind.action, kind]));

/** The words that say what a step does, each with its kind. */
export const STEP_WORDS: ReadonlyMap<string, StepKind> = new Map(
  STEPS.flatMap((kind) => (kind.words ?? [kind.action]).map((word) => [word, kind] as const)),
);

/** What people call steps elsewhere, and what they are called here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  add: "attach",
  assert: "expect",
  check: "expect",
  command: "run",
  delay: "sleep",
  delete: "detach",
  echo: "log",
  exec: "run",
  for: "repeat",
  freeze: "buffer",
  kill: "stop",
  loop: "repeat",
  pause: "buffer",
  print: "log",
  remove: "detach",
  resume: "release",
  shell: "run",
  spawn: "start",
  unblock: "release",
  unhold: "release",
  unpause: "release",
};

/** The step that an unknown word may mean. */
export function stepMeant(word: string): string | undefined {
  const lower = word.toLowerCase();
  return Object.hasOwn(ELSEWHERE, lower) ? ELSEWHERE[lower] : nearest(word, [...STEP_WORDS.keys()]);
}

/** The kind that a step is of. */
export function kindOf({ action }: Step): StepKind {
  const kind = BY_ACTION.get(action);
  if (!kind) throw new TypeError(`there is no kind of step ${action}`);
  return kind;
}

/** What a step does, in words. */
export function describeStep(step: Step): string {
  return step.words ?? kindOf(step).describe(step);
}

/** Every step of a list and of those that stand in it; where rounds are the same, of one of them. */
export function everyStep(steps: readonly Step[]): Step[] {
  const seen = new Set<readonly Step[]>();
  const visit = (list: readonly Step[]): Step[] => {
    if (seen.has(list)) return [];
    seen.add(list);
    return list.flatMap((step) => [step, ...Array.from(partsOf(step)).flatMap(({ steps }) => visit(steps))]);
  };
  return visit(steps);
}

/** The lists of steps that stand in a step. */
export function partsOf(step: Step): Iterable<Part> {
  return kindOf(step).parts?.(step) ?? [];
}

/** The gates and plugs that steps attach, each name once. */
export function attachedBy(steps: readonly Step[]): PlannedQueue[] {
  const made = everyStep(steps).flatMap((step) => kindOf(step).makes?.(step) ?? []);
  return [...new Map(made.map((queue) => [queue.name, queue])).values()];
}

/** How each process may end by itself, by the steps that are about its end. */
export function endingsOf(steps: readonly Step[]): Map<string, ProcessTest[]> {
  const endings = new Map<string, ProcessTest[]>();
  for (const step of everyStep(steps)) {
    const asked = typeof step.when === "object" ? [step.when.condition] : [];
    const conditions = [...asked, ...kindOf(step).asks?.(step) ?? []];
    const found = conditions.flatMap((condition) => conditionKind(condition).ending?.(condition) ?? []);
    // It may also end in another way, for which there is another round, or which skips the step.
    const ways = found.map(({ process }): Ending => ({ process, test: { exit: "any" } }));
    for (const { process, test } of [kindOf(step).ending?.(step) ?? [], ways].flat()) {
      endings.set(process, [...endings.get(process) ?? [], test]);
    }
  }
  return endings;
}
