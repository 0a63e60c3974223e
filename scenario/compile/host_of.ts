import { type Tree, valueAt } from "../source/tree.ts";
import type { Context } from "./context.ts";

/** The name that stands for this machine where a scenario brings hosts. */
export const HERE = "here";

/** The host of a gate, a plug or a port, which it must name where the scenario brings hosts. */
export function planHostOf(
  given: string | undefined,
  { tree, what, context }: { tree: Tree; what: string; context: Context },
): string | undefined {
  if (given === undefined && context.defaults.host === undefined && context.hasHosts) {
    const { line, column } = tree;
    context.mistakes.push({
      line,
      column,
      what: `${what} names no host`,
      expected: `host: with one of hosts, or ${HERE}`,
    });
    return undefined;
  }
  return hostOf(given, { tree, context });
}

/** The host meant: what is given, or else that of `defaults:`; `undefined` for this machine. */
export function hostOf(
  given: string | undefined,
  { tree, context: { defaults, references } }: { tree: Tree; context: Context },
): string | undefined {
  if (given !== undefined && given !== HERE) {
    const { line, column } = valueAt(tree, "host") ?? tree;
    references.push({ kind: "host", name: given, line, column });
  }
  const host = given ?? defaults.host;
  return host === HERE ? undefined : host;
}
