import { TC_H_ROOT } from "../codec/handle.ts";
import type { Request } from "../codec/request.ts";
import { type AnyOperation, EAFNOSUPPORT, ENOENT, EOPNOTSUPP, type Refusal } from "../linux/netlink_error.ts";
import {
  changeRequest,
  createRequest,
  FIRST_HANDLE,
  FIRST_RANK,
  type QdiscPlace,
  RANKED_HANDLE,
  RANKS,
} from "../plug/plug_requests.ts";
import { otherRefusalError, QueueError, refusalError } from "../plug/queue_error.ts";
import { createException, createFilter, createSorter, hookOf } from "../plug/filter.ts";
import {
  createClsact,
  createDevice,
  createPrio,
  formatNote,
  type GateNote,
  quietDevice,
  sidesOf,
  takeUp,
  writeNote,
} from "../plug/gate_device.ts";
import { DEFAULT_LIMIT_BYTES, FIRST_PRIORITY, type GatePlan } from "./gate_plan.ts";

/** The module that a step of a gate's set-up takes; the kernel's sentences name none. */
export type Module = "ifb" | "sch_plug" | "sch_prio" | "sch_ingress" | "cls_flower" | "cls_bpf";

/** One message of the set-up, and what it is for. */
export interface Step {
  step: string;
  module: Module;
  /** The module of the action that a filter ends with. */
  action?: "act_mirred" | "act_gact";
  request: Request;
  /** An errno that is no failure. */
  tolerated?: number;
}

/** The gate's own device, once it is there, and its note. */
interface Made {
  ifindex: number;
  note: GateNote;
}

/** The note comes first: from then on whoever finds the device knows what it is for. */
export function deviceSteps({ device }: GatePlan, { ifindex, note }: Made): Step[] {
  const quiet = { request: quietDevice(ifindex), tolerated: EAFNOSUPPORT };
  return [
    { step: `write the note of ${device}`, module: "ifb", request: writeNote(ifindex, formatNote(note).alias) },
    { step: `keep ${device} from making an address`, module: "ifb", ...quiet },
    { step: `take up ${device}`, module: "ifb", request: takeUp(ifindex) },
  ];
}

/** The plug is released in the same send in which it is created, unless it is to hold. */
export function plugSteps(plan: GatePlan, { ifindex, note }: Made): Step[] {
  const isRanked = plan.first.length > 0;
  const places = isRanked
    ? RANKS.map((rank): QdiscPlace => ({ ifindex, ...rank }))
    : [{ ifindex, parent: TC_H_ROOT, handle: FIRST_HANDLE }];
  return [
    ...isRanked
      ? [{ step: `create prio on ${plan.device}`, module: "sch_prio", request: createPrio(ifindex) } as const]
      : [],
    ...isRanked ? sorterSteps(plan, ifindex) : [],
    ...places.flatMap((place): Step[] => {
      const create = createRequest(place, { limitBytes: note.limitBytes });
      const pass = changeRequest(place, "release-indefinite");
      return [
        { step: `create the plug of ${plan.device}`, module: "sch_plug", request: create },
        ...plan.hold ? [] : [{ step: `release ${plan.device}`, module: "sch_plug", request: pass } as const],
      ];
    }),
  ];
}

/** What goes first is told from the rest on the gate's own device. */
function sorterSteps({ sorters }: GatePlan, ifindex: number): Step[] {
  return sorters.map(({ handle, compared }): Step => ({
    step: "create a filter for what goes first",
    module: compared.kind === "bpf" ? "cls_bpf" : "cls_flower",
    request: createSorter({ ifindex, parent: RANKED_HANDLE, priority: FIRST_PRIORITY, handle }, {
      compared,
      classId: FIRST_RANK,
    }),
  }));
}

export function clsactStep(ifindex: number): Step {
  return { step: "create clsact", module: "sch_ingress", request: createClsact(ifindex) };
}

