/**
 * What a kind of condition is: everything that belongs to one stands in its file in `conditions/`.
 *
 * @module
 */

import type * as v from "valibot";
import type { RanProcess } from "./event.ts";
import type { Condition } from "./plan.ts";
import type { Stage } from "./run/stage.ts";
import type { Context, GivenHost } from "./source/context.ts";
import type { Tree } from "./source/tree.ts";
import type { Ending } from "./step.ts";

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

/** What a look at a condition has found. */
export interface Look {
  holds: boolean;
  /** What is, in words. */
  found: string;
  /** Whether it cannot hold any more, however long one waits. */
  never?: boolean;
  /** The process that was run to find out. */
  ran?: RanProcess;
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
  /** Whether the step may name a host; not, if not given. */
  readonly isOnHost?: boolean;
  /** The gate or plug that it is about. */
  queue?(condition: C): string;
  /** The process that it is about. */
  process?(condition: C): string;
  /** How a process may end, where it is about that. */
  ending?(condition: C): Ending | undefined;
}
