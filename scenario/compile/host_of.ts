import type { Place, Tree } from "../source/tree.ts";
import type { Context } from "./context.ts";

/** The name that stands for this machine where a scenario brings hosts. */
export const HERE = "here";

/** A host where it is named. */
export interface GivenHost extends Place {
  host: string;
}

/** The host of a gate, a plug or a port, which it must name where the scenario brings hosts. */
export function planHostOf(
  given: GivenHost | undefined,
  { tree, what, context }: { tree: Tree; what: string; context: Context },
): string | undefined {
  if (given || context.defaults.host !== undefined || !context.hasHosts) return hostOf(given, context);
  const { line, column } = tree;
  const expected = `host: with one of hosts, or ${HERE}`;
  context.mistakes.push({ line, column, what: `${what} names no host`, expected });
}

/** The host meant: what is given, or else that of `defaults:`; `undefined` for this machine. */
export function hostOf(given: GivenHost | undefined, { defaults, references }: Context): string | undefined {
  if (given && given.host !== HERE) {
    references.push({ kind: "host", name: given.host, line: given.line, column: given.column });
  }
  const host = given?.host ?? defaults.host;
  return host === HERE ? undefined : host;
}
