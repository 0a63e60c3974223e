import * as v from "valibot";
import { formatDuration, numberOf } from "../../plug/quantity.ts";
import type { OnHost, Part, Scene, StepKind, Written } from "../step.ts";
import { conditionKind, conditionSchemas, planLateCondition } from "../conditions/list.ts";
import { foundBy, lookNow, lookUntil, UNKNOWN } from "../conditions/look.ts";
import type { Condition, Scalar, Step } from "../plan.ts";
import { Limited } from "../run/clock.ts";
import { describeDoing } from "../run/stage.ts";
import { StepError } from "../run/step_error.ts";
import { byKind, check, mapping } from "../source/check.ts";
import { mistake, nameIn, setBySteps } from "../source/context.ts";
import { DURATION, SCALAR, VARIABLE, wholeNumber } from "../source/scalar.ts";
import { follow, type Tree, uses, valueAt } from "../source/tree.ts";

/** Does steps several times. */
export interface RepeatStep extends Step {
  action: "repeat";
  /** The variable that each round has a value of. */
  variable?: string;
  /** As many as there may be. */
  rounds: readonly Round[];
  /** What ends it, looked at behind each round. */
  until?: OnHost<Condition>;
  /** That, with the values that variables have by then which steps set; absent where it uses none. */
  untilWith?: (values: ReadonlyMap<string, Scalar>) => OnHost<Condition>;
  /** How long it may take until that holds, in milliseconds. */
  withinMs?: number;
  /** Whether rounds start the process that the condition is about, so that it is not over once that has ended. */
  startsAnew?: boolean;
}

/** One time. */
export interface Round {
  value: Scalar;
  /** The same list for each round where the variable is not used. */
  steps: readonly Step[];
}

/** The most rounds that one `repeat` can have. */
const ROUNDS_MAX = 1_000_000;

/** How often, with which variable. */
interface Fields {
  times?: number;
  over?: readonly Scalar[];
  as?: string;
  within?: number;
}

/** How often at most where a condition ends it. */
const UNTIL_TIMES = 10_000;

const EXPECTED =
  "how often, or { times: 20, as: round }, or { over: [1, 2], as: value }, or { until: { file: x }, within: 30s }";
const CONDITIONS = conditionSchemas({ withTimeout: false });
const UNTIL = mapping({
  until: v.union(Object.values(CONDITIONS)),
  times: v.optional(wholeNumber(1, ROUNDS_MAX), UNTIL_TIMES),
  within: v.optional(DURATION),
  as: v.optional(VARIABLE),
}, EXPECTED);
/** The same but for the condition, which is read by itself. */
const UNTIL_REST = mapping({
  until: v.optional(v.unknown()),
  times: v.optional(wholeNumber(1, ROUNDS_MAX), UNTIL_TIMES),
  within: v.optional(DURATION),
  as: v.optional(VARIABLE),
}, EXPECTED);
const TIMES = mapping({ times: wholeNumber(0, ROUNDS_MAX), as: v.optional(VARIABLE) }, EXPECTED);
const OVER = mapping({ over: v.array(SCALAR, "a list of values"), as: VARIABLE }, EXPECTED);
const SCHEMA = byKind<Fields>({
  scalar: v.pipe(wholeNumber(0, ROUNDS_MAX), v.transform((times): Fields => ({ times }))),
  mapping: v.lazy((input) => {
    if (input === undefined) return v.union([TIMES, OVER, UNTIL]);
    return typeof input === "object" && input !== null && "over" in input ? OVER : TIMES;
  }),
}, EXPECTED);

/** `repeat: N`, `repeat: { times: N, as: VAR }`, `repeat: { over: […], as: VAR }`, with `steps:` beside it. */
export const REPEAT: StepKind<RepeatStep> = {
  action: "repeat",
  schema: SCHEMA,
  beside: "steps",
  plan(written) {
    const { tree, whole, label, context } = written;
    const steps = valueAt(whole, "steps");
    if (!steps) {
      return mistake(tree, { what: "repeat has no steps beside it", expected: "steps: a list of steps" }, context);
    }
    const until = valueAt(tree, "until");
    const fields = until ? untilOf(written) : check(SCHEMA, { tree, label }, context);
    // Also where something else is wrong: its steps are not blamed as well.
    const { as: variable = nameIn(tree, "as"), times = 1 } = fields ?? {};
    if (variable !== undefined && context.scope.has(variable)) {
      const what = `there is a variable ${variable} already`;
      mistake(follow(tree, ["as"]), { what, expected: "another name" }, context);
    }
    const values = fields?.over ?? Array.from({ length: times }, (_, index) => index + 1);
    const rounds = roundsOf(values, { ...written, variable, steps });
    if (!until) return fields && { variable, rounds };
    // Looked at behind a round, whose value it may use as it may what the round has set.
    const captured = variable === undefined ? context.captured : new Map([...context.captured, [variable, variable]]);
    const late = { ...context, captured };
    const found = planLateCondition({ ...written, context: late, tree: until, label: "until" }, CONDITIONS);
    if (!fields || !found) return undefined;
    const { planned: { condition, host }, words, anew: untilWith } = found;
    const startsAnew = starts(steps, conditionKind(condition).process?.(condition));
    const own = { variable, rounds, until: { condition, host }, withinMs: fields.within, startsAnew };
    if (!untilWith) return own;
    // In words, with the values that there are before the first round.
    const told = (values: ReadonlyMap<string, Scalar>) =>
      setBySteps(until, late).every((name) => values.has(name)) ? { until: untilWith(values), words: undefined } : {};
    return { ...own, untilWith, words: describeUntil(words, own), anew: told };
  },
  describe({ rounds, until, withinMs }) {
    if (!until) return `repeat ${numberOf(rounds.length, "time")}`;
    return describeUntil(wordsOf(until), { rounds, withinMs });
  },
  run: repeat,
  isOnHost: ({ until }) => until !== undefined && (conditionKind(until.condition).isOnHost ?? false),
  asks: ({ until }) => until ? [until.condition] : [],
  parts,
};

