import { Gate } from "../../gate/gate.ts";
import type { Direction } from "../../plug/gate_device.ts";
import { type GateOptions, type GatePlan, parseDirection, planGate } from "../../gate/gate_plan.ts";
import { plannedRequests } from "../../gate/gate_steps.ts";
import { MatchError } from "../../gate/match/reader.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { deviceName, parseSize } from "../values.ts";
import { openConnection, refuseTwice } from "../targets.ts";
import { understood, UsageError } from "../usage_error.ts";

/** `plugctl gate add` */
export async function run(context: Context): Promise<void> {
  const options = gateOptions(context);
  const plan = understood(() => plannedGate(options));
  if (isGiven(context, "dry-run")) return await printPlan(context, plan);
  using connection = await openConnection(context);
  const gate = Gate.open({ ...options, connection });
  for (const warning of gate.plug.warnings) context.note(warning);
  if (!gate.made) context.note(`the gate ${gate.name} is there already, and nothing was changed`);
  if (!isGiven(context, "json")) return;
  const { lastAsked } = gate.plug;
  context.print(`${JSON.stringify({ ...gate.read(), made: gate.made, lastAsked }, null, 2)}\n`);
}

/** The plan; an error in a match is shown with a caret under what is wrong. */
function plannedGate(options: GateOptions): GatePlan {
  try {
    return planGate(options);
  } catch (error) {
    if (!(error instanceof MatchError)) throw error;
    const drawing = error.drawing.replaceAll(/^/gm, "  ");
    const meant = error.hint === undefined ? "" : `; did you mean "${error.hint}"?`;
    throw new UsageError(
      `cannot understand --match: ${error.what}, expected ${error.expected}${meant}\n${drawing}`,
      { cause: error },
    );
  }
}

function gateOptions(context: Context): GateOptions {
  const { operands: [name, ...named], values } = context.arguments;
  const devices = [...named, ...values.get("dev") ?? []];
  if (devices.length === 0) {
    throw new UsageError(`gate add needs a device: plugctl gate add ${name} DEV --direction DIRECTION`);
  }
  refuseTwice(devices);
  const limit = valueOf(context, "limit");
  return {
    name,
    devs: devices.map(deviceName),
    direction: directionOf(context),
    match: values.get("match"),
    limitBytes: limit === undefined ? undefined : parseSize(limit),
    priority: priorityOf(context),
    hold: isGiven(context, "hold"),
    replace: isGiven(context, "replace"),
    force: isGiven(context, "force"),
  };
}

function directionOf(context: Context): Direction {
  const direction = valueOf(context, "direction");
  if (direction === undefined) throw new UsageError("gate add needs --direction: in, out or both");
  return understood(() => parseDirection(direction));
}

function priorityOf(context: Context): number | undefined {
  const text = valueOf(context, "priority");
  if (text === undefined) return undefined;
  if (/^[0-9]{1,5}$/.test(text)) return Number(text);
  throw new UsageError(`invalid priority ${JSON.stringify(text)}: use a whole number from 1 to 65535`);
}

/** Prints what would be sent if nothing of it were there. */
async function printPlan(context: Context, plan: GatePlan): Promise<void> {
  const { printMessages, readIndex } = await import("../dry_run.ts");
  context.note(`the index of ${plan.device} is shown as 0, it is not there yet`);
  printMessages(context, plannedRequests(plan, plan.devs.map((dev) => readIndex(context, dev))));
}
