import type { PlannedGate, PlannedPlug, PlannedStep, PlannedStepBase } from "../plan.ts";
import { type ActionName, ACTIONS, ATTACH } from "../schema/step.ts";
import { type Entry, follow, keyPlace, type Place, type Tree, valueAt } from "../source/tree.ts";
import { check } from "./check.ts";
import { commandOf, endOf } from "./command.ts";
import { conditionOf } from "./condition.ts";
import type { Context, Reference } from "./context.ts";
import { type GivenHost, hostOf } from "./host_of.ts";
import { gateOf, plugOf } from "./queue.ts";

/** How long `wait` waits, and `stop` until it kills, where nothing else is said, in milliseconds. */
const TIMEOUT_MS = 5000;

/** An action where it is written, and what its step says beside it. */
export interface WrittenAction {
  entry: Entry;
  base: PlannedStepBase;
  /** The host that the step names. */
  given?: GivenHost;
  context: Context;
}

/** Reads what a step does, where no other steps stand in it. */
export function planAction(
  action: Exclude<ActionName, "repeat" | "parallel">,
  written: WrittenAction,
): PlannedStep | undefined {
  const { entry: { value: tree }, base, given, context } = written;
  switch (action) {
    case "attach":
      return attachOf(written);
    case "wait": {
      const read = conditionOf({ tree, label: action, given }, context);
      if (!read || read.condition.about === "command") return undefined;
      const { condition, host, timeoutMs = context.defaults.timeoutMs ?? TIMEOUT_MS } = read;
      return { action, ...base, host, condition, timeoutMs };
    }
    case "expect": {
      const read = conditionOf({ tree, label: action, given }, context);
      return read && { action, ...base, host: read.host, condition: read.condition };
    }
    case "detach":
    case "buffer":
    case "release-one":
    case "release-indefinite": {
      const queues = check(ACTIONS[action], { tree, label: action }, context);
      return queues && { action, ...base, queues: queuesOf(queues, { tree, context }) };
    }
    case "limit":
      return limitOf(written);
    case "sleep": {
      const range = check(ACTIONS.sleep, { tree, label: action }, context);
      return range && { action, ...base, ...range };
    }
    case "log": {
      const text = check(ACTIONS.log, { tree, label: action }, context);
      return text === undefined ? undefined : { action, ...base, text };
    }
    default:
      return processAction(action, written);
  }
}

function attachOf({ entry: { value: tree }, base, given, context }: WrittenAction): PlannedStep | undefined {
  const { line, column } = tree;
  const kind = (["gate", "plug"] as const).find((key) => valueAt(tree, key));
  if (!kind) {
    const expected = "a gate, { gate: web, dev: lo, direction: egress }, or a plug, { plug: up, dev: eth0 }";
    context.mistakes.push({ line, column, what: "attach does not say what", expected });
    return undefined;
  }
  const place = keyPlace(tree, [kind]);
  const queue = kind === "gate"
    ? attachedGate(tree, { place, given, context })
    : attachedPlug(tree, { place, given, context });
  return queue && { action: "attach", ...base, host: queue.host, queue };
}

interface AttachedHere {
  place: Place;
  given?: GivenHost;
  context: Context;
}

function attachedGate(tree: Tree, { place, given, context }: AttachedHere): PlannedGate | undefined {
  const fields = check(ATTACH.gate, { tree, label: "attach" }, context);
  return fields && gateOf(fields, { name: fields.gate, place, tree, given }, context);
}

function attachedPlug(tree: Tree, { place, given, context }: AttachedHere): PlannedPlug | undefined {
  const fields = check(ATTACH.plug, { tree, label: "attach" }, context);
  return fields && plugOf(fields, { name: fields.plug, place, tree, given }, context);
}

function limitOf({ entry: { value: tree }, base, context }: WrittenAction): PlannedStep | undefined {
  const fields = check(ACTIONS.limit, { tree, label: "limit" }, context);
  if (!fields) return undefined;
  const { gate = [], plug = [], size } = fields;
  const gates = gate.length > 0 ? queuesOf(gate, { tree: follow(tree, ["gate"]), context, kind: "gate" }) : [];
  const plugs = plug.length > 0 ? queuesOf(plug, { tree: follow(tree, ["plug"]), context, kind: "plug" }) : [];
  if (gates.length + plugs.length > 0) {
    return { action: "limit", ...base, queues: [...gates, ...plugs], limitBytes: size };
  }
  const { line, column } = tree;
  context.mistakes.push({ line, column, what: "limit does not say of what", expected: "gate or plug, with a name" });
}

/** Notes names of gates and plugs, each of which may be given once. */
function queuesOf(
  names: readonly string[],
  { tree, context, kind = "queue" }: { tree: Tree; context: Context; kind?: Reference["kind"] },
): readonly string[] {
  names.forEach((name, index) => {
    const { line, column } = follow(tree, [index]);
    context.references.push({ kind, name, line, column });
    if (names.indexOf(name) === index) return;
    context.mistakes.push({ line, column, what: `${name} is given twice`, expected: "each name once" });
  });
  return names;
}

function processAction(action: "run" | "start" | "stop" | "join", written: WrittenAction): PlannedStep | undefined {
  const { entry: { value: tree }, base, given, context } = written;
  switch (action) {
    case "run": {
      const fields = check(ACTIONS.run, { tree, label: action }, context);
      if (!fields) return undefined;
      const host = hostOf(given, context);
      return { action, ...base, host, ...commandOf(fields, context), ...endOf(fields), timeoutMs: fields.timeout };
    }
    case "start": {
      const fields = check(ACTIONS.start, { tree, label: action }, context);
      if (!fields) return undefined;
      context.processes.add(fields.name);
      const host = hostOf(given, context);
      return { action, ...base, host, ...commandOf(fields, context), process: fields.name };
    }
    case "stop": {
      const fields = check(ACTIONS.stop, { tree, label: action }, context);
      if (!fields) return undefined;
      const { signal, timeout = context.defaults.timeoutMs ?? TIMEOUT_MS } = fields;
      return { action, ...base, process: processOf(fields.name, { tree, context }), signal, timeoutMs: timeout };
    }
    case "join": {
      const fields = check(ACTIONS.join, { tree, label: action }, context);
      if (!fields) return undefined;
      const process = processOf(fields.name, { tree, context });
      return { action, ...base, ...endOf(fields), process, timeoutMs: fields.timeout };
    }
  }
}

function processOf(name: string, { tree, context }: { tree: Tree; context: Context }): string {
  const { line, column } = valueAt(tree, "name") ?? tree;
  context.references.push({ kind: "process", name, line, column });
  return name;
}
