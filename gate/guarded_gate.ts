import type { Duty } from "../guardian/charge.ts";
import { entrust, type GuardOptions, type QueueGuard } from "../guardian/entrust.ts";
import type { Connection } from "../netlink/connection.ts";
import { queueDuty } from "../plug/guarded_plug.ts";
import { takeDown } from "./close_gate.ts";
import { readGates } from "./gate_state.ts";
import { namedGates } from "./named_gates.ts";

/** A gate: released, and if `takeAway` says so drained and taken down. One that is not there is passed over. */
export interface GateCharge {
  /** Which of the kinds it is. */
  kind: "gate";
  /** The gate's name. */
  name: string;
  /** Whether it was made by the process that dies, and goes with it. */
  takeAway: boolean;
  /** The path of its network namespace, which is opened at once; absent for the guardian's own. */
  netns?: string;
}

/** Gives a gate into a guardian's charge, where there is a guardian. */
export function entrustGate(
  connection: Connection,
  { name, guardian, takeAway, maxHoldMs }: GuardOptions & { name: string; takeAway: boolean },
): QueueGuard | undefined {
  const charge: GateCharge = { kind: "gate", name, takeAway };
  return guardian && entrust(guardian, { charge, connection, maxHoldMs });
}

/** What is to be done for a gate. It is looked for by its name, since it may not be there yet. */
export function gateDuty({ name, takeAway }: GateCharge, connection: Connection): Duty {
  return queueDuty(() => namedGates(connection, [name])[0], {
    takeAway: takeAway ? () => takeDownNamed(connection, name) : undefined,
  });
}

async function takeDownNamed(connection: Connection, name: string): Promise<void> {
  const operation = `delete gate ${name}`;
  const state = readGates(connection, operation).gates.find(({ listed }) => listed.name === name);
  if (state) await takeDown(connection, { state, operation });
}
