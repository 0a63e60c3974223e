import type { Connection } from "../netlink/connection.ts";
import type { Queue, QueueGuard } from "../plug/queue.ts";
import type { GateCharge, PlugCharge } from "./charge.ts";
import type { Guardian } from "./guardian.ts";

/** Who puts a queue right should this process die. */
export interface GuardOptions {
  /** A guardian; it gets what is made before that is made. Default: none, and what holds at the death goes on holding. */
  guardian?: Guardian;
  /** After how many milliseconds without a release the guardian releases it, from each `buffer` on. Default: never. */
  maxHoldMs?: number;
}

/** Gives a plug into a guardian's charge, where there is a guardian. */
export function entrustPlug(
  queue: Queue,
  { guardian, ...options }: GuardOptions & { takeAway: boolean },
): QueueGuard | undefined {
  return guardian && entrustQueue(queue, { guardian, ...options });
}

/** Gives a gate into a guardian's charge, where there is a guardian. */
export function entrustGate(
  connection: Connection,
  { name, guardian, takeAway, maxHoldMs }: GuardOptions & { name: string; takeAway: boolean },
): QueueGuard | undefined {
  return guardian && entrust(guardian, { charge: { kind: "gate", name, takeAway }, connection, maxHoldMs });
}

/** Gives a plug or a gate's plug into a guardian's charge. */
export function entrustQueue(
  { dev, place, connection, gate }: Queue,
  { guardian, takeAway, maxHoldMs }: GuardOptions & { guardian: Guardian; takeAway: boolean },
): QueueGuard {
  const charge: PlugCharge | GateCharge = gate
    ? { kind: "gate", name: gate.name, takeAway }
    : { kind: "plug", dev, place, takeAway };
  return entrust(guardian, { charge, connection, maxHoldMs });
}

function entrust(
  guardian: Guardian,
  { charge, connection, maxHoldMs }: { charge: PlugCharge | GateCharge; connection: Connection; maxHoldMs?: number },
): QueueGuard {
  using namespace = connection.openNamespace();
  const id = guardian.take({ ...charge, netns: namespace.path });
  return {
    arm: (maxMs = maxHoldMs) => guardian.arm(id, maxMs),
    disarm: () => guardian.disarm(id),
    drop: () => guardian.drop(id),
    outlive({ ifindex, parent }) {
      using namespace = connection.openNamespace();
      guardian.outlive(id, { ifindex, parent, netns: namespace.path });
    },
    released: (patienceMs) => guardian.released(id, patienceMs),
    whenReleased: () => guardian.whenReleased(id),
  };
}
