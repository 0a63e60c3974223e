import type { DetachReport } from "../../plug/detach_report.ts";
import * as v from "valibot";
import type { DetachOptions } from "../../plug/drain.ts";
import type { Desk, Named } from "../desk.ts";
import { DETACH, NETNS, ON, ONE_OR_MORE, operation } from "../operation.ts";

/** `detach`: releases what is held, waits until it has left, and deletes the plug. */
export const DETACH_PLUG = operation({
  name: "detach",
  summary: "release what a plug holds, wait until it has left, and delete it",
  schema: v.strictObject({ ...ON, ...DETACH }),
  run: (input, { desk, signal }) => takeAway(desk, { ...input, signal }),
});

/** `gate-delete`: takes a gate down, and loses no packet. */
export const GATE_DELETE = operation({
  name: "gate-delete",
  summary: "take a gate down: its filters, then what it holds leaves, then its device",
  schema: v.strictObject({ gate: ONE_OR_MORE, ...NETNS, ...DETACH }),
  run: (input, { desk, signal }) => takeAway(desk, { ...input, signal }),
});

/** A report of each, in their order. */
async function takeAway(
  desk: Desk,
  { drop, timeoutMs, signal, ...named }: Named & DetachOptions,
): Promise<(DetachReport & { name: string })[]> {
  const reports = [];
  for (const thing of desk.find(named)) {
    reports.push({ name: thing.name, ...await desk.takeAway(thing, { drop, timeoutMs, signal }) });
  }
  return reports;
}
