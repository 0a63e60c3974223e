/**
 * What a kind of step is: everything that belongs to one stands in its file in `steps/`.
 *
 * @module
 */

import type { Condition, PlannedQueue, ProcessTest, Scalar, Step } from "./plan.ts";
import type { Details, Doing, Look, Stage } from "./run/stage.ts";
import type { Context, GivenHost } from "./source/context.ts";
import type { Schema } from "./source/check.ts";
import type { MappingTree, Tree } from "./source/tree.ts";
import type * as v from "valibot";

export type { Look } from "./run/stage.ts";

/** A step where it is written. */
export interface Written {
  /** What stands behind the word that says what it does. */
  tree: Tree;
  /** That word. */
  label: string;
  /** All of the step. */
  whole: MappingTree;
  /** The host that the step names. */
  given?: GivenHost;
  context: Context;
  /** Reads a list of steps that stands in it. */
  planSteps: (tree: Tree, label: string, context: Context) => Step[];
}

/** What a step of a kind has beside what every step has; with an action where it is of another kind than its word says. */
export type Own<S extends Step> = Omit<S, keyof Step> & Pick<Step, "host"> & Partial<Pick<Step, "action" | "words">> & {
  /** What of it is another when it is done, with the values that variables have by then. */
  anew?: (values: ReadonlyMap<string, Scalar>) => Partial<Omit<S, keyof Step>> & Pick<Step, "words">;
};

/** Where a step is done. */
export interface Scene {
  stage: Stage;
  /** Which step, for what is chosen by the seed. */
  path: string;
  signal: AbortSignal;
  /** When the next step is due, by the clock, in milliseconds. */
  nextDue?: number;
  /** Filled in with what is told at its end. */
  details: Details;
  /** What is known of it while it is done; of one with others in it nothing. */
  doing?: Doing;
  /** Does steps that stand in it, one after the other: a round, or a branch; with a signal of its own where it is ended earlier. */
  inner: (part: Part, signal?: AbortSignal) => Promise<void>;
  /** Does steps that it is made of, as if they stood below it. */
  within: (steps: readonly Step[]) => Promise<void>;
  /** Does several lists of steps at the same time; where one is not done, the others are ended. */
  atOnce: (parts: readonly Part[]) => Promise<void>;
}

/** A list of steps that stands in a step. */
export interface Part {
  /** What stands behind the step's own number: `[3]`, `.client`. */
  path: string;
  action: "round" | "branch";
  /** What it is, in words. */
  text: string;
  steps: readonly Step[];
  /** Of a round. */
  round?: { number: number; of: number; variable?: string; value: string | number | boolean };
}

/** A kind of step. */
export interface StepKind<S extends Step = Step> {
  /** What events call it. */
  readonly action: S["action"];
  /** What the file calls it, where that is something else; the first is what docs say. */
  readonly words?: readonly string[];
  /** What may stand behind the word; where that has lists of steps, made from what such a list is. */
  readonly schema: Schema<unknown> | ((steps: Schema<unknown>) => Schema<unknown>);
  /** What else the step has, by its key. */
  readonly beside?: "steps";
  /** Makes a plan of it; where anything is wrong, the context's mistakes say all of it. */
  plan(written: Written): Own<S> | undefined;
  /** What it does, in words. */
  describe(step: S): string;
  /** Does it. */
  run(step: S, scene: Scene): void | Promise<void>;
  /** Whether it may name a host; not, if not given. */
  isOnHost?(step: S): boolean;
  /** The gates and plugs that it is about. */
  queues?(step: S): readonly string[];
  /** The process that it is about. */
  process?(step: S): string | undefined;
  /** The process whose input it writes to. */
  writesTo?(step: S): string;
  /** How a process may end, where the step is about that. */
  ending?(step: S): Ending | undefined;
  /** What it asks, whichever answer it gets. */
  asks?(step: S): readonly Condition[];
  /** The gate or plug that it makes. */
  makes?(step: S): PlannedQueue;
  /** The lists of steps that stand in it. */
  parts?(step: S): Iterable<Part>;
}

/** How a process may end. */
export interface Ending {
  process: string;
  test: ProcessTest;
}

/**
 * What a kind of condition is: everything that belongs to one stands in its file in `conditions/`.
 *
 * @module
 */

/** A condition where it is written, its values checked. */
export interface WrittenCondition<Fields> {
  fields: Fields;
  tree: Tree;
  /** The word of the step: `wait`, `expect`. */
  label: string;
  /** The host that the step names. */
  given?: GivenHost;
  context: Context;
}

/** A condition, and the host that it is about. */
export interface OnHost<C extends Condition> {
  condition: C;
  host?: string;
}

/** Where a condition is looked at. */
export interface LookScene {
  host?: string;
  stage: Stage;
  signal: AbortSignal;
}

/** What is written of a condition, by the entries of its mapping. */
export type FieldsOf<E extends v.ObjectEntries> = v.InferOutput<v.ObjectSchema<E, string>>;

/** A kind of condition. */
export interface ConditionKind<C extends Condition = Condition, E extends v.ObjectEntries = v.ObjectEntries> {
  /** The key that says what it is about. */
  readonly about: C["about"];
  /** What its mapping has; `wait` takes a `timeout` beside it. */
  readonly entries: E;
  /** One, in words for an error: `a condition: { gate: web, drops: 0 }`. */
  readonly expected: string;
  /** Makes a plan of it; where anything is wrong, the context's mistakes say all of it. */
  plan(written: WrittenCondition<FieldsOf<E>>): OnHost<C> | undefined;
  /** What must be so, in words. */
  describe(condition: C): string;
  /** Looks whether it holds at this moment. */
  look(condition: C, scene: LookScene): Look | Promise<Look>;
  /** How long a look may take where the step does not say it, in milliseconds; as long as it takes, if not given. */
  timeoutMs?(condition: C): number | undefined;
  /** Whether the step may name a host; not, if not given. */
  readonly isOnHost?: boolean;
  /** The gate or plug that it is about. */
  queue?(condition: C): string;
  /** The process that it is about. */
  process?(condition: C): string;
  /** How a process may end, where it is about that. */
  ending?(condition: C): Ending | undefined;
}
