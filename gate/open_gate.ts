import { onGate } from "../plug/queue.ts";
import { timedUndisturbed } from "../linux/process.ts";
import type { Answer, Connection } from "../netlink/connection.ts";
import { type AnyOperation, EEXIST, Operation, subjectOf } from "../linux/netlink_error.ts";
import { inTurn } from "../guardian/mark.ts";
import { refuseLockouts, refuseLowLimit } from "../plug/change.ts";
import { mayTrack } from "../plug/conntrack.ts";
import { numberOf } from "../plug/quantity.ts";
import { findDevice, readLinks } from "../plug/qdiscs.ts";
import { checkAnswers, QueueError, type Where } from "../plug/queue_error.ts";
import { settledSync } from "../plug/release.ts";
import { takeDownInTurn } from "./close_gate.ts";
import { formatNote, type GateNote, packetsText, sidesOf, writeNote } from "../plug/gate_device.ts";
import { asksForStates, DEFAULT_LIMIT_BYTES, FIRST_PRIORITY, fitTo, type GatePlan } from "./gate_plan.ts";
import { type GateState, type ListedGate, remarksOn } from "./gate_state.ts";
import { heldBy } from "./held.ts";
import { ingressChains, othersAt } from "./others.ts";
import {
  clsactStep,
  createStep,
  deviceSteps,
  filterSteps,
  noteOf,
  plugSteps,
  type Step,
  stepError,
} from "./gate_steps.ts";
import { isSame, linkHeaderOf, type Survey, survey, type Surveyed, wouldLose } from "./survey.ts";

/** A gate that is there now. */
export interface Opened {
  ifindex: number;
  note: GateNote;
  /** Whether it was made; otherwise the same was there already, and nothing was touched. */
  made: boolean;
  /** What the filters of others and the gate do to each other, a sentence each. */
  warnings: string[];
  /** For how long at the most devices have sent nothing since they were given a clsact, in milliseconds. */
  gapMs: number;
}

/** `IFF_LOOPBACK` of `linux/if.h` */
const IFF_LOOPBACK = 8;
const PRIORITIES_END = 0x10000;

/** What is to be done, and as a part of what. */
interface Task {
  plan: GatePlan;
  operation: AnyOperation;
}

/**
 * Makes a gate: its device with a plug that passes packets, then clsact where there is none, and the filters
 * last, so that no packet is sent there before all is ready for it. A step that fails undoes those before it.
 *
 * @throws {QueueError} where something is in the way, it would lock out, or the kernel refuses a step
 */
export function openGate(connection: Connection, plan: GatePlan, beforeItIsMade: () => void = () => {}): Opened {
  return inTurn(connection, () => openInTurn(connection, plan, beforeItIsMade));
}

/** What `openGate` would do. */
export interface Foreseen {
  /** `keep` where the same gate is there, `replace` where another is that may be taken down. */
  would: "make" | "replace" | "keep";
  /** The gate of this name, as it is. */
  existing?: ListedGate;
  /** What the filters of others and the gate would do to each other, a sentence each. */
  warnings: string[];
}

/**
 * What `openGate` would do now, of which nothing is done.
 *
 * @throws {QueueError} what `openGate` would, before it touches anything
 */
export function foreseeGate(connection: Connection, wanted: GatePlan): Foreseen {
  const { existing, same, ...found } = look(connection, wanted);
  if (existing) {
    return { would: same ? "keep" : "replace", existing: existing.listed, warnings: remarksOn(existing.listed) };
  }
  return { would: "make", warnings: warningsOf(connection, { ...found, priority: decide(found).priority }) };
}

/** Looks at what there is, and refuses what must not be. */
function look(connection: Connection, wanted: GatePlan): Task & Survey & { same: boolean } {
  const operation = onGate(wanted.name, "add");
  const { existing, devices } = surveyAtRest(connection, { plan: wanted, operation });
  refuseTwice(devices, { plan: wanted, operation });
  const plan = fitTo(wanted, linkHeaderOf(devices, { plan: wanted, operation }));
  const same = existing !== undefined && isSame(existing, { plan, devices });
  if (existing && !same && !plan.replace) throw different(existing, operation);
  if (!same) refuse(connection, { plan, operation, devices });
  return { plan, operation, existing, devices, same };
}

