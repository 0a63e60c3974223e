import * as v from "valibot";
import type { Desk } from "./desk.ts";
import type { Holds } from "./holds.ts";
import { mistakeIn } from "./problem.ts";

/**
 * Something that can be asked of plugctl by a message: what it takes, what it does, and what it answers. Who asks differs
 * only in how the message comes.
 */
export interface Operation<S extends v.GenericSchema = v.GenericSchema> {
  /** The word that asks for it: `buffer`. */
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What it takes besides the word itself. */
  readonly schema: S;
  /** Whether others may be asked before it has ended: it holds or waits. All else is done in the order in which it came. */
  readonly isLong?: boolean;
  /** Whether several that stand together and take the same may be done as one, for all that they are `on`, in one send. */
  readonly isShared?: boolean;
  /** Whether it lets go or looks, and nothing else, which needs nobody's leave. */
  readonly isFree?: boolean;
  /** Does it, and returns the answer, which is JSON. */
  run(input: v.InferOutput<S>, task: Task): unknown;
}

/** What an operation works with. */
export interface Task {
  /** What whoever asks has attached and holds. */
  readonly desk: Desk;
  /** What of it is held with leases. */
  readonly holds: Holds;
  /** Who asks, as the policy of the machine names them. Default: the user of this process. */
  readonly who?: string;
  /** The number that the asker gave it, which `release` takes for a `hold`. */
  readonly id: Id;
  /** Ends its waiting. */
  readonly signal: AbortSignal;
  /** Says that something has come about meanwhile. */
  tell(event: Record<string, unknown>): void;
}

/** What an asker calls a request. */
export type Id = string | number;

/** Makes an operation; each knows the type of what it takes. */
export function operation<S extends v.GenericSchema>(own: Operation<S>): Operation<S> {
  return own;
}

/**
 * Does an operation, where whoever asks may ask for it.
 *
 * @throws {RequestError} `policy` where not
 */
export function perform({ isFree, run }: Operation, input: unknown, task: Task): unknown {
  if (!isFree) task.desk.checkWho(task.who);
  return run(input, task);
}

/**
 * What an operation takes, checked.
 *
 * @throws {RequestError} where it is not what the operation takes
 */
export function checked(operation: Pick<Operation, "name" | "schema">, input: unknown): unknown {
  const result = v.safeParse(operation.schema, input, { abortEarly: true });
  if (result.success) return result.output;
  throw mistakeIn(operation.name, result.issues);
}
