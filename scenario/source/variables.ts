import type { Mistake } from "../mistake.ts";
import type { Scalar } from "../plan.ts";
import type { ScalarTree, Tree } from "./tree.ts";

/** Variables with their values. */
export type Scope = ReadonlyMap<string, Scalar>;

/** `${name}`, and `$${`, which stands for `${`. */
const REFERENCE = /\$?\$\{([^}]*)(\}?)/g;

/** A value whose variables have been filled in, ready for a schema. */
export type Plain = Scalar | null | Plain[] | { [key: string]: Plain };

/** Fills in the variables of all of a tree. What is wrong is added to the mistakes. */
export function fillIn(tree: Tree, { scope, mistakes }: { scope: Scope; mistakes: Mistake[] }): Plain {
  switch (tree.kind) {
    case "scalar":
      return fillInScalar(tree, { scope, mistakes });
    case "list":
      return tree.items.map((item) => fillIn(item, { scope, mistakes }));
    case "mapping":
      // Made from entries, so that a key `__proto__` is a key like any other.
      return Object.fromEntries(
        [...tree.entries].map(([key, { value }]) => [key, fillIn(value, { scope, mistakes })]),
      );
  }
}

function fillInScalar(tree: ScalarTree, { scope, mistakes }: { scope: Scope; mistakes: Mistake[] }): Scalar | null {
  const { value } = tree;
  if (typeof value !== "string") return value;
  const whole = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(value);
  const alone = whole ? scope.get(whole[1]) : undefined;
  if (alone !== undefined) return alone;
  return value.replaceAll(REFERENCE, (reference: string, name: string, end: string, offset: number) => {
    if (reference.startsWith("$$")) return reference.slice(1);
    const found = end === "" ? undefined : scope.get(name);
    if (found !== undefined) return String(found);
    mistakes.push({ ...placeWithin(tree, offset), what: `there is no variable ${reference}`, expected: known(scope) });
    return reference;
  });
}

function known(scope: Scope): string {
  const names = [...scope.keys()].map((name) => `\${${name}}`).join(", ");
  return `${names || "one that vars defines"}, or $\${ for a \${ that the shell gets`;
}

/** Where a letter of a text stands: exactly where that can be told, else where the text begins. */
export function placeWithin(
  { line, column, textColumn }: ScalarTree,
  offset: number,
): { line: number; column: number } {
  return { line, column: textColumn === undefined ? column : textColumn + offset };
}

/** Whether a variable is named anywhere in a tree. */
export function uses(tree: Tree, variable: string): boolean {
  switch (tree.kind) {
    case "scalar":
      return typeof tree.value === "string" && tree.value.includes(`\${${variable}}`);
    case "list":
      return tree.items.some((item) => uses(item, variable));
    case "mapping":
      return tree.entries.values().some(({ value }) => uses(value, variable));
  }
}
