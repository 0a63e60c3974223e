import type { AnyOperation } from "../linux/netlink_error.ts";
import {
  ETH_P_ALL,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RTM_DELTFILTER,
  RTM_GETTFILTER,
  RTM_NEWTFILTER,
  TCA_CHAIN,
  TCA_KIND,
  TCA_OPTIONS,
} from "../codec/assembly/constants.ts";
import {
  type Attribute,
  bytesOf,
  findAttribute as find,
  readAttributes,
  type Records,
  wordAt as word,
} from "../codec/records.ts";
import {
  TC_U32_SEL_NKEYS_AT,
  TCA_BASIC_ACT,
  TCA_BASIC_CLASSID,
  TCA_BPF_ACT,
  TCA_BPF_CLASSID,
  TCA_BPF_OPS,
  TCA_CGROUP_ACT,
  TCA_EGRESS_REDIR,
  TCA_FLOW_ACT,
  TCA_FLOWER_ACT,
  TCA_FLOWER_CLASSID,
  TCA_FW_ACT,
  TCA_FW_CLASSID,
  TCA_MATCHALL_ACT,
  TCA_MATCHALL_CLASSID,
  TCA_ROUTE4_ACT,
  TCA_U32_ACT,
  TCA_U32_CLASSID,
  TCA_U32_SEL,
  TCM_HANDLE_AT,
  TCM_IFINDEX_AT,
  TCM_INFO_AT,
  TCM_PARENT_AT,
  TCMSG_END,
} from "../codec/numbers.ts";
import type { FieldInput } from "../codec/encode.ts";
import { BPF, type Instruction } from "../linux/bpf.ts";
import { TC_H_CLSACT, TC_H_MIN_EGRESS, TC_H_MIN_INGRESS } from "../codec/handle.ts";
import type { FieldsRequest } from "../codec/request.ts";
import type { Connection } from "../netlink/connection.ts";
import {
  type Action,
  attribute,
  goOn,
  nest,
  readAction,
  redirect,
  SAMPLE,
  sample,
  type Sampling,
  text,
  words,
} from "./action.ts";
import { programFields, readProgram } from "./bpf_filter.ts";
import { type Chance, chanceActions, sameChance } from "./chance.ts";

/** An attribute of a flower filter: `TCA_FLOWER_KEY_*` and its bytes. */
export interface Key {
  type: number;
  value: Uint8Array;
}

/** What a filter of a gate compares: keys of flower, or what a program of classic BPF looks at. */
export type Compared =
  | { kind: "flower"; keys: readonly Key[] }
  | { kind: "bpf"; program: readonly Instruction[] };

/** A place where filters hang. */
export interface Hook {
  ifindex: number;
  side: Side;
}

/** One of the two ways through a device. */
export type Side = "ingress" | "egress";

/** A filter of a hook, whoever made it: `RTM_NEWTFILTER`. */
export interface Filter {
  /** The device; -1 (`TCM_IFINDEX_MAGIC_BLOCK`) where it belongs to a block that several devices share. */
  ifindex: number;
  /** The hook, or the number of the block. */
  parent: number;
  /** What tc calls `pref`: lower ones are asked first. */
  priority: number;
  /** `ETH_P_*` */
  protocol: number;
  /** 0 is the chain in which every packet begins. */
  chain: number;
  /** Its number among those of its priority; 0 where it stands for all of them. */
  handle: number;
  /** `flower`, `u32` and so on. */
  kind: string;
  /** What a flower filter compares. */
  keys?: Key[];
  /** The program of a bpf filter, where that is one of classic BPF. */
  program?: Instruction[];
  /** What its maker has put behind the program, where nothing leads. */
  text?: Uint8Array;
  /** Whether it is known to match all of its protocol, as matchall does. */
  isWide?: boolean;
  /** The class to which it leads. */
  classId?: number;
  /** What is done with a packet that it matches, in order. */
  actions: Action[];
}

/** The handle of a gate's first filter on a hook, "PL" and 1: the others of the same gate and hook have the next. */
export const FIRST_FILTER = 0x504c0001;
/** The handle of the first filter for what a gate lets pass: the others of the same gate and hook have the next. */
export const FIRST_EXCEPTION = 0x504c8001;

