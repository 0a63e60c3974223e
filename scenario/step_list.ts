import * as v from "valibot";
import { conditionKind, conditionSchemas, planCondition } from "./conditions/list.ts";
import { unknownKey } from "./mistake.ts";
import type { Step } from "./plan.ts";
import { anew, type Context, type GivenHost, mistake, setBySteps, withStandIns } from "./source/context.ts";
import { check, mapping } from "./source/check.ts";
import { DURATION, DURATION_TEST, NAME, SOME_TEXT } from "./source/scalar.ts";
import { type Entry, follow, inLine, type MappingTree, type Tree, uses, valueAt } from "./source/tree.ts";
import type { StepKind } from "./step.ts";
import { STEP_WORDS, stepMeant, STEPS } from "./steps/list.ts";

/** The most steps that a scenario may have, those of each round counted that uses its variable. */
const STEPS_MAX = 100_000;

/** What every step may say beside what it does. */
const BASE_ENTRIES = {
  name: v.optional(SOME_TEXT),
  host: v.optional(NAME),
  at: v.optional(DURATION),
  took: v.optional(DURATION_TEST),
  break: v.optional(v.boolean("true or false")),
};
/** What steps that have others in them may say, too. */
const OUTER_ENTRIES = { timeout: v.optional(DURATION) };
const WHEN_EXPECTED = "true, false, or a condition: { gate: web, backlog: 0 }";
const WHETHER = v.boolean(WHEN_EXPECTED);
const CONDITIONS = conditionSchemas({ withTimeout: false });
/** Those, and what is read by itself. */
export const STEP_ENTRIES = {
  ...BASE_ENTRIES,
  ...OUTER_ENTRIES,
  when: v.optional(v.union([WHETHER, ...Object.values(CONDITIONS)], WHEN_EXPECTED)),
};

const OUTER_KEYS = Object.keys(STEP_ENTRIES);
const STEP_KEYS = OUTER_KEYS.filter((key) => !(key in OUTER_ENTRIES));
const STEP_SCHEMA = mapping({ ...BASE_ENTRIES, ...OUTER_ENTRIES }, "a step");
/** What steps can do, the words that are preferred. */
const ACTIONS = STEPS.flatMap(({ action, words = [action] }) => words.slice(0, 1));

/** Reads a list of steps. */
export function planSteps(tree: Tree, label: string, context: Context): Step[] {
  if (tree.kind !== "list" || tree.items.length === 0) {
    const what = tree.kind === "list" ? `${label} has no step` : `${label} is not a list`;
    mistake(tree, { what, expected: "a list of steps: - buffer: web" }, context);
    return [];
  }
  return tree.items.flatMap((item) => planStep(item, context) ?? []);
}

function planStep(tree: Tree, context: Context): Step | undefined {
  const used = setBySteps(tree, context);
  return used.length === 0 ? planNow(tree, context) : planLater(tree, { used, context });
}

/** Reads a step that uses what other steps set: checked with what stands for that now, and made anew when it is done. */
function planLater(tree: Tree, { used, context }: { used: readonly string[]; context: Context }): Step | undefined {
  const found = wordOf(tree, context);
  if (!found) return undefined;
  // The steps that stand in it are made anew by themselves.
  if (found.kind.parts) {
    return isRefused(found, { used, context }) ? undefined : planOuter(found, { used, context });
  }
  return withStandIns(context, (trial, isGuess) => {
    const step = planNow(tree, trial);
    const replan: Step["replan"] = (values) => anew((now) => planNow(tree, now), { used, values, context });
    return step && { ...step, replan, ...isGuess ? { words: `${found.label} ${inLine(found.entry.value)}` } : {} };
  });
}

/** Reads a step that has others in it; what it says of itself as every step may, by `when` or `at`, is made anew when it is done. */
function planOuter(
  { whole, ...found }: Found,
  { used, context }: { used: readonly string[]; context: Context },
): Step | undefined {
  const entries = [...whole.entries];
  const late = used.filter((name) => entries.some(([key, { value }]) => OUTER_KEYS.includes(key) && uses(value, name)));
  const isLate = ([key, { value }]: [string, Entry]) =>
    OUTER_KEYS.includes(key) && late.some((name) => uses(value, name));
  const step = planNow({ ...whole, entries: new Map(entries.filter((entry) => !isLate(entry))) }, context);
  if (!step || late.length === 0) return step;
  const own = { ...found, whole: { ...whole, entries: new Map(entries.filter(([key]) => OUTER_KEYS.includes(key))) } };
  const planned = withStandIns(context, (trial) => everyOf(own, trial));
  if (!planned) return undefined;
  const replan: Step["replan"] = (values) => {
    const { given: _, ...every } = anew((now) => everyOf(own, now), { used: late, values, context });
    return { ...step.replan?.(values) ?? step, ...every };
  };
  return { ...step, replan };
}

