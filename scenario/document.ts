/**
 * A scenario as a whole: what stands at the top of its file, and what it would do.
 *
 * @module
 */

import * as v from "valibot";
import { formatDuration } from "../plug/quantity.ts";
import { SETTING_ENTRIES } from "./command.ts";
import { addressesOf, describeHost, hostsOf, isMade, wrongAddresses } from "./host.ts";
import { rowsOf, variablesOf } from "./matrix.ts";
import { type Mistake, unknownKey } from "./mistake.ts";
import {
  describeRow,
  type PlannedGate,
  type PlannedPlug,
  type PlannedQueue,
  type Row,
  type Scalar,
  type ScenarioPlan,
  type Step,
} from "./plan.ts";
import { describeQueue, GATE, GATE_NAME, gateOf, PLUG, plugOf } from "./queue.ts";
import { check, describe, mapping } from "./source/check.ts";
import { type Context, type Defaults, HERE, mistake, namesIn } from "./source/context.ts";
import type { Files } from "./source/include.ts";
import { DURATION, NAME, SOME_TEXT, TEXT, VARIABLE, wholeNumber } from "./source/scalar.ts";
import { type Entry, fillIn, type MappingTree, type Scope, type Tree, uses, valueAt } from "./source/tree.ts";
import { planSteps } from "./step_list.ts";
import { attachedBy, describeStep, everyStep, partsOf } from "./steps/list.ts";

const CAPTURE_EXPECTED = "true, false, or a list of gates: [web]";
/** What stands at the top of a scenario, beside what is read piece by piece. */
export const TOP_ENTRIES = {
  name: SOME_TEXT,
  description: v.optional(TEXT),
  timeout: v.optional(DURATION, "10m"),
  "max-hold": v.optional(DURATION, "30s"),
  seed: v.optional(wholeNumber(0, 0xffffffff)),
  capture: v.optional(v.union([v.boolean(), v.array(GATE_NAME)], CAPTURE_EXPECTED)),
};

/** What stands under `defaults:`. */
export const DEFAULTS = mapping({
  host: v.optional(NAME),
  timeout: v.optional(DURATION),
  ...SETTING_ENTRIES,
}, "defaults: { host: client, timeout: 5s }");

/** The keys at the top that are read piece by piece. */
const PARTS = ["include", "vars", "matrix", "defaults", "hosts", "gates", "plugs", "steps", "cleanup"];
/** Every key at the top. */
export const TOP_KEYS = [...Object.keys(TOP_ENTRIES), ...PARTS];

/** Whether all that a scenario holds is on hosts that it brings. */
export function isApart({ hosts, queues, steps, cleanup }: ScenarioPlan): boolean {
  const own = new Set(hosts.filter(isMade).map(({ name }) => name));
  return [...queues, ...attachedBy([...steps, ...cleanup])].every(({ host }) => host !== undefined && own.has(host));
}

/** The lines of the steps before which it stops. */
export function breaksOf({ steps, cleanup }: ScenarioPlan): number[] {
  return [...new Set(everyStep([...steps, ...cleanup]).flatMap((step) => step.break ? [step.line] : []))];
}

/** Makes a plan of a file's tree; where anything is wrong, `mistakes` says all of it. */
export function planScenario(
  tree: Tree,
  { set, folder, files, unused, mistakes }: {
    set: ReadonlyMap<string, Scalar>;
    folder?: string;
    files: Files;
    /** Values of variables of included files that nothing uses. */
    unused: readonly Tree[];
    mistakes: Mistake[];
  },
): ScenarioPlan | undefined {
  if (tree.kind !== "mapping") {
    const expected = `keys such as ${TOP_KEYS.join(", ")}`;
    return mistake(tree, { what: "the scenario must be a mapping", expected }, { mistakes });
  }
  refuseUnknown(tree, mistakes);
  const { vars, rows } = varsOf(tree, { set, folder, mistakes });
  const written: Scope = folder === undefined ? vars : new Map([["folder", folder], ...vars]);
  const before = mistakes.length;
  const hostNames = Object.keys(childrenOf(valueAt(tree, "hosts")));
  const hosts = hostsOf(valueAt(tree, "hosts"), { scope: written, mistakes });
  const addresses = mistakes.length > before ? wrongAddresses(valueAt(tree, "hosts")) : addressesOf(hosts);
  const context: Context = {
    scope: new Map([...written, ...addresses]),
    defaults: { env: {} },
    settings: new Map(hosts.map(({ name, settings }) => [name, settings])),
    files,
    hasHosts: hostNames.length > 0,
    mistakes,
    references: [],
    queues: new Map(),
    processes: new Set(),
    steps: new Set(),
    unnamed: new Set(),
    captured: new Map(),
    watched: new Map(),
    count: { steps: 0 },
  };
  const defaults = defaultsOf(valueAt(tree, "defaults"), context);
  const plan = planParts(tree, { ...context, defaults });
  refuseInUnused(unused, { tree, context });
  const row = describeRow(rows[0]);
  const name = plan && row ? `${plan.name} [${row}]` : plan?.name;
  return plan && { ...plan, name: name ?? "", hosts, rows, vars: Object.fromEntries(vars) as ScenarioPlan["vars"] };
}