function openInTurn(connection: Connection, wanted: GatePlan, beforeItIsMade: () => void): Opened {
  const { existing, same, ...found } = look(connection, wanted);
  if (existing) {
    if (same) return kept(existing);
    takeDownInTurn(connection, { ifindex: existing.link.ifindex, operation: found.operation });
    return openInTurn(connection, wanted, beforeItIsMade);
  }
  const note = decide(found);
  const warnings = warningsOf(connection, { ...found, priority: note.priority });
  beforeItIsMade();
  const { ifindex, gapMs } = build(connection, { ...found, note });
  return {
    ifindex,
    note,
    made: true,
    warnings: [...warnings, ...discardWarnings(found.devices), ...gapWarning(found.devices, gapMs)],
    gapMs,
  };
}

function warningsOf(connection: Connection, chosen: Task & Survey & { priority: number }): string[] {
  return [...othersOf(connection, chosen), ...untrackedWarning(connection, chosen.plan)];
}

/** What there is, once that has left which was let go just now: the kernel sends it a moment later, in a softirq. */
function surveyAtRest(connection: Connection, task: Task): Survey {
  let found = survey(connection, task);
  settledSync(() => {
    const lost = found.existing ? [] : found.devices.filter(wouldLose);
    if (lost.length > 0) found = survey(connection, task);
    return lost.length;
  });
  return found;
}

/** Refuses a device that has two names, and is named by both. */
function refuseTwice(devices: readonly Surveyed[], { plan, operation }: Task): void {
  devices.forEach(({ ifindex, link }, index) => {
    const first = devices.findIndex((device) => device.ifindex === ifindex);
    if (first === index) return;
    const reason = `${plan.devs[first]} and ${plan.devs[index]} are names of one device, ${link.name}`;
    throw new QueueError("refused", operation, { reason });
  });
}

function kept({ listed, link, note }: GateState): Opened {
  return { ifindex: link.ifindex, note: note as GateNote, made: false, warnings: remarksOn(listed), gapMs: 0 };
}

function different(
  { listed: { direction, devs, limitBytes, priority, faults, ...listed } }: GateState,
  operation: AnyOperation,
) {
  const what = faults.length > 0
    ? `it is there, but not whole (${faults.join(", ")})`
    : `another is there: ${direction} of ${devs.join(", ")}, ${packetsText(listed)}, ` +
      `limit ${limitBytes}, priority ${priority}`;
  return new QueueError("different-gate", operation, { reason: what });
}

/**
 * Refuses what must not be, before anything is touched.
 *
 * @throws {QueueError} where packets would be lost, somebody else's filters bypassed, or somebody locked out
 */
function refuse(connection: Connection, { plan, operation, devices }: Task & Survey): void {
  const { meaning: { cubes, excepted }, direction } = plan;
  for (const [index, device] of devices.entries()) {
    const { ifindex } = device;
    refuseDeviceKind(device, { plan, operation, dev: plan.devs[index] });
    refuseIngressQdisc(device, { plan, operation });
    refuseHeld(device, { operation, dev: plan.devs[index] });
    refuseStray(device, { operation, dev: plan.devs[index] });
    if (plan.force) continue;
    const danger = {
      operation,
      ifindex,
      held: heldBy({ cubes, except: excepted }, direction),
    };
    if (plan.limitBytes !== undefined) refuseLowLimit(connection, { ...danger, limitBytes: plan.limitBytes });
    if (plan.hold && !plan.hasDeadline) refuseLockouts(connection, [danger]);
  }
  if (!plan.force) refuseBypass(connection, { plan, operation, devices });
}

/** An ifb's packets, and those of hooks that share their filters, cannot be held by a gate; loopback's would be twice. */
function refuseDeviceKind({ link, shared }: Surveyed, { plan, operation, dev }: Task & { dev: string }): void {
  const refuse = (reason: string, remedy?: (where: Where) => string) => {
    throw new QueueError("refused", operation, { reason, remedy });
  };
  if (link.kind === "ifb") {
    refuse(
      `${dev} is an ifb: packets come to it by a redirect, and the gate's own redirect would lose every one`,
      ({ netns }) => `hold all that it carries with: plugctl attach --dev ${dev}${netns}`,
    );
  }
  if (plan.direction === "both" && (link.linkFlags & IFF_LOOPBACK) !== 0) {
    refuse(`${dev} is loopback: what leaves there comes in again, and would be held twice; use --direction out, or in`);
  }
  const block = shared.find(({ side }) => sidesOf(plan.direction).includes(side));
  if (block) {
    refuse(
      `the ${block.side} filters of ${dev} are in block ${block.block}, which other devices can share: a filter ` +
        "there would meet the packets of all of them",
    );
  }
}

