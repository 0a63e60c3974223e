import * as v from "valibot";
import { formatDuration } from "../../plug/quantity.ts";
import { conditionKind, conditionSchemas, planLateCondition, type PlannedCondition } from "../conditions/list.ts";
import type { Condition, Step } from "../plan.ts";
import { QUEUES, queuesOf } from "../queue.ts";
import { check, mapping } from "../source/check.ts";
import { mistake, TIMEOUT_MS } from "../source/context.ts";
import { DURATION } from "../source/scalar.ts";
import { follow, valueAt } from "../source/tree.ts";
import type { Own, StepKind, Written } from "../step.ts";
import { BUFFER, type ChangeStep, RELEASE } from "./change.ts";
import { SLEEP, type SleepStep } from "./sleep.ts";
import { WAIT, type WaitStep } from "./wait.ts";

/** Holds for a time, until a condition holds, or while other steps are done, and releases then. */
export interface HoldStep extends Step {
  action: "hold";
  queues: readonly string[];
  /** In milliseconds. */
  forMs?: number;
  until?: Condition;
  /** What is done: hold, what comes between, release. */
  steps: readonly Step[];
}

const EXPECTED = "what to hold, and how long: { gate: web, for: 500ms }";
const ENDS = ["for", "until", "while"] as const;
const CONDITIONS = conditionSchemas({ withTimeout: true });

/** What it takes, from what a list of steps is. */
function schemaOf<T>(steps: T) {
  return mapping({
    gate: v.optional(QUEUES),
    plug: v.optional(QUEUES),
    for: v.optional(DURATION),
    until: v.optional(v.union(Object.values(CONDITIONS))),
    while: v.optional(steps as v.GenericSchema),
  }, EXPECTED);
}

/** Its own keys: conditions and steps are read by themselves. */
const OWN = schemaOf(v.unknown());

/** `hold: { gate: NAMES, plug: NAMES, for: DURATION | until: CONDITION | while: [STEP, …] }` */
export const HOLD: StepKind<HoldStep> = {
  action: "hold",
  schema: (steps) => schemaOf(steps),
  plan,
  describe({ queues, forMs, until, steps }) {
    const names = queues.join(", ");
    if (forMs !== undefined) return `hold ${names} for ${formatDuration(forMs)}`;
    if (until) return `hold ${names} until ${conditionKind(until).describe(until)}`;
    return `hold ${names} during ${steps.length - 2} ${steps.length === 3 ? "step" : "steps"}`;
  },
  run: ({ steps }, { within }) => within(steps),
  queues: ({ queues }) => queues,
  parts: ({ steps }) => [{ path: "", action: "branch", text: "", steps }],
};

function plan(written: Written): Own<HoldStep> | undefined {
  const { tree, context } = written;
  if (tree.kind !== "mapping") return mistake(tree, { what: "hold must be a mapping", expected: EXPECTED }, context);
  // Conditions and steps are checked where they are read.
  const own = new Map([...tree.entries].filter(([key]) => key !== "until" && key !== "while"));
  const fields = check(OWN, { tree: { ...tree, entries: own }, label: "hold" }, context);
  if (!fields) return undefined;
  const queues = (["gate", "plug"] as const).flatMap((kind) =>
    queuesOf(fields[kind] ?? [], { tree: follow(tree, [kind]), context, kind })
  );
  if (queues.length === 0) {
    return mistake(tree, { what: "hold does not say what", expected: "gate or plug, with a name" }, context);
  }
  const ends = ENDS.filter((key) => tree.entries.has(key));
  if (ends.length !== 1) {
    const what = ends.length === 0 ? "hold does not say how long" : `hold has ${ends.join(" and ")}`;
    return mistake(tree, { what, expected: `one of ${ENDS.join(", ")}` }, context);
  }
  const { line } = tree;
  const change = (action: ChangeStep["action"]): ChangeStep => ({ action, line, queues });
  const around = (between: readonly Step[]) => [change(BUFFER.action), ...between, change(RELEASE.action)];
  const forMs = fields.for;
  const during = valueAt(tree, "while");
  if (during) return { queues, steps: around(written.planSteps(during, "while", context)) };
  if (forMs !== undefined) {
    const sleep: SleepStep = { action: SLEEP.action, line, leastMs: forMs, mostMs: forMs };
    return { queues, forMs, steps: around([sleep]) };
  }
  const found = planLateCondition({ ...written, tree: follow(tree, ["until"]), label: "until" }, CONDITIONS);
  if (!found) return undefined;
  const { planned, words, anew } = found;
  const until = (
    { condition, host, timeoutMs = context.defaults.timeoutMs ?? TIMEOUT_MS }: PlannedCondition,
    what?: string,
  ) => {
    const told = what === undefined ? {} : { words: `wait until ${what}` };
    const wait: WaitStep = { action: WAIT.action, line, host, condition, timeoutMs, ...told };
    return { until: condition, steps: around([wait]) };
  };
  if (!anew) return { queues, ...until(planned) };
  const told = `hold ${queues.join(", ")} until ${words}`;
  return {
    queues,
    ...until(planned, words),
    words: told,
    anew: (values) => ({ ...until(anew(values)), words: undefined }),
  };
}
