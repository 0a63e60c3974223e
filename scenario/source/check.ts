import * as v from "valibot";
import type { Schema } from "./mapping.ts";
import type { Mistake } from "../mistake.ts";
import { follow, keyPlace, type Tree } from "./tree.ts";
import { fillIn, type Plain, type Scope } from "./variables.ts";

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
    return { ...keyPlace(tree, path), what: `unknown key ${JSON.stringify(key)}`, expected: issue.message };
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
