/**
 * The rows of a scenario's `matrix:`, each of which it is run for: what is written of them, and what that means.
 *
 * @module
 */

import * as v from "valibot";
import type { Mistake } from "./mistake.ts";
import type { Row, Scalar } from "./plan.ts";
import { byKind, byName, check } from "./source/check.ts";
import { SCALAR, VARIABLE } from "./source/scalar.ts";
import { keyPlace, type Scope, type Tree } from "./source/tree.ts";

/** More rows than these are a mistake. */
const ROWS_MAX = 1000;

const MATRIX_EXPECTED =
  "variables with lists of values, { port: [80, 443] }, or a list of rows, [{ port: 80 }, { port: 443 }]";
const VALUES_EXPECTED = "a list of values: [80, 443]";
const ROW_EXPECTED = "a row: { port: 80, reply: late }";

type Written = Readonly<Record<string, readonly Scalar[]>> | readonly Row[];

/** Every combination of what some variables may be, or rows. */
export const MATRIX = byKind<Written>({
  mapping: byName(VARIABLE, v.pipe(v.array(SCALAR, VALUES_EXPECTED), v.minLength(1, VALUES_EXPECTED)), MATRIX_EXPECTED),
  list: v.pipe(v.array(byName(VARIABLE, SCALAR, ROW_EXPECTED)), v.minLength(1, MATRIX_EXPECTED)),
}, MATRIX_EXPECTED);

/** Reads the rows, and of a variable that is set those with its value. Without a matrix there is one, with nothing. */
export function rowsOf(
  tree: Tree | undefined,
  { scope, taken, set, mistakes }: {
    scope: Scope;
    /** The names of other variables. */
    taken: ReadonlySet<string>;
    set: ReadonlyMap<string, Scalar>;
    mistakes: Mistake[];
  },
): readonly Row[] {
  const written = tree && check(MATRIX, { tree, label: "matrix" }, { scope, mistakes });
  if (!tree || !written) return [{}];
  const rows = isRows(written) ? written : combinations(written);
  refuseTaken(tree, { taken, mistakes });
  refuseGaps(tree, { rows, mistakes });
  if (rows.length > ROWS_MAX) {
    const { line, column } = tree;
    mistakes.push({ line, column, what: `the matrix has ${rows.length} rows`, expected: `at most ${ROWS_MAX}` });
  }
  return [...set].reduce(chosen, rows);
}

/** The rows with a value; where none has it, all of them with it. */
function chosen(rows: readonly Row[], [name, value]: [name: string, value: Scalar]): readonly Row[] {
  if (!Object.hasOwn(rows[0], name)) return rows;
  const fitting = rows.filter((row) => String(row[name]) === String(value));
  if (fitting.length > 0) return fitting;
  const changed = rows.map((row) => ({ ...row, [name]: value }));
  return [...new Map(changed.map((row) => [JSON.stringify(row), row])).values()];
}

function isRows(written: Written): written is readonly Row[] {
  return Array.isArray(written);
}

function combinations(values: Readonly<Record<string, readonly Scalar[]>>): Row[] {
  return Object.entries(values).reduce<Row[]>(
    (rows, [name, each]) => rows.flatMap((row) => each.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
}

/** The variables that a matrix has, also where it is wrong. */
export function variablesOf(tree: Tree | undefined): string[] {
  const rows = tree?.kind === "list" ? tree.items : tree ? [tree] : [];
  return rows.flatMap((row) => row.kind === "mapping" ? [...row.entries.keys()] : []);
}

/** A variable of `vars:` has one value. */
function refuseTaken(
  tree: Tree,
  { taken, mistakes }: { taken: ReadonlySet<string>; mistakes: Mistake[] },
): void {
  const [first] = tree.kind === "list" ? tree.items : [tree];
  if (first.kind !== "mapping") return;
  for (const [name, { key }] of first.entries) {
    if (!taken.has(name)) continue;
    mistakes.push({ ...key, what: `there is a variable ${name} already`, expected: "another name" });
  }
}

/** Each row has a value for what any has. */
function refuseGaps(tree: Tree, { rows, mistakes }: { rows: readonly Row[]; mistakes: Mistake[] }): void {
  if (tree.kind !== "list") return;
  const names = Object.keys(rows[0]);
  rows.forEach((row, index) => {
    const { line, column } = tree.items[index];
    for (const name of names.filter((name) => !Object.hasOwn(row, name))) {
      mistakes.push({ line, column, what: `row ${index + 1} has no ${name}`, expected: "what the first row has" });
    }
    for (const name of Object.keys(row).filter((name) => !names.includes(name))) {
      const place = keyPlace(tree, [index, name]);
      mistakes.push({ ...place, what: `row 1 has no ${name}`, expected: "what the first row has" });
    }
  });
}
