import { onGate } from "../plug/queue.ts";
import type { Duty } from "../guardian/charge.ts";
import { entrust, type GuardOptions } from "../guardian/entrust.ts";
import { findGuardians, markOfTap } from "../guardian/mark.ts";
import type { Connection } from "../netlink/connection.ts";
import { QueueError, refusalError } from "../plug/queue_error.ts";
import { type Filter, type Key, sampleFilter } from "../plug/filter.ts";
import { type GateState, readGates } from "./gate_state.ts";
import { cubeOfFilter } from "./match/clauses.ts";
import { keysOf } from "../plug/match/flower.ts";

/** A tap of a gate that is to be taken out when its process is dead. */
export interface TapCharge {
  /** Which of the kinds it is. */
  kind: "tap";
  /** The gate's name. */
  name: string;
  /** The group of psample by which the tap is known. */
  group: number;
  /** The path of its network namespace, which is opened at once; absent for the guardian's own. */
  netns?: string;
}

/** How a tap is put into a gate. */
export interface TapOptions extends GuardOptions {
  /** The gate's name. */
  name: string;
  /** The group of psample that gets the copies, which no other process uses. */
  group: number;
  /** How many bytes of each packet are copied. */
  truncBytes: number;
}

/** What the kernel says where the action is not there. */
const NO_ACTION = "Failed to load TC action module";

/**
 * Puts a tap into a gate: from here on a copy of each packet that the gate gets goes to psample, before the gate's plug
 * has it. The filters are replaced each in one step, so that no packet goes by; a guardian takes the tap out when this
 * process is dead. What is returned takes it out.
 *
 * @throws {QueueError} `no-gate` where there is none of the name, `no-module` where the kernel has no `act_sample`
 */
export function openTap(connection: Connection, { name, group, truncBytes, guardian }: TapOptions): Disposable {
  const operation = onGate(name, "see the packets of");
  const state = gateNamed(connection, name);
  if (!state) throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  const charge: TapCharge = { kind: "tap", name, group };
  const guard = guardian && entrust(guardian, { charge, connection });
  const close = () => {
    removeTap(connection, { name, group });
    guard?.drop();
  };
  const answers = connection.transact(state.filters.map((filter) => {
    return sampleFilter(filter, { keys: keysIn(filter), groups: [...groupsOf(filter), group], truncBytes });
  }));
  const refusal = answers.find(({ errno }) => errno !== 0);
  if (!refusal) return { [Symbol.dispose]: close };
  close();
  if (!refusal.sentence.startsWith(NO_ACTION)) throw refusalError(operation, refusal);
  const { cause } = refusalError(operation, refusal);
  throw new QueueError("no-module", operation, {
    reason: "this kernel has no act_sample",
    module: "act_sample",
    cause,
  });
}

/** Takes a tap out again, where the gate and the tap are there. */
export function removeTap(connection: Connection, { name, group }: Pick<TapCharge, "name" | "group">): void {
  const filters = gateNamed(connection, name)?.filters.filter((filter) => groupsOf(filter).includes(group)) ?? [];
  const answers = connection.transact(filters.map((filter) => {
    const groups = groupsOf(filter).filter((each) => each !== group);
    return sampleFilter(filter, { keys: keysIn(filter), groups, truncBytes: 0 });
  }));
  const refusal = answers.find(({ errno }) => errno !== 0);
  if (refusal) throw refusalError(onGate(name, "take the tap out of"), refusal);
}

/** What is to be done for a tap. */
export function tapDuty({ name, group }: TapCharge, connection: Connection): Duty {
  return {
    mark: markOfTap(group),
    putRight: () => {
      removeTap(connection, { name, group });
      return Promise.resolve();
    },
  };
}

/** A tap, by the gate that it is in. */
export interface Tap {
  /** The gate's name. */
  name: string;
  /** The group of psample that gets the copies. */
  group: number;
}

/** The taps for which no guardian stands: who had put them in was killed together with his guardian. */
export function strayTaps(connection: Connection): Tap[] {
  const taps = readGates(connection, "list taps").gates.flatMap(({ listed: { name }, filters }) =>
    [...new Set(filters.flatMap(groupsOf))].map((group) => ({ name, group }))
  );
  return taps.filter(({ group }) => findGuardians("held", { connection, marks: [markOfTap(group)] }).length === 0);
}

function gateNamed(connection: Connection, name: string): GateState | undefined {
  return readGates(connection, onGate(name, "find")).gates.find(({ listed }) => listed.name === name);
}

/** What a filter compares, as the kernel takes it: of VLANs it does not take what it tells. */
function keysIn(filter: Filter): Key[] {
  return keysOf(cubeOfFilter(filter));
}

/** The groups of psample that get what a filter matches. */
function groupsOf({ actions }: Filter): number[] {
  return actions.flatMap(({ sampleGroup }) => sampleGroup ?? []);
}
