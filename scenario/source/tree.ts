import type { Mistake } from "../mistake.ts";
import type { Scalar } from "../plan.ts";

/** Where something begins in a file, line and column from 1 on. */
export interface Place {
  line: number;
  column: number;
}

/** What a file holds, with places; variables stand in it as they are written. */
export type Tree = ScalarTree | ListTree | MappingTree;

/** A text, a number and so on, or nothing. */
export interface ScalarTree extends Place {
  kind: "scalar";
  value: Scalar | null;
  /** The column of the text's first letter, where its letters stand one by one in the file. */
  textColumn?: number;
  /** Where references to variables stand that an includer has given, by what they are. */
  given?: ReadonlyMap<string, Place>;
  /** What is filled in is wrong itself. */
  follows?: true;
}

/** A list. */
export interface ListTree extends Place {
  kind: "list";
  items: readonly Tree[];
}

/** A mapping, in the order of the file. */
export interface MappingTree extends Place {
  kind: "mapping";
  entries: ReadonlyMap<string, Entry>;
}

/** A key with what it holds. */
export interface Entry {
  key: Place;
  value: Tree;
}

/** What a mapping holds under a key. */
export function valueAt(tree: Tree | undefined, key: string): Tree | undefined {
  return tree?.kind === "mapping" ? tree.entries.get(key)?.value : undefined;
}

/** The part of a tree at the end of a path, or the last one on the way that is there. */
export function follow(tree: Tree, path: readonly (string | number)[]): Tree {
  let found = tree;
  for (const key of path) {
    const next = typeof key === "number" && found.kind === "list" ? found.items[key] : valueAt(found, String(key));
    if (!next) break;
    found = next;
  }
  return found;
}

/** Where the key at the end of a path stands, or what the path leads to. */
export function keyPlace(tree: Tree, path: readonly (string | number)[]): Place {
  const holder = follow(tree, path.slice(0, -1));
  const entry = holder.kind === "mapping" ? holder.entries.get(String(path.at(-1))) : undefined;
  return entry?.key ?? follow(tree, path);
}

/**
 * What a scalar without quotes means: nothing, `true`, `false`, a number, or a text. A number is one only as it would be
 * printed: `0.10`, `007` and `0x1f` are texts, so that a command gets what stands in the file.
 */
export function plainValue(text: string): Scalar | null {
  if (text === "" || text === "~" || text === "null") return null;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** Variables with their values; with none where what gives it is wrong itself: who uses it is not blamed as well. */
export type Scope = ReadonlyMap<string, Scalar | undefined>;

/** `${name}`, also without its end, which is then empty; and `$${`, which stands for `${`. */
export const REFERENCE = /\$?\$\{([^}]*)(\}?)/g;

/** The variable that a text is, with nothing beside it. */
export function aloneIn(text: string): string | undefined {
  return /^\$\{([^}]*)\}$/.exec(text)?.[1];
}

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
    default:
      return tree satisfies never;
  }
}

function fillInScalar(tree: ScalarTree, { scope, mistakes }: { scope: Scope; mistakes: Mistake[] }): Scalar | null {
  const { value, given } = tree;
  if (typeof value !== "string") return value;
  if (tree.follows) {
    mistakes.push({ ...placeWithin(tree, 0), what: "a variable is wrong", expected: "", follows: true });
  }
  const alone = scope.get(aloneIn(value) ?? "");
  if (alone !== undefined) return alone;
  return value.replaceAll(REFERENCE, (reference: string, name: string, end: string, offset: number) => {
    if (reference.startsWith("$$")) return reference.slice(1);
    const found = end === "" ? undefined : scope.get(name);
    if (found !== undefined) return String(found);
    const place = given?.get(reference) ?? placeWithin(tree, offset);
    const what = `there is no variable ${reference}`;
    const follows = end && scope.has(name) ? { follows: true as const } : {};
    mistakes.push({ ...place, what, expected: known(scope), variable: reference, ...follows });
    return reference;
  });
}

function known(scope: Scope): string {
  const names = [...scope.keys()].filter((name) => name !== "seed").map((name) => `\${${name}}`);
  const shown = names.length > SHOWN_MOST ? [...names.slice(0, SHOWN_MOST), "…"] : names;
  return `${shown.join(", ") || "one that vars defines"}, or $\${ for a \${ that the shell gets`;
}
/** How many variables are named where one is not there. */
const SHOWN_MOST = 12;

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
    default:
      return tree satisfies never;
  }
}

/** A tree in one line, with its variables as they are written: `{ plug: up, backlog: ${n} }`. */
export function inLine(tree: Tree): string {
  switch (tree.kind) {
    case "scalar":
      return String(tree.value ?? "");
    case "list":
      return `[${tree.items.map(inLine).join(", ")}]`;
    case "mapping":
      return `{ ${Array.from(tree.entries, ([key, { value }]) => `${key}: ${inLine(value)}`).join(", ")} }`;
    default:
      return tree satisfies never;
  }
}
