import type { PlannedStep, PlannedStepBase } from "../plan.ts";
import { mapping } from "../schema/mapping.ts";
import { ACTION_NAMES, type ActionName, STEP_ENTRIES } from "../schema/step.ts";
import { type Entry, follow, type MappingTree, type Tree } from "../source/tree.ts";
import { planAction } from "./action.ts";
import { check } from "./check.ts";
import type { Context } from "./context.ts";
import type { GivenHost } from "./host_of.ts";
import { branchesOf, roundsOf } from "./nested.ts";

/** The most steps that a scenario may have, those of each round counted that uses its variable. */
const STEPS_MAX = 100_000;
const STEP_KEYS = Object.keys(STEP_ENTRIES);
const STEP_SCHEMA = mapping(STEP_ENTRIES, "a step");

/** Reads a list of steps. */
export function planSteps(tree: Tree, label: string, context: Context): PlannedStep[] {
  const { line, column } = tree;
  if (tree.kind !== "list" || tree.items.length === 0) {
    const what = tree.kind === "list" ? `${label} has no step` : `${label} is no list`;
    context.mistakes.push({ line, column, what, expected: "a list of steps: - buffer: web" });
    return [];
  }
  return tree.items.flatMap((item) => planStep(item, context) ?? []);
}

function planStep(tree: Tree, context: Context): PlannedStep | undefined {
  const { line, column } = tree;
  if (++context.count.steps > STEPS_MAX) {
    if (context.count.steps > STEPS_MAX + 1) return undefined;
    const what = "there are too many steps, those of every round counted";
    context.mistakes.push({ line, column, what, expected: `at most ${STEPS_MAX}` });
    return undefined;
  }
  const found = actionOf(tree, context);
  if (!found) return undefined;
  const base = baseOf(found, context);
  const step = base && planFound(found, base, context);
  if (step) refuseHost(step, found.tree, context);
  return step;
}

/** A step, and which of its keys says what it does. */
interface Found {
  action: ActionName;
  entry: Entry;
  tree: MappingTree;
}

function actionOf(tree: Tree, { mistakes }: Context): Found | undefined {
  const { line, column } = tree;
  if (tree.kind !== "mapping") {
    mistakes.push({ line, column, what: "the step is no mapping", expected: "what it does: - buffer: web" });
    return undefined;
  }
  const actions = [...tree.entries.keys()].filter((key): key is ActionName => ACTION_NAMES.includes(key as ActionName));
  const [action, second] = actions;
  const before = mistakes.length;
  for (const [key, { key: place }] of tree.entries) {
    if (STEP_KEYS.includes(key) || actions.includes(key as ActionName) || key === "steps" && action === "repeat") {
      continue;
    }
    const expected = action ? `${action} with ${STEP_KEYS.join(", ")}` : `one of ${ACTION_NAMES.join(", ")}`;
    mistakes.push({ ...place, what: `unknown key ${JSON.stringify(key)}`, expected });
  }
  if (second) {
    const { key } = tree.entries.get(second) as Entry;
    mistakes.push({ ...key, what: `${second} in a step with ${action}`, expected: "one action a step" });
  } else if (!action && mistakes.length === before) {
    mistakes.push({ line, column, what: "the step does nothing", expected: `one of ${ACTION_NAMES.join(", ")}` });
  }
  return action && !second ? { action, entry: tree.entries.get(action) as Entry, tree } : undefined;
}

function planFound(
  found: Found,
  base: PlannedStepBase & { given?: GivenHost },
  context: Context,
): PlannedStep | undefined {
  const { action, entry, tree } = found;
  const { given, ...own } = base;
  switch (action) {
    case "repeat": {
      const repeat = roundsOf(tree, { planSteps, context });
      return repeat && { action, ...own, ...repeat };
    }
    case "parallel":
      return { action, ...own, branches: branchesOf(entry, { planSteps, context }) };
    default:
      return planAction(action, { entry, base: own, given, context });
  }
}

function baseOf(
  { entry, tree }: Found,
  context: Context,
): PlannedStepBase & { given?: GivenHost } | undefined {
  const entries = new Map([...tree.entries].filter(([key]) => STEP_KEYS.includes(key)));
  const fields = check(STEP_SCHEMA, { tree: { ...tree, entries }, label: "the step" }, context);
  if (!fields) return undefined;
  const { name, host, at: atMs } = fields;
  const { line, column } = follow(tree, ["host"]);
  return { name, given: host === undefined ? undefined : { host, line, column }, atMs, line: entry.key.line };
}

/** Refuses a host where a step is done on none. */
function refuseHost(step: PlannedStep, tree: MappingTree, { mistakes }: Context): void {
  const host = tree.entries.get("host");
  if (!host || isOnHost(step)) return;
  const expected = "none: attach, run, start, and waiting for ports and commands alone are done on a host";
  mistakes.push({ ...host.key, what: `a host for ${step.action}`, expected });
}

function isOnHost(step: PlannedStep): boolean {
  if (step.action !== "wait" && step.action !== "expect") return ["attach", "run", "start"].includes(step.action);
  return step.condition.about === "port" || step.condition.about === "command";
}
