import type { AnyOperation } from "../linux/netlink_error.ts";
import { TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage, QdiscStats } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { describeBypass } from "../plug/change.ts";
import type { Action } from "../plug/action.ts";
import {
  type Compared,
  type Filter,
  type Hook,
  hookOf,
  isException,
  isGateFilter,
  ownAction,
  readFilters,
  readFiltersBelow,
  redirectsTo,
  type Side,
} from "../plug/filter.ts";
import { type GateTraffic, trafficWithFillers, withoutFillers } from "../plug/filler.ts";
import { type Direction, GATE_TXQUEUELEN, type GateNote, hooksOf, parseNote } from "../plug/gate_device.ts";
import type { Chance } from "../plug/chance.ts";
import { gateName } from "../plug/gate_name.ts";
import { FIRST_RANK, RANKED_HANDLE } from "../plug/plug_requests.ts";
import { isPlug, readLinks, readQdiscs } from "../plug/qdiscs.ts";
import { HERE, type Where } from "../plug/queue_error.ts";
import { isOf, signOfGate } from "./held.ts";
import { cubeOfFilter } from "./match/clauses.ts";
import { widest } from "./match/meaning.ts";
import { ingressChains, type Others, othersAt } from "./others.ts";

/** What gates consist of, as a network namespace has it. */
export interface Machine {
  links: LinkMessage[];
  qdiscs: QdiscMessage[];
  /** The filters of the hooks that were looked at, without the entries that stand for several. */
  filters: Filter[];
  /** Chains of nft by the name of the device on whose ingress hook they hang, where gates are that have to do with these. */
  chains?: ReadonlyMap<string, string[]>;
  /** How many filters tell on a gate's own device what goes first, by its index. */
  sorters?: ReadonlyMap<number, number>;
}

/** The two ways through a device. */
export const BOTH_SIDES: readonly Side[] = ["ingress", "egress"];

/** Reads the devices and the qdiscs: a dump each. */
export function readMachine(connection: Connection, operation: AnyOperation): Machine {
  return { links: readLinks(connection, operation), qdiscs: readQdiscs(connection, operation), filters: [] };
}

/** Whether no filter at all hangs from a device's clsact. */
export function isBare(
  connection: Connection,
  { ifindex, operation }: { ifindex: number; operation: AnyOperation },
): boolean {
  return readFilters(connection, { operation, hooks: BOTH_SIDES.map((side) => ({ ifindex, side })) }).length === 0;
}

/** Every hook of the namespace: those of each device that has a qdisc for them. */
export function allHooks(connection: Connection, operation: AnyOperation): Hook[] {
  return readQdiscs(connection, operation).filter(isHookQdisc).flatMap(({ ifindex, kind }) =>
    BOTH_SIDES.filter((side) => kind === "clsact" || side === "ingress").map((side) => ({ ifindex, side }))
  );
}

/** The qdisc that a device's filters hang from: `clsact`, or `ingress`, which has only that hook. */
export function hookQdisc({ qdiscs }: Pick<Machine, "qdiscs">, ifindex: number): QdiscMessage | undefined {
  return qdiscs.find((qdisc) => qdisc.ifindex === ifindex && isHookQdisc(qdisc));
}

/**
 * How many packets plugs on a device hold. The kernel (seen on 6.1) empties every queue of a device, and counts nothing
 * of it, when clsact is created or deleted there.
 */
export function heldPackets({ qdiscs }: Pick<Machine, "qdiscs">, ifindex: number): number {
  return qdiscs.filter((qdisc) => qdisc.ifindex === ifindex && qdisc.kind === "plug")
    .reduce((sum, { stats }) => sum + (stats?.backlogPackets ?? 0), 0);
}

/** As `heldPackets`, of the device's queues altogether, whatever their kind. */
export function queuedPackets({ qdiscs }: Pick<Machine, "qdiscs">, ifindex: number): number {
  const own = qdiscs.filter((qdisc) => qdisc.ifindex === ifindex && !isHookQdisc(qdisc));
  // A classful one counts what waits below it, too.
  return Math.max(0, ...own.map(({ stats }) => stats?.backlogPackets ?? 0));
}

function isHookQdisc({ parent }: QdiscMessage): boolean {
  return parent === TC_H_CLSACT;
}

