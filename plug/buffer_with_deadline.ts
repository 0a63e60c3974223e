import { type BufferOptions, changeQueues } from "./change.ts";
import type { QueueGuard } from "../guardian/entrust.ts";
import { entrustQueue } from "./guarded_plug.ts";
import { Guardian } from "../guardian/guardian.ts";
import { relieveKeepers } from "../guardian/mark.ts";
import { checkMaxMs } from "./hold.ts";
import { inTurns, locatePlugs, nameQueue, type Queue } from "./queue.ts";

/** How to hold until a deadline. */
export interface DeadlineOptions extends Pick<BufferOptions, "orphan" | "bypass"> {
  /** After how many milliseconds a guardian releases it. */
  maxMs: number;
}

/** A queue with the guardian that keeps its deadline. */
interface Kept {
  queue: Queue;
  guardian: Guardian;
  guard: QueueGuard;
}

/**
 * Holds from here on, and has a guardian for each queue release it at a deadline, also when this process has ended.
 * Guardians of an earlier deadline of theirs are relieved. Returns the numbers of the guardians' processes.
 */
export function bufferWithDeadline(
  queues: readonly Queue[],
  { maxMs, orphan, bypass = false }: DeadlineOptions,
): number[] {
  checkMaxMs(maxMs);
  locatePlugs(queues, (queue) => `buffer ${nameQueue(queue)}`);
  const started = queues.map((queue) => ({ queue, guardian: Guardian.start() }));
  try {
    const kept = started.map(entrusted);
    inTurns(queues, () => {
      for (const { queue, guardian, guard } of kept) {
        // Those before it have gone, and those behind it are not there yet.
        relieveKeepers(queue, guardian.pid);
        guard.outlive();
        guard.arm(maxMs);
      }
      for (const queue of queues) queue.gate?.refuseBroken?.(`buffer ${nameQueue(queue)}`);
      changeQueues(queues, { action: "buffer", force: true, bypass, orphan });
      for (const { guard } of kept) guard.watch();
    });
  } catch (error) {
    for (const { guardian } of started) guardian[Symbol.dispose]();
    throw error;
  }
  for (const { guardian } of started) guardian.disconnect();
  return started.map(({ guardian }) => guardian.pid);
}

function entrusted({ queue, guardian }: Omit<Kept, "guard">): Kept {
  return { queue, guardian, guard: entrustQueue(queue, { guardian, takeAway: false }) };
}
