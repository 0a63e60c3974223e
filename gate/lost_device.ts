import { RTM_GETLINK } from "../codec/assembly/constants.ts";
import { ENODEV } from "../linux/errno.ts";
import { nameQueue, type Queue } from "../plug/queue.ts";
import { QueueError } from "../plug/queue_error.ts";

/**
 * Reports that what a gate has let go is lost, or a part of it: packets go on by the device that they came from. Of a
 * plug that is no gate's there is nothing to report.
 *
 * @throws {QueueError} `vanished` where a device that the gate is on is not there any more
 */
export function refuseLostDevice(queue: Queue): void {
  if (!queue.gate) return;
  const { connection, gate: { devices } } = queue;
  const answers = connection.transact(devices.map((ifindex) => ({ type: RTM_GETLINK, ifindex })));
  if (answers.every(({ errno }) => errno !== ENODEV)) return;
  throw new QueueError("vanished", `release ${nameQueue(queue)}`, {
    reason: "a device that it is on is gone, and what it held of that is lost",
  });
}
