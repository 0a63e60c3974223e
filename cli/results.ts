import { formatHandle, formatParent } from "../codec/handle.ts";
import type { Queue } from "../plug/queue.ts";
import type { Context } from "./context.ts";
import { isGiven } from "./given.ts";

/** With `--json`, prints what was done to each queue: an array, an object a queue. Otherwise success says nothing. */
export function printResults(
  context: Context,
  queues: readonly Queue[],
  resultOf: (queue: Queue, index: number) => Record<string, unknown>,
): void {
  if (!isGiven(context, "json")) return;
  const results = queues.map((queue, index) => ({ ...placeOf(queue), ...resultOf(queue, index) }));
  context.print(`${JSON.stringify(results, null, 2)}\n`);
}

function placeOf({ dev, place: { parent, handle } }: Queue): Record<string, unknown> {
  return { dev, parent: formatParent(parent), handle: formatHandle(handle) };
}
