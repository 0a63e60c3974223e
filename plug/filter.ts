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
  TCA_STATS_BASIC,
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
  TC_ACT_PIPE,
  TC_ACT_STOLEN,
  TC_ACT_UNSPEC,
  TC_GACT_ACTION_AT,
  TC_MIRRED_EACTION_AT,
  TC_MIRRED_IFINDEX_AT,
  TC_POLICE_ACTION_AT,
  TCA_ACT_COOKIE,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_ACT_STATS,
  TCA_BASIC_ACT,
  TCA_BPF_ACT,
  TCA_CGROUP_ACT,
  TCA_CONNMARK_PARMS,
  TCA_CSUM_PARMS,
  TCA_CT_PARMS,
  TCA_EGRESS_REDIR,
  TCA_FLOW_ACT,
  TCA_FLOWER_ACT,
  TCA_FW_ACT,
  TCA_GACT_PARMS,
  TCA_IFE_PARMS,
  TCA_MATCHALL_ACT,
  TCA_MIRRED_PARMS,
  TCA_MIRRED_TM,
  TCA_NAT_PARMS,
  TCA_POLICE_TBF,
  TCA_ROUTE4_ACT,
  TCA_SAMPLE_PARMS,
  TCA_SAMPLE_PSAMPLE_GROUP,
  TCA_SAMPLE_RATE,
  TCA_SAMPLE_TRUNC_SIZE,
  TCA_U32_ACT,
  TCM_HANDLE_AT,
  TCM_IFINDEX_AT,
  TCM_INFO_AT,
  TCM_PARENT_AT,
  TCMSG_END,
} from "../codec/numbers.ts";
import type { FieldInput } from "../codec/encode.ts";
import { TC_H_CLSACT, TC_H_MIN_EGRESS, TC_H_MIN_INGRESS } from "../codec/handle.ts";
import type { FieldsRequest } from "../codec/request.ts";
import type { Connection } from "../netlink/connection.ts";

/** An attribute of a flower filter: `TCA_FLOWER_KEY_*` and its bytes. */
export interface Key {
  type: number;
  value: Uint8Array;
}

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
  /** What is done with a packet that it matches, in order. */
  actions: Action[];
}

/** An action of a filter. */
export interface Action {
  /** `gact`, `mirred` and so on. */
  kind: string;
  /** `TC_ACT_*`: what becomes of the packet; absent where that is not known here. */
  verdict?: number;
  /** Its number among those of its kind, by which another filter may have the same. */
  index?: number;
  /** Of sample: the group of psample that gets a copy of every packet. */
  sampleGroup?: number;
  /** Of mirred: `TCA_EGRESS_REDIR` and so on, and the device, which is 0 where it is gone. */
  mirred?: { what: number; ifindex: number };
  /** What has met it. */
  packets: number;
  bytes: number;
  /** For how long it has been there, in milliseconds. */
  ageMs: number;
  /** What its maker wrote on it, up to 16 bytes. */
  cookie?: Uint8Array;
}

/** The most that an action keeps for its maker: `TC_COOKIE_MAX_SIZE`. */
export const COOKIE_MAX = 16;
/** The handle of a gate's first filter on a hook, "PL" and 1: the others of the same gate and hook have the next. */
export const FIRST_FILTER = 0x504c0001;
/** The handle of the first filter for what a gate lets pass: the others of the same gate and hook have the next. */
export const FIRST_EXCEPTION = 0x504c8001;

/** The action that sends copies of packets to psample. */
const SAMPLE = "sample";
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
/** The attribute that holds the parameters of an action, whose third word is the verdict; of all others that of mirred. */
const PARAMETERS: Readonly<Record<string, number>> = {
  nat: TCA_NAT_PARMS,
  csum: TCA_CSUM_PARMS,
  connmark: TCA_CONNMARK_PARMS,
  ct: TCA_CT_PARMS,
  ife: TCA_IFE_PARMS,
};

/** Where filters hang for a side. */
export function hookOf(side: Side): number {
  return ((TC_H_CLSACT & 0xffff0000) | (side === "ingress" ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS)) >>> 0;
}

/** Whether a filter is of a gate's making. */
export function isGateFilter({ handle, kind }: Pick<Filter, "handle" | "kind">): boolean {
  return kind === "flower" && handle >>> 16 === FIRST_FILTER >>> 16 && (handle & 0xffff) !== 0;
}

/** Whether it is for what a gate lets pass; the gate is the one that has its priority on this hook. */
export function isException(filter: Pick<Filter, "handle" | "kind">): boolean {
  return isGateFilter(filter) && filter.handle >= FIRST_EXCEPTION;
}