/** What must be so, in words. */
function wordsOf({ condition }: OnHost<Condition>): string {
  return conditionKind(condition).describe(condition);
}

function describeUntil(what: string, { rounds, withinMs }: Pick<RepeatStep, "rounds" | "withinMs">): string {
  const within = withinMs === undefined ? "" : ` within ${formatDuration(withinMs)}`;
  return `repeat until ${what}, at most ${numberOf(rounds.length, "time")}${within}`;
}

/** What is written beside the condition. */
function untilOf({ tree, label, context }: Written): Fields | undefined {
  if (tree.kind !== "mapping") return undefined;
  const entries = new Map([...tree.entries].filter(([key]) => key !== "until"));
  return check(UNTIL_REST, { tree: { ...tree, entries }, label }, context);
}

/** Whether a process is started anywhere in a tree. */
function starts(tree: Tree, process: string | undefined): boolean {
  switch (tree.kind) {
    case "scalar":
      return false;
    case "list":
      return tree.items.some((item) => starts(item, process));
    case "mapping":
      return tree.entries.entries().some(([key, { value }]) =>
        key === "start" && nameIn(value, "name") === process || starts(value, process)
      );
    default:
      return tree satisfies never;
  }
}

async function repeat(step: RepeatStep, { stage, path, signal, inner }: Scene): Promise<void> {
  const { withinMs, startsAnew, untilWith } = step;
  let { until } = step;
  const { clock } = stage;
  const deadline = withinMs === undefined ? undefined : clock.now() + withinMs;
  let { found } = UNKNOWN;
  const over = (after: string) => {
    const why = `not so that ${until ? wordsOf(until) : ""}: ${found}${describeDoing(path, stage)}`;
    return new StepError(`Gave up after ${after}: ${why}`, { late: path });
  };
  const late = () => over(formatDuration(withinMs ?? 0));
  using limited = new Limited(withinMs, { signal, clock, late });
  let done = 0;
  for (const part of parts(step)) {
    limited.signal.throwIfAborted();
    await inner(part, limited.signal);
    done++;
    if (!until) continue;
    const own: [string, Scalar][] = step.variable === undefined ? [] : [[step.variable, part.round?.value ?? done]];
    until = untilWith?.(new Map([...stage.values, ...own])) ?? until;
    const looked = { ...until, stage, signal };
    const seen = deadline === undefined ? await lookNow(looked) : await lookUntil(deadline, looked);
    if (seen?.holds) return;
    found = foundBy(seen, found);
    if (deadline !== undefined && clock.now() >= deadline) throw late();
    if (seen?.never && !startsAnew) break;
  }
  if (until) throw over(numberOf(done, "round"));
}

function* parts({ rounds, variable }: RepeatStep): Generator<Part> {
  for (const [index, { value, steps }] of rounds.entries()) {
    const number = index + 1;
    const which = variable === undefined ? "" : `, ${variable} is ${value}`;
    yield {
      path: `[${number}]`,
      action: "round",
      text: `round ${number} of ${rounds.length}${which}`,
      steps,
      round: { number, of: rounds.length, variable, value },
    };
  }
}

function roundsOf(
  values: readonly Scalar[],
  { variable, steps, planSteps, context }: Written & { variable?: string; steps: Tree },
): Round[] {
  const within = (value: Scalar) => {
    const scope = variable === undefined ? context.scope : new Map([...context.scope, [variable, value]]);
    return planSteps(steps, "steps", { ...context, scope });
  };
  const isSame = variable === undefined || !uses(steps, variable);
  if (isSame || values.length === 0) {
    const same = within(values[0] ?? 1);
    return values.map((value) => ({ value, steps: same }));
  }
  const rounds: Round[] = [];
  const before = context.mistakes.length;
  for (const value of values) {
    rounds.push({ value, steps: within(value) });
    // Another value would be wrong in the same way.
    if (context.mistakes.length > before) break;
  }
  return rounds;
}
