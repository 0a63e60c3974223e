import type { Queue } from "../../qdisc/queue.ts";
import { changeCommand } from "../change_command.ts";
import { positiveDuration } from "../duration.ts";
import { isGiven } from "../given.ts";

/** `plugctl buffer` */
export const run = changeCommand({
  action: "buffer",
  options: (context) => ({ force: isGiven(context, "force") }),
  instead: (queues, context) => {
    const maxMs = positiveDuration(context, "max-hold");
    return maxMs === undefined ? undefined : withDeadline(queues, maxMs);
  },
});

async function withDeadline(queues: readonly Queue[], maxMs: number): Promise<Record<string, unknown>[]> {
  const { bufferWithDeadline } = await import("../../qdisc/buffer_with_deadline.ts");
  const guardians = await bufferWithDeadline(queues, { maxMs });
  return guardians.map((guardian) => ({ maxHoldMs: maxMs, guardian }));
}
