import { formatHandle, formatParent } from "../../codec/handle.ts";
import { numberOf } from "../../plug/quantity.ts";
import { type Context, isGiven } from "../context.ts";
import { Interrupted, interruptible } from "../exit_status.ts";
import { timeOfDay } from "../values.ts";
import { timeText, waitText } from "./text.ts";
import type { WatchedMachine, WatchEvent } from "./watched_machine.ts";

/** Prints each event as a line until a signal, or for so many milliseconds. */
export async function printLines(context: Context, machine: WatchedMachine, forMs = Infinity): Promise<void> {
  const format = isGiven(context, "json") ? jsonLine : textLine;
  const endMs = performance.now() + forMs;
  await interruptible(async (signal) => {
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const tell = () => {
      for (const event of machine.update(Date.now())) context.print(`${format(event)}\n`);
    };
    tell();
    if (machine.queues.length === 0) context.note("no plug and no gate is there yet; what comes is printed");
    while (!signal.aborted && performance.now() < endMs) {
      tell();
      await next(machine, { aborted, leftMs: endMs - performance.now() });
    }
  }).catch((error) => {
    // Ctrl-C is how it is ended
    if (!(error instanceof Interrupted)) throw error;
  });
}

/** Waits until there is something to read, or it is over. */
async function next(
  machine: WatchedMachine,
  { aborted, leftMs }: { aborted: Promise<void>; leftMs: number },
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waitMs = Math.max(0, Math.min(machine.dueMs(Date.now()), leftMs));
  const due = new Promise<void>((resolve) => timer = setTimeout(resolve, waitMs));
  await Promise.race([machine.announced(), due, aborted]);
  clearTimeout(timer);
}

function textLine(event: WatchEvent): string {
  const { atMs, queue } = event;
  return `${timeOfDay(atMs)} ${queue.name} ${wordsOf(event)}`;
}

function wordsOf(event: WatchEvent): string {
  const { queue, atMs } = event;
  const { gate, stats } = queue.facts;
  const faults = gate?.faults.length ? `, not whole: ${gate.faults.join(", ")}` : "";
  switch (event.event) {
    case "appeared":
      return `is there: ${gate ? "gate" : "plug"}, ${queue.sees}${
        stats.backlogPackets > 0 ? `, ${waitText(stats.backlogPackets)}` : ""
      }${faults}`;
    case "vanished":
      return "is gone";
    case "changed":
      return `was changed: ${queue.sees}${faults}`;
    case "state": {
      const by = event.by === undefined ? "" : `, by ${event.by}`;
      return event.state === "unknown" ? `may hold or pass now${by}` : `${event.state}${by}`;
    }
    case "backlog": {
      const dropped = event.drops > 0 ? `, ${numberOf(event.drops, "packet")} dropped` : "";
      return `${waitText(stats.backlogPackets)}, ${numberOf(stats.backlogBytes, "byte")}${dropped}`;
    }
    case "deadline": {
      const { deadlineMs } = queue;
      return deadlineMs === undefined
        ? "has no deadline any more"
        : `is released in ${timeText(deadlineMs - atMs)} at the latest`;
    }
    default:
      return event satisfies never;
  }
}

function jsonLine(event: WatchEvent): string {
  const { queue, atMs } = event;
  const { gate, dev, place: { parent, handle }, stats } = queue.facts;
  const oldest = queue.oldestWait(atMs);
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    event: event.event,
    name: queue.name,
    gate: gate?.name,
    dev,
    parent: formatParent(parent),
    handle: formatHandle(handle),
    sees: queue.sees,
    state: queue.state,
    by: event.event === "state" ? event.by : undefined,
    faults: gate?.faults,
    packets: stats.packets,
    backlogPackets: stats.backlogPackets,
    backlogBytes: stats.backlogBytes,
    drops: stats.drops,
    oldestMs: oldest && Math.round(oldest.ms),
    deadline: queue.deadlineMs === undefined ? undefined : new Date(queue.deadlineMs).toISOString(),
  });
}
