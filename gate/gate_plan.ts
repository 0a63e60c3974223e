import type { FlowerKeys } from "../codec/flower.ts";
import { filtersOf, formatMatch, type Match, parseMatch } from "./match/mod.ts";
import { checkLimit } from "../plug/plug_requests.ts";
import { gateDevice, inventName } from "./gate_name.ts";
import type { Direction } from "./gate_note.ts";
import { FIRST_FILTER } from "./gate_requests.ts";

/** How to make a gate. */
export interface GateOptions {
  /** Its name: 1 to 10 bytes, no space, slash, colon or percent sign. Default: one that no other has. */
  name?: string;
  /** The device whose packets it is to see, */
  dev?: string;
  /** or several. */
  devs?: readonly string[];
  /** `ingress` for packets that come in, `egress` for those that leave. */
  direction: Direction;
  /** Which packets: an expression (`parseMatch`), or several, one of which a packet must fit. Default: all. */
  match?: string | readonly string[];
  /** How much it holds before it drops, in bytes of packets with their link headers, 1 to 2^32 - 1. Default 16 MiB. */
  limitBytes?: number;
  /** Which of several gates gets a packet that fits them all: that with the lowest. Default: the next from 1,000 on. */
  priority?: number;
  /** Whether it holds from its first moment on. Default: it passes packets. */
  hold?: boolean;
  /** Whether a gate of the same name that is another may be taken down first. */
  replace?: boolean;
  /** Whether it may hold all of a device that carries the default route or this SSH session. */
  force?: boolean;
}

/** What was asked for, understood and checked; nothing has been looked at. */
export interface GatePlan {
  name: string;
  device: string;
  devs: readonly string[];
  direction: Direction;
  /** The expressions in the words that `gate list` prints, in their order. */
  match: string[];
  filters: PlannedFilter[];
  /** Whether all, or as good as all, of a device's packets are meant. */
  all: boolean;
  limitBytes?: number;
  priority?: number;
  hold: boolean;
  replace: boolean;
  force: boolean;
}

/** A filter of each device. */
export interface PlannedFilter {
  handle: number;
  keys: FlowerKeys;
}

/** The limit where none is asked for. */
export const DEFAULT_LIMIT_BYTES = 16 << 20;
/** The first priority that is given where none is asked for. */
export const FIRST_PRIORITY = 1000;
/** The priorities that the kernel knows: 16 bits, where 0 leaves the choice to it. */
const PRIORITY_MAX = 0xffff;
/** What a send holds with room to spare, since a filter takes up to some 250 bytes. */
const FILTERS_MAX = 200;
const IPV6 = 0x86dd;
const TCP = 6;

/**
 * Checks what a gate is to be.
 *
 * @throws {RangeError} where a name, a limit, a priority or the number of devices or expressions is out of range
 * @throws {MatchError} where an expression cannot be understood
 */
export function planGate(options: GateOptions): GatePlan {
  const { name = inventName(), direction, hold = false, replace = false, force = false } = options;
  const matches = [options.match ?? []].flat().map(parseMatch);
  if (options.limitBytes !== undefined) checkLimit(options.limitBytes);
  if (options.priority !== undefined) checkPriority(options.priority);
  const filters = plannedFilters(matches);
  return {
    name,
    device: gateDevice(name),
    devs: devicesOf(options),
    direction,
    match: matches.map(formatMatch),
    filters,
    all: matches.length === 0 || matches.some(isBroad),
    limitBytes: options.limitBytes,
    priority: options.priority,
    hold,
    replace,
    force,
  };
}

function devicesOf({ dev, devs = dev === undefined ? [] : [dev] }: GateOptions): readonly string[] {
  if (devs.length === 0 || new Set(devs).size < devs.length) {
    throw new RangeError(`a gate's devices are ${devs.join(", ") || "none"}, must be one or several, each once`);
  }
  return devs;
}

function checkPriority(priority: number): void {
  if (Number.isInteger(priority) && priority >= 1 && priority <= PRIORITY_MAX) return;
  throw new RangeError(`priority is ${priority}, must be a whole number from 1 to ${PRIORITY_MAX}`);
}

/** The filters; what belongs to one expression stands in their handles, from two to two. */
function plannedFilters(matches: readonly Match[]): PlannedFilter[] {
  const alternatives = matches.length === 0 ? [{}] : matches;
  const filters = alternatives.flatMap((match, index) =>
    filtersOf(match).map((keys) => ({ handle: FIRST_FILTER + 2 * index + (keys.etherType === IPV6 ? 1 : 0), keys }))
  );
  if (filters.length <= FILTERS_MAX) return filters;
  throw new RangeError(`a gate cannot have ${filters.length} filters on a device: at most ${FILTERS_MAX}`);
}

/** Whether it says no more than a family or TCP: who holds that holds this SSH session too. */
function isBroad({ family, ipProtocol = TCP, ...narrowing }: Match): boolean {
  return family !== "arp" && ipProtocol === TCP && Object.keys(narrowing).length === 0;
}
