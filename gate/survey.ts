import { RTM_GETLINK, RTM_GETQDISC } from "../codec/assembly/constants.ts";
import type { LinkMessage, QdiscMessage } from "../codec/message.ts";
import { isFilter, readFilter } from "../codec/read_filter.ts";
import type { Answer, Connection } from "../netlink/connection.ts";
import { ENODEV } from "../linux/errno.ts";
import { askByName } from "../plug/qdiscs.ts";
import { QueueError, refusalError } from "../plug/queue_error.ts";
import type { GatePlan } from "./gate_plan.ts";
import { type Direction, parseNote } from "./gate_note.ts";
import { dumpFilters, isGateFilter } from "./gate_requests.ts";
import { type GateState, isGateDevice } from "./gate_state.ts";
import { readGates } from "./list_gates.ts";
import { heldPackets, hookQdisc } from "./machine.ts";

/** One of the devices that a gate is to see. */
export interface Surveyed {
  ifindex: number;
  /** Its `clsact` or `ingress` qdisc, where it has one. */
  hook?: QdiscMessage;
  /** Whether that was made for a gate. */
  isOwn: boolean;
  /** How many packets plugs on it hold. */
  held: number;
  /** The priorities of the filters that hang where the gate's would. */
  priorities: ReadonlySet<number>;
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
export function survey(connection: Connection, { plan, operation }: { plan: GatePlan; operation: string }): Survey {
  const names = [...plan.devs, plan.device];
  const answers = connection.transact(names.map(askByName));
  const own = linkOf(answers[plan.devs.length], operation);
  const indexes = plan.devs.map((dev, index) => linkOf(answers[index], operation)?.ifindex ?? refuseDevice(dev));
  const existing = own && existingGate(connection, { own, operation });
  return { devices: surveyDevices(connection, { plan, indexes, operation }), existing };
}

/** The link of an answer, or `undefined` where there is none of that name. */
function linkOf({ errno, sentence, message }: Answer, operation: string): LinkMessage | undefined {
  if (errno !== 0 && errno !== ENODEV) throw refusalError(operation, { errno, sentence });
  return message?.about === "link" ? message : undefined;
}

function refuseDevice(dev: string): never {
  throw new QueueError("no-device", `find ${dev}`, { reason: "there is no such device", dev });
}

function existingGate(
  connection: Connection,
  { own, operation }: { own: LinkMessage; operation: string },
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
  indexes: readonly number[];
  operation: string;
}

function surveyDevices(connection: Connection, { plan, indexes, operation }: Devices): Surveyed[] {
  const all = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 } as const;
  const qdiscs = connection.pick(operation, all, (records) => {
    const message = indexes.includes(records.ifindex) ? records.message() : undefined;
    return message?.about === "qdisc" ? message : undefined;
  });
  return indexes.map((ifindex) => {
    const hook = hookQdisc({ qdiscs }, ifindex);
    const held = heldPackets({ qdiscs }, ifindex);
    if (!hook) return { ifindex, held, isOwn: false, priorities: new Set() };
    const here = readHook(connection, { ifindex, direction: plan.direction, operation });
    const there = () => readHook(connection, { ifindex, direction: opposite(plan.direction), operation });
    const device = here.leadsTo ?? there().leadsTo;
    const isOwn = device !== undefined && isClsactOf(connection, { device, ifindex, operation });
    return { ifindex, hook, held, isOwn, priorities: here.priorities };
  });
}

function opposite(direction: Direction): Direction {
  return direction === "ingress" ? "egress" : "ingress";
}

interface HookPlace {
  ifindex: number;
  direction: Direction;
  operation: string;
}

/** Where `tcm_handle` and `tcm_info` stand in a message. */
const HANDLE_AT = 24;
const INFO_AT = 32;

/** The priorities at a hook, and the device to which the first filter of a gate leads. */
function readHook(
  connection: Connection,
  { ifindex, direction, operation }: HookPlace,
): { priorities: Set<number>; leadsTo?: number } {
  let leadsTo: number | undefined;
  const priorities = connection.pick(operation, dumpFilters(ifindex, direction), (records) => {
    const looksFurther = leadsTo === undefined && isFilter(records) && isGateFilter(records.word(HANDLE_AT));
    if (looksFurther) leadsTo = readFilter(records).redirectsTo;
    return records.word(INFO_AT) >>> 16;
  });
  return { priorities: new Set(priorities), leadsTo };
}

/** Whether a device's clsact was made for gates: the note of one of them says so. */
function isClsactOf(
  connection: Connection,
  { device, ifindex, operation }: { device: number; ifindex: number; operation: string },
): boolean {
  const [answer] = connection.transact([{ type: RTM_GETLINK, ifindex: device }]);
  const link = linkOf(answer, operation);
  return link !== undefined && isGateDevice(link) && (parseNote(link.alias)?.ownClsact.includes(ifindex) ?? false);
}
