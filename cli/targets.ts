import { parseHandle, parseParent, TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage } from "../codec/message.ts";
import { gateDevice } from "../plug/gate_name.ts";
import { namespacePath } from "../linux/namespace.ts";
import { Connection } from "../netlink/connection.ts";
import { linksByName } from "../plug/qdiscs.ts";
import type { PlugPlace } from "../plug/queue.ts";
import { QueueError } from "../plug/queue_error.ts";
import { type Context, isGiven, valueOf } from "./context.ts";
import { type CommandName, COMMANDS, type CommandSpec } from "./table.ts";
import { understood, UsageError } from "./exit_status.ts";
import { deviceName, gateName, isDeviceName, isGateName } from "./values.ts";

/** The queues that a command is about. */
export interface Targets {
  gates: string[];
  places: PlugPlace[];
}

/** The queues that a command line names, before the machine was asked. */
export interface NamedTargets extends Targets {
  /** Those of which only the machine knows whether they are gates or devices. */
  names: string[];
  /** Where on a device the plug is. */
  at: Pick<PlugPlace, "parent" | "handle">;
}

/**
 * The plugs that a command line names as devices, by `--dev` or by operands.
 *
 * @throws {UsageError} where no device is given, or a value is wrong
 */
export function queuePlaces(context: Context): PlugPlace[] {
  const { command, operands, values } = context.arguments;
  const devices = [...operands, ...values.get("dev") ?? []].map(deviceName);
  if (devices.length === 0) throw new UsageError(missingTarget(command));
  refuseTwice(devices);
  const at = placeOnDevice(context);
  return devices.map((dev) => ({ dev, ...at }));
}

/**
 * What a command line names: gates by `--gate`, devices by `--dev`, either by operands, by default all of them.
 *
 * @throws {UsageError} where it names nothing, or a value is wrong
 */
export function namedTargets(context: Context, operands: readonly string[] = context.arguments.operands): NamedTargets {
  const { command, values } = context.arguments;
  const names = operands.map(checkName);
  const gates = (values.get("gate") ?? []).map(gateName);
  const devices = (values.get("dev") ?? []).map(deviceName);
  if (names.length + gates.length + devices.length === 0) throw new UsageError(missingTarget(command));
  refuseTwice([...names, ...gates]);
  refuseTwice([...names, ...devices]);
  const at = placeOnDevice(context);
  if (names.length + devices.length === 0) refusePlace(at, gates[0]);
  return { gates, places: devices.map((dev) => ({ dev, ...at })), names, at };
}

/**
 * Asks the machine which names are gates and which are devices.
 *
 * @throws {UsageError} where a name is both, or a place on a device is given for a gate
 * @throws {QueueError} `no-device` where a name is neither
 */
export function resolveTargets(connection: Connection, { names, at, gates, places }: NamedTargets): Targets {
  if (names.length === 0) return { gates, places };
  const gateNames = names.filter(isGateName);
  const deviceNames = names.filter(isDeviceName);
  const links = linksByName(connection, [...gateNames.map(gateDevice), ...deviceNames]);
  const gateLinks = new Map(gateNames.map((name, index) => [name, links[index]]));
  const devices = new Map(deviceNames.map((name, index) => [name, links[gateNames.length + index]]));
  const targets: Targets = { gates: [...gates], places: [...places] };
  for (const name of names) {
    const gate = isGate(gateLinks.get(name));
    const dev = devices.get(name)?.name;
    if (gate && dev !== undefined) throw new UsageError(ambiguous(name));
    if (gate) refusePlace(at, name);
    if (gate) targets.gates.push(name);
    else if (dev !== undefined) targets.places.push({ dev, ...at });
    else throw unknownName(name);
  }
  return targets;
}

/** What is wrong with a name that is a gate's and a device's. */
export function ambiguous(name: string): string {
  return `${name} is both a gate and a device: write --gate ${name} or --dev ${name}`;
}

/** @throws {UsageError} where a parent or a handle is given for a gate */
export function refusePlace(at: Pick<PlugPlace, "parent" | "handle">, gate: string): void {
  const stray = (["parent", "handle"] as const).find((name) => at[name] !== undefined);
  if (stray) throw new UsageError(`--${stray} goes with a device, and ${gate} is a gate, which has one plug`);
}

function unknownName(name: string): QueueError {
  const names = { dev: name, gate: isGateName(name) ? name : undefined };
  return new QueueError("no-device", `find ${name}`, { reason: "there is no gate or device of this name", ...names });
}

/** Whether it is a gate's device; a device of another kind may have such a name, too. */
function isGate(link: LinkMessage | undefined): boolean {
  return link?.kind === "ifb";
}

function checkName(text: string): string {
  if (!isGateName(text)) deviceName(text);
  return text;
}

/** @throws {UsageError} where one of them is there twice */
export function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`);
}

/** What is wrong with a command line that names nothing. */
function missingTarget(command: CommandName): string {
  const { operands = [] }: CommandSpec = COMMANDS[command];
  const words = [command, ...operands].join(" ").replaceAll(/\[(\w+)\.\.\.\]/g, "$1");
  return `${command} needs a ${operands.includes("[NAME...]") ? "gate or a device" : "device"}: plugctl ${words}`;
}

function placeOnDevice(context: Context): NamedTargets["at"] {
  const parentText = valueOf(context, "parent");
  const handleText = valueOf(context, "handle");
  const parent = parentText === undefined ? undefined : understood(() => parseParent(parentText));
  const handle = handleText === undefined ? undefined : understood(() => parseHandle(handleText));
  namespaceOf(context);
  if (parent === TC_H_CLSACT) throw new UsageError(`a plug cannot hang at ${parentText}, which holds no packets`);
  return { parent, handle };
}

/** Whether a place is a device's root: by name, or because nothing else is said. */
export function isRoot({ parent, handle }: PlugPlace): boolean {
  return parent === TC_H_ROOT || (parent === undefined && handle === undefined);
}

/** The network namespace meant, or `undefined` where it is this process's own. */
export function namespaceOf(context: Context): string | undefined {
  const netns = valueOf(context, "netns");
  if (netns !== undefined) understood(() => namespacePath(netns));
  return netns;
}

/** Opens a connection to a namespace, or to the one meant; with `--verbose` it shows what goes through. */
export async function openConnection(context: Context, netns = namespaceOf(context)): Promise<Connection> {
  // Loaded only where it is asked for: it brings the names and texts of the codec, which most commands do without.
  if (!isGiven(context, "verbose")) return Connection.open({ netns });
  const { traceMessages } = await import("./shown_messages.ts");
  return Connection.open({ netns, trace: traceMessages(context) });
}
