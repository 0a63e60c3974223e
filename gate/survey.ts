import { RTM_GETLINK, RTM_GETQDISC, TCA_EGRESS_BLOCK, TCA_INGRESS_BLOCK } from "../codec/assembly/constants.ts";
import { TCM_HANDLE_AT, TCM_INFO_AT, TCMSG_END } from "../codec/numbers.ts";
import type { LinkMessage, QdiscMessage } from "../codec/message.ts";
import { bytesOf, readAttributes } from "../codec/records.ts";
import type { Answer, Connection } from "../netlink/connection.ts";
import { type AnyOperation, ENODEV } from "../linux/netlink_error.ts";
import { askByName } from "../plug/qdiscs.ts";
import { type LinkHeader, linkHeader } from "../linux/libpcap.ts";
import { QueueError, refusalError } from "../plug/queue_error.ts";
import type { GatePlan } from "./gate_plan.ts";
import {
  dumpFilters,
  type Filter,
  isGateFilter,
  isStray,
  isWhole,
  readFilter,
  redirectsTo,
  type Side,
} from "../plug/filter.ts";
import { parseNote, sidesOf } from "../plug/gate_device.ts";
import {
  BOTH_SIDES,
  type GateState,
  heldPackets,
  hookQdisc,
  isGateDevice,
  queuedPackets,
  readGates,
} from "./gate_state.ts";

/** One of the devices that a gate is to see. */
export interface Surveyed {
  ifindex: number;
  link: LinkMessage;
  /** Its `clsact` or `ingress` qdisc, where it has one. */
  hook?: QdiscMessage;
  /** Whether that was made for a gate. */
  isOwn: boolean;
  /** How many packets plugs on it hold. */
  held: number;
  /** How many wait in any queue of it. */
  queued: number;
  /** The priorities of the filters that hang where the gate's would. */
  priorities: ReadonlySet<number>;
  /** Those of them that plugctl did not make. */
  foreign: { side: Side; filters: Filter[] }[];
  /** Whether a filter of a gate whose device is gone stands there before those of the others, and loses what it matches. */
  hasStray: boolean;
  /** The hooks whose filters belong to a block that several devices share, and its number. */
  shared: { side: Side; block: number }[];
}

/** What there is where a gate is wanted. */
export interface Survey {
  devices: Surveyed[];
  /** The gate of this name. */
  existing?: GateState;
}

/**
 * Looks at what a plan needs, and touches nothing. What it passes over, as the filters of other gates, it makes no
 * objects of.
 *
 * @throws {QueueError} where there is no such device, or another than a gate's has the name
 */
export function survey(
  connection: Connection,
  { plan, operation }: { plan: GatePlan; operation: AnyOperation },
): Survey {
  const names = [...plan.devs, plan.device];
  const answers = connection.transact(names.map(askByName));
  const own = linkOf(answers[plan.devs.length], operation);
  const links = plan.devs.map((dev, index) => linkOf(answers[index], operation) ?? refuseDevice(dev));
  const existing = own && existingGate(connection, { own, operation });
  return { devices: surveyDevices(connection, { plan, links, operation }), existing };
}

/** The link of an answer, or `undefined` where there is none of that name. */
function linkOf({ errno, sentence, message }: Answer, operation: AnyOperation): LinkMessage | undefined {
  if (errno !== 0 && errno !== ENODEV) throw refusalError(operation, { errno, sentence });
  return message?.about === "link" ? message : undefined;
}

function refuseDevice(dev: string): never {
  throw new QueueError("no-device", `find ${dev}`, { reason: "there is no such device", dev });
}

function existingGate(
  connection: Connection,
  { own, operation }: { own: LinkMessage; operation: AnyOperation },
): GateState | undefined {
  if (isGateDevice(own)) {
    return readGates(connection, operation).gates.find(({ link }) => link.ifindex === own.ifindex);
  }
  throw new QueueError("name-in-use", operation, {
    reason: `a device ${own.name} is there, which plugctl did not make`,
  });
}

interface Devices {
  plan: GatePlan;
  links: readonly LinkMessage[];
  operation: AnyOperation;
}

/** The attribute with the number of the block that several devices share. */
const BLOCKS: Readonly<Record<Side, number>> = { ingress: TCA_INGRESS_BLOCK, egress: TCA_EGRESS_BLOCK };

