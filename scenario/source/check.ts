import * as v from "valibot";
import { type Mistake, unknownKey } from "../mistake.ts";
import { fillIn, follow, keyPlace, type Plain, type Scope, type Tree } from "./tree.ts";

/** What is described: a value of some type, from whatever stands in the file. */
export type Schema<Output> = v.GenericSchema<unknown, Output>;

/** A mapping that has these keys, but for those that are `v.optional`, and no others: each other is a mistake. */
export function mapping<const E extends v.ObjectEntries>(
  entries: E,
  expected: string,
): Schema<v.InferOutput<v.ObjectSchema<E, string>>> {
  const names = Object.keys(entries);
  const others = v.never((issue) => {
    // What valibot tells of a key that it does not know is that key alone
    Object.assign(issue, { requirement: names });
    return `one of ${names.join(", ")}`;
  });
  const message = ({ path, received }: v.BaseIssue<unknown>) => {
    // Of a key that is missing, what is expected there.
    const missing = received === "undefined" ? entries[String(path?.at(-1)?.key)] : undefined;
    return (missing as { message?: string } | undefined)?.message ?? expected;
  };
  const whole = v.objectWithRest(entries, others, message) as unknown;
  return byKind({ mapping: whole as Schema<v.InferOutput<v.ObjectSchema<E, string>>> }, expected);
}

/** A mapping from what is called something to what it is. */
export function byName<T>(name: Schema<string>, value: Schema<T>, expected: string): Schema<Record<string, T>> {
  const record = v.record(name as v.GenericSchema<string, string>, value);
  return byKind({ mapping: record as unknown as Schema<Record<string, T>> }, expected);
}

/** Several ways to write the same: a scalar, a list or a mapping, told apart by what stands there. */
export function byKind<T>(
  { scalar, list, mapping }: { scalar?: Schema<T>; list?: Schema<T>; mapping?: Schema<T> },
  expected: string,
): Schema<T> {
  const given = [scalar, list, mapping].filter((schema) => schema !== undefined);
  const none = v.custom<T>(() => false, expected) as Schema<T>;
  const chosen = v.lazy((input): Schema<T> => {
    // Asked without a value, as by whoever makes a JSON Schema of it, it is any of them.
    if (input === undefined) return v.union(given);
    if (Array.isArray(input)) return list ?? none;
    if (input === null) return none;
    return (typeof input === "object" ? mapping : scalar) ?? none;
  });
  return Object.assign(chosen, { message: expected });
}

/** What `parse` makes of it; what it throws is a mistake. */
export function parsed<Input, Output>(
  schema: Schema<Input>,
  { parse, expected }: { parse: (input: Input) => Output; expected: string },
): Schema<Output> {
  const transform = v.rawTransform<Input, Output>(({ dataset, addIssue, NEVER }) => {
    try {
      return parse(dataset.value);
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
      addIssue({ message: expected });
      return NEVER;
    }
  });
  return v.pipe(schema, transform);
}

type Issue = v.BaseIssue<unknown>;

/** What to check, and what it is called where it is wrong. */
export interface Checked {
  tree: Tree;
  label: string;
}

/** Fills in variables and checks a part of a file. Adds what is wrong to the mistakes, and returns nothing then. */
export function check<T>(
  schema: Schema<T>,
  { tree, label }: Checked,
  { scope, captured, mistakes }: { scope: Scope; captured?: Scope; mistakes: Mistake[] },
): T | undefined {
  const before = mistakes.length;
  const value = fillIn(tree, { scope: captured?.size ? new Map([...captured, ...scope]) : scope, mistakes });
  if (mistakes.length > before) return undefined;
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  mistakes.push(...result.issues.map((issue) => mistakeOf(issue, { tree, label, value })));
  return undefined;
}

function mistakeOf(issue: Issue, { tree, label, value }: Checked & { value: Plain }): Mistake {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const key = String(path.at(-1));
  const isKey = (issue.path?.at(-1) as { origin?: string } | undefined)?.origin === "key";
  if (issue.type === "never" && path.length > 0) {
    return { ...keyPlace(tree, path), ...unknownKey(key, { known: issue.requirement as readonly string[] }) };
  }
  if (isKey && issue.received === "undefined") {
    const { line, column } = follow(tree, path.slice(0, -1));
    return { line, column, what: `${nameOf(path.slice(0, -1), label)} has no ${key}`, expected: issue.message };
  }
  if (isKey) {
    return { ...keyPlace(tree, path), what: `the key is ${JSON.stringify(key)}`, expected: issue.message };
  }
  const { line, column } = follow(tree, path);
  const shown = describe(path.reduce<Plain>((part, step) => (part as Record<string, Plain>)?.[step], value));
  return { line, column, what: `${nameOf(path, label)} is ${shown}`, expected: issue.message };
}

/** A part by its path, in words: `timeout`, `match[2]`. */
function nameOf(path: readonly (string | number)[], label: string): string {
  return path.reduce<string>((name, key) => typeof key === "number" ? `${name}[${key + 1}]` : key, label);
}

/** A value in words. */
export function describe(value: Plain | undefined): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}