/** A gate as a machine has it: whole, or what is left of one. */
export interface ListedGate extends Chance {
  /** Its name. */
  name: string;
  /** The index of its own device. */
  ifindex: number;
  /** Absent where its maker was killed before it wrote that down, as everything below that says so. */
  direction?: Direction;
  /** The devices whose packets it sees, by name; `#7` for one that is gone. */
  devs: string[];
  /**
   * Expressions as they were written, one of which a packet must fit; none means all packets. Absent where that was
   * not noted.
   */
  match?: readonly string[];
  /** Expressions as they were written: a packet that fits one of them passes. Absent where that was not noted. */
  except?: readonly string[];
  /** Expressions as they were written: a packet that fits one of them goes first. Absent where that was not noted. */
  first?: readonly string[];
  /** The limit that was last asked for, in bytes. */
  limitBytes?: number;
  /** Which of several gates gets a packet that fits them all: that with the lowest. */
  priority?: number;
  /** What is not there, or not as it should be, a few words each: empty for a gate that is whole. */
  faults: string[];
  /** Filters that plugctl did not make, as tc names them, which do not see what the gate takes, since they come later. */
  bypassed: string[];
  /** Such filters that come earlier, and take packets away which the gate does not see. */
  before: string[];
  /** How many packets have met its filters, on all devices together. */
  hitPackets: number;
  /** How many bytes they had. */
  hitBytes: number;
  /** How many packets have passed since they were excepted. */
  exceptedPackets: number;
  /** The counters of its plug; absent where there is none. */
  stats?: QdiscStats;
  /** For how long it has been there, in milliseconds; absent where it has no filter. */
  ageMs?: number;
}

/** All that is known of a gate, for what is to be done to it. */
export interface GateState {
  listed: ListedGate;
  link: LinkMessage;
  note?: GateNote;
  /** Those that lead to it. */
  filters: Filter[];
  /** Those for what it lets pass. */
  exceptions: Filter[];
  /** The handle of its plug. */
  plugHandle?: number;
}

/** Whether a device is a gate's. */
export function isGateDevice({ name, kind, txqueuelen, alias }: LinkMessage): boolean {
  return kind === "ifb" && gateName(name) !== undefined &&
    (txqueuelen === GATE_TXQUEUELEN || parseNote(alias) !== undefined);
}

/** A device of a gate, with what its alias keeps of the note. */
interface GateDevice {
  link: LinkMessage;
  kept?: GateNote;
}

/** Every gate of a network namespace, from what the kernel has: a dump a kind, and of filters one a hook. */
export function readGates(connection: Connection, operation: AnyOperation): { machine: Machine; gates: GateState[] } {
  const machine = readMachine(connection, operation);
  const devices = machine.links.filter(isGateDevice).map((link): GateDevice => ({ link, kept: parseNote(link.alias) }));
  const links = devices.map(({ link }) => link);
  const hooks = uniqueHooks(devices.flatMap(({ kept }) => hooksOf(kept)))
    .filter(({ ifindex }) => hookQdisc(machine, ifindex));
  const whole = {
    ...machine,
    filters: readFilters(connection, { operation, hooks }),
    sorters: readSorters(connection, devices),
    ...hooks.some(({ side }) => side === "ingress") ? { chains: ingressChains(connection) } : {},
  };
  const sorted = sortFilters(whole.filters);
  const traffic = trafficWithFillers(connection, links);
  return { machine: whole, gates: devices.map((device) => gateState(device, { machine: whole, sorted, traffic })) };
}

/** Every gate of a network namespace, in the order of their devices, also what is left of one. */
export function listGates(connection: Connection): ListedGate[] {
  return readGates(connection, "list gates").gates.map(({ listed }) => listed);
}

function readSorters(connection: Connection, devices: readonly GateDevice[]): Map<number, number> {
  const ranked = devices.filter(({ kept }) => kept?.firstFilters);
  return new Map(ranked.map(({ link: { ifindex } }) => {
    const sorters = readFiltersBelow(connection, { ifindex, parent: RANKED_HANDLE });
    return [ifindex, sorters.filter((filter) => isGateFilter(filter) && filter.classId === FIRST_RANK).length];
  }));
}

function uniqueHooks(hooks: readonly Hook[]): Hook[] {
  return [...new Map(hooks.map((hook) => [`${hook.ifindex} ${hook.side}`, hook])).values()];
}

/** The filters of hooks, by whose they may be. */
interface Sorted {
  /** By the device to which they lead; 0 where that is gone. */
  leading: ReadonlyMap<number | undefined, Filter[]>;
  /** Those for what gates let pass, by their priority. */
  exceptions: ReadonlyMap<number, Filter[]>;
  /** Those that plugctl did not make. */
  foreign: Filter[];
}

