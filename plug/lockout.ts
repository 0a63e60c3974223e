import { TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscMessage } from "../codec/message.ts";
import type { AnyOperation } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import { readFilters, type Side } from "./filter.ts";
import { canHold, type Flow, type Held, holdsAll } from "./flow.ts";
import { cubeOf } from "./match/flower.ts";
import { readQdiscs } from "./qdiscs.ts";
import { QueueError } from "./queue_error.ts";
import { type SshSession, sshSession } from "./ssh_session.ts";
import { defaultFlows, sessionFlows } from "./stack.ts";
import { lookAround, once, type Surroundings } from "./surroundings.ts";

/** What a plug at the root of a device holds. */
const EVERYTHING: Held = { sides: ["egress"] };
/** What one below a class holds: the kernel does not say which packets come there. */
const OF_CLASS: Held = { sides: ["egress"], isClass: true };
/** Qdiscs whose only class all packets go through. */
const OF_ONE_CLASS = new Set(["cbs", "netem", "red", "sfb", "tbf", "taprio"]);
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

/** A danger that is met by way of another device, by its name: an ifb has its packets. */
type Met = Danger & { held: Held; by?: string };

/** What a plug holds of its device, whose qdiscs are read where they are not given. */
export function heldAt(
  connection: Connection,
  { ifindex, parent, qdiscs }: { ifindex: number; parent: number; qdiscs?: readonly QdiscMessage[] },
): Held {
  if (parent === TC_H_ROOT) return EVERYTHING;
  const all = qdiscs ?? readQdiscs(connection, "list qdiscs");
  return isOnlyWay(all, { ifindex, parent }) ? EVERYTHING : OF_CLASS;
}

function isOnlyWay(qdiscs: readonly QdiscMessage[], { ifindex, parent }: { ifindex: number; parent: number }): boolean {
  if (parent === TC_H_ROOT) return true;
  const handle = (parent & 0xffff0000) >>> 0;
  const above = qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.handle === handle);
  return above !== undefined && OF_ONE_CLASS.has(above.kind) && isOnlyWay(qdiscs, above);
}

/**
 * `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV4_RULE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`, `_IPV6_RULE`, `_NEXTHOP`: what
 * decides over which device packets go.
 */
const ROUTING_GROUPS = [1, 5, 7, 8, 9, 11, 19, 32].reduce((groups, group) => groups | 1 << group - 1, 0) >>> 0;

/** What was seen over a connection: the devices that may be held, by what would be held of them, and those that are no ifb. */
interface Seen {
  harmless: WeakMap<Held, Set<number>>;
  plain: Set<number>;
  /** What was read for that, which several gates share. */
  around: Surroundings;
}

const seen = new WeakMap<Connection, Seen>();

/**
 * Refuses to hold what a device carries of this SSH session, or all of a device that carries a default route, by itself or
 * below a bridge, a bond, a VLAN or a tunnel; the same for an ifb that has the packets of such a device. Looks again only
 * where links, addresses, routes or rules may have changed since.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseLockout(connection: Connection, danger: Danger): void {
  const { ifindex, held = EVERYTHING } = danger;
  if (connection.mayHaveChanged(ROUTING_GROUPS)) seen.delete(connection);
  const { harmless, plain, around } = seen.get(connection) ??
    { harmless: new WeakMap<Held, Set<number>>(), plain: new Set(), around: lookAround(connection) };
  const devices = harmless.get(held) ?? new Set();
  if (devices.has(ifindex)) return;
  const met = { ...danger, held: known(held) };
  refuseLockoutNow(around, met);
  // What filters send through an ifb changes more often than what is looked at here.
  if (!plain.has(ifindex) && refuseFed(connection, around, met)) return;
  seen.set(connection, { harmless: harmless.set(held, devices.add(ifindex)), plain: plain.add(ifindex), around });
}

/** What would be held, looked up once. */
function known(held: Held = EVERYTHING): Held {
  const { packets, except } = held;
  return { ...held, ...packets ? { packets: once(packets) } : {}, ...except ? { except: once(except) } : {} };
}