/** Where the keys of a `struct tc_u32_sel` begin, each a `struct tc_u32_key`, whose first word is the mask. */
const U32_KEYS_AT = 16;
const U32_KEY_LENGTH = 16;
/** The attribute that holds the actions, by the kind of the filter. */
const ACTIONS: Readonly<Record<string, number>> = {
  flower: TCA_FLOWER_ACT,
  matchall: TCA_MATCHALL_ACT,
  u32: TCA_U32_ACT,
  bpf: TCA_BPF_ACT,
  basic: TCA_BASIC_ACT,
  fw: TCA_FW_ACT,
  cgroup: TCA_CGROUP_ACT,
  flow: TCA_FLOW_ACT,
  route: TCA_ROUTE4_ACT,
};
/** The attribute that names a class, by the kind of the filter. */
const CLASSES: Readonly<Record<string, number>> = {
  flower: TCA_FLOWER_CLASSID,
  matchall: TCA_MATCHALL_CLASSID,
  u32: TCA_U32_CLASSID,
  bpf: TCA_BPF_CLASSID,
  basic: TCA_BASIC_CLASSID,
  fw: TCA_FW_CLASSID,
};
/** Where filters hang for a side. */
export function hookOf(side: Side): number {
  return ((TC_H_CLSACT & 0xffff0000) | (side === "ingress" ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS)) >>> 0;
}

/** Whether a filter is of a gate's making. */
export function isGateFilter({ handle, kind }: Pick<Filter, "handle" | "kind">): boolean {
  return (kind === "flower" || kind === "bpf") && handle >>> 16 === FIRST_FILTER >>> 16 && (handle & 0xffff) !== 0;
}

/** Whether it is for what a gate lets pass; the gate is the one that has its priority on this hook. */
export function isException(filter: Pick<Filter, "handle" | "kind">): boolean {
  return isGateFilter(filter) && filter.handle >= FIRST_EXCEPTION;
}

/** The device to which a filter sends what it matches, and does nothing else with it; 0 where that is gone. */
export function redirectsTo({ actions }: Filter): number | undefined {
  const [{ mirred } = {}, ...others] = actions.filter((action) => !isAside(action));
  return others.length === 0 && mirred?.what === TCA_EGRESS_REDIR ? mirred.ifindex : undefined;
}

/** Whether it is a gate's whose device is gone: it loses what it matches. */
export function isStray(filter: Filter): boolean {
  return isGateFilter(filter) && redirectsTo(filter) === 0;
}

/** Those of gates whose device is gone, with what those gates let pass. */
export function strayAmong(filters: readonly Filter[]): Filter[] {
  const leading = filters.filter((filter) => (redirectsTo(filter) ?? 0) !== 0);
  const isBeside = ({ ifindex, parent, priority }: Filter) => (other: Filter) =>
    other.ifindex === ifindex && other.parent === parent && other.priority === priority;
  return filters.filter((filter) => isStray(filter) || isException(filter) && !leading.some(isBeside(filter)));
}

/** The action of a gate's filter that sends packets through the gate; what samples them for who looks stands before it. */
export function ownAction({ actions }: Filter): Action | undefined {
  return actions.find((action) => !isAside(action));
}

/** Whether it stands before the action that a filter is there for: what chooses packets, or samples them. */
function isAside({ kind, chance }: Action): boolean {
  return kind === SAMPLE || chance !== undefined;
}

interface Hooks {
  operation: AnyOperation;
  hooks: readonly Hook[];
  looks?: HookLooks;
}

/** Reads the filters of these hooks, a dump each, without the entries that stand for several. */
export function readFilters(connection: Connection, { hooks, ...how }: Hooks): Filter[] {
  return hooks.flatMap((hook) => lookAt(connection, hook, how).filters);
}

/** As `readFilters`, those that no gate has made. */
export function readForeignFilters(connection: Connection, { hooks, ...how }: Hooks): Filter[] {
  return hooks.flatMap((hook) => lookAt(connection, hook, how).foreign);
}

