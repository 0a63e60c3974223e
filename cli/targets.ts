import { formatHandle, formatParent, parseHandle, parseParent, TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage } from "../codec/message.ts";
import { bytesIn, gateDevice, isGateName } from "../plug/gate_name.ts";
import { namespaceIdentity, namespacePath } from "../linux/namespace.ts";
import { GROUP_LINK } from "../linux/socket.ts";
import { Connection } from "../netlink/connection.ts";
import { linksByName } from "../plug/qdiscs.ts";
import type { FoundPlace, PlugPlace, Queue } from "../plug/queue.ts";
import { QueueError } from "../plug/queue_error.ts";
import { type Context, isGiven, valueOf } from "./context.ts";
import { type CommandName, COMMANDS, type CommandSpec } from "./table.ts";
import { understood, UsageError } from "./exit_status.ts";

/** The queues that a command is about. */
export interface Targets {
  gates: string[];
  places: FoundPlace[];
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
  const targets: Targets = { gates: [...gates], places: [...places] };
  knownNames(connection, names).forEach(({ isGate, device }, index) => {
    const name = names[index];
    if (isGate && device) throw new UsageError(ambiguous(name));
    if (isGate) refusePlace(at, name);
    if (isGate) targets.gates.push(name);
    else if (device) targets.places.push({ dev: device.name, ifindex: device.ifindex, ...at });
    else throw unknownName(name);
  });
  return targets;
}

/** Whether the kernel takes a text for a device's name, or for one of its altnames, which may be longer. */
export function isDeviceName(text: string): boolean {
  const bytes = bytesIn(text);
  return bytes >= 1 && bytes <= 127 && text !== "." && text !== ".." && !/[\s/:\0]/.test(text);
}

/**
 * A device's name or one of its altnames.
 *
 * @throws {UsageError} where the text can be neither
 */
export function deviceName(text: string): string {
  if (isDeviceName(text)) return text;
  throw new UsageError(
    `invalid device name ${
      JSON.stringify(text)
    }: a name has up to 15 bytes, an altname up to 127, without space, / and :`,
  );
}

/**
 * A gate's name.
 *
 * @throws {UsageError} where no gate can have it
 */
export function gateName(text: string): string {
  understood(() => gateDevice(text));
  return text;
}

/** What a name leads to. */
interface Known {
  isGate: boolean;
  device?: LinkMessage;
}

/** What names have led to, by the connection, while nothing was said of devices. */
const seen = new WeakMap<Connection, Map<string, Known>>();

/** What names lead to; what was asked for before is asked for again only where it may have changed. */
function knownNames(connection: Connection, names: readonly string[]): Known[] {
  if (names.length === 0) return [];
  if (connection.mayHaveChanged(GROUP_LINK)) seen.delete(connection);
  const known = seen.get(connection) ?? new Map<string, Known>();
  seen.set(connection, known);
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0) { for (const [name, one] of lookUp(connection, missing)) known.set(name, one); }
  return names.map((name) => known.get(name) ?? { isGate: false });
}

function lookUp(connection: Connection, names: readonly string[]): Map<string, Known> {
  const gateNames = names.filter(isGateName);
  const deviceNames = names.filter(isDeviceName);
  const links = linksByName(connection, [...gateNames.map(gateDevice), ...deviceNames]);
  const gates = new Map(gateNames.map((name, index) => [name, links[index]]));
  const devices = new Map(deviceNames.map((name, index) => [name, links[gateNames.length + index]]));
  return new Map(names.map((name) => [name, { isGate: isGate(gates.get(name)), device: devices.get(name) }]));
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
  if (new Set(names).size === names.length) return;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`);
}

/** What is wrong with a command line that names nothing. */
function missingTarget(command: CommandName): string {
  const { operands = [], options }: CommandSpec = COMMANDS[command];
  const what = !operands.includes("[NAME...]") ? "device" : options.includes("dev") ? "gate or a device" : "gate";
  const words = [command, ...operands].join(" ").replaceAll(/\[(\w+)\.\.\.\]/g, "$1");
  return `${command} needs a ${what}: plugctl ${words}`;
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

/** A connection that a command works with until it is done. */
export interface Borrowed extends Disposable {
  readonly connection: Connection;
}

/** The connection to the namespace meant: one that several commands have in common, or one of its own. */
export async function borrowConnection(context: Context): Promise<Borrowed> {
  const shared = isGiven(context, "verbose") ? undefined : context.connections?.find(namespaceOf(context));
  if (shared) return { connection: shared, [Symbol.dispose]: () => {} };
  const connection = await openConnection(context);
  return { connection, [Symbol.dispose]: () => connection[Symbol.dispose]() };
}

/** Connections that commands have in common which follow each other, by the namespace that they lead to. */
export class Connections implements Disposable {
  readonly #open = new Map<string, Connection>();

  /** The one to the namespace that is at a name, a path or `pid:N` now, or to this process's own. */
  find(netns: string | undefined): Connection {
    const identity = netns === undefined ? "" : namespaceIdentity(netns);
    const connection = this.#open.get(identity) ?? Connection.open({ netns });
    this.#open.set(identity, connection);
    return connection;
  }

  /** Closes them. */
  [Symbol.dispose](): void {
    for (const connection of this.#open.values()) connection[Symbol.dispose]();
  }
}

/** With `--json`, prints what was done to each queue: an array, an object a queue. Otherwise success says nothing. */
export function printResults(
  context: Context,
  queues: readonly Queue[],
  resultOf: (queue: Queue, index: number) => Record<string, unknown>,
): void {
  if (!isGiven(context, "json")) return;
  const results = queues.map((queue, index) => ({ ...placeOf(queue), ...resultOf(queue, index) }));
  context.print(`${JSON.stringify(results, null, 2)}\n`);
}

function placeOf({ dev, place: { parent, handle } }: Queue): Record<string, unknown> {
  return { dev, parent: formatParent(parent), handle: formatHandle(handle) };
}
