import type { Mistake } from "../mistake.ts";
import type { Scalar, Settings } from "../plan.ts";
import { StepError } from "../run/step_error.ts";
import type { Files } from "./include.ts";
import { type Place, type Scope, type Tree, uses, valueAt } from "./tree.ts";

/** The name that stands for this machine where a scenario brings hosts. */
export const HERE = "here";

/** Something that a scenario names, and where. */
export interface Reference extends Place {
  kind: "queue" | "gate" | "plug" | "process" | "host" | "step";
  name: string;
}

/** What steps have where they say nothing else. */
export interface Defaults extends Settings {
  host?: string;
  timeoutMs?: number;
}

/** What is gathered while a file is made into a plan. */
export interface Context {
  readonly scope: Scope;
  readonly defaults: Defaults;
  /** What the commands of a host run with. */
  readonly settings: ReadonlyMap<string, Settings>;
  /** Whether the scenario brings hosts, one of which gates and plugs then need. */
  readonly hasHosts: boolean;
  readonly mistakes: Mistake[];
  /** The files that places are in. */
  readonly files: Files;
  /** Names that must be defined somewhere. */
  readonly references: Reference[];
  /** Names of gates and plugs with what they are, and of processes. */
  readonly queues: Map<string, "gate" | "plug">;
  readonly processes: Set<string>;
  /** What steps are called. */
  readonly steps: Set<string>;
  /** What is defined under a name that is wrong itself: who refers to one of these is not blamed as well. */
  readonly unnamed: Set<"queue" | "process">;
  /** Variables that steps set when they are done, each with what stands for its value until then. */
  readonly captured: Map<string, Scalar>;
  /** Gates whose packets conditions are about, with the expressions by which those that come in are counted. */
  readonly watched: Map<string, Set<string>>;
  /** How many steps there are, those of every round counted. */
  readonly count: { steps: number };
}

/** How long `wait` waits, and `stop` until it kills, where nothing else is said, in milliseconds. */
export const TIMEOUT_MS = 5000;

/** Notes something that is wrong. */
export function mistake(
  { line, column }: Place,
  said: Omit<Mistake, keyof Place>,
  { mistakes }: Pick<Context, "mistakes">,
): undefined {
  mistakes.push({ line, column, ...said });
}

/** The name that a definition has under a key, also where all else of it is wrong; none where the name is wrong itself. */
export function nameIn(tree: Tree, key: string): string | undefined {
  const named = valueAt(tree, key);
  const isName = named?.kind === "scalar" && typeof named.value === "string" && !named.value.includes("${");
  return isName ? String(named.value) : undefined;
}

/** Notes that a step sets a variable, which steps behind it may use. */
export function capture(name: string, { place, context }: { place: Place; context: Context }): void {
  if (context.scope.has(name)) {
    mistake(place, { what: `there is a variable ${name} already`, expected: "another name" }, context);
  }
  context.captured.set(name, `\${${name}}`);
}

/** The names that a definition by name has under a key, or the one name that stands there, also where all else of it is wrong. */
export function namesIn(tree: Tree, key: string): string[] {
  const named = valueAt(tree, key);
  return named?.kind === "mapping" ? [...named.entries.keys()] : [nameIn(tree, key) ?? []].flat();
}

/** Notes that a step is about a process, and returns its name. */
export function processNamed(name: string, { tree, context }: { tree: Tree; context: Context }): string {
  const { line, column } = valueAt(tree, "name") ?? tree;
  context.references.push({ kind: "process", name, line, column });
  return name;
}

/** A host where it is named. */
export interface GivenHost extends Place {
  host: string;
}

/** The host of a gate, a plug or a port, which it must name where the scenario brings hosts. */
export function planHostOf(
  given: GivenHost | undefined,
  { tree, what, context }: { tree: Place; what: string; context: Context },
): string | undefined {
  if (given || context.defaults.host !== undefined || !context.hasHosts) return hostOf(given, context);
  mistake(tree, { what: `${what} names no host`, expected: `host: with one of hosts, or ${HERE}` }, context);
}

/** The host meant: what is given, or else that of `defaults:`; `undefined` for this machine. */
export function hostOf(given: GivenHost | undefined, { defaults, references }: Context): string | undefined {
  if (given && given.host !== HERE) {
    references.push({ kind: "host", name: given.host, line: given.line, column: given.column });
  }
  const host = given?.host ?? defaults.host;
  return host === HERE ? undefined : host;
}

/** The variables used in a tree that steps set. */
export function setBySteps(tree: Tree, { captured }: Pick<Context, "captured">): string[] {
  return [...captured.keys()].filter((name) => uses(tree, name));
}

/** What stands for the value of a variable while that is not known: one of these fits, or nothing would. */
const STAND_INS = (
  name: string,
) => [`\${${name}}`, 1, "x", "1s", "10.0.0.1", true, "SIGTERM", "http://10.0.0.1/", "1/s"];

/**
 * Reads something with what stands for values that are not known yet; where none fits, the mistakes say why. `isGuess` where
 * that is a value as it might be, which must not be shown.
 */
export function withStandIns<T>(
  context: Context,
  plan: (trial: Context, isGuess: boolean) => T | undefined,
): T | undefined {
  const first: Mistake[] = [];
  for (const index of STAND_INS("").keys()) {
    const captured = new Map([...context.captured.keys()].map((name) => [name, STAND_INS(name)[index]]));
    const trial = { ...context, captured, mistakes: [], references: [], watched: new Map(), count: { steps: 0 } };
    const planned = plan(trial, index > 0);
    if (planned && trial.mistakes.length === 0) {
      context.count.steps += trial.count.steps;
      context.references.push(...trial.references);
      // What its packets must fit is not known yet.
      for (const gate of trial.watched.keys()) context.watched.set(gate, context.watched.get(gate) ?? new Set());
      for (const name of captured.keys()) context.captured.set(name, `\${${name}}`);
      return planned;
    }
    if (index === 0) first.push(...trial.mistakes);
  }
  context.mistakes.push(...first);
}

/** Reads something again, with the values that variables have by now. */
export function anew<T>(
  plan: (context: Context) => T | undefined,
  { used, values, context }: { used: readonly string[]; values: ReadonlyMap<string, Scalar>; context: Context },
): T {
  const missing = used.find((name) => !values.has(name));
  if (missing !== undefined) throw new StepError(`Cannot do it: no step has given ${missing} a value yet`);
  const mistakes: Mistake[] = [];
  const planned = plan({
    ...context,
    captured: new Map(values),
    mistakes,
    references: [],
    queues: new Map(context.queues),
    processes: new Set(context.processes),
    count: { steps: 0 },
  });
  if (planned && mistakes.length === 0) return planned;
  const [{ file = "", line, column, what, expected }] = mistakes.map((mistake) => context.files.placed(mistake));
  throw new StepError(`Cannot do it: at ${file && `${file}:`}${line}:${column} ${what}, expected ${expected}`);
}
