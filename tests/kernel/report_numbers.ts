/**
 * The numbers of a report, beside those of the event log that it was made from, which are worked out anew here.
 *
 * @module
 */

import { assertEquals, assertObjectMatch } from "@std/assert";
import type { QueueTotal, ScenarioEnd, ScenarioEvent, StepEnd } from "../../scenario/event.ts";
import { formatCount, formatMoment, formatTime } from "../../scenario/report/markup.ts";
import { figuresOf, tableOf } from "../scenario/report/tables.ts";

/**
 * Asserts that a report has the numbers of an event log: how it went, what each queue has seen, and each of the holds,
 * which all begin with one `buffer`, end with a `release-indefinite`, and drop nothing.
 */
export function assertNumbers(page: string, events: readonly ScenarioEvent[]): void {
  const end = events.at(-1);
  if (end?.event !== "scenario-end") throw new Error("The log is not whole");
  const holds = holdsOf(events);
  assertFigures(figuresOf(page), { end, holds });
  assertEquals(tableOf(page, "totals"), Object.entries(end.queues).map(totalOf));
  // The report reckons these from what was seen in between; that has tests of its own.
  const rows = tableOf(page, "holds").map(({ "Most at once": _, "Waited at most": __, ...row }) => row);
  assertEquals(rows, holds.map(holdOf));
}

/** A time in which a queue held. */
interface Hold {
  queue: string;
  from: number;
  to: number;
  packets: number;
  bytes: number;
}

function holdsOf(events: readonly ScenarioEvent[]): Hold[] {
  const of = (action: string) =>
    events.filter((event): event is StepEnd => event.event === "step-end" && event.action === action)
      .flatMap((step) => step.queues.map((queue) => ({ queue, step })));
  const releases = of("release-indefinite");
  return of("buffer").map(({ queue, step }) => {
    const { asked: from = NaN, after } = step;
    const release = releases.find((other) => other.queue === queue && (other.step.asked ?? 0) > from)?.step;
    if (!release) throw new Error(`${queue} was not released`);
    const { asked: to = NaN, before } = release;
    const packets = before[queue].packets - after[queue].packets + before[queue].backlogPackets;
    const bytes = before[queue].bytes - after[queue].bytes + before[queue].backlogBytes;
    return { queue, from, to, packets, bytes };
  });
}

function assertFigures(
  figures: Record<string, string>,
  { end, holds }: { end: ScenarioEnd; holds: readonly Hold[] },
): void {
  const drops = Object.values(end.queues).reduce((total, queue) => total + queue.drops, 0);
  const held = holds.reduce((total, { packets }) => total + packets, 0);
  assertObjectMatch(figures, {
    took: formatTime(end.t),
    "steps done": formatCount(end.steps),
    holds: formatCount(holds.length),
    "packets held": formatCount(held),
    dropped: formatCount(drops),
  });
}

function totalOf([queue, { packets, bytes, holds, longestHold, mostHeld, drops }]: [string, QueueTotal]) {
  return {
    Queue: queue,
    "Packets let through": formatCount(packets),
    Bytes: formatCount(bytes),
    Holds: formatCount(holds),
    "Longest hold": formatTime(longestHold),
    "Most at once": formatCount(mostHeld),
    Drops: formatCount(drops),
  };
}

function holdOf({ queue, from, to, packets, bytes }: Hold) {
  return {
    Queue: queue,
    From: formatMoment(from),
    "Held for": formatTime(to - from),
    Packets: formatCount(packets),
    Bytes: formatCount(bytes),
    "Epochs released": "0",
    Drops: "0",
  };
}
