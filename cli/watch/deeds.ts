import { namedGates } from "../../gate/named_gates.ts";
import type { Connection } from "../../netlink/connection.ts";
import { bufferWithDeadline } from "../../plug/plug_group.ts";
import { numberOf } from "../../plug/quantity.ts";
import { openQueue, type Queue } from "../../plug/queue.ts";
import { releaseAndCount, type ReleaseOptions, whyNothing } from "../../plug/release.ts";
import { timeText } from "./text.ts";
import type { WatchedQueue } from "./watched_queue.ts";

/** What a key does to a queue. */
export type Deed = "hold" | "release" | "release-one" | "release-packets";

/** What is done, and where. */
export interface DeedOptions {
  deed: Deed;
  /** How many packets are released, where that is asked for: those that have waited longest. */
  packets?: number;
  /** After what time a guardian releases what is held by now, in milliseconds. */
  maxMs: number;
}

/**
 * Does to a queue what a key stands for, and returns what has come of it, in words. A hold has a deadline, which a guardian keeps also when this process has ended.
 *
 * @throws {QueueError} where it is not there any more, or the kernel or a check refuses
 */
export async function carryOut(
  connection: Connection,
  { facts: { gate, dev, place } }: WatchedQueue,
  { deed, packets, maxMs }: DeedOptions,
): Promise<string> {
  const queue = gate ? namedGates(connection, [gate.name])[0] : openQueue(connection, { dev, ...place });
  if (deed === "hold") return hold(queue, maxMs);
  return await release(queue, { one: deed === "release-one", packets });
}

function hold(queue: Queue, maxMs: number): string {
  bufferWithDeadline([queue], { maxMs, orphan: true });
  return `${queue.gate?.name ?? queue.dev} holds for at most ${timeText(maxMs)}`;
}

async function release(queue: Queue, options: ReleaseOptions): Promise<string> {
  const [report] = await releaseAndCount([queue], options);
  const nothing = whyNothing(report);
  if (nothing !== undefined) return nothing;
  const { releasedPackets, waitingPackets, lostPackets } = report;
  return [
    `${numberOf(releasedPackets, "packet")} of ${report.queue} released`,
    ...waitingPackets > 0 ? [`${waitingPackets} still ${waitingPackets === 1 ? "waits" : "wait"}`] : [],
    ...lostPackets > 0 ? [`${lostPackets} lost, since the device that they go on by is gone`] : [],
  ].join(", ");
}