function refuseLockoutNow(around: Surroundings, danger: Met): void {
  refuseSession(around, danger);
  const isHeld = (flow: Flow) => flow.ifindex === danger.ifindex && holdsAll(danger.held, flow);
  if (around.defaultRoutes().length === 0 || !defaultFlows(around).some(isHeld)) return;
  throw lockout(danger, `${subjectOf(danger)} carries the default route${effectOn(danger)}`);
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
  const around = lookAround(connection);
  const { mtu = 0 } = around.devices().get(danger.ifindex) ?? {};
  if (limitBytes >= mtu + ETHERNET_HEADER_BYTES) return;
  const met = { ...danger, held: known(danger.held), limitBytes };
  refuseLockoutNow(around, met);
  refuseFed(connection, around, met);
}

function refuseSession(around: Surroundings, danger: Met): void {
  const { ifindex, held, limitBytes } = danger;
  const session = sshSession();
  if (!session) return;
  const flows = sessionFlows(around, session, scopeDevice(around, session)).filter((flow) => flow.ifindex === ifindex);
  const found = flows.filter((flow) => canHold(held, flow));
  if (found.length === 0) return;
  const isDoubtful = found.every((flow) => flow.isDoubtful);
  if (!held.packets && !held.isClass) {
    const carries = isDoubtful ? "may carry" : "carries";
    throw lockout(danger, `${subjectOf(danger)} ${carries} this SSH session${effectOn(danger)}`);
  }
  const packets = `packets of this SSH session (${session.words.join(" ")})`;
  const what = limitBytes === undefined ? packets : `${packets} that are longer than ${limitBytes} bytes`;
  const verb = limitBytes === undefined ? "hold" : "drop";
  const it = danger.by === undefined ? "it" : `it gets packets of ${danger.by}, and`;
  if (held.isClass) throw lockout(danger, `${it} can ${verb} ${what}: the class may have them`);
  throw lockout(danger, `${it} would ${verb} ${what}`);
}

function scopeDevice(around: Surroundings, { scope }: SshSession): number | undefined {
  return scope === undefined ? undefined : around.devices().values().find(({ name }) => name === scope)?.ifindex;
}

function subjectOf({ by }: Met): string {
  return by === undefined ? "the device" : `it gets packets of ${by}, which`;
}

/** What becomes of what a device carries. */
function effectOn({ limitBytes }: Danger): string {
  return limitBytes === undefined
    ? ", which it would hold too"
    : `, of which it would drop all packets that are longer than ${limitBytes} bytes`;
}

/** Refuses the same for an ifb, which filters of other devices send packets through. Tells whether it is one. */
function refuseFed(connection: Connection, around: Surroundings, danger: Met): boolean {
  if (around.devices().get(danger.ifindex)?.kind !== "ifb") return false;
  for (const { ifindex, name: by, held } of feeders(connection, around, danger.ifindex)) {
    refuseLockoutNow(around, { ...danger, ifindex, held, by });
  }
  return true;
}

/** The devices whose filters send packets to a device, and which packets. */
function* feeders(connection: Connection, around: Surroundings, target: number) {
  const hooked = readQdiscs(connection, "list qdiscs").filter(({ kind }) => kind === "clsact" || kind === "ingress");
  for (const { ifindex, kind: hook } of hooked) {
    const { name, kind } = around.devices().get(ifindex) ?? {};
    if (name === undefined || kind === "ifb") continue;
    const sides: readonly Side[] = hook === "clsact" ? ["ingress", "egress"] : ["ingress"];
    for (const side of sides) {
      const filters = readFilters(connection, { operation: "list filters", hooks: [{ ifindex, side }] });
      const cubes = filters.filter(({ actions }) => actions.some(({ mirred }) => mirred?.ifindex === target))
        .map((filter) => cubeOf(filter));
      if (cubes.length === 0) continue;
      const held: Held = cubes.some(({ size }) => size === 0)
        ? { sides: [side] }
        : { sides: [side], packets: () => cubes };
      yield { ifindex, name, held };
    }
  }
}

function lockout({ operation }: Danger, reason: string): QueueError {
  return new QueueError("would-lock-out", operation, { reason });
}