function surveyDevices(connection: Connection, { plan, links, operation }: Devices): Surveyed[] {
  const all = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 } as const;
  const found = connection.pick(operation, all, (records) => {
    const message = links.some(({ ifindex }) => ifindex === records.ifindex) ? records.message() : undefined;
    if (message?.about !== "qdisc") return undefined;
    const attributes = readAttributes(bytesOf(records), TCMSG_END);
    const shared = BOTH_SIDES.flatMap((side) => {
      const value = attributes.find(({ type }) => type === BLOCKS[side])?.value;
      return value ? [{ side, block: value[0] | value[1] << 8 | value[2] << 16 | value[3] << 24 }] : [];
    });
    return { message, shared };
  });
  const qdiscs = found.map(({ message }) => message);
  return links.map((link) => {
    const { ifindex } = link;
    const hook = hookQdisc({ qdiscs }, ifindex);
    const [held, queued] = [heldPackets({ qdiscs }, ifindex), queuedPackets({ qdiscs }, ifindex)];
    if (!hook) {
      return {
        ifindex,
        link,
        held,
        queued,
        isOwn: false,
        priorities: new Set(),
        foreign: [],
        hasStray: false,
        shared: [],
      };
    }
    const shared = found.find(({ message }) => message === hook)?.shared ?? [];
    const wanted = sidesOf(plan.direction);
    const here = wanted.map((side) => readHook(connection, { ifindex, side, operation }));
    const there = () =>
      BOTH_SIDES.filter((side) => !wanted.includes(side))
        .map((side) => readHook(connection, { ifindex, side, operation }).leadsTo);
    const device = [...here.map(({ leadsTo }) => leadsTo), ...there()].find((found) => found !== undefined);
    const isOwn = device !== undefined && isClsactOf(connection, { device, ifindex, operation });
    const priorities = new Set(here.flatMap(({ priorities }) => priorities));
    const foreign = here.map(({ foreign }, index) => ({ side: wanted[index], filters: foreign }));
    const hasStray = here.some(({ hasStray }) => hasStray);
    return { ifindex, link, hook, held, queued, isOwn, priorities, foreign, hasStray, shared };
  });
}

interface HookPlace {
  ifindex: number;
  side: Side;
  operation: AnyOperation;
}

/** The priorities at a hook, the device to which the first filter of a gate leads, and what no gate has made. */
function readHook(
  connection: Connection,
  { ifindex, side, operation }: HookPlace,
): { priorities: number[]; leadsTo?: number; foreign: Filter[]; hasStray: boolean } {
  let leadsTo: number | undefined;
  let hasStray = false;
  const foreign: Filter[] = [];
  const priorities = connection.pick(operation, dumpFilters({ ifindex, side }), (records) => {
    const isGates = isGateFilter({ kind: "flower", handle: records.word(TCM_HANDLE_AT) });
    const filter = isGates && leadsTo !== undefined ? undefined : readFilter(records);
    if (filter && isStray(filter)) hasStray = true;
    else if (filter && isGates) leadsTo = redirectsTo(filter);
    else if (filter && isWhole(filter)) foreign.push(filter);
    return records.word(TCM_INFO_AT) >>> 16;
  });
  return { priorities, leadsTo, foreign, hasStray };
}

/** Whether a device's clsact was made for gates: the note of one of them says so. */
function isClsactOf(
  connection: Connection,
  { device, ifindex, operation }: { device: number; ifindex: number; operation: AnyOperation },
): boolean {
  const [answer] = connection.transact([{ type: RTM_GETLINK, ifindex: device }]);
  const link = linkOf(answer, operation);
  return link !== undefined && isGateDevice(link) && (parseNote(link.alias)?.ownClsact.includes(ifindex) ?? false);
}

/** Whether the gate that is there is what was asked for. */
export function isSame(
  { listed, note }: GateState,
  { plan, devices }: { plan: GatePlan; devices: Surveyed[] },
): boolean {
  if (!note || listed.faults.length > 0) return false;
  const { limitBytes = note.limitBytes, priority = note.priority } = plan;
  return note.direction === plan.direction && sameMembers(note.devices, devices.map(({ ifindex }) => ifindex)) &&
    note.sign === plan.sign && note.every === plan.every && note.probability === plan.probability &&
    sameMembers(note.first ?? [], plan.first) && note.limitBytes === limitBytes && note.priority === priority;
}

function sameMembers<T>(some: readonly T[], others: readonly T[]): boolean {
  return some.length === others.length && some.every((one) => others.includes(one));
}

/** The link header of a gate's devices, where its filters count from there. */
export function linkHeaderOf(
  devices: readonly Surveyed[],
  { plan, operation }: { plan: GatePlan; operation: AnyOperation },
): LinkHeader {
  if ([...plan.filters, ...plan.sorters].every(({ compared }) => compared.kind === "flower")) return "ethernet";
  const [first, ...others] = devices.map(({ link: { name, arpType } }): LinkHeader => {
    const header = linkHeader(arpType);
    if (header) return header;
    const reason = `${name} has link headers of type ${arpType}, and where IP begins behind these is not known; ` +
      "what flower filters can express works there";
    throw new QueueError("refused", operation, { reason });
  });
  if (others.every((other) => other === first)) return first;
  const reason = "some of its devices have link headers of Ethernet and others have none: make a gate for each kind";
  throw new QueueError("refused", operation, { reason });
}

/** Whether clsact is yet to be created, which would discard what waits in the device's queues. */
export function wouldLose({ hook, queued }: Surveyed): boolean {
  return !hook && queued > 0;
}
