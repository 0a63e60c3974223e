import { describeDisturbance, type HeldQueue, type HoldReport } from "../../plug/hold.ts";
import { numberOf } from "../../plug/quantity.ts";
import { type Context, valueOf } from "../context.ts";
import type { HoldEnd } from "./hold_end.ts";
import type { HoldOutputs } from "./hold_outputs.ts";

/** What came of a hold. */
export interface Held {
  report: HoldReport;
  /** What has ended it; absent where a signal or a failure has. */
  end?: HoldEnd;
}

/** Says what was held, and why it ended where that is not what was asked for. */
export async function reportHold(
  context: Context,
  { report, end }: Held,
  { outputs, status, maxMs }: { outputs: HoldOutputs; status: number | undefined; maxMs: number },
): Promise<void> {
  for (const queue of report.queues) context.note(heldText(queue, report.heldMs));
  const remark = end && remarkOn(context, { report, end, maxMs });
  if (remark) context.note(remark);
  const { heldMs, queues } = report;
  await outputs.report({
    heldMs: rounded(heldMs),
    endedBy: end,
    disturbance: report.disturbance,
    queues,
    drops: dropsOf(report),
    commandStatus: status,
  });
}

/** How many packets all queues have dropped. */
export function dropsOf({ queues }: HoldReport): number {
  return queues.reduce((total, { drops }) => total + drops, 0);
}

/** Whether a hold ended before its time: its guardian released it, others have disturbed it, or its guardian has ended, and
 * could not have released it. */
export function isCutShort(end: HoldEnd | undefined): boolean {
  return end === "deadline" || end === "lease" || end === "SIGTERM" || end === "disturbed" || end === "gone";
}

function heldText({ queue, packets, bytes, drops }: HeldQueue, heldMs: number): string {
  const what = packets === undefined
    ? "an unknown number of packets"
    : `${numberOf(packets, "packet")}, ${bytes} bytes,`;
  return `held ${what} at ${queue} for ${rounded(heldMs)} ms at the longest, dropped ${drops || "none"}`;
}

function remarkOn(context: Context, { report, end, maxMs }: Held & { maxMs: number }): string | undefined {
  const until = valueOf(context, "until");
  switch (end) {
    case "for":
      return until === undefined ? undefined : `released after ${valueOf(context, "for")}, without ${until}`;
    case "command":
      return until === undefined ? undefined : `released at the command's end, without ${until}`;
    case "deadline":
      return `the guardian released it: ${deadlineText(context, maxMs)}`;
    case "lease":
      return `the guardian released it: its lease of ${valueOf(context, "lease")} was not renewed`;
    case "SIGTERM":
      return "the guardian released it: SIGTERM was sent to it";
    case "disturbed":
      return report.disturbance && `${report.disturbance.queue}: ${describeDisturbance(report.disturbance)}`;
    case "gone":
      return "released: its guardian has ended, and nobody would have released it after a death of this process";
    case "until":
    case "owner":
    case undefined:
      return undefined;
    default:
      return end satisfies never;
  }
}

function deadlineText(context: Context, maxMs: number): string {
  const given = valueOf(context, "max-hold");
  if (given !== undefined) return `${given} had passed, the most that was allowed`;
  return `${maxMs / 1000}s had passed, the most without --max-hold; give a longer one, such as --max-hold 5m`;
}

/** To a tenth of a millisecond. */
export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