function lookAt(connection: Connection, hook: Hook, { operation, looks }: Omit<Hooks, "hooks">): HookLook {
  const key = `${hook.ifindex} ${hook.side}`;
  const before = looks?.get(key);
  if (before) return before;
  const filters = connection.pick(operation, dumpFilters(hook), readFilter).filter(isWhole);
  const found = { filters, foreign: filters.filter((filter) => !isGateFilter(filter)) };
  looks?.set(key, found);
  return found;
}

/** Reads the filters that hang from a qdisc or a class: a dump, without the entries that stand for several. */
export function readFiltersBelow(connection: Connection, place: { ifindex: number; parent: number }): Filter[] {
  return connection.pick("list filters", dumpBelow(place), readFilter).filter(isWhole);
}

/** The filters of a hook, and those of them that no gate has made. */
interface HookLook {
  filters: Filter[];
  foreign: Filter[];
}

/** The filters of hooks as they were seen at one moment, over one connection. */
export type HookLooks = Map<string, HookLook>;

/** Whether it is a filter, and no entry that stands for several, as those of a priority, or a hash table of u32. */
export function isWhole({ handle, kind }: Pick<Filter, "handle" | "kind">): boolean {
  return handle !== 0 && !(kind === "u32" && (handle & 0xfff) === 0);
}

/** Asks for the filters of a hook: a dump. */
export function dumpFilters({ ifindex, side }: Hook): FieldsRequest {
  return dumpBelow({ ifindex, parent: hookOf(side) });
}

function dumpBelow(place: { ifindex: number; parent: number }): FieldsRequest {
  const fields = placeFields({ ...place, handle: 0, priority: 0, protocol: 0 });
  return { type: RTM_GETTFILTER, flags: NLM_F_DUMP, fields };
}

/** Reads the filter on whose message a cursor stands; of another message, and of an entry that stands for several, nothing. */
export function readFilter(records: Records): Filter | undefined {
  if (records.type !== RTM_NEWTFILTER || records.word(TCM_HANDLE_AT) === 0) return undefined;
  const attributes = readAttributes(bytesOf(records), TCMSG_END);
  const kind = text(find(attributes, TCA_KIND));
  const options = readAttributes(find(attributes, TCA_OPTIONS) ?? new Uint8Array());
  const nest = find(options, ACTIONS[kind] ?? 0);
  const info = records.word(TCM_INFO_AT);
  return {
    ifindex: records.word(TCM_IFINDEX_AT) | 0,
    handle: records.word(TCM_HANDLE_AT),
    parent: records.word(TCM_PARENT_AT),
    priority: info >>> 16,
    protocol: (info & 0xff) << 8 | info >> 8 & 0xff,
    chain: word(find(attributes, TCA_CHAIN), 0) ?? 0,
    kind,
    ...kind === "flower" ? { keys: keysIn(options) } : {},
    ...kind === "bpf" ? readProgram(find(options, TCA_BPF_OPS)) : {},
    isWide: kind === "matchall" || (kind === "u32" && comparesNothing(find(options, TCA_U32_SEL))),
    classId: word(find(options, CLASSES[kind] ?? 0)),
    actions: nest ? readAttributes(nest).map(({ value }) => readAction(readAttributes(value))) : [],
  };
}

function keysIn(options: readonly Attribute[]): Key[] {
  return options.filter(({ type }) => type !== TCA_FLOWER_ACT).map(({ type, value }) => ({
    type,
    value: value.slice(),
  }));
}

/** Whether no key of a `struct tc_u32_sel` has a mask, as in `match u32 0 0`. */
function comparesNothing(selector: Uint8Array = new Uint8Array()): boolean {
  const keys = selector[TC_U32_SEL_NKEYS_AT] ?? 0;
  return Array.from({ length: keys }, (_, key) => word(selector, U32_KEYS_AT + U32_KEY_LENGTH * key))
    .every((mask) => mask === 0);
}

/** Where a filter is. */
export type FilterPlace = Pick<Filter, "ifindex" | "parent" | "priority" | "handle"> & { protocol?: number };

/** What a gate's filter is to match, the gate's device, and what is to be kept with it. */
export interface GateFilter {
  compared: Compared;
  redirectTo: number;
  /** Which of what it matches it sends there. Default: all. */
  chance?: Chance;
  /** What is kept of the gate's note: with an action of flower's, behind the program of a bpf filter. */
  kept?: Uint8Array;
}