function sortFilters(filters: readonly Filter[]): Sorted {
  return {
    leading: Map.groupBy(filters, redirectsTo),
    exceptions: Map.groupBy(filters.filter(isException), ({ priority }) => priority),
    foreign: filters.filter((filter) => !isGateFilter(filter)),
  };
}

/** Puts together what a machine has of the gate on a device, whose hooks must have been looked at. */
function gateState(
  { link, kept }: GateDevice,
  { machine, sorted, traffic }: { machine: Machine; sorted: Sorted; traffic: ReadonlyMap<number, GateTraffic> },
): GateState {
  const isHere = (filter: Filter) => kept !== undefined && isOnHookOf(kept, filter);
  // A device that was replaced by one of the same name left filters that lead nowhere.
  const stray = sorted.leading.get(0)?.filter((filter) => isHere(filter) && kept && isOf(kept, filter)) ?? [];
  const filters = [...sorted.leading.get(link.ifindex) ?? [], ...stray];
  const exceptions = kept ? sorted.exceptions.get(kept.priority)?.filter(isHere) ?? [] : [];
  const note = kept && !kept.match ? parseNote(link.alias, [...cookiesOf(filters), ...cookiesOf(exceptions)]) : kept;
  const plug = machine.qdiscs.find(({ ifindex, parent }) => ifindex === link.ifindex && parent === TC_H_ROOT);
  const all = plug && isPlug(plug) ? plug.stats : undefined;
  const own = traffic.get(link.ifindex);
  const stats = all && own ? withoutFillers(all, own) : all;
  return {
    listed: {
      ...describe(link, { note, machine, filters, exceptions, foreign: sorted.foreign, stats }),
      ...countersOf(filters),
      exceptedPackets: sum(exceptions.flatMap(({ actions }) => actions), "packets"),
      stats,
    },
    link,
    note,
    filters,
    exceptions,
    plugHandle: stats && plug?.handle,
  };
}

/** What the filters of one hook keep for the gate, in their order: every hook has the same. */
function cookiesOf(filters: readonly Filter[]): Uint8Array[] {
  const [first] = filters;
  return first
    ? inOrder(filters.filter((filter) => isAt(filter, first)))
      .flatMap((filter) => filter.text ?? ownAction(filter)?.cookie ?? [])
    : [];
}

function inOrder(filters: readonly Filter[]): Filter[] {
  return filters.toSorted((one, other) => one.handle - other.handle);
}

function isAt(filter: Filter, { ifindex, parent }: Pick<Filter, "ifindex" | "parent">): boolean {
  return filter.ifindex === ifindex && filter.parent === parent;
}

/** What is known of how it was asked for, and whether all of it is there. */
function describe(link: LinkMessage, { note, machine, filters, exceptions, foreign, stats }: Parts) {
  const name = gateName(link.name) ?? link.name;
  if (!note) {
    return { name, ifindex: link.ifindex, devs: [], faults: ["nothing but its device"], bypassed: [], before: [] };
  }
  const { bypassed, before } = othersOf(note, { links: machine.links, filters, exceptions, foreign });
  return {
    name,
    ifindex: link.ifindex,
    direction: note.direction,
    devs: note.devices.map((ifindex) => nameOf(machine, ifindex)),
    match: note.match,
    except: note.except,
    first: note.first,
    every: note.every,
    probability: note.probability,
    limitBytes: note.limitBytes,
    priority: note.priority,
    faults: faultsOf(link, { note, machine, filters, exceptions, hasPlug: stats !== undefined }),
    bypassed: [...bypassed, ...chainsBehind(note, machine)],
    before,
  };
}

interface Parts {
  note?: GateNote;
  machine: Machine;
  filters: Filter[];
  exceptions: Filter[];
  foreign: Filter[];
  stats?: QdiscStats;
}

/** The chains of nft that do not see the packets that a gate takes as they come in. */
function chainsBehind(note: GateNote, { links, chains }: Machine): string[] {
  const devices = hooksOf(note).filter(({ side }) => side === "ingress").map(({ ifindex }) => ifindex);
  const names = links.filter(({ ifindex }) => devices.includes(ifindex)).map(({ name }) => name);
  return [...new Set(names.flatMap((name) => chains?.get(name) ?? []))];
}

