import * as v from "valibot";
import { LONGEST_MS } from "../plug/quantity.ts";
import { LIMIT_MAX } from "../plug/plug_requests.ts";
import type { Desk } from "./desk.ts";
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
  /** Does it, and returns the answer, which is JSON. */
  run(input: v.InferOutput<S>, task: Task): unknown;
}

/** What an operation works with. */
export interface Task {
  /** What whoever asks has attached and holds. */
  readonly desk: Desk;
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
 * What an operation takes, checked.
 *
 * @throws {RequestError} where it is not what the operation takes
 */
export function checked(operation: Pick<Operation, "name" | "schema">, input: unknown): unknown {
  const result = v.safeParse(operation.schema, input, { abortEarly: true });
  if (result.success) return result.output;
  throw mistakeIn(operation.name, result.issues);
}

const TEXT = v.pipe(v.string("a text"), v.nonEmpty("a text that is not empty"));
const NAMES = v.pipe(v.array(TEXT), v.nonEmpty("at least one name"));

/** One name or several. */
export const ONE_OR_MORE = v.pipe(
  v.union([TEXT, NAMES], "a name, or a list of names"),
  v.transform((names) => [names].flat()),
);

/** A number of milliseconds that can be waited for. */
export const MILLISECONDS = v.pipe(
  v.number("a number of milliseconds"),
  v.minValue(0, "at least 0"),
  v.maxValue(LONGEST_MS, `at most ${LONGEST_MS}, 24 days`),
);

/** For how long something is held. */
export const HOLD_MS = v.pipe(MILLISECONDS, v.gtValue(0, "more than 0"));

/** How much is held, with link headers. */
export const LIMIT_BYTES = v.pipe(
  v.number("a number of bytes"),
  v.integer("a whole number"),
  v.minValue(1, "at least 1: with 0 every packet is dropped"),
  v.maxValue(LIMIT_MAX, `at most ${LIMIT_MAX}`),
);

/** Where it is: a network namespace other than that of the one who is asked. */
export const NETNS = { netns: v.optional(TEXT) };

/** A class and a handle, as tc writes them. */
export const PLACE = { parent: v.optional(TEXT), handle: v.optional(TEXT) };

/** Gates and plugs that are there: by `on` either, a gate's name or a device's; or, where both have the name, by one word. */
export const ON = {
  on: v.optional(ONE_OR_MORE),
  gate: v.optional(ONE_OR_MORE),
  dev: v.optional(ONE_OR_MORE),
  ...PLACE,
  ...NETNS,
};

/** How long what is held may take to leave, and whether it is discarded instead. */
export const DETACH = { drop: v.optional(v.boolean()), timeoutMs: v.optional(MILLISECONDS) };

export { TEXT };
