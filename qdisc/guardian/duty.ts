import { Connection } from "../../netlink/connection.ts";
import { namespaceIdentity, namespacePath, removeNamespace } from "../../netlink/namespace.ts";
import { changeQueues } from "../change.ts";
import { detachAll } from "../drain.ts";
import { Gate } from "../gate/gate.ts";
import { namedGates } from "../gate/named_gates.ts";
import type { Queue } from "../queue.ts";
import { QueueError } from "../queue_error.ts";
import type { Charge, GateCharge, NamespaceCharge, PlugCharge, ProcessesCharge } from "./charge.ts";
import { endProcesses, isInNamespace, isOutsideSessionOf, isTagged } from "./processes.ts";

/** What is to be done for a charge. Each is done for all charges before the next is done for any. */
export interface Duty {
  /** Lets go what is held. */
  release?(): void;
  /** Waits until it has left, and takes away what was made; ends processes. */
  putRight?(): Promise<void>;
  /** Removes what others may have needed till then. */
  remove?(): void;
}

/** Connections by the namespace that they lead to. */
export type Connections = Map<string, Connection>;

const RELEASE = { action: "release-indefinite" } as const;

/** Makes ready whatever a charge takes, so that it can be done later whatever has vanished meanwhile. */
export function dutyOf(charge: Charge, connections: Connections): Duty {
  switch (charge.kind) {
    case "plug":
      return plugDuty(charge, connect(connections, charge.netns));
    case "gate":
      return gateDuty(charge, connect(connections, charge.netns));
    case "processes":
      return processesDuty(charge);
    case "namespace":
      return namespaceDuty(charge);
  }
}

function connect(connections: Connections, netns?: string): Connection {
  const identity = namespaceIdentity(netns);
  const connection = connections.get(identity) ?? Connection.open({ netns });
  connections.set(identity, connection);
  return connection;
}

function plugDuty({ dev, place, takeAway }: PlugCharge, connection: Connection): Duty {
  const unknown = { asked: undefined, endedEpoch: undefined, limitBytesAsked: undefined };
  const queue: Queue = { dev, place, located: true, connection, ...unknown };
  return {
    release: () => ifThere(() => changeQueues([queue], RELEASE)),
    putRight: takeAway ? () => ifStillThere(() => detachAll([queue])) : undefined,
  };
}

function gateDuty({ name, takeAway }: GateCharge, connection: Connection): Duty {
  return {
    release: () => ifThere(() => changeQueues(namedGates(connection, [name]), RELEASE)),
    putRight: takeAway ? () => ifStillThere(() => Gate.named(connection, [name])[0].close()) : undefined,
  };
}

function processesDuty({ tag, sparesDaemons }: ProcessesCharge): Duty {
  const isMeant = isTagged(tag, { except: sparesDaemons ? isOutsideSessionOf(Deno.ppid) : undefined });
  return { putRight: () => endProcesses(isMeant) };
}

function namespaceDuty({ name }: NamespaceCharge): Duty {
  return {
    putRight: async () => {
      try {
        await endProcesses(isInNamespace(namespacePath(name)));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
    remove: () => removeNamespace(name),
  };
}

/** Passes over that there is nothing to release. */
function ifThere(release: () => void): void {
  try {
    release();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function ifStillThere(takeAway: () => Promise<unknown>): Promise<void> {
  try {
    await takeAway();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Whether the plug is gone, its device, what it hung from, or the gate. */
function isGone(error: unknown): boolean {
  const codes = ["foreign-qdisc", "no-device", "no-gate", "no-parent", "not-attached", "vanished"];
  return error instanceof QueueError && codes.includes(error.code);
}