/** The device to which a filter sends what it matches, and does nothing else with it; 0 where that is gone. */
export function redirectsTo({ actions }: Filter): number | undefined {
  const [{ mirred } = {}, ...others] = actions.filter(({ kind }) => kind !== SAMPLE);
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
  return actions.find(({ kind }) => kind !== SAMPLE);
}

/** Reads the filters of these hooks, a dump each, without the entries that stand for several. */
export function readFilters(
  connection: Connection,
  { operation, hooks, looks = new Map() }: { operation: AnyOperation; hooks: readonly Hook[]; looks?: HookLooks },
): Filter[] {
  return hooks.flatMap((hook) => {
    const key = `${hook.ifindex} ${hook.side}`;
    const filters = looks.get(key) ?? connection.pick(operation, dumpFilters(hook), readFilter).filter(isWhole);
    looks.set(key, filters);
    return filters;
  });
}

/** The filters of hooks as they were seen at one moment, over one connection. */
export type HookLooks = Map<string, Filter[]>;

/** Whether it is a filter, and no entry that stands for several, as those of a priority, or a hash table of u32. */
export function isWhole({ handle, kind }: Pick<Filter, "handle" | "kind">): boolean {
  return handle !== 0 && !(kind === "u32" && (handle & 0xfff) === 0);
}

/** Asks for the filters of a hook: a dump. */
export function dumpFilters({ ifindex, side }: Hook): FieldsRequest {
  const place = { ifindex, handle: 0, parent: hookOf(side), priority: 0, protocol: 0 };
  return { type: RTM_GETTFILTER, flags: NLM_F_DUMP, fields: placeFields(place) };
}

/** Reads the filter on whose message a cursor stands; of another message nothing. */
export function readFilter(records: Records): Filter | undefined {
  if (records.type !== RTM_NEWTFILTER) return undefined;
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
    actions: nest ? readAttributes(nest).map(({ value }) => readAction(readAttributes(value))) : [],
  };
}

function keysIn(options: readonly Attribute[]): Key[] {
  return options.filter(({ type }) => type !== TCA_FLOWER_ACT).map(({ type, value }) => ({
    type,
    value: value.slice(),
  }));
}

function readAction(attributes: readonly Attribute[]): Action {
  const kind = text(find(attributes, TCA_ACT_KIND));
  const options = readAttributes(find(attributes, TCA_ACT_OPTIONS) ?? new Uint8Array());
  const stats = find(readAttributes(find(attributes, TCA_ACT_STATS) ?? new Uint8Array()), TCA_STATS_BASIC);
  const parameters = find(options, PARAMETERS[kind] ?? TCA_MIRRED_PARMS);
  return {
    kind,
    // `struct tc_police` begins with its index and the verdict, all others with `tc_gen`.
    verdict: kind === "police"
      ? signed(word(find(options, TCA_POLICE_TBF), TC_POLICE_ACTION_AT))
      : signed(word(parameters, TC_GACT_ACTION_AT)),
    index: word(parameters, 0) ?? 0,
    ...kind === SAMPLE ? { sampleGroup: word(find(options, TCA_SAMPLE_PSAMPLE_GROUP), 0) } : {},
    ...kind === "mirred"
      ? {
        mirred: {
          what: word(parameters, TC_MIRRED_EACTION_AT) ?? 0,
          ifindex: word(parameters, TC_MIRRED_IFINDEX_AT) ?? 0,
        },
      }
      : {},
    bytes: (word(stats, 0) ?? 0) + (word(stats, 4) ?? 0) * 0x100000000,
    packets: word(stats, 8) ?? 0,
    // `struct tcf_t` begins with how long ago it was installed, in hundredths of a second.
    ageMs: 10 * (word(find(options, TCA_MIRRED_TM), 0) ?? 0),
    cookie: find(attributes, TCA_ACT_COOKIE)?.slice(),
  };
}

function text(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value).replace(/\0.*$/s, "");
}

function signed(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value | 0;
}

/** Where a filter is. */
export type FilterPlace = Pick<Filter, "ifindex" | "parent" | "priority" | "handle"> & { protocol?: number };

/** What a gate's filter is to match, the gate's device, and what is to be kept with it. */
export interface GateFilter {
  keys: readonly Key[];
  redirectTo: number;
  cookie?: Uint8Array;
}

/** Creates a flower filter that sends what it matches through the gate's device. */
export function createFilter(place: FilterPlace, { keys, redirectTo, cookie }: GateFilter): FieldsRequest {
  return flowerFilter(place, { keys, actions: [redirect(redirectTo, { cookie })], flags: NLM_F_CREATE | NLM_F_EXCL });
}