/** Creates a filter that sends what it matches through the gate's device. */
export function createFilter(
  place: FilterPlace,
  { compared, redirectTo, chance = {}, kept }: GateFilter,
): FieldsRequest {
  const cookie = compared.kind === "flower" ? kept : undefined;
  const actions = [...chanceActions(chance, redirectTo), redirect(redirectTo, { cookie })];
  return gateFilter(place, { compared, kept, actions, flags: NEW });
}

/**
 * Creates a filter for what is to pass. One of flower keeps what it matches from the filters that were created after it
 * with the same priority, and leaves it to those of the next one; one of bpf counts it, and those behind it must not match
 * it.
 */
export function createException(
  place: FilterPlace,
  { compared, kept }: Omit<GateFilter, "redirectTo">,
): FieldsRequest {
  const cookie = compared.kind === "flower" ? kept : undefined;
  return gateFilter(place, { compared, kept, actions: [goOn(cookie)], flags: NEW });
}

/** Creates a filter that sends what it matches to a class, and does nothing else. */
export function createSorter(
  place: FilterPlace,
  { compared, classId }: Pick<GateFilter, "compared"> & { classId: number },
): FieldsRequest {
  const sorted: Compared = compared.kind === "flower"
    ? compared
    : { kind: "bpf", program: compared.program.map(returningAll) };
  return gateFilter(place, { compared: sorted, classId, actions: [], flags: NEW });
}

/** What a program returns is the class for the kernel, but for -1, which stands for the filter's own. */
function returningAll([code, onTrue, onFalse, value]: Instruction): Instruction {
  return [code, onTrue, onFalse, code === (BPF.RET | BPF.K) && value !== 0 ? 0xffffffff : value];
}

const NEW = NLM_F_CREATE | NLM_F_EXCL;

function gateFilter(
  place: FilterPlace,
  { compared, kept, classId, actions, flags }: Pick<GateFilter, "compared" | "kept"> & {
    classId?: number;
    actions: readonly FieldInput[][];
    flags: number;
  },
): FieldsRequest {
  const { kind } = compared;
  const act = actions.map((action, at) => nest(String(at + 1), at + 1, action));
  const options = [
    ...kind === "flower"
      ? compared.keys.map(({ type, value }) => attribute("KEY", type, value))
      : programFields(compared.program, kept),
    ...classId === undefined ? [] : [{ name: "CLASSID", attributeType: CLASSES[kind], value: classId }],
    ...act.length === 0 ? [] : [nest("ACT", ACTIONS[kind], act)],
  ];
  return {
    type: RTM_NEWTFILTER,
    flags,
    fields: [...placeFields(place), attribute("KIND", TCA_KIND, compared.kind), nest("OPTIONS", TCA_OPTIONS, options)],
  };
}

/**
 * Replaces a gate's filter by one that compares this, in one step for the packets, of which these get copies. Actions that
 * are there already, and are given with their index, are kept with their counters.
 */
export function sampleFilter(
  filter: Filter,
  { compared, samplings }: { compared: Compared; samplings: readonly Sampling[] },
): FieldsRequest {
  const own = ownAction(filter);
  const forward = redirect(redirectsTo(filter) ?? 0, { cookie: own?.cookie, index: own?.index });
  const actions = [...sameChance(filter.actions), ...samplings.map(sample), forward];
  return gateFilter(filter, { compared, kept: filter.text, actions, flags: NLM_F_CREATE });
}

/** Deletes a filter. */
export function deleteFilter(place: FilterPlace & { kind?: string }): FieldsRequest {
  const { kind = "flower" } = place;
  return { type: RTM_DELTFILTER, fields: [...placeFields(place), attribute("KIND", TCA_KIND, kind)] };
}

/** `struct tcmsg` */
function placeFields({ ifindex, handle, parent, priority, protocol = ETH_P_ALL }: FilterPlace): FieldInput[] {
  const info = (priority << 16 | (protocol & 0xff) << 8 | protocol >> 8) >>> 0;
  return words({ "family, pad": 0, ifindex, handle, parent, info });
}
