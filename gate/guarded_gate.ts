import { onGate } from "../plug/queue.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { Hook } from "../guardian/watch.ts";
import { FIRST_HANDLE } from "../plug/plug_requests.ts";
import type { AnyCharge, Duty } from "../guardian/charge.ts";
import { entrust, type GuardOptions, type QueueGuard } from "../guardian/entrust.ts";
import { markOfGate } from "../guardian/mark.ts";
import type { Connection } from "../netlink/connection.ts";
import { queueDuty, watchedAt } from "../plug/guarded_plug.ts";
import { takeDown } from "./close_gate.ts";
import { gateQueue, namedGates } from "./named_gates.ts";

/** A gate: released, and if `takeAway` says so drained and taken down. One that is not there is passed over. */
export interface GateCharge extends AnyCharge {
  /** Which of the kinds it is. */
  kind: "gate";
  /** The gate's name. */
  name: string;
  /** The index of its device, by which another of that name is left alone; absent where it is not there yet. */
  ifindex?: number;
  /** The handle of its plug; absent where it is not there yet. */
  handle?: number;
  /** Where its filters hang; absent where they are not there yet. */
  hook?: Hook;
  /** Whether it was made by the process that dies, and goes with it. */
  takeAway: boolean;
}

/** Gives a gate into a guardian's charge, where there is a guardian. */
export function entrustGate(
  connection: Connection,
  { name, ifindex, handle, hook, guardian, takeAway, maxHoldMs }: GuardOptions & Omit<GateCharge, "kind">,
): QueueGuard | undefined {
  const charge: GateCharge = { kind: "gate", name, ifindex, handle, hook, takeAway };
  return guardian && entrust(guardian, { charge, connection, maxHoldMs });
}

/** What is to be done for a gate. It is looked for by its name while it may not be there yet. */
export function gateDuty(
  { name, ifindex, handle = FIRST_HANDLE, hook, takeAway }: GateCharge,
  connection: Connection,
): Duty {
  const find = () =>
    ifindex === undefined
      ? namedGates(connection, [name])[0]
      : gateQueue(connection, { name, ifindex, alias: "", handle });
  const operation = onGate(name, "delete");
  return queueDuty(connection, {
    find,
    mark: markOfGate(name),
    watched: ifindex === undefined ? undefined : watchedAt({ ifindex, parent: TC_H_ROOT, handle }, { hook }),
    takeAway: takeAway ? ({ place: { ifindex } }) => takeDown(connection, { ifindex, operation }) : undefined,
  });
}