/** Refuses to take packets from filters of others that come later, and which see them now. */
function refuseBypass(connection: Connection, { plan, operation, devices }: Task & Survey): void {
  const priority = choosePriority(devices, { plan, operation });
  const bypassed = hooksWithOthers(connection, { plan, devices, operation, priority }).filter(({ others }) =>
    others.bypassed.length > 0
  );
  if (bypassed.length === 0) return;
  const where = bypassed.map(({ place, others }) => `${others.bypassed.join("; ")}, on ${place}`).join("; ");
  throw new QueueError("would-bypass", operation, {
    reason:
      `with its priority ${priority} the packets that it takes would bypass what others have put behind it: ${where}`,
  });
}

/** What is worth knowing of the filters of others, a sentence each. */
function othersOf(connection: Connection, chosen: Task & Survey & { priority: number }): string[] {
  const { plan } = chosen;
  return hooksWithOthers(connection, chosen).flatMap(({ place, others: { bypassed, before } }) => [
    ...bypassed.map((name) => `the packets that the gate ${plan.name} takes on ${place} bypass: ${name}`),
    ...before.map((name) => `the gate ${plan.name} does not see what is taken before it on ${place} by: ${name}`),
  ]);
}

function hooksWithOthers(
  connection: Connection,
  { plan, devices, operation, priority }: Task & Survey & { priority: number },
) {
  const isAlone = devices.every(({ foreign }) => foreign.every(({ filters }) => filters.length === 0));
  const links = isAlone ? [] : readLinks(connection, operation);
  const { cubes, excepted: except } = plan.meaning;
  const chains = plan.direction === "egress" ? undefined : ingressChains(connection);
  return devices.flatMap(({ link, foreign }, index) =>
    sidesOf(plan.direction).map((side) => {
      const { filters = [] } = foreign.find((one) => one.side === side) ?? {};
      const { bypassed, before } = othersAt(filters, { priority, cubes, except, links });
      const unseen = side === "ingress" ? chains?.get(link.name) ?? [] : [];
      return { place: `${plan.devs[index]} ${side}`, others: { bypassed: [...bypassed, ...unseen], before } };
    })
  );
}

/** Decides what was left open. */
function decide({ plan, operation, devices }: Task & Survey): GateNote {
  return noteOf(plan, {
    devices: devices.map(({ ifindex }) => ifindex),
    ownClsact: devices.filter(({ hook, isOwn }) => !hook || isOwn).map(({ ifindex }) => ifindex),
    limitBytes: plan.limitBytes ?? DEFAULT_LIMIT_BYTES,
    priority: choosePriority(devices, { plan, operation }),
  });
}

/** A device's `ingress` qdisc stands where clsact would, and has no hook for what leaves. */
function refuseIngressQdisc({ hook }: Surveyed, { plan, operation }: Task): void {
  if (hook?.kind !== "ingress" || plan.direction === "ingress") return;
  const reason = "an ingress qdisc is there, which plugctl did not make: it has no hook for what leaves, and clsact, " +
    "which has one, cannot stand beside it";
  throw new QueueError("foreign-qdisc", operation, { reason });
}

/** Refuses to stand behind what is left of a gate whose device somebody has deleted. */
function refuseStray({ hasStray }: Surveyed, { operation, dev }: { operation: AnyOperation; dev: string }): void {
  if (!hasStray) return;
  const reason = `filters of a gate whose device is gone are on ${dev}, and lose the packets that they match`;
  const remedy = ({ netns }: Where) => `delete them with: plugctl recover${netns}`;
  throw new QueueError("refused", operation, { reason, remedy });
}

function refuseHeld(device: Surveyed, { operation, dev }: { operation: AnyOperation; dev: string }): void {
  if (device.hook || device.held === 0) return;
  const held = numberOf(device.held, "packet");
  const reason = `a plug on ${dev} holds ${held}, which the kernel discards when clsact is created there`;
  const remedy = ({ netns }: Where) => `release them first with: plugctl release --dev ${dev}${netns}`;
  throw new QueueError("refused", operation, { reason, remedy });
}

function choosePriority(devices: readonly Surveyed[], { plan, operation }: Task): number {
  const isTaken = (priority: number) => devices.some(({ priorities }) => priorities.has(priority));
  if (plan.priority !== undefined) {
    if (!isTaken(plan.priority)) return plan.priority;
    const reason = `a filter with priority ${plan.priority} is there already`;
    throw new QueueError("priority-in-use", operation, { reason });
  }
  for (let priority = FIRST_PRIORITY; priority < PRIORITIES_END; priority++) if (!isTaken(priority)) return priority;
  throw new QueueError("priority-in-use", operation, { reason: `every priority from ${FIRST_PRIORITY} on is taken` });
}