/** What is to pass comes first: of filters with one priority the kernel asks those first whose like it was given first. */
export function filterSteps(plan: GatePlan, { ifindex: redirectTo, note }: Made): Step[] {
  const { priority } = note;
  const { cookies } = formatNote(note);
  const hooks = note.devices.flatMap((ifindex) =>
    sidesOf(note.direction).map((side) => ({ ifindex, parent: hookOf(side) }))
  );
  const { filters, exceptions, every, probability, meaning: { kind } } = plan;
  const chooses = (every ?? probability) !== undefined;
  const module = kind === "bpf" ? "cls_bpf" : "cls_flower";
  return hooks.flatMap((hook) => [
    ...exceptions.map(({ handle, compared }, index): Step => ({
      step: "create a filter for an exception",
      module,
      action: "act_gact",
      request: createException({ ...hook, priority, handle }, { compared, kept: cookies[filters.length + index] }),
    })),
    ...filters.map(({ handle, compared }, index): Step => ({
      step: "create a filter",
      module,
      ...chooses ? { action: "act_gact" } : {},
      request: createFilter({ ...hook, priority, handle }, {
        compared,
        redirectTo,
        chance: { every, probability },
        kept: cookies[index],
      }),
    })),
  ]);
}

/** Creates the device, before all else. */
export function createStep({ device }: GatePlan): Step {
  return { step: `create ${device}`, module: "ifb", request: createDevice(device) };
}

/**
 * Every request of a gate's set-up, as far as it can be known without looking: the gate's own device has index 0,
 * and each device gets a clsact.
 */
export function plannedRequests(plan: GatePlan, devices: readonly number[]): Request[] {
  const { limitBytes = DEFAULT_LIMIT_BYTES, priority = FIRST_PRIORITY } = plan;
  const note = noteOf(plan, { devices, ownClsact: devices, limitBytes, priority });
  const steps = [
    ...deviceSteps(plan, { ifindex: 0, note }),
    ...plugSteps(plan, { ifindex: 0, note }),
    ...devices.map(clsactStep),
    ...filterSteps(plan, { ifindex: 0, note }),
  ];
  return [createStep(plan), ...steps].map(({ request }) => request);
}

/** The note of what a plan means, with what was left open. */
export function noteOf(
  { direction, meaning, filters, exceptions, sorters, sign, match, except, first, every, probability }: GatePlan,
  decided: Pick<GateNote, "devices" | "ownClsact" | "limitBytes" | "priority">,
): GateNote {
  return {
    direction,
    ...decided,
    ...meaning.kind === "bpf" ? { kind: meaning.kind } : {},
    filters: filters.length,
    exceptions: exceptions.length,
    every,
    probability,
    sign,
    match,
    except,
    firstFilters: sorters.length,
    first,
  };
}

/** What the kernel says where a module is not there; only the sentence tells that from other refusals. */
const UNKNOWN = [
  "Unknown device type",
  "Specified qdisc kind is unknown",
  "TC classifier not found",
  "Specified TC filter kind",
  "Failed to load TC action module",
];

/** What the kernel's refusal of a step means: which step it was, what it said, and the module that is missing. */
export function stepError(
  operation: AnyOperation,
  { step, module, action = "act_mirred", refusal }: Omit<Step, "request" | "tolerated"> & { refusal: Refusal },
): QueueError {
  const { errno, sentence = "" } = refusal;
  if ((errno !== ENOENT && errno !== EOPNOTSUPP) || !UNKNOWN.some((words) => sentence.startsWith(words))) {
    const means = module === "sch_plug" ? refusalError : otherRefusalError;
    const { code, reason, cause } = means(operation, refusal);
    return new QueueError(code, operation, { reason: `${reason}, at this step: ${step}`, cause });
  }
  const missing = sentence.startsWith("Failed to load TC action") ? action : module;
  const { cause } = refusalError(operation, refusal);
  return new QueueError("no-module", operation, {
    reason: `this kernel has no ${missing}, needed to ${step}`,
    module: missing,
    cause,
  });
}