/** The filters of others on its hooks that meet its packets, each once, by what those hooks have. */
export function othersOf(
  note: GateNote,
  { links, filters, exceptions, foreign }: Pick<Parts, "filters" | "exceptions" | "foreign"> & Pick<Machine, "links">,
): Others {
  if (foreign.length === 0) return { bypassed: [], before: [] };
  const found = hooksOf(note).map(({ ifindex, side }) => {
    const isHere = (filter: Filter) => isAt(filter, { ifindex, parent: hookOf(side) });
    const here = filters.filter(isHere);
    // Of a program it is not seen which packets it means.
    const cubes = note.kind === "bpf" && here.length > 0 ? widest(note.match ?? []) : here.map(cubeOfFilter);
    const except = exceptions.filter((filter) => isHere(filter) && filter.kind === "flower").map(cubeOfFilter);
    return othersAt(foreign.filter(isHere), { priority: note.priority, cubes, except, links });
  });
  return {
    bypassed: [...new Set(found.flatMap(({ bypassed }) => bypassed))],
    before: [...new Set(found.flatMap(({ before }) => before))],
  };
}

function countersOf(filters: readonly Filter[]) {
  const actions = filters.flatMap((filter) => ownAction(filter) ?? []);
  return {
    hitPackets: sum(actions, "packets"),
    hitBytes: sum(actions, "bytes"),
    ageMs: actions.length > 0 ? Math.max(...actions.map(({ ageMs }) => ageMs)) : undefined,
  };
}

/** Whether a filter has a gate's priority on one of its hooks. */
function isOnHookOf(note: GateNote, filter: Filter): boolean {
  return filter.priority === note.priority &&
    hooksOf(note).some(({ ifindex, side }) => isAt(filter, { ifindex, parent: hookOf(side) }));
}

/** What there should be, and is not. */
function faultsOf(
  link: LinkMessage,
  { note, machine, filters, exceptions, hasPlug }: Required<Omit<Parts, "stats" | "foreign">> & { hasPlug: boolean },
): string[] {
  const lost = note.devices.filter((ifindex) => !machine.links.some((device) => device.ifindex === ifindex));
  const bare = note.devices.filter((ifindex) => !lost.includes(ifindex) && !hookQdisc(machine, ifindex));
  const isWhole = hooksOf(note).every(({ ifindex, side }) => {
    const isHere = (filter: Filter) => isAt(filter, { ifindex, parent: hookOf(side) });
    return isAsNoted(note, { filters: filters.filter(isHere), exceptions: exceptions.filter(isHere) });
  });
  const isSorted = (machine.sorters?.get(link.ifindex) ?? 0) === (note.firstFilters ?? 0);
  return [
    ...lost.map((ifindex) => `no device ${nameOf(machine, ifindex)}`),
    ...bare.map((ifindex) => `no clsact on ${nameOf(machine, ifindex)}`),
    ...hasPlug ? [] : ["no plug"],
    ...(link.linkFlags & 1) === 1 ? [] : ["its device is down"],
    ...isWhole && isSorted || lost.length + bare.length > 0 ? [] : ["not all of its filters"],
  ];
}

/** Whether these are the filters that were made on each hook. */
function isAsNoted(note: GateNote, { filters, exceptions }: Pick<Parts, "filters" | "exceptions">): boolean {
  const compared = (found: readonly Filter[]) =>
    found.map(({ keys = [], program }): Compared => program ? { kind: "bpf", program } : { kind: "flower", keys });
  return filters.length === note.filters && exceptions.length === (note.exceptions ?? 0) &&
    (note.sign === undefined || note.sign === signOfGate(compared(filters), compared(exceptions)));
}

function nameOf({ links }: Machine, ifindex: number): string {
  return links.find((link) => link.ifindex === ifindex)?.name ?? `#${ifindex}`;
}

function sum(actions: readonly Action[], counter: "packets" | "bytes"): number {
  return actions.reduce((total, action) => total + action[counter], 0);
}

/** What a person should know of a gate, a sentence each: what it lacks, and what filters of others and it do to each other. */
export function remarksOn({ name, faults, bypassed, before }: ListedGate, { netns }: Where = HERE): string[] {
  const isWhole = faults.length === 0;
  return [
    ...isWhole
      ? []
      : [`the gate ${name} is not whole: ${faults.join(", ")}; take it down with: plugctl gate delete ${name}${netns}`],
    ...bypassed.map((filter) => describeBypass(name, filter)),
    ...before.map((filter) => `the gate ${name} does not see what is taken before it by: ${filter}`),
  ];
}