/** Refuses a variable whose value is not known when it is decided which steps there are. */
function isRefused(
  { kind, label, entry }: Found,
  { used, context }: { used: readonly string[]; context: Context },
): boolean {
  const { value } = entry;
  // What ends it is read again each time that it is looked at.
  const entries = value.kind === "mapping" ? [...value.entries].filter(([key]) => key !== "until") : [];
  const parts = value.kind === "mapping" ? entries.map(([, { value }]) => value) : [value];
  const own = parts.filter(({ kind: shape }) => kind.beside || shape !== "list");
  const refused = own.map((part) => ({ part, name: used.find((name) => uses(part, name)) }));
  const found = refused.find(({ name }) => name !== undefined);
  if (!found) return false;
  const what = `${label} uses ${found.name}, which has no value before the steps begin`;
  mistake(found.part, { what, expected: "a variable that vars defines" }, context);
  return true;
}

function planNow(tree: Tree, context: Context): Step | undefined {
  if (++context.count.steps > STEPS_MAX) {
    if (context.count.steps > STEPS_MAX + 1) return undefined;
    const what = "there are too many steps, those of every round counted";
    return mistake(tree, { what, expected: `at most ${STEPS_MAX}` }, context);
  }
  const found = wordOf(tree, context);
  if (!found) return undefined;
  const { kind, label, entry, whole } = found;
  const every = everyOf(found, context);
  if (!every) {
    // What it defines is known all the same: who uses that is not blamed as well.
    kind.plan({ tree: entry.value, label, whole, context: { ...context, mistakes: [] }, planSteps });
    return undefined;
  }
  const { given, ...base } = every;
  const { when } = base;
  const planned = kind.plan({ tree: entry.value, label, whole, given, context, planSteps });
  if (!planned) return undefined;
  const { anew: ownNow, ...own } = planned;
  const step: Step = { action: kind.action, ...base, ...own };
  if (ownNow) step.replan = (values) => ({ ...step, ...ownNow(values) });
  const isOnHost = kind.isOnHost?.(step) || typeof when === "object" && conditionKind(when.condition).isOnHost;
  if (given && !isOnHost) refuseHost(found, context);
  return step;
}

/** A step, and which of its keys says what it does. */
interface Found {
  kind: StepKind;
  label: string;
  entry: Entry;
  whole: MappingTree;
}

function wordOf(tree: Tree, context: Context): Found | undefined {
  if (tree.kind !== "mapping") {
    return mistake(tree, { what: "the step must be a mapping", expected: "what it does: - buffer: web" }, context);
  }
  const [word, second] = [...tree.entries.keys()].filter((key) => STEP_WORDS.has(key));
  const kind = STEP_WORDS.get(word);
  const before = context.mistakes.length;
  for (const [key, { key: place }] of tree.entries) {
    const keys = kind?.parts ? OUTER_KEYS : STEP_KEYS;
    if (keys.includes(key) || STEP_WORDS.has(key) || kind?.beside === key) continue;
    const known = word ? keys : ACTIONS;
    const expected = word ? `${word} with ${known.join(", ")}` : undefined;
    const said = unknownKey(key, { known, expected });
    const hint = word ? said.hint : stepMeant(key);
    mistake(place, { ...said, ...hint === undefined ? {} : { hint } }, context);
  }
  if (second) {
    const { key } = tree.entries.get(second) as Entry;
    return mistake(key, { what: `${second} in a step with ${word}`, expected: "one action a step" }, context);
  }
  if (!kind && context.mistakes.length === before) {
    mistake(tree, { what: "the step does nothing", expected: `one of ${ACTIONS.join(", ")}` }, context);
  }
  return kind && { kind, label: word, entry: tree.entries.get(word) as Entry, whole: tree };
}

/** What every step may say. */
type Every = Omit<Step, "action" | "host"> & { given?: GivenHost };

function everyOf(found: Found, context: Context): Every | undefined {
  const base = baseOf(found, context);
  const when = base && whenOf(found, { given: base.given, context });
  return base && { ...base, ...when === undefined ? {} : { when } };
}

function baseOf({ entry, whole }: Found, context: Context): Every | undefined {
  const entries = new Map([...whole.entries].filter(([key]) => key in BASE_ENTRIES || key in OUTER_ENTRIES));
  const fields = check(STEP_SCHEMA, { tree: { ...whole, entries }, label: "the step" }, context);
  if (!fields) return undefined;
  const { name, host, at: atMs, took, timeout: allowedMs, break: isBreak } = fields;
  if (name !== undefined) context.steps.add(name);
  const { line, column } = follow(whole, ["host"]);
  const given = host === undefined ? undefined : { host, line, column };
  return {
    name,
    given,
    atMs,
    ...took === undefined ? {} : { took },
    ...allowedMs === undefined ? {} : { allowedMs },
    ...isBreak ? { break: true } : {},
    line: context.files.ownLine(entry.key.line),
  };
}

/** Reads `when`: whether the step is done. */
function whenOf(
  { whole }: Found,
  { given, context }: { given?: GivenHost; context: Context },
): Step["when"] {
  const tree = valueAt(whole, "when");
  if (!tree) return undefined;
  if (tree.kind === "mapping") return planCondition({ tree, label: "when", given, context }, CONDITIONS);
  return check(WHETHER, { tree, label: "when" }, context);
}

/** Refuses a host where a step is done on none. */
function refuseHost({ label, whole }: Found, context: Context): void {
  const { key } = whole.entries.get("host") as Entry;
  const expected = "none: attach, run, start, and conditions on ports and commands alone are about a host";
  mistake(key, { what: `a host for ${label}`, expected }, context);
}
