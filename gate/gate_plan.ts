import { type GuardOptions, hasDeadline } from "../guardian/entrust.ts";
import type { LinkHeader } from "../linux/libpcap.ts";
import { TooManyError } from "./match/expression.ts";
import { type Meaning, meaningOf } from "./match/meaning.ts";
import { signOfGate } from "./held.ts";
import { type Chance, checkChance } from "../plug/chance.ts";
import { checkLimit } from "../plug/plug_requests.ts";
import { type Direction, formatNote, type GateNote } from "../plug/gate_device.ts";
import { gateDevice, inventName } from "../plug/gate_name.ts";
import { keysOf, signOf } from "../plug/match/flower.ts";
import { CT_STATE } from "../plug/match/fields.ts";
import { type Compared, FIRST_EXCEPTION, FIRST_FILTER } from "../plug/filter.ts";

/** How to make a gate. */
export interface GateOptions extends Chance {
  /** Its name: 1 to 10 bytes, no space, slash, colon or percent sign. Default: one that no other has. */
  name?: string;
  /** The device whose packets it is to see, */
  dev?: string;
  /** or several. */
  devs?: readonly string[];
  /** `ingress` or `in` for packets that come in, `egress` or `out` for those that leave, `both` for either. */
  direction: Direction | "in" | "out";
  /** Which packets: an expression in tcpdump's words, or several, one of which a packet must fit. Default: all. */
  match?: string | readonly string[];
  /** Which of these pass nevertheless: an expression, or several, one of which a packet must fit. Default: none. */
  except?: string | readonly string[];
  /**
   * Which of these are to leave before the rest when it is released, whatever came first: an expression, or several, one of
   * which a packet must fit. They wait in a queue of their own. Default: none.
   */
  first?: string | readonly string[];
  /** Whether a gate without a match holds ARP and neighbour discovery, too, without which hosts lose each other. */
  withArp?: boolean;
  /** The queue limit, in bytes of packets with their link headers, 1 to 2^32 - 1. Default 16 MiB. */
  limitBytes?: number;
  /** Which of several gates gets a packet that fits them all: that with the lowest. Default: the next from 1,000 on. */
  priority?: number;
  /** What it is called in messages and reports. Default: `gate NAME`. */
  label?: string;
  /** Whether it holds from its first moment on. Default: it passes packets. */
  hold?: boolean;
  /** Whether a gate of the same name that is another may be taken down first. */
  replace?: boolean;
  /**
   * Whether it may hold this SSH session, or all of a device that carries a default route, and whether its packets may
   * bypass filters that others have put behind it. To hold, a guardian with `maxHoldMs` is as good.
   */
  force?: boolean;
}

/** What was asked for, understood and checked; nothing has been looked at. */
export interface GatePlan extends Chance {
  name: string;
  device: string;
  devs: readonly string[];
  direction: Direction;
  /** The expressions as they were written, in their order. */
  match: string[];
  /** The expressions for what is to pass, as they were written. */
  except: string[];
  /** The expressions for what goes first, as they were written. */
  first: string[];
  /** Which packets that means. */
  meaning: Meaning;
  /** The filters of each hook, for devices with a link header of Ethernet where `fitTo` was told of no other. */
  filters: PlannedFilter[];
  /** The filters of each hook for what is to pass, in the order in which they are to be made. */
  exceptions: PlannedFilter[];
  /** The filters on the gate's own device for what goes first. */
  sorters: PlannedFilter[];
  /** A short sign of what they compare. */
  sign: string;
  limitBytes?: number;
  priority?: number;
  hold: boolean;
  /** Whether that ends by itself. */
  hasDeadline: boolean;
  replace: boolean;
  force: boolean;
}

/** A filter of each device. */
export interface PlannedFilter {
  handle: number;
  compared: Compared;
}

/** Other words for a direction. */
const SYNONYMS = { in: "ingress", out: "egress" } as const;

/** The limit where none is asked for. */
export const DEFAULT_LIMIT_BYTES = 16 << 20;
/** The first priority that is given where none is asked for. */
export const FIRST_PRIORITY = 1000;
/** The priorities that the kernel knows: 16 bits, where 0 leaves the choice to it. */
const PRIORITY_MAX = 0xffff;
/** What a send holds with room to spare, since a filter takes up to some 250 bytes. */
const ALL_FILTERS_MAX = 200;

/**
 * Checks what a gate is to be.
 *
 * @throws {RangeError} where a name, a limit, a priority or the number of devices or expressions is out of range
 * @throws {MatchError} where an expression cannot be understood
 * @throws {NoLibpcapError} where an expression takes libpcap, and that is not there
 */
export function planGate(options: GateOptions & GuardOptions): GatePlan {
  const { name = inventName(), hold = false, replace = false, force = false } = options;
  const match = asWritten(options.match);
  const except = exceptionsOf(options, match);
  const first = asWritten(options.first);
  const meaning = meaningOf(match, except);
  refuseStatesFirst(first);
  if (options.limitBytes !== undefined) checkLimit(options.limitBytes);
  if (options.priority !== undefined) checkPriority(options.priority);
  const direction = parseDirection(options.direction);
  refuseStates(meaning, direction);
  const { every, probability } = options;
  checkChance({ every, probability });
  const planned = { ...plannedFilters(meaning, "ethernet"), sorters: plannedSorters({ match, first }, "ethernet") };
  const plan = {
    devs: devicesOf(options),
    direction,
    match,
    except,
    first,
    every,
    probability,
    ...planned,
  };
  const { filters, exceptions, sorters } = planned;
  const counts = { filters: filters.length, exceptions: exceptions.length, firstFilters: sorters.length };
  checkRoom({ ...plan, kind: meaning.kind, ...counts });
  return {
    ...plan,
    name,
    device: gateDevice(name),
    meaning,
    limitBytes: options.limitBytes,
    priority: options.priority,
    hold,
    hasDeadline: hasDeadline(options),
    replace,
    force,
  };
}

