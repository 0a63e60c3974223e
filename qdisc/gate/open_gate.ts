import { TC_H_ROOT } from "../../codec/handle.ts";
import type { Request } from "../../codec/request.ts";
import type { Answer, Connection } from "../../netlink/connection.ts";
import { EAFNOSUPPORT } from "../../netlink/errno.ts";
import { refuseLockout } from "../lockout.ts";
import { changeRequest, createRequest, FIRST_HANDLE, type QdiscPlace } from "../plug_requests.ts";
import { findDevice } from "../queue.ts";
import { QueueError } from "../queue_error.ts";
import { takeDownSync } from "./close_gate.ts";
import { type Module, stepError } from "./gate_error.ts";
import { type GateNote, parseNote } from "./gate_note.ts";
import { DEFAULT_LIMIT_BYTES, type GatePlan } from "./gate_plan.ts";
import { createClsact, createDevice, createFilter, hookOf, quietDevice, takeUp, writeNote } from "./gate_requests.ts";
import { type GateState, gateState, hooksOf, isGateDevice } from "./gate_state.ts";
import { type Hook, hookQdisc, type Machine, readFilters, readMachine } from "./machine.ts";

/** A gate that is there now. */
export interface Opened {
  ifindex: number;
  note: GateNote;
  /** Whether it was made; otherwise the same was there already, and nothing was touched. */
  made: boolean;
}

/** The first priority that is given where none is asked for. */
const FIRST_PRIORITY = 1000;
const PRIORITIES_END = 0x10000;

/**
 * Makes a gate: its device with a plug that passes packets, then clsact where there is none, and the filters
 * last, so that no packet is sent there before all is ready for it. A step that fails undoes those before it.
 *
 * @throws {QueueError} where something is in the way, it would lock out, or the kernel refuses a step
 */
export function openGate(connection: Connection, plan: GatePlan): Opened {
  const operation = `add gate ${plan.name}`;
  const seen = look(connection, { plan, operation });
  if (seen.existing) {
    if (isSame(seen.existing, { plan, devices: seen.devices })) return { ...kept(seen.existing), made: false };
    if (!plan.replace) throw different(seen.existing, operation);
    takeDownSync(connection, { state: seen.existing, operation });
    return openGate(connection, plan);
  }
  const note = decide(connection, { plan, operation, ...seen });
  const bare = seen.devices.filter((ifindex) => !hookQdisc(seen.machine, ifindex));
  return { ifindex: build(connection, { plan, operation, note, bare }), note, made: true };
}

interface Seen {
  machine: Machine;
  devices: number[];
  /** The gate of this name. */
  existing?: GateState;
}

/** Reads what there is, and touches nothing. */
function look(connection: Connection, { plan, operation }: { plan: GatePlan; operation: string }): Seen {
  const bare = readMachine(connection, operation);
  const devices = plan.devs.map((dev) =>
    bare.links.find(({ name }) => name === dev)?.ifindex ?? findDevice(connection, dev)
  );
  const link = bare.links.find(({ name }) => name === plan.device);
  if (link && !isGateDevice(link)) {
    const reason = `a device ${link.name} is there, which plugctl did not make`;
    throw new QueueError("name-in-use", operation, { reason });
  }
  const wanted = devices.map((ifindex): Hook => ({ ifindex, direction: plan.direction }));
  const hooks = [...wanted, ...link ? hooksOf(parseNote(link.alias)) : []].filter(({ ifindex }) =>
    hookQdisc(bare, ifindex)
  );
  const unique = [...new Map(hooks.map((hook) => [`${hook.ifindex} ${hook.direction}`, hook])).values()];
  const machine = { ...bare, filters: readFilters(connection, { operation, hooks: unique }) };
  return { machine, devices, existing: link && gateState(link, machine) };
}

/** Whether the gate that is there is what was asked for. */
function isSame({ listed, note }: GateState, { plan, devices }: { plan: GatePlan; devices: number[] }): boolean {
  if (!note || !listed.match || listed.faults.length > 0) return false;
  const { limitBytes = note.limitBytes, priority = note.priority } = plan;
  return note.direction === plan.direction && sameMembers(note.devices, devices) &&
    sameMembers(listed.match, plan.match) && note.limitBytes === limitBytes && note.priority === priority;
}

