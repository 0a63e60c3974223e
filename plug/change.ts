import type { AnyOperation } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import { EVERYTHING, heldAt } from "./classes.ts";
import type { HookLooks } from "./filter.ts";
import { canHold, type Flow, type Held, holdsAll } from "./flow.ts";
import { byConnection, onQueue, type Queue } from "./queue.ts";
import { QueueError } from "./queue_error.ts";
import { type Change, operationOn, sendChange } from "./send_change.ts";
import { type SshSession, sshSession } from "./ssh_session.ts";
import { defaultFlows, sessionFlows } from "./stack.ts";
import { lookAround, once, type Surroundings } from "./surroundings.ts";

/**
 * Asks the same of several plugs, as `sendChange` does, where nothing speaks against it.
 *
 * @throws {QueueError} where it would lock out or orphan an epoch, there is no plug, or the kernel refuses
 */
export function changeQueues(queues: readonly Queue[], change: Change): void {
  sendChange(queues, change, () => checkChange(queues, change));
}

/**
 * Refuses what speaks against a change, and touches nothing.
 *
 * @throws {QueueError} where it would lock out, bypass filters of others or orphan an epoch
 */
export function checkChange(queues: readonly Queue[], change: Change): void {
  if (change.action === "buffer") {
    for (const [connection, those] of byConnection(queues)) {
      const looks: HookLooks = new Map();
      const passing = those.filter((queue) => checkBuffer(queue, change, looks));
      if (change.force) continue;
      refuseLockouts(connection, passing.flatMap((queue) => dangersOf(queue, operationOn(queue, change))));
    }
  }
  if (change.action === "limit" && !change.force) { for (const queue of queues) checkLimit(queue, change); }
}

/** Refuses what would orphan an epoch or bypass filters. Whether the queue passes packets, which it is to hold. */
function checkBuffer(queue: Queue, change: Change, looks: HookLooks): boolean {
  const { force = false, orphan = false } = change;
  const operation = operationOn(queue, change);
  if (queue.endedEpoch && !orphan) {
    throw new QueueError("would-orphan", operation, {
      reason:
        "an epoch has ended and is not released; the kernel remembers one, and would count it as part of the next",
    });
  }
  if (queue.asked === "hold") return false;
  refuseBypass(queue, { operation, bypass: change.bypass ?? force, looks });
  return true;
}

function checkLimit(queue: Queue, change: Change): void {
  const { limitBytes = 0 } = change;
  for (const danger of dangersOf(queue, operationOn(queue, change))) {
    refuseLowLimit(queue.connection, { ...danger, limitBytes });
  }
}

/** What a queue holds, of which devices. */
function dangersOf({ connection, gate, place }: Queue, operation: AnyOperation): Danger[] {
  if (gate) return gate.devices.map((ifindex) => ({ operation, ifindex, held: gate.held }));
  return [{ operation, ifindex: place.ifindex, held: heldAt(connection, place) }];
}

/** Refuses to hold what filters of others would see if the gate were not there, and perhaps drop. */
function refuseBypass(
  { gate }: Queue,
  { operation, bypass, looks }: { operation: AnyOperation; bypass: boolean; looks: HookLooks },
): void {
  if (!gate?.bypassed || bypass || gate.mayBypass) return;
  const names = gate.bypassed(operation, looks);
  if (names.length === 0) return;
  const reason = `the packets that it takes bypass what others have put behind it: ${names.join("; ")}`;
  throw new QueueError("would-bypass", operation, { reason, gate: gate.name });
}

/** That packets of a gate bypass a filter. */
export function describeBypass(gate: string, filter: string): string {
  return `the packets that the gate ${gate} takes bypass: ${filter}`;
}

const ETHERNET_HEADER_BYTES = 14;

/** What is about to be done, to what. */
export interface Danger {
  operation: AnyOperation;
  ifindex: number;
  /** What would be held of the device. */
  held?: Held;
  /** The limit of the queue: all packets that are longer are dropped, whether it holds or not. Absent for a hold. */
  limitBytes?: number;
}

/** A danger, with what would be held. */
type Met = Danger & { held: Held };

/**
 * `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV4_RULE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`, `_IPV6_RULE`, `_NEXTHOP`: what
 * decides over which device packets go.
 */
const ROUTING_GROUPS = [1, 5, 7, 8, 9, 11, 19, 32].reduce((groups, group) => groups | 1 << group - 1, 0) >>> 0;

/** What goes over which devices, each looked up once, when it is asked for. */
interface View {
  around: Surroundings;
  session?: { words: readonly string[]; flows: () => readonly Flow[] };
  defaults: () => readonly Flow[];
}

function look(connection: Connection): View {
  const around = lookAround(connection);
  const session = sshSession();
  const flows = once(() => session ? sessionFlows(around, session, scopeDevice(around, session)) : []);
  return {
    around,
    session: session && { words: session.words, flows },
    defaults: once(() => around.defaultRoutes().length === 0 ? [] : defaultFlows(around)),
  };
}

/** What was seen over a connection: the devices that may be held, by what would be held of them. */
interface Seen {
  harmless: WeakMap<Held, Set<number>>;
  /** What was read for that. */
  view: View;
}

const seen = new WeakMap<Connection, Seen>();

