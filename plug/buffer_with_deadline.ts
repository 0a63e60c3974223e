import { type BufferOptions, changeQueues } from "./change.ts";
import { entrustQueue } from "./guarded_plug.ts";
import { Guardian } from "../guardian/guardian.ts";
import { markFor, relieveKeepers } from "../guardian/mark.ts";
import { checkMaxMs } from "./hold.ts";
import { locatePlugs, nameQueue, type Queue } from "./queue.ts";

/** How to hold until a deadline. */
export interface DeadlineOptions extends Pick<BufferOptions, "orphan"> {
  /** After how many milliseconds a guardian releases it. */
  maxMs: number;
}

/** A queue with the guardian that keeps its deadline. */
interface Kept {
  queue: Queue;
  guardian: Guardian;
  arm(): void;
}

/**
 * Holds from here on, and has a guardian for each queue release it at a deadline, also when this process has ended.
 * Guardians of an earlier deadline of theirs are relieved. Returns the numbers of the guardians' processes.
 */
export async function bufferWithDeadline(
  queues: readonly Queue[],
  { maxMs, orphan }: DeadlineOptions,
): Promise<number[]> {
  checkMaxMs(maxMs);
  locatePlugs(queues, (queue) => `buffer ${nameQueue(queue)}`);
  const started = queues.map((queue) => ({ queue, guardian: Guardian.start({ env: markFor("kept", [queue]) }) }));
  try {
    const kept = started.map((pair) => takeOver(pair, maxMs));
    for (const { queue, guardian } of kept) await relieveKeepers(queue, guardian.pid);
    for (const { arm } of kept) arm();
    changeQueues(queues, { action: "buffer", force: true, orphan });
  } catch (error) {
    for (const { guardian } of started) guardian[Symbol.dispose]();
    throw error;
  }
  for (const { guardian } of started) guardian.disconnect();
  return started.map(({ guardian }) => guardian.pid);
}

function takeOver({ queue, guardian }: Omit<Kept, "arm">, maxMs: number): Kept {
  const guard = entrustQueue(queue, { guardian, takeAway: false });
  guard.outlive(queue.place);
  return { queue, guardian, arm: () => guard.arm(maxMs) };
}
