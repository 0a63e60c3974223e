import { type Change, changeQueues, describeBypass } from "../../plug/change.ts";
import { inTurns, nameQueue, type Queue } from "../../plug/queue.ts";
import { type CarryOut, changeCommand } from "../change_command.ts";
import { positiveDuration } from "../values.ts";
import { isGiven } from "../context.ts";

const buffer: CarryOut<Change> = async (queues, { change, context }) => {
  const { maxHoldMs, force: bypass } = change;
  for (const remark of bypass ? remarks(queues) : []) context.note(remark);
  const operationOn = (queue: Queue) => `buffer ${nameQueue(queue)}`;
  if (maxHoldMs === undefined) {
    return inTurns(queues, () => {
      for (const queue of queues) queue.gate?.refuseBroken?.(operationOn(queue));
      changeQueues(queues, change);
    });
  }
  const { bufferWithDeadline } = await import("../../plug/buffer_with_deadline.ts");
  const guardians = await bufferWithDeadline(queues, { maxMs: maxHoldMs, bypass });
  return guardians.map((guardian) => ({ maxHoldMs, guardian }));
};

/** What filters of others packets bypass by leave of `--force`, a sentence each. */
function remarks(queues: readonly Queue[]): string[] {
  return queues.flatMap(({ gate }) =>
    gate?.bypassed?.(`buffer gate ${gate.name}`).map((filter) => describeBypass(gate.name, filter)) ?? []
  );
}

/** `plugctl buffer` */
export const run = changeCommand((context) => ({
  action: "buffer",
  force: isGiven(context, "force"),
  maxHoldMs: positiveDuration(context, "max-hold"),
}), buffer);
