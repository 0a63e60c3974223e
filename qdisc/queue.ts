import { formatHandle, formatParent, type QdiscMessage, type QdiscStats, TC_H_ROOT } from "../codec/mod.ts";
import { type Connection, ENODEV, NetlinkError } from "../netlink/mod.ts";
import { getRequest, type QdiscPlace } from "./plug_requests.ts";
import { QueueError, refusalError } from "./queue_error.ts";

/** A plug as one process knows it: where it is, and what was last asked of it, which the kernel cannot tell. */
export interface Queue {
  readonly dev: string;
  readonly place: Readonly<QdiscPlace>;
  readonly connection: Connection;
  /** Whether it was last asked to hold or to pass; `undefined` where this process has asked neither. */
  asked: "hold" | "pass" | undefined;
  /** Whether an epoch has ended that is not released yet; `undefined` where this process cannot know. */
  endedEpoch: boolean | undefined;
  /** The limit that was last asked for. */
  limitBytesAsked: number | undefined;
}

/** A queue in words: `eth0 (root)`, `eth0 (parent 1:4)`, `eth0 (handle 40:)`. */
export function describeQueue(dev: string, { parent, handle }: { parent: number; handle: number }): string {
  if (parent === 0) return `${dev} (handle ${formatHandle(handle)})`;
  return parent === TC_H_ROOT ? `${dev} (root)` : `${dev} (parent ${formatParent(parent)})`;
}

/**
 * The index of a device.
 *
 * @throws {QueueError} `no-device`
 */
export function findDevice(connection: Connection, { dev, operation }: { dev: string; operation: string }): number {
  try {
    return connection.deviceIndex(dev);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== ENODEV) throw error;
    throw new QueueError("no-device", operation, { reason: "there is no such device", cause: error });
  }
}

/**
 * The plug that is at the queue's place, with its statistics.
 *
 * @throws {QueueError} where there is none, or the device is gone
 */
export function readPlug(queue: Queue, operation: string): QdiscMessage & { stats: QdiscStats } {
  const [answer] = queue.connection.transact([getRequest(queue.place)]);
  if (answer.errno !== 0) throw refusalError(operation, answer);
  const { message } = answer;
  if (message?.about !== "qdisc") throw new QueueError("not-attached", operation, { reason: "no plug is attached" });
  const { kind, stats } = message;
  if (kind !== "plug") {
    throw new QueueError("foreign-qdisc", operation, { reason: `the qdisc there is ${kind}, not a plug` });
  }
  if (!stats) throw new QueueError("refused", operation, { reason: "the kernel sent no statistics" });
  return { ...message, stats };
}
