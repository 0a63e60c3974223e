import { parseHandle, parseParent, TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import { Connection } from "../netlink/connection.ts";
import { namespacePath } from "../linux/namespace.ts";
import type { PlugPlace } from "../plug/queue.ts";
import { type Context, isGiven, valueOf } from "./context.ts";
import { type CommandName, COMMANDS, type CommandSpec } from "./table.ts";
import { deviceName, gateOperand } from "./values.ts";
import { understood, UsageError } from "./usage_error.ts";

/** The operands that name gates. */
const GATES = "[GATE...]";

/**
 * The queues that a command is about: one for each `--dev`.
 *
 * @throws {UsageError} where no device is given, or a value is wrong
 */
export function queuePlaces(context: Context): PlugPlace[] {
  const { command, values } = context.arguments;
  const devices = values.get("dev");
  if (!devices) throw new UsageError(missingQueue(command));
  const parentText = valueOf(context, "parent");
  const handleText = valueOf(context, "handle");
  const parent = parentText === undefined ? undefined : understood(() => parseParent(parentText));
  const handle = handleText === undefined ? undefined : understood(() => parseHandle(handleText));
  namespaceOf(context);
  if (parent === TC_H_CLSACT) throw new UsageError(`a plug cannot hang at ${parentText}, which holds no packets`);
  return devices.map((dev) => ({ dev: deviceName(dev), parent, handle }));
}

/** What is wrong with a command line that names no queue. */
function missingQueue(command: CommandName): string {
  const { operands = [] }: CommandSpec = COMMANDS[command];
  if (!operands.includes(GATES)) return `${command} needs a device: plugctl ${command} --dev DEV`;
  const words = [command, ...operands.filter((operand) => operand !== GATES)].join(" ");
  return `${command} needs a device or a gate: plugctl ${words} --dev DEV, or plugctl ${words} GATE`;
}

/**
 * The queues that a command is about: the gates that its operands name, and one for each `--dev`.
 *
 * @throws {UsageError} where there is neither, or a value is wrong
 */
export function queueTargets(context: Context): { gates: string[]; places: PlugPlace[] } {
  const { command, operands, values } = context.arguments;
  const fixed = ((COMMANDS[command] as CommandSpec).operands ?? []).indexOf(GATES);
  const gates = operands.slice(fixed).map(gateOperand);
  const twice = gates.find((name, index) => gates.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`the gate ${twice} is named twice`);
  if (gates.length === 0 || values.has("dev")) return { gates, places: queuePlaces(context) };
  const stray = (["parent", "handle"] as const).find((name) => values.has(name));
  if (stray) throw new UsageError(`--${stray} goes with --dev: a gate has one plug`);
  namespaceOf(context);
  return { gates, places: [] };
}

/** Whether a place is a device's root: by name, or because nothing else is said. */
export function isRoot({ parent, handle }: PlugPlace): boolean {
  return parent === TC_H_ROOT || (parent === undefined && handle === undefined);
}

/** The network namespace meant, or `undefined` where it is this process's own. */
function namespaceOf(context: Context): string | undefined {
  const netns = valueOf(context, "netns");
  if (netns !== undefined) understood(() => namespacePath(netns));
  return netns;
}

/** Opens a connection to a namespace, or to the one meant; with `--verbose` it shows what goes through. */
export async function openConnection(context: Context, netns = namespaceOf(context)): Promise<Connection> {
  // Loaded only where it is asked for: it brings the names and texts of the codec, which most commands do without.
  if (!isGiven(context, "verbose")) return Connection.open({ netns });
  const { traceMessages } = await import("./trace.ts");
  return Connection.open({ netns, trace: traceMessages(context) });
}
