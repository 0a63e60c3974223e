import { namedGates } from "../../gate/named_gates.ts";
import type { Connection } from "../../netlink/connection.ts";
import { bufferWithDeadline } from "../../plug/plug_group.ts";
import { numberOf } from "../../plug/quantity.ts";
import { openQueue, type Queue } from "../../plug/queue.ts";
import { releaseAndCount, whyNothing } from "../../plug/release.ts";
import { timeText } from "./text.ts";
import type { WatchedQueue } from "./watched_queue.ts";

/** What a key does to a queue; returns what has come of it, in words. */
export type Deed = "hold" | "release" | "release-one";

/** What is done, and where. */
export interface DeedOptions {
  deed: Deed;
  /** After what time a guardian releases what is held by now, in milliseconds. */
  maxMs: number;
}

/**
 * Does to a queue what a key stands for. A hold has a deadline, which a guardian keeps also when this process has ended.
 *
 * @throws {QueueError} where it is not there any more, or the kernel or a check refuses
 */
export async function carryOut(
  connection: Connection,
  { facts: { gate, dev, place } }: WatchedQueue,
  { deed, maxMs }: DeedOptions,
): Promise<string> {
  const queue = gate ? namedGates(connection, [gate.name])[0] : openQueue(connection, { dev, ...place });
  return deed === "hold" ? hold(queue, maxMs) : await release(queue, deed === "release-one");
}

function hold(queue: Queue, maxMs: number): string {
  bufferWithDeadline([queue], { maxMs, orphan: true });
  return `${queue.gate?.name ?? queue.dev} holds for at most ${timeText(maxMs)}`;
}

async function release(queue: Queue, one: boolean): Promise<string> {
  const [report] = await releaseAndCount([queue], { one });
  const nothing = whyNothing(report);
  if (nothing !== undefined) return nothing;
  const { releasedPackets, waitingPackets, lostPackets } = report;
  return [
    `${numberOf(releasedPackets, "packet")} of ${report.queue} released`,
    ...waitingPackets > 0 ? [`${waitingPackets} still wait`] : [],
    ...lostPackets > 0 ? [`${lostPackets} lost, since the device that they go on by is gone`] : [],
  ].join(", ");
}