function sameMembers<T>(some: readonly T[], others: readonly T[]): boolean {
  return some.length === others.length && some.every((one) => others.includes(one));
}

function kept({ link, note }: GateState): { ifindex: number; note: GateNote } {
  return { ifindex: link.ifindex, note: note as GateNote };
}

function different({ listed: { direction, devs, match, limitBytes, priority, faults } }: GateState, operation: string) {
  const what = faults.length > 0
    ? `it is there, but not whole (${faults.join(", ")})`
    : `another is there: ${direction} of ${devs.join(", ")}, ${match?.join(" or ") || "all packets"}, ` +
      `limit ${limitBytes}, priority ${priority}`;
  return new QueueError("different-gate", operation, { reason: what });
}

/** Decides what was left open, and refuses what must not be. */
function decide(
  connection: Connection,
  { plan, operation, machine, devices }: Seen & { plan: GatePlan; operation: string },
): GateNote {
  const { direction, limitBytes = DEFAULT_LIMIT_BYTES, filters, all } = plan;
  for (const ifindex of devices) {
    refuseIngressQdisc(machine, { ifindex, plan, operation });
    if (plan.hold && all && !plan.force) refuseLockout(connection, { operation, ifindex });
  }
  const priority = choosePriority(machine, { plan, devices, operation });
  const ownClsact = devices.filter((ifindex) => !hookQdisc(machine, ifindex) || isOwnClsact(machine, ifindex));
  return { direction, devices, ownClsact, limitBytes, priority, filters: filters.length, all };
}

/** A device's `ingress` qdisc stands where clsact would, and has no hook for what leaves. */
function refuseIngressQdisc(
  machine: Machine,
  { ifindex, plan, operation }: { ifindex: number; plan: GatePlan; operation: string },
): void {
  if (hookQdisc(machine, ifindex)?.kind !== "ingress" || plan.direction === "ingress") return;
  const reason = "an ingress qdisc is there, which plugctl did not make: it has no hook for what leaves, and clsact, " +
    "which has one, cannot stand beside it";
  throw new QueueError("foreign-qdisc", operation, { reason });
}

/** Whether another gate has made the clsact of a device: whichever gate goes last takes it along. */
function isOwnClsact({ links }: Machine, ifindex: number): boolean {
  return links.some((link) => isGateDevice(link) && parseNote(link.alias)?.ownClsact.includes(ifindex));
}

function choosePriority(
  { filters }: Machine,
  { plan, devices, operation }: { plan: GatePlan; devices: number[]; operation: string },
): number {
  const parent = hookOf(plan.direction);
  const here = filters.filter((filter) => filter.parent === parent && devices.includes(filter.ifindex));
  const taken = new Set(here.map(({ priority }) => priority));
  if (plan.priority !== undefined) {
    if (!taken.has(plan.priority)) return plan.priority;
    const reason = `a filter with priority ${plan.priority} is there already`;
    throw new QueueError("priority-in-use", operation, { reason });
  }
  for (let priority = FIRST_PRIORITY; priority < PRIORITIES_END; priority++) if (!taken.has(priority)) return priority;
  throw new QueueError("priority-in-use", operation, { reason: `every priority from ${FIRST_PRIORITY} on is taken` });
}

/** One message of the set-up, and what it is for. */
interface Step {
  step: string;
  module: Module;
  request: Request;
  /** An errno that is no failure. */
  tolerated?: number;
}

/** Sends the steps, and where one fails takes down what the others made. Returns the index of the gate's device. */
function build(connection: Connection, { plan, operation, note, bare }: Decided): number {
  const { device } = plan;
  // By itself: where another process was faster, nothing of that may be touched.
  send(connection, { operation, steps: [{ step: `create ${device}`, module: "ifb", request: createDevice(device) }] });
  try {
    const ifindex = findDevice(connection, device);
    send(connection, {
      operation,
      steps: [...deviceSteps(plan, { ifindex, note }), ...plugSteps(plan, { ifindex, note })],
    });
    send(connection, { operation, steps: bare.map(clsactStep) });
    send(connection, { operation, steps: filterSteps(plan, { ifindex, note }) });
    return ifindex;
  } catch (error) {
    undo(connection, { plan, operation, error });
    throw error;
  }
}

