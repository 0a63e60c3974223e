import type { AnyOperation } from "../linux/netlink_error.ts";
import type { HookLooks } from "./filter.ts";
import { heldAt } from "./classes.ts";
import { type Danger, refuseLockouts, refuseLowLimit } from "./lockout.ts";
import { byConnection, type Queue } from "./queue.ts";
import { QueueError } from "./queue_error.ts";
import { type Change, operationOn, sendChange } from "./send_change.ts";

/**
 * Asks the same of several plugs, as `sendChange` does, where nothing speaks against it.
 *
 * @throws {QueueError} where it would lock out or orphan an epoch, there is no plug, or the kernel refuses
 */
export function changeQueues(queues: readonly Queue[], change: Change): void {
  sendChange(queues, change, () => {
    if (change.action === "buffer") {
      for (const [connection, those] of byConnection(queues)) {
        const looks: HookLooks = new Map();
        const passing = those.filter((queue) => checkBuffer(queue, change, looks));
        if (change.force) continue;
        refuseLockouts(connection, passing.flatMap((queue) => dangersOf(queue, operationOn(queue, change))));
      }
    }
    if (change.action === "limit" && !change.force) { for (const queue of queues) checkLimit(queue, change); }
  });
}

/** Refuses what would orphan an epoch or bypass filters. Whether the queue passes packets, which it is to hold. */
function checkBuffer(queue: Queue, change: Change, looks: HookLooks): boolean {
  const { force = false, orphan = false } = change;
  const operation = operationOn(queue, change);
  if (queue.endedEpoch && !orphan) {
    throw new QueueError("would-orphan", operation, {
      reason:
        "an epoch has ended and is not released; the kernel remembers one, and would count it as part of the next",
    });
  }
  if (queue.asked === "hold") return false;
  refuseBypass(queue, { operation, bypass: change.bypass ?? force, looks });
  return true;
}

function checkLimit(queue: Queue, change: Change): void {
  const { limitBytes = 0 } = change;
  for (const danger of dangersOf(queue, operationOn(queue, change))) {
    refuseLowLimit(queue.connection, { ...danger, limitBytes });
  }
}

/** What a queue holds, of which devices. */
function dangersOf({ connection, gate, place }: Queue, operation: AnyOperation): Danger[] {
  if (gate) return gate.devices.map((ifindex) => ({ operation, ifindex, held: gate.held }));
  return [{ operation, ifindex: place.ifindex, held: heldAt(connection, place) }];
}

/** Refuses to hold what filters of others would see if the gate were not there, and perhaps drop. */
function refuseBypass(
  { gate }: Queue,
  { operation, bypass, looks }: { operation: AnyOperation; bypass: boolean; looks: HookLooks },
): void {
  if (!gate?.bypassed || bypass || gate.mayBypass) return;
  const names = gate.bypassed(operation, looks);
  if (names.length === 0) return;
  const reason = `the packets that it takes bypass what others have put behind it: ${names.join("; ")}`;
  throw new QueueError("would-bypass", operation, { reason, gate: gate.name });
}

/** That packets of a gate bypass a filter. */
export function describeBypass(gate: string, filter: string): string {
  return `the packets that the gate ${gate} takes bypass: ${filter}`;
}