/**
 * Creates a flower filter that keeps what it matches from the filters that were created after it with the same priority,
 * and leaves it to those of the next one.
 */
export function createException(place: FilterPlace, { keys, cookie }: Omit<GateFilter, "redirectTo">): FieldsRequest {
  return flowerFilter(place, { keys, actions: [goOn(cookie)], flags: NLM_F_CREATE | NLM_F_EXCL });
}

function flowerFilter(
  place: FilterPlace,
  { keys, actions, flags }: { keys: readonly Key[]; actions: readonly FieldInput[][]; flags: number },
): FieldsRequest {
  const options = [
    ...keys.map(({ type, value }) => attribute("KEY", type, value)),
    nest("ACT", TCA_FLOWER_ACT, actions.map((action, at) => nest(String(at + 1), at + 1, action))),
  ];
  return {
    type: RTM_NEWTFILTER,
    flags,
    fields: [...placeFields(place), attribute("KIND", TCA_KIND, "flower"), nest("OPTIONS", TCA_OPTIONS, options)],
  };
}

/**
 * Replaces a gate's filter by one with these keys, in one step for the packets, and with these groups of psample, which
 * get a copy of the first `truncBytes` of each. Actions that are there already are kept with their counters.
 */
export function sampleFilter(
  filter: Filter,
  { keys, groups, truncBytes }: { keys: readonly Key[]; groups: readonly number[]; truncBytes: number },
): FieldsRequest {
  const own = ownAction(filter);
  const samples = groups.map((group) => {
    const known = filter.actions.find(({ sampleGroup }) => sampleGroup === group);
    return sample(group, { index: known?.index ?? 0, truncBytes });
  });
  const forward = redirect(redirectsTo(filter) ?? 0, { cookie: own?.cookie, index: own?.index });
  return flowerFilter(filter, { keys, actions: [...samples, forward], flags: NLM_F_CREATE });
}

/** `sample` of every packet, with `struct tc_sample` of `linux/tc_act/tc_sample.h`. */
function sample(group: number, { index, truncBytes }: { index: number; truncBytes: number }): FieldInput[] {
  const struct = { index, capab: 0, action: TC_ACT_PIPE, refcnt: 0, bindcnt: 0 };
  const number = (name: string, attributeType: number, value: number) => ({ name, attributeType, value, length: 8 });
  return [
    attribute("KIND", TCA_ACT_KIND, SAMPLE),
    nest("OPTIONS", TCA_ACT_OPTIONS, [
      nest("PARMS", TCA_SAMPLE_PARMS, words(struct)),
      number("RATE", TCA_SAMPLE_RATE, 1),
      number("TRUNC_SIZE", TCA_SAMPLE_TRUNC_SIZE, truncBytes),
      number("PSAMPLE_GROUP", TCA_SAMPLE_PSAMPLE_GROUP, group),
    ]),
  ];
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

/** `mirred egress redirect`, with `struct tc_mirred` of `linux/tc_act/tc_mirred.h`. */
function redirect(
  ifindex: number,
  { cookie, index = 0 }: { cookie?: Uint8Array; index?: number },
): FieldInput[] {
  const struct = {
    index,
    capab: 0,
    action: TC_ACT_STOLEN,
    refcnt: 0,
    bindcnt: 0,
    eaction: TCA_EGRESS_REDIR,
    ifindex,
  };
  return [
    attribute("KIND", TCA_ACT_KIND, "mirred"),
    nest("OPTIONS", TCA_ACT_OPTIONS, [nest("PARMS", TCA_MIRRED_PARMS, words(struct))]),
    ...cookie ? [attribute("COOKIE", TCA_ACT_COOKIE, cookie)] : [],
  ];
}

/** `gact continue`, with `struct tc_gact` of `linux/tc_act/tc_gact.h`: no later filter of the same priority is asked. */
function goOn(cookie: Uint8Array | undefined): FieldInput[] {
  const struct = { index: 0, capab: 0, action: TC_ACT_UNSPEC >>> 0, refcnt: 0, bindcnt: 0 };
  return [
    attribute("KIND", TCA_ACT_KIND, "gact"),
    nest("OPTIONS", TCA_ACT_OPTIONS, [nest("PARMS", TCA_GACT_PARMS, words(struct))]),
    ...cookie ? [attribute("COOKIE", TCA_ACT_COOKIE, cookie)] : [],
  ];
}

function words(values: Readonly<Record<string, number>>): FieldInput[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function attribute(name: string, attributeType: number, value: string | Uint8Array): FieldInput {
  return { name, attributeType, value };
}

function nest(name: string, attributeType: number, fields: FieldInput[]): FieldInput {
  return { name, attributeType, fields };
}
