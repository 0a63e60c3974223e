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
