import { formatHandle, formatParent } from "../codec/handle.ts";
import type { Plug } from "../qdisc/plug.ts";
import type { Context } from "./context.ts";
import { isGiven } from "./given.ts";

/** With `--json`, prints what was done to each plug: an array, an object a plug. Otherwise success says nothing. */
export function printResults(
  context: Context,
  plugs: readonly Plug[],
  resultOf: (plug: Plug, index: number) => Record<string, unknown>,
): void {
  if (!isGiven(context, "json")) return;
  const results = plugs.map((plug, index) => ({ ...placeOf(plug), ...resultOf(plug, index) }));
  context.print(`${JSON.stringify(results, null, 2)}\n`);
}

function placeOf({ dev, place: { parent, handle } }: Plug): Record<string, unknown> {
  return { dev, parent: formatParent(parent), handle: formatHandle(handle) };
}