/** What waited in the queues of devices that got a clsact: the kernel discards it. */
function discardWarnings(devices: readonly Surveyed[]): string[] {
  return devices.filter(wouldLose).map(({ link: { name }, queued }) =>
    `${numberOf(queued, "packet")} waited in the queue of ${name} when clsact was put there: the kernel discarded ` +
    `${queued === 1 ? "it" : "them"}`
  );
}

/** That a gate asks for what nothing may be looking for. */
function untrackedWarning(connection: Connection, { name, meaning }: GatePlan): string[] {
  if (!asksForStates(meaning) || mayTrack(connection)) return [];
  return [
    `no connection is tracked here at the moment: until a rule of nft or iptables asks for that, to the gate ${name} ` +
    "no packet has a state (ct)",
  ];
}

/** That the kernel has discarded what devices were given to send while they got a clsact, where it has. */
function gapWarning(devices: readonly Surveyed[], gapMs: number): string[] {
  if (gapMs === 0) return [];
  const names = devices.filter(({ hook }) => !hook).map(({ link }) => link.name).join(", ");
  return [
    `${names} sent nothing for up to ${
      gapMs.toFixed(1)
    } ms meanwhile: the kernel discarded what it was given to send ` +
    "while clsact was put there; where clsact is there already nothing is lost",
  ];
}

/** Sends the steps, and where one fails takes down what the others made. Returns the index of the gate's device. */
function build(
  connection: Connection,
  { plan, operation, devices, note }: Task & Survey & { note: GateNote },
): { ifindex: number; gapMs: number } {
  // By itself: where another process was faster, nothing of that may be touched.
  send(connection, { operation, steps: [createStep(plan)] });
  const ifindex = findDevice(connection, plan.device);
  try {
    const steps = [...deviceSteps(plan, { ifindex, note }), ...plugSteps(plan, { ifindex, note })];
    send(connection, { operation, steps });
    const bare = devices.filter(({ hook }) => !hook).map(({ ifindex }) => ifindex);
    const gapMs = createClsacts(connection, { operation, ifindex, note, bare });
    send(connection, { operation, steps: filterSteps(plan, { ifindex, note }) });
    return { ifindex, gapMs };
  } catch (error) {
    undo(connection, { plan, operation, ifindex, error });
    throw error;
  }
}

interface Clsacts {
  operation: AnyOperation;
  ifindex: number;
  note: GateNote;
  /** The devices that had none when they were looked at. */
  bare: readonly number[];
}

/**
 * Creates clsact where there is none. One that somebody else was faster to create is his, as the note then says. Returns
 * for how long at the most their devices sent nothing meanwhile, in milliseconds.
 */
function createClsacts(connection: Connection, { operation, ifindex, note, bare }: Clsacts): number {
  if (bare.length === 0) return 0;
  const steps = bare.map((device) => ({ ...clsactStep(device), tolerated: EEXIST }));
  const { result: answers, gapMs } = timedUndisturbed(() => connection.transact(steps.map(({ request }) => request)));
  const others = bare.filter((_, index) => answers[index].errno !== 0);
  if (others.length > 0) {
    const ownClsact = note.ownClsact.filter((device) => !others.includes(device));
    checkAnswers(operation, connection.transact([writeNote(ifindex, formatNote({ ...note, ownClsact }).alias)]));
  }
  checkSteps(answers, { operation, steps });
  return gapMs;
}

function send(connection: Connection, { operation, steps }: { operation: AnyOperation; steps: readonly Step[] }): void {
  checkSteps(connection.transact(steps.map(({ request }) => request)), { operation, steps });
}

function checkSteps(
  answers: readonly Answer[],
  { operation, steps }: { operation: AnyOperation; steps: readonly Step[] },
): void {
  const failed = answers.findIndex(({ errno }, index) => errno !== 0 && errno !== steps[index].tolerated);
  if (failed < 0) return;
  throw stepError(operation, { ...steps[failed], refusal: answers[failed] });
}

/** Takes down what was made before a step failed. What cannot be undone is said beside the reason. */
function undo(
  connection: Connection,
  { operation, ifindex, error }: Task & { ifindex: number; error: unknown },
): void {
  try {
    takeDownInTurn(connection, {
      ifindex,
      operation: new Operation(`undo what was done to ${operation}`, subjectOf(operation)),
      force: true,
    });
  } catch (undoing) {
    throw new AggregateError([error, undoing], "Cannot undo what was done before a step failed");
  }
}