function refuseUnknown(tree: MappingTree, mistakes: Mistake[]): void {
  for (const [key, { key: place }] of tree.entries) {
    if (TOP_KEYS.includes(key)) continue;
    mistakes.push({ ...place, ...unknownKey(key, { known: TOP_KEYS }) });
  }
}

function planParts(tree: MappingTree, context: Context): Omit<ScenarioPlan, "hosts" | "vars" | "rows"> | undefined {
  const own = new Map([...tree.entries].filter(([key]) => key in TOP_ENTRIES));
  const top = check(mapping(TOP_ENTRIES, ""), { tree: { ...tree, entries: own }, label: "the scenario" }, context);
  const queues = [...gatesOf(tree, context), ...plugsOf(tree, context)];
  // Not known before the scenario is run; a variable of the file goes before it.
  if (!context.scope.has("seed")) context.captured.set("seed", "${seed}");
  const steps = stepsOf(tree, context);
  referToCaptured(valueAt(tree, "capture"), context);
  const cleanupTree = valueAt(tree, "cleanup");
  const cleanup = cleanupTree ? planSteps(cleanupTree, "cleanup", context) : [];
  checkReferences(Object.keys(childrenOf(valueAt(tree, "hosts"))), context);
  if (!top || context.mistakes.length > 0) return undefined;
  const { name, description, timeout, "max-hold": maxHoldMs, seed, capture } = top;
  return {
    name,
    description,
    timeoutMs: timeout,
    maxHoldMs,
    seed,
    capture,
    watched: context.watched,
    queues,
    steps,
    moments: context.references.flatMap(({ kind, name }) => kind === "step" ? [name] : []),
    cleanup,
  };
}

/** Each gate that is captured must be one of the scenario's. */
function referToCaptured(tree: Tree | undefined, { references }: Context): void {
  if (tree?.kind !== "list") return;
  for (const item of tree.items) {
    if (item.kind !== "scalar" || typeof item.value !== "string") continue;
    references.push({ kind: "gate", name: item.value, line: item.line, column: item.column });
  }
}

function stepsOf(tree: MappingTree, context: Context): Step[] {
  const steps = valueAt(tree, "steps");
  if (steps) return planSteps(steps, "steps", context);
  mistake(tree, { what: "the scenario has no steps", expected: "a list of steps: - buffer: web" }, context);
  return [];
}

function childrenOf(tree: Tree | undefined): Record<string, Entry> {
  return tree?.kind === "mapping" ? Object.fromEntries(tree.entries) : {};
}

/** What variables are read with. */
interface Reading {
  set: ReadonlyMap<string, Scalar>;
  folder?: string;
  mistakes: Mistake[];
}

/** The variables, those of the matrix included, and the rows of that. */
function varsOf(tree: MappingTree, reading: Reading): { vars: Map<string, Scalar | undefined>; rows: readonly Row[] } {
  const { set, folder, mistakes } = reading;
  const matrix = valueAt(tree, "matrix");
  const written = valueAt(tree, "vars");
  if (written && written.kind !== "mapping") {
    mistake(written, { what: "vars must be a mapping", expected: "variables: { port: 8000 }" }, { mistakes });
  }
  const entries = Object.entries(childrenOf(written));
  const before: Scope = new Map(folder === undefined ? [] : [["folder", folder]]);
  // The matrix may use variables, and other variables what it gives.
  const late = new Set(variablesOf(matrix));
  const isLate = ([name, { value }]: [string, Entry]) => {
    const found = [...late].some((other) => uses(value, other));
    if (found) late.add(name);
    return found;
  };
  const { own = [], made = [] } = Object.groupBy(entries, (entry) => isLate(entry) ? "made" : "own");
  const early = new Map([...before, ...valuesOf(own, { scope: before, set, mistakes })]);
  refuseMade(matrix, { made: made.map(([name]) => name), mistakes });
  const scope: Scope = new Map([...early, ...made.map(([name]) => [name, undefined] as const)]);
  const rows = rowsOf(matrix, { scope, taken: new Set(entries.map(([name]) => name)), set, mistakes });
  const given = variablesOf(matrix).map((name): [string, Scalar | undefined] => [
    name,
    Object.hasOwn(rows[0], name) ? rows[0][name] : early.get(name),
  ]);
  const all = new Map([...early, ...valuesOf(made, { scope: new Map([...early, ...given]), set, mistakes })]);
  return { vars: new Map([...entries.map(([name]) => [name, all.get(name)] as const), ...given]), rows };
}

