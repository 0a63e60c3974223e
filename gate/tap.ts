import { onGate } from "../plug/queue.ts";
import type { Duty } from "../guardian/charge.ts";
import { entrust, type GuardOptions } from "../guardian/entrust.ts";
import { findGuardians, inTurn, markOfTap } from "../guardian/mark.ts";
import type { Connection } from "../netlink/connection.ts";
import { QueueError, refusalError } from "../plug/queue_error.ts";
import type { Sampling } from "../plug/action.ts";
import { type Compared, type Filter, sampleFilter } from "../plug/filter.ts";
import { type GateState, readGates } from "./gate_state.ts";
import { cubeOfFilter } from "./match/clauses.ts";
import { VLAN_ID } from "../plug/match/fields.ts";
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
  /** Groups of psample for the copies, which no other tap uses: the first for all packets whose VLAN is not known. */
  groups: readonly [number, ...number[]];
  /** How many bytes of each packet are copied. */
  truncBytes: number;
}

const ETH_P_8021Q = 0x8100;
/** What the kernel says where the action is not there. */
const NO_ACTION = "Failed to load TC action module";

/** A tap that is in a gate. */
export interface OpenTap extends Disposable {
  /**
   * The groups that get copies, each with the VLAN tag of its packets as far as the filter says it, as ether type and 16
   * bits: the kernel keeps it beside the packet, and psample does not copy it.
   */
  readonly tags: ReadonlyMap<number, number>;
}

/**
 * Puts a tap into a gate: from here on a copy of each packet that the gate gets goes to psample, before the gate's plug
 * has it. The filters are replaced each in one step, so that no packet goes by; a guardian takes the tap out when this
 * process is dead. What is returned takes it out.
 *
 * @throws {QueueError} `no-gate` where there is none of the name, `no-module` where the kernel has no `act_sample`
 */
export function openTap(connection: Connection, options: TapOptions): OpenTap {
  // Others are not to wait until it has started
  options.guardian?.greet();
  // Of two that read the filters and then replace them, one would undo the other's
  return inTurn(connection, () => openInTurn(connection, options));
}

function openInTurn(connection: Connection, { name, groups, truncBytes, guardian }: TapOptions): OpenTap {
  const operation = onGate(name, "see the packets of");
  const state = gateNamed(connection, name);
  if (!state) throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  const tags = new Map(
    [...new Set([0, ...state.filters.map(tagOf)])].slice(0, groups.length)
      .map((tag, index) => [groups[index], tag]),
  );
  const groupOf = (filter: Filter) => tags.entries().find(([, tag]) => tag === tagOf(filter))?.[0] ?? groups[0];
  const used = [...new Set(state.filters.map(groupOf))];
  const guards = used.map((group) => {
    const charge: TapCharge = { kind: "tap", name, group };
    return guardian && entrust(guardian, { charge, connection });
  });
  const close = () => {
    for (const group of used) removeInTurn(connection, { name, group });
    for (const guard of guards) guard?.drop();
  };
  const answers = connection.transact(state.filters.map((filter) => {
    const samplings = [...samplingsOf(filter), { group: groupOf(filter), truncBytes }];
    return sampleFilter(filter, { compared: comparedBy(filter), samplings });
  }));
  const refusal = answers.find(({ errno }) => errno !== 0);
  if (!refusal) return { tags, [Symbol.dispose]: () => inTurn(connection, close) };
  close();
  if (!refusal.sentence.startsWith(NO_ACTION)) throw refusalError(operation, refusal);
  const { cause } = refusalError(operation, refusal);
  throw new QueueError("no-module", operation, {
    reason: "this kernel has no act_sample",
    module: "act_sample",
    cause,
  });
}

/** The tag of what a filter matches: ether type and VLAN; 0 where there is none, or it may be any. */
function tagOf(filter: Filter): number {
  const wanted = cubeOfFilter(filter).get(VLAN_ID);
  return wanted && "mask" in wanted ? (ETH_P_8021Q << 16 | Number(wanted.value)) >>> 0 : 0;
}

/** Takes a tap out again, where the gate and the tap are there. */
export function removeTap(connection: Connection, tap: Tap): void {
  inTurn(connection, () => removeInTurn(connection, tap));
}

function removeInTurn(connection: Connection, { name, group }: Tap): void {
  const isOwn = (sampling: Sampling) => sampling.group === group;
  const filters = gateNamed(connection, name)?.filters.filter((filter) => samplingsOf(filter).some(isOwn)) ?? [];
  const answers = connection.transact(filters.map((filter) => {
    const samplings = samplingsOf(filter).filter((each) => !isOwn(each));
    return sampleFilter(filter, { compared: comparedBy(filter), samplings });
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
    [...new Set(filters.flatMap(samplingsOf).map(({ group }) => group))].map((group) => ({ name, group }))
  );
  return taps.filter(({ group }) => findGuardians("held", { connection, marks: [markOfTap(group)] }).length === 0);
}

function gateNamed(connection: Connection, name: string): GateState | undefined {
  return readGates(connection, onGate(name, "find")).gates.find(({ listed }) => listed.name === name);
}

/** What a filter compares, as the kernel takes it: of VLANs flower does not take what it tells. */
function comparedBy(filter: Filter): Compared {
  return filter.program
    ? { kind: "bpf", program: filter.program }
    : { kind: "flower", keys: keysOf(cubeOfFilter(filter)) };
}

/** Who gets copies of what a filter matches. */
function samplingsOf({ actions }: Filter): Sampling[] {
  return actions.flatMap(({ sample }) => sample ?? []);
}
