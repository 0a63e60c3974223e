import { changeQueues } from "../../qdisc/change.ts";
import type { Queue } from "../../qdisc/queue.ts";
import { changeCommand } from "../change_command.ts";
import type { Context } from "../context.ts";
import { isGiven } from "../given.ts";

/** `plugctl buffer` */
export const run = changeCommand({ action: "buffer", change: buffer });

async function buffer(queues: Queue[], context: Context): Promise<Record<string, unknown>[]> {
  // Loaded where it is asked for: a guardian takes much that no other command needs
  const maxMs = isGiven(context, "max-hold") && (await import("../duration.ts")).positiveDuration(context, "max-hold");
  if (!maxMs) {
    changeQueues(queues, { action: "buffer", force: isGiven(context, "force") });
    return [];
  }
  const { bufferWithDeadline } = await import("../../qdisc/buffer_with_deadline.ts");
  const guardians = await bufferWithDeadline(queues, { maxMs });
  return guardians.map((guardian) => ({ maxHoldMs: maxMs, guardian }));
}