/**
 * Refuses to hold what a device carries of this SSH session, or all of a device that carries a default route, by itself,
 * below a bridge, a bond, a VLAN or a tunnel, or as an ifb that has the packets of such a device. Looks once for all, and
 * again only where links, addresses, routes or rules may have changed since.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseLockouts(connection: Connection, dangers: readonly Danger[]): void {
  if (connection.mayHaveChanged(ROUTING_GROUPS)) seen.delete(connection);
  const { harmless, view: before } = seen.get(connection) ?? { harmless: new WeakMap<Held, Set<number>>() };
  // What filters send through an ifb changes more often than what is looked at here
  const isIfb = ({ around }: View, { ifindex }: Danger) => around.devices().get(ifindex)?.kind === "ifb";
  // Where there is nothing that could be locked out, no device is looked at
  const lasts = (view: View, danger: Danger) => (!view.session && view.defaults().length === 0) || !isIfb(view, danger);
  const anew = once(() => look(connection));
  const looks: HookLooks = new Map();
  for (const danger of dangers) {
    const { ifindex, held = EVERYTHING } = danger;
    const devices = harmless.get(held) ?? new Set();
    if (devices.has(ifindex)) continue;
    const view = before && lasts(before, danger) ? before : anew();
    refuseLockoutNow(view, { ...danger, held: known(held, looks) });
    if (lasts(view, danger)) seen.set(connection, { harmless: harmless.set(held, devices.add(ifindex)), view });
  }
}

/** What would be held, looked up once. */
function known(held: Held = EVERYTHING, looks?: HookLooks): Held {
  const { packets, except } = held;
  return {
    ...held,
    ...packets ? { packets: once(() => packets(looks)) } : {},
    ...except ? { except: once(() => except(looks)) } : {},
  };
}

function refuseLockoutNow({ session, defaults }: View, danger: Met): void {
  const { ifindex, held } = danger;
  if (session) refuseSession(session.flows().filter((flow) => flow.ifindex === ifindex), danger, session);
  const flow = defaults().find((flow) => flow.ifindex === ifindex && holdsAll(held, flow));
  if (flow) throw lockout(danger, `${subjectOf(flow)} carries the default route${effectOn(danger)}`);
}

/**
 * Refuses a limit by which a device would drop every packet of full size, held or not, where to hold them is refused.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseLowLimit(
  connection: Connection,
  { limitBytes, ...danger }: Danger & { limitBytes: number },
): void {
  // The largest MTU there is.
  if (limitBytes >= 0xffff + ETHERNET_HEADER_BYTES) return;
  const view = look(connection);
  const { mtu = 0 } = view.around.devices().get(danger.ifindex) ?? {};
  if (limitBytes >= mtu + ETHERNET_HEADER_BYTES) return;
  refuseLockoutNow(view, { ...danger, held: known(danger.held), limitBytes });
}

/**
 * Refuses to hold what devices carry of connections that somebody needs, whatever deadline there is.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseConnections(queues: readonly Queue[], needed: readonly SshSession[]): void {
  for (const [connection, those] of byConnection(queues)) {
    const around = lookAround(connection);
    for (const { words, called, ...ends } of needed) {
      const flows = sessionFlows(around, { words, ...ends });
      for (const danger of those.flatMap((queue) => dangersOf(queue, onQueue(queue, "hold")))) {
        const met = { ...danger, held: known(danger.held) };
        refuseSession(flows.filter(({ ifindex }) => ifindex === danger.ifindex), met, { words, called });
      }
    }
  }
}

function refuseSession(
  flows: readonly Flow[],
  danger: Met,
  { words, called = "this SSH session" }: Pick<SshSession, "words" | "called">,
): void {
  const { held, limitBytes } = danger;
  const found = flows.filter((flow) => canHold(held, flow));
  if (found.length === 0) return;
  const flow = found.find(({ sent }) => !sent) ?? found[0];
  const isWhole = !held.packets && !(flow.sent && flow.sent.packets.every(({ size }) => size > 0));
  if (isWhole) {
    const carries = found.every(({ isDoubtful }) => isDoubtful) ? "may carry" : "carries";
    throw lockout(danger, `${subjectOf(flow)} ${carries} ${called}${effectOn(danger)}`);
  }
  const packets = `packets of ${called} (${words.join(" ")})`;
  const what = limitBytes === undefined ? packets : `${packets} that are longer than ${limitBytes} bytes`;
  const verb = limitBytes === undefined ? "hold" : "drop";
  const it = flow.sent ? `it gets packets of ${flow.sent.from}, and` : "it";
  if (held.isClass) throw lockout(danger, `${it} can ${verb} ${what}: the class may have them`);
  throw lockout(danger, `${it} would ${verb} ${what}`);
}

function scopeDevice(around: Surroundings, { scope }: SshSession): number | undefined {
  return scope === undefined ? undefined : around.devices().values().find(({ name }) => name === scope)?.ifindex;
}

function subjectOf({ sent }: Flow): string {
  return sent ? `it gets packets of ${sent.from}, which` : "the device";
}

/** What becomes of what a device carries. */
function effectOn({ limitBytes }: Danger): string {
  return limitBytes === undefined
    ? ", which it would hold too"
    : `, of which it would drop all packets that are longer than ${limitBytes} bytes`;
}

function lockout({ operation }: Danger, reason: string): QueueError {
  return new QueueError("would-lock-out", operation, { reason });
}