/**
 * Every request of a gate's set-up, as far as it can be known without looking: the gate's own device has index 0,
 * and each device gets a clsact.
 */
export function plannedRequests(plan: GatePlan, devices: readonly number[]): Request[] {
  const { direction, limitBytes = DEFAULT_LIMIT_BYTES, priority = FIRST_PRIORITY, filters, all } = plan;
  const note = { direction, devices, ownClsact: devices, limitBytes, priority, filters: filters.length, all };
  const steps = [
    ...deviceSteps(plan, { ifindex: 0, note }),
    ...plugSteps(plan, { ifindex: 0, note }),
    ...devices.map(clsactStep),
    ...filterSteps(plan, { ifindex: 0, note }),
  ];
  return [createDevice(plan.device), ...steps.map(({ request }) => request)];
}

/** What was decided. */
interface Decided {
  plan: GatePlan;
  operation: string;
  note: GateNote;
  /** The devices that get a clsact. */
  bare: readonly number[];
}

function send(connection: Connection, { operation, steps }: { operation: string; steps: readonly Step[] }): void {
  const answers: Answer[] = connection.transact(steps.map(({ request }) => request));
  const failed = answers.findIndex(({ errno }, index) => errno !== 0 && errno !== steps[index].tolerated);
  if (failed < 0) return;
  throw stepError(operation, { ...steps[failed], refusal: answers[failed] });
}

/** The note comes first: from then on whoever finds the device knows what it is for. */
function deviceSteps({ device }: GatePlan, { ifindex, note }: { ifindex: number; note: GateNote }): Step[] {
  const quiet = { request: quietDevice(ifindex), tolerated: EAFNOSUPPORT };
  return [
    { step: `write the note of ${device}`, module: "ifb", request: writeNote(ifindex, note) },
    { step: `keep ${device} from making an address`, module: "ifb", ...quiet },
    { step: `take up ${device}`, module: "ifb", request: takeUp(ifindex) },
  ];
}

/** The plug is released in the same send in which it is created, unless it is to hold. */
function plugSteps(plan: GatePlan, { ifindex, note }: { ifindex: number; note: GateNote }): Step[] {
  const place: QdiscPlace = { ifindex, parent: TC_H_ROOT, handle: FIRST_HANDLE };
  const create = createRequest(place, { limitBytes: note.limitBytes });
  const pass = changeRequest(place, "release-indefinite");
  return [
    { step: `create the plug of ${plan.device}`, module: "sch_plug", request: create },
    ...plan.hold ? [] : [{ step: `release ${plan.device}`, module: "sch_plug", request: pass } as const],
  ];
}

function clsactStep(ifindex: number): Step {
  return { step: "create clsact", module: "sch_ingress", request: createClsact(ifindex) };
}

function filterSteps(plan: GatePlan, { ifindex: redirectTo, note }: { ifindex: number; note: GateNote }): Step[] {
  const { direction, priority } = note;
  return note.devices.flatMap((ifindex) =>
    plan.filters.map(({ handle, keys }): Step => ({
      step: "create a filter",
      module: "cls_flower",
      request: createFilter({ ifindex, parent: hookOf(direction), priority, handle }, { keys, redirectTo }),
    }))
  );
}

/** Takes down what was made before a step failed. What cannot be undone is said beside the reason. */
function undo(
  connection: Connection,
  { plan, operation, error }: { plan: GatePlan; operation: string; error: unknown },
): void {
  try {
    const { existing } = look(connection, { plan, operation });
    if (existing) takeDownSync(connection, { state: existing, operation: `undo what was done to ${operation}` });
  } catch (undoing) {
    throw new AggregateError([error, undoing], "Cannot undo what was done before a step failed");
  }
}