/** Variables with what the file says, or in its place with what was set. */
function valuesOf(
  entries: readonly [string, Entry][],
  { scope, set, mistakes }: Omit<Reading, "folder"> & { scope: Scope },
): Map<string, Scalar | undefined> {
  const vars = new Map<string, Scalar | undefined>();
  for (const [name, { key, value }] of entries) {
    // It may hold variables that stand before it.
    const known = new Map([...scope, ...vars]);
    const named: Tree = { kind: "scalar", value: name, ...key };
    check(VARIABLE, { tree: named, label: "the variable" }, { scope: known, mistakes });
    const before = mistakes.length;
    const filled = value.kind === "scalar" ? fillIn(value, { scope: known, mistakes }) as Scalar | null : null;
    vars.set(name, mistakes.length > before ? undefined : set.get(name) ?? filled ?? undefined);
    if (filled === null) {
      const what = `${name} is ${describe(plainKind(value))}`;
      mistake(value, { what, expected: "a text or a number" }, { mistakes });
    }
  }
  return vars;
}

/** A matrix cannot be made from what is made from it. */
function refuseMade(
  matrix: Tree | undefined,
  { made, mistakes }: { made: readonly string[]; mistakes: Mistake[] },
): void {
  const name = matrix && made.find((name) => uses(matrix, name));
  if (!matrix || name === undefined) return;
  const what = `the matrix uses ${name}, which is made from what the matrix gives`;
  mistake(matrix, { what, expected: "a variable that is not" }, { mistakes });
}

/** Looks for variables that are nowhere in the scenario, in values that nothing uses. */
function refuseInUnused(
  unused: readonly Tree[],
  { tree, context: { scope, captured, mistakes } }: { tree: Tree; context: Context },
): void {
  const known = new Map([...[...captured.keys(), ...roundsIn(tree)].map((name) => [name, ""] as const), ...scope]);
  for (const value of unused) fillIn(value, { scope: known, mistakes });
}

/** The variables that rounds of `repeat` have. */
function roundsIn(tree: Tree): string[] {
  switch (tree.kind) {
    case "scalar":
      return [];
    case "list":
      return tree.items.flatMap(roundsIn);
    case "mapping":
      return [...namesIn(tree, "as"), ...tree.entries.values().flatMap(({ value }) => roundsIn(value))];
    default:
      return tree satisfies never;
  }
}

function plainKind(tree: Tree): [] | Record<string, never> | null {
  return tree.kind === "list" ? [] : tree.kind === "mapping" ? {} : null;
}

function defaultsOf(tree: Tree | undefined, context: Context): Defaults {
  const fields = tree && check(DEFAULTS, { tree, label: "defaults" }, context);
  if (!fields) return { env: {} };
  const { host, timeout: timeoutMs, ...settings } = fields;
  if (host !== undefined && host !== HERE) {
    const { line, column } = valueAt(tree, "host") as Tree;
    context.references.push({ kind: "host", name: host, line, column });
  }
  return { host, timeoutMs, ...settings };
}

function gatesOf(tree: MappingTree, context: Context): PlannedGate[] {
  return definitions(tree, "gates", context).flatMap(([name, { key: place, value }]) => {
    const named = check(GATE_NAME, { tree: { kind: "scalar", value: name, ...place }, label: "the gate" }, context);
    const fields = check(GATE, { tree: value, label: name }, context);
    return fields && named ? [gateOf(fields, { name, place, tree: value }, context)] : unknown(name, "gate", context);
  });
}

