import * as v from "valibot";
import type { Step } from "./plan.ts";
import { type Context, type GivenHost, mistake } from "./source/context.ts";
import { check } from "./source/check.ts";
import { mapping } from "./source/mapping.ts";
import { DURATION, NAME, SOME_TEXT } from "./source/scalar.ts";
import { type Entry, follow, type MappingTree, type Tree } from "./source/tree.ts";
import type { StepKind } from "./step.ts";
import { STEP_WORDS, STEPS } from "./steps/list.ts";

/** The most steps that a scenario may have, those of each round counted that uses its variable. */
const STEPS_MAX = 100_000;

/** What every step may say beside what it does. */
export const STEP_ENTRIES = { name: v.optional(SOME_TEXT), host: v.optional(NAME), at: v.optional(DURATION) };

const STEP_KEYS = Object.keys(STEP_ENTRIES);
const STEP_SCHEMA = mapping(STEP_ENTRIES, "a step");
/** What steps can do, the words that are preferred. */
const ACTIONS = STEPS.map(({ action, words = [action] }) => words[0]).join(", ");

/** Reads a list of steps. */
export function planSteps(tree: Tree, label: string, context: Context): Step[] {
  if (tree.kind !== "list" || tree.items.length === 0) {
    const what = tree.kind === "list" ? `${label} has no step` : `${label} is no list`;
    mistake(tree, { what, expected: "a list of steps: - buffer: web" }, context);
    return [];
  }
  return tree.items.flatMap((item) => planStep(item, context) ?? []);
}

function planStep(tree: Tree, context: Context): Step | undefined {
  if (++context.count.steps > STEPS_MAX) {
    if (context.count.steps > STEPS_MAX + 1) return undefined;
    const what = "there are too many steps, those of every round counted";
    return mistake(tree, { what, expected: `at most ${STEPS_MAX}` }, context);
  }
  const found = wordOf(tree, context);
  if (!found) return undefined;
  const { kind, label, entry, whole } = found;
  const base = baseOf(found, context);
  if (!base) return undefined;
  const { given, ...every } = base;
  const own = kind.plan({ tree: entry.value, label, whole, given, context, planSteps });
  if (!own) return undefined;
  const step = { action: kind.action, ...every, ...own };
  if (given && !kind.isOnHost?.(step)) refuseHost(found, context);
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
    if (STEP_KEYS.includes(key) || STEP_WORDS.has(key) || kind?.beside === key) continue;
    const expected = word ? `${word} with ${STEP_KEYS.join(", ")}` : `one of ${ACTIONS}`;
    mistake(place, { what: `unknown key ${JSON.stringify(key)}`, expected }, context);
  }
  if (second) {
    const { key } = tree.entries.get(second) as Entry;
    return mistake(key, { what: `${second} in a step with ${word}`, expected: "one action a step" }, context);
  }
  if (!kind && context.mistakes.length === before) {
    mistake(tree, { what: "the step does nothing", expected: `one of ${ACTIONS}` }, context);
  }
  return kind && { kind, label: word, entry: tree.entries.get(word) as Entry, whole: tree };
}

function baseOf(
  { entry, whole }: Found,
  context: Context,
): Omit<Step, "action" | "host"> & { given?: GivenHost } | undefined {
  const entries = new Map([...whole.entries].filter(([key]) => STEP_KEYS.includes(key)));
  const fields = check(STEP_SCHEMA, { tree: { ...whole, entries }, label: "the step" }, context);
  if (!fields) return undefined;
  const { name, host, at: atMs } = fields;
  const { line, column } = follow(whole, ["host"]);
  return { name, given: host === undefined ? undefined : { host, line, column }, atMs, line: entry.key.line };
}

/** Refuses a host where a step is done on none. */
function refuseHost({ label, whole }: Found, context: Context): void {
  const { key } = whole.entries.get("host") as Entry;
  const expected = "none: attach, run, start, and conditions on ports and commands alone are about a host";
  mistake(key, { what: `a host for ${label}`, expected }, context);
}