/** Refuses to look for what connection tracking has found where it has not looked yet. */
function refuseStates(meaning: Meaning, direction: Direction): void {
  if (direction === "egress" || !asksForStates(meaning)) return;
  throw new RangeError(
    "ct is for packets that leave (--direction out): connection tracking sees those that come in behind a gate",
  );
}

/** Whether a match or an exception says something of what connection tracking has found. */
export function asksForStates({ cubes, excepted }: Meaning): boolean {
  return [...cubes, ...excepted].some((cube) => cube.has(CT_STATE));
}

/** What a gate without a match lets pass by itself: without that hosts lose each other within a minute. */
export const NEIGHBOURS = ["arp", "nd"];

/** What passes of a gate, as it is kept and printed. */
export function exceptionsOf(
  { except, withArp = false }: Pick<GateOptions, "except" | "withArp">,
  match: readonly string[],
): string[] {
  const written = asWritten(except);
  if (match.length > 0) {
    if (!withArp) return written;
    throw new RangeError("a gate with a match holds what that says: withArp (--with-arp) is for one without");
  }
  return withArp ? written : [...written, ...NEIGHBOURS.filter((text) => !written.includes(text))];
}

/** Expressions as they are kept and printed. */
export function asWritten(expressions: string | readonly string[] = []): string[] {
  return [expressions].flat().map((text) => text.trim().replaceAll(/\s+/g, " "));
}

/** The plan for devices whose packets begin with such a header, by which BPF counts. */
export function fitTo(plan: GatePlan, link: LinkHeader): GatePlan {
  const filters = plan.meaning.kind === "flower" ? {} : plannedFilters(plan.meaning, link);
  return { ...plan, ...filters, sorters: plannedSorters(plan, link) };
}

function devicesOf({ dev, devs = dev === undefined ? [] : [dev] }: GateOptions): readonly string[] {
  if (devs.length === 0 || new Set(devs).size < devs.length) {
    throw new RangeError(`a gate's devices are ${devs.join(", ") || "none"}, must be one or several, each once`);
  }
  return devs;
}

/** Refuses expressions that cannot be kept with the gate, whatever the indexes of its devices are. */
function checkRoom(
  { devs, ...note }: Pick<GateNote, "direction" | "filters"> & Partial<GateNote> & { devs: readonly string[] },
): void {
  formatNote({ limitBytes: 0, priority: 0, ...note, devices: devs.map(() => 1), ownClsact: [] });
}

function checkPriority(priority: number): void {
  if (Number.isInteger(priority) && priority >= 1 && priority <= PRIORITY_MAX) return;
  throw new RangeError(`priority is ${priority}, must be a whole number from 1 to ${PRIORITY_MAX}`);
}

/**
 * A direction by its word, or a synonym.
 *
 * @throws {RangeError} where it is none
 */
export function parseDirection(text: string): Direction {
  if (text === "ingress" || text === "egress" || text === "both") return text;
  if (Object.hasOwn(SYNONYMS, text)) return SYNONYMS[text as keyof typeof SYNONYMS];
  throw new RangeError(`direction is ${JSON.stringify(text)}, must be in (ingress), out (egress) or both`);
}

function plannedFilters(
  meaning: Meaning,
  link: LinkHeader,
): Pick<GatePlan, "filters" | "exceptions" | "sign"> {
  const { filters, exceptions } = meaning.filtersFor(link);
  const count = filters.length + exceptions.length;
  if (count > ALL_FILTERS_MAX) {
    throw new RangeError(`a gate cannot have ${count} filters on a device: at most ${ALL_FILTERS_MAX}`);
  }
  return {
    filters: numbered(filters, FIRST_FILTER),
    exceptions: numbered(exceptions, FIRST_EXCEPTION),
    sign: signOfGate(filters, exceptions),
  };
}

/** The filters for what goes first, which is written as what passes: it is about what the match means. */
function plannedSorters({ match, first }: Pick<GatePlan, "match" | "first">, link: LinkHeader): PlannedFilter[] {
  if (first.length === 0) return [];
  try {
    return numbered(sortersOf(meaningOf(match, first), link), FIRST_FILTER);
  } catch (error) {
    if (!(error instanceof RangeError) || error instanceof TooManyError) throw error;
    throw new RangeError(`what goes first of a gate leaves nothing to go behind it: ${first.join(" or ")}`);
  }
}

/** What connection tracking has found of a packet the kernel forgets where a redirect takes it: what the match asks of that is so. */
function sortersOf({ kind, excepted, filtersFor }: Meaning, link: LinkHeader): Compared[] {
  if (kind === "bpf") return filtersFor(link).exceptions;
  const filters = excepted.map((cube) => keysOf(new Map([...cube].filter(([field]) => field !== CT_STATE))));
  return [...new Map(filters.map((keys) => [signOf([keys]), keys])).values()].map((keys) => ({ kind: "flower", keys }));
}

/** Refuses to tell what goes first by what is forgotten by then. */
function refuseStatesFirst(first: readonly string[]): void {
  if (first.length === 0 || !asksForStates(meaningOf(first, []))) return;
  throw new RangeError(
    "ct does not tell what goes first: the kernel has forgotten that by the time when packets are sorted; the match may ask for it",
  );
}

function numbered(all: readonly Compared[], first: number): PlannedFilter[] {
  return all.map((compared, index) => ({ handle: first + index, compared }));
}
