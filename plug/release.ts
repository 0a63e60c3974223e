import type { QdiscStats } from "../codec/message.ts";
import { changeQueues } from "./change.ts";
import { numberOf } from "./quantity.ts";
import { nameQueue, type Queue, readPlug } from "./queue.ts";
import { readSeen } from "./drain.ts";
import { settled } from "./settle.ts";

/** Which release. */
export interface ReleaseOptions {
  /** Whether only the epoch that the last `buffer` ended, instead of everything. Default: everything. */
  one?: boolean;
}

/** What a release has let go of a queue, read once the queue has settled. */
export interface ReleaseReport {
  /** The queue in words: `eth0 (root)`, `gate web`. */
  queue: string;
  /** Whether only an ended epoch was to go. */
  one: boolean;
  /** Packets that were held and that it has let go. */
  releasedPackets: number;
  /** Packets that wait there behind it. */
  waitingPackets: number;
  /** Packets that a gate let go and that are lost, at the most: the device by which they go on is not there any more. */
  lostPackets: number;
}

/**
 * Releases, with one send a connection, and tells what has left: it looks at each queue before, and behind it until that
 * has settled.
 *
 * @throws {QueueError} where there is no plug, the kernel refuses, or one vanishes meanwhile
 */
export async function releaseAndCount(
  queues: readonly Queue[],
  { one = false }: ReleaseOptions = {},
): Promise<ReleaseReport[]> {
  const action = one ? "release-one" : "release-indefinite";
  const operationOn = (queue: Queue) => `${one ? action : "release"} ${nameQueue(queue)}`;
  const before = queues.map((queue) => {
    const plug = readPlug(queue, operationOn(queue));
    queue.locate(plug);
    return plug.stats;
  });
  changeQueues(queues, { action });
  const heldIn = (stats: readonly QdiscStats[]) => stats.reduce((sum, { backlogPackets }) => sum + backlogPackets, 0);
  let after = before;
  await settled(() => {
    after = queues.map((queue) => readSeen(queue, operationOn(queue)).stats);
    return heldIn(after);
  }, { heldBefore: one ? heldIn(before) : undefined });
  return queues.map((queue, index) => {
    const { packets, backlogPackets: held } = before[index];
    const releasedPackets = one ? Math.min(after[index].packets - packets, held) : held;
    return {
      queue: nameQueue(queue),
      one,
      releasedPackets,
      waitingPackets: after[index].backlogPackets,
      lostPackets: releasedPackets > 0 && queue.hasLostDevice() ? releasedPackets : 0,
    };
  });
}

/** Why a release has released nothing, in words; `undefined` where it has released something. */
export function whyNothing({ queue, one, releasedPackets, waitingPackets }: ReleaseReport): string | undefined {
  if (releasedPackets > 0) return undefined;
  if (!one) return `nothing was held at ${queue}`;
  if (waitingPackets === 0) return `release-one released nothing: nothing is held at ${queue}`;
  return `release-one released nothing: since the last release no epoch with packets has ended at ${queue}, which ` +
    `buffer does; ${numberOf(waitingPackets, "packet")} ${waitingPackets === 1 ? "waits" : "wait"}`;
}
