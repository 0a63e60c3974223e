import { TC_H_ROOT } from "../codec/handle.ts";
import type { FilterMessage, LinkMessage, QdiscStats } from "../codec/message.ts";
import { formatMatch, matchOf } from "./match/mod.ts";
import { isPlug } from "../plug/qdiscs.ts";
import { gateName } from "./gate_name.ts";
import { type Direction, type GateNote, parseNote } from "./gate_note.ts";
import { FIRST_FILTER, GATE_TXQUEUELEN, hookOf } from "./gate_requests.ts";
import { type Hook, hookQdisc, type Machine } from "./machine.ts";

/** A gate as a machine has it: whole, or what is left of one. */
export interface ListedGate {
  /** Its name. */
  name: string;
  /** The index of its own device. */
  ifindex: number;
  /** Absent where its maker was killed before it wrote that down, as everything below that says so. */
  direction?: Direction;
  /** The devices whose packets it sees, by name; `#7` for one that is gone. */
  devs: string[];
  /** Expressions, one of which a packet must fit; none means all packets. Absent where a filter is missing. */
  match?: string[];
  /** The limit that was last asked for, in bytes. */
  limitBytes?: number;
  /** Which of several gates gets a packet that fits them all: that with the lowest. */
  priority?: number;
  /** What is not there, or not as it should be, a few words each: empty for a gate that is whole. */
  faults: string[];
  /** How many packets have met its filters, on all devices together. */
  hitPackets: number;
  /** How many bytes they had. */
  hitBytes: number;
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
  filters: FilterMessage[];
  /** The handle of its plug. */
  plugHandle?: number;
}

/** Whether a device is a gate's. */
export function isGateDevice({ name, kind, txqueuelen, alias }: LinkMessage): boolean {
  return kind === "ifb" && gateName(name) !== undefined &&
    (txqueuelen === GATE_TXQUEUELEN || parseNote(alias) !== undefined);
}

/** The hooks that a gate's note names. */
export function hooksOf(note: GateNote | undefined): Hook[] {
  return note ? note.devices.map((ifindex) => ({ ifindex, direction: note.direction })) : [];
}

/** Puts together what a machine has of the gate on a device, whose hooks must have been looked at. */
export function gateState(link: LinkMessage, machine: Machine): GateState {
  const note = parseNote(link.alias);
  const filters = machine.filters.filter((filter) => isOwn(filter, link.ifindex, note));
  const plug = machine.qdiscs.find(({ ifindex, parent }) => ifindex === link.ifindex && parent === TC_H_ROOT);
  const stats = plug && isPlug(plug) ? plug.stats : undefined;
  return {
    listed: { ...describe(link, { note, machine, filters, stats }), ...countersOf(filters), stats },
    link,
    note,
    filters,
    plugHandle: stats && plug?.handle,
  };
}

/** What is known of how it was asked for, and whether all of it is there. */
function describe(link: LinkMessage, { note, machine, filters, stats }: Parts) {
  const name = gateName(link.name) ?? link.name;
  if (!note) return { name, ifindex: link.ifindex, devs: [], faults: ["nothing but its device"] };
  const match = matchesOf(filters, note);
  return {
    name,
    ifindex: link.ifindex,
    direction: note.direction,
    devs: note.devices.map((ifindex) => nameOf(machine, ifindex)),
    match,
    limitBytes: note.limitBytes,
    priority: note.priority,
    faults: faultsOf(link, { note, machine, match, hasPlug: stats !== undefined }),
  };
}

interface Parts {
  note?: GateNote;
  machine: Machine;
  filters: FilterMessage[];
  stats?: QdiscStats;
}

function countersOf(filters: readonly FilterMessage[]) {
  return {
    hitPackets: sum(filters, "packets"),
    hitBytes: sum(filters, "bytes"),
    ageMs: filters.length > 0 ? Math.max(...filters.map(({ ageMs }) => ageMs)) : undefined,
  };
}

/** Whether a filter leads to a gate's device, or did before that was replaced by one of the same name. */
function isOwn(
  { redirectsTo, ifindex, parent, priority, handle }: FilterMessage,
  device: number,
  note?: GateNote,
): boolean {
  if (redirectsTo === device) return true;
  return redirectsTo === 0 && note !== undefined && parent === hookOf(note.direction) && priority === note.priority &&
    note.devices.includes(ifindex) && handle >= FIRST_FILTER && handle < FIRST_FILTER + 2 * note.filters;
}

/** The expressions by the filters of the first device, where every device has the same. */
function matchesOf(filters: readonly FilterMessage[], note: GateNote): string[] | undefined {
  const lists = note.devices.map((ifindex) =>
    expressions(filters.filter((filter) => filter.ifindex === ifindex), note)
  );
  const [first] = lists;
  return first && lists.every((list) => list?.join() === first.join()) ? first : undefined;
}

/** What the filters of one device mean; an empty list for all packets. */
function expressions(filters: readonly FilterMessage[], note: GateNote): string[] | undefined {
  if (filters.length !== note.filters) return undefined;
  const alternatives = Map.groupBy(filters, ({ handle }) => handle - FIRST_FILTER >> 1);
  const texts: string[] = [];
  for (const number of [...alternatives.keys()].sort((one, other) => one - other)) {
    const keys = (alternatives.get(number) ?? []).map((filter) => filter.keys ?? { others: true as const });
    const match = matchOf(keys);
    if (!match) return undefined;
    const text = formatMatch(match);
    if (text !== "") texts.push(text);
  }
  return texts;
}

/** What there should be, and is not. */
function faultsOf(
  link: LinkMessage,
  { note, machine, match, hasPlug }: { note: GateNote; machine: Machine; match?: string[]; hasPlug: boolean },
): string[] {
  const lost = note.devices.filter((ifindex) => !machine.links.some((device) => device.ifindex === ifindex));
  const bare = note.devices.filter((ifindex) => !lost.includes(ifindex) && !hookQdisc(machine, ifindex));
  return [
    ...lost.map((ifindex) => `no device ${nameOf(machine, ifindex)}`),
    ...bare.map((ifindex) => `no clsact on ${nameOf(machine, ifindex)}`),
    ...hasPlug ? [] : ["no plug"],
    ...(link.linkFlags & 1) === 1 ? [] : ["its device is down"],
    ...match || lost.length + bare.length > 0 ? [] : ["not all of its filters"],
  ];
}

function nameOf({ links }: Machine, ifindex: number): string {
  return links.find((link) => link.ifindex === ifindex)?.name ?? `#${ifindex}`;
}

function sum(filters: readonly FilterMessage[], counter: "packets" | "bytes"): number {
  return filters.reduce((total, filter) => total + filter[counter], 0);
}