function plugsOf(tree: MappingTree, context: Context): PlannedPlug[] {
  return definitions(tree, "plugs", context).flatMap(([name, { key: place, value }]) => {
    const named = check(NAME, { tree: { kind: "scalar", value: name, ...place }, label: "the plug" }, context);
    const fields = check(PLUG, { tree: value, label: name }, context);
    return fields && named ? [plugOf(fields, { name, place, tree: value }, context)] : unknown(name, "plug", context);
  });
}

/** Notes what is defined, though wrongly, so that who refers to it is not blamed as well. */
function unknown(name: string, kind: PlannedQueue["kind"], { queues }: Context): [] {
  queues.set(name, queues.get(name) ?? kind);
  return [];
}

function definitions(tree: MappingTree, part: "gates" | "plugs", { mistakes }: Context): [string, Entry][] {
  const defined = valueAt(tree, part);
  if (!defined || defined.kind === "mapping") return Object.entries(childrenOf(defined));
  const { line, column } = defined;
  const expected = part === "gates" ? "{ web: { dev: lo, direction: egress } }" : "{ up: { dev: eth0 } }";
  mistakes.push({ line, column, what: `${part} must be a mapping`, expected });
  return [];
}

/** Looks for what is named and defined nowhere. */
function checkReferences(
  hosts: readonly string[],
  { references, queues, processes, steps, unnamed, mistakes }: Context,
): void {
  const known = { host: [...hosts, HERE], process: [...processes], step: [...steps] };
  for (const { kind, name, line, column } of references) {
    const isQueue = kind === "queue" || kind === "gate" || kind === "plug";
    if (isQueue ? unnamed.has("queue") : kind === "process" && unnamed.has("process")) continue;
    const names = isQueue ? [...queues.keys()] : known[kind];
    const found = kind === "gate" || kind === "plug" ? queues.get(name) ?? "" : names.includes(name) ? kind : "";
    if (found === kind) continue;
    const isOther = found !== "";
    const noun = { queue: "gate or plug", step: "step with the name" }[kind as string] ?? kind;
    const fitting = isOther
      ? []
      : names.filter((other) => kind === "gate" || kind === "plug" ? queues.get(other) === kind : true);
    const what = isOther ? `${name} is a ${found}, not a ${noun}` : `there is no ${noun} ${JSON.stringify(name)}`;
    const expected = isOther
      ? `${found}: ${name}`
      : fitting.length > 0
      ? `one of ${fitting.join(", ")}`
      : definition(kind);
    mistakes.push({ line, column, what, expected });
  }
}

function definition(kind: string): string {
  if (kind === "process") return "one that a step starts: - start: { name: ..., command: ... }";
  if (kind === "host") return "one under hosts:";
  if (kind === "step") return "one that a step has: - { run: ..., name: ... }";
  return kind === "plug" ? "one under plugs:, or attached by a step" : "one under gates:, or attached by a step";
}

/** What a scenario would do, a line each, each level of steps two spaces further in. */
export function describePlan(plan: ScenarioPlan): string[] {
  const { name, timeoutMs, maxHoldMs, hosts, queues, steps, cleanup } = plan;
  return [
    `${name}: at most ${formatDuration(timeoutMs)}, holding for at most ${formatDuration(maxHoldMs)} without a release`,
    ...hosts.map(describeHost),
    ...queues.map((queue) => `attach ${describeQueue(queue)}`),
    ...describeSteps(steps, ""),
    ...cleanup.length > 0 ? ["in the end, whatever happens:", ...describeSteps(cleanup, "cleanup.")] : [],
    "release and take away everything that was made",
  ];
}

function describeSteps(steps: readonly Step[], prefix: string): string[] {
  return steps.flatMap((step, index) => {
    const path = `${prefix}${index + 1}`;
    return [describeOne(step, path), ...describeNested(step, path).map((line) => `  ${line}`)];
  });
}

function describeOne(step: Step, path: string): string {
  const { host, atMs, name } = step;
  const at = atMs === undefined ? "" : ` at ${formatDuration(atMs)}`;
  const where = host === undefined ? "" : ` on ${host}`;
  return `${path}${at}${where}: ${describeStep(step)}${name === undefined ? "" : ` (${name})`}`;
}

function describeNested(step: Step, path: string): string[] {
  const parts = [...partsOf(step)];
  // Rounds that do not use their variable are all the same.
  const isSame = parts.every(({ steps }) => steps === parts[0].steps);
  return (isSame ? parts.slice(0, 1) : parts).flatMap((part) => describeSteps(part.steps, `${path}${part.path}.`));
}
