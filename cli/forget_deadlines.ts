import type { Whereabouts } from "../qdisc/guardian/mark.ts";

/** Relieves the guardians that `buffer --max-hold` has left: the queues are released. Loads what that takes only now. */
export async function forgetDeadlines(queues: readonly Whereabouts[]): Promise<void> {
  const { relieveKeepers } = await import("../qdisc/guardian/mark.ts");
  for (const queue of queues) await relieveKeepers(queue);
}
