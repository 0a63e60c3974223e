import { nameQueue, type Queue, readPlug } from "../plug/queue.ts";

/** What a queue holds at this moment. */
export function backlogOf(queue: Queue): { packets: number; bytes: number } {
  const { backlogPackets, backlogBytes } = readPlug(queue, `read ${nameQueue(queue)}`).stats;
  return { packets: backlogPackets, bytes: backlogBytes };
}
