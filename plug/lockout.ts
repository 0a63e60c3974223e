import { RTM_GETROUTE } from "../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage, RouteMessage } from "../codec/message.ts";
import { variableOfAncestors } from "../guardian/processes.ts";
import type { Connection } from "../netlink/connection.ts";
import { type AnyOperation, ENODEV, NetlinkError } from "../linux/netlink_error.ts";
import { readFilters } from "./filter.ts";
import { readLinks, readQdiscs } from "./qdiscs.ts";
import { QueueError } from "./queue_error.ts";

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;
const RTN_UNICAST = 1;
/** Kinds of device that stand on the device that `link` names; a veth's `link` is its peer. */
const STACKED = new Set(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"]);

/** The SSH session that this process is part of: addresses of 4 or 16 bytes, and ports. */
export interface Session {
  client: Uint8Array;
  clientPort: number;
  server: Uint8Array;
  serverPort: number;
  /** Whether its packets pass a device that stands on the one in question, and perhaps are tagged there. */
  isBelow: boolean;
}

/** What would be held of a device. */
export interface Held {
  /** Whether it is all, or as good as all. */
  readonly all: boolean;
  /** Whether it can be packets of this session. */
  session(session: Session): boolean;
}

/** What a plug at the root of a device holds. */
const EVERYTHING: Held = { all: true, session: () => true };
/** What one below a class holds: the kernel does not say which packets come there. */
const OF_CLASS: Held = { all: false, session: () => true };
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

/** `RTNLGRP_LINK`, `_IPV4_ROUTE`, `_IPV4_RULE`, `_IPV6_ROUTE`, `_IPV6_RULE`, `_NEXTHOP`: what decides over which device packets go. */
const ROUTING_GROUPS = [1, 7, 8, 11, 19, 32].reduce((groups, group) => groups | 1 << group - 1, 0) >>> 0;

/** What was seen over a connection: the devices that may be held, by what would be held of them, and those that are no ifb. */
interface Seen {
  harmless: Map<Held, Set<number>>;
  plain: Set<number>;
}

const seen = new WeakMap<Connection, Seen>();

/**
 * Refuses to hold what a device carries of this SSH session, or all of a device that carries a default route, by
 * itself or below a bridge, a bond or a VLAN; the same for an ifb that has the packets of such a device. Looks again only
 * where links, routes or rules may have changed since.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseLockout(connection: Connection, danger: Danger): void {
  const { ifindex, held = EVERYTHING } = danger;
  if (connection.mayHaveChanged(ROUTING_GROUPS)) seen.delete(connection);
  const { harmless, plain } = seen.get(connection) ?? { harmless: new Map<Held, Set<number>>(), plain: new Set() };
  const devices = harmless.get(held) ?? new Set();
  if (devices.has(ifindex)) return;
  refuseLockoutNow(connection, { ...danger, held });
  // What filters send through an ifb changes more often than what is looked at here.
  if (!plain.has(ifindex) && refuseFed(connection, danger)) return;
  seen.set(connection, { harmless: harmless.set(held, devices.add(ifindex)), plain: plain.add(ifindex) });
}

function refuseLockoutNow(connection: Connection, danger: Danger): void {
  refuseSession(connection, danger);
  const { operation, ifindex, held = EVERYTHING } = danger;
  if (!held.all || !carries(connection, { ifindex, devices: defaultDevices(connection, ifindex) })) return;
  throw lockout(operation, `the device carries the default route${effectOn(danger)}`);
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
  const link = readLinks(connection, danger.operation).find(({ ifindex }) => ifindex === danger.ifindex);
  if (!link || limitBytes >= link.mtu + ETHERNET_HEADER_BYTES) return;
  refuseLockoutNow(connection, { ...danger, limitBytes });
  refuseFed(connection, { ...danger, limitBytes });
}

function refuseSession(connection: Connection, danger: Danger): void {
  const { operation, ifindex, held = EVERYTHING, limitBytes } = danger;
  const session = sshSession();
  if (!session) return;
  const devices = sessionDevices(connection, session);
  if (!carries(connection, { ifindex, devices })) return;
  if (held === EVERYTHING) throw lockout(operation, `the device carries this SSH session${effectOn(danger)}`);
  const packets = `packets of this SSH session (${session.join(" ")})`;
  const what = limitBytes === undefined ? packets : `${packets} that are longer than ${limitBytes} bytes`;
  const verb = limitBytes === undefined ? "hold" : "drop";
  if (held === OF_CLASS) throw lockout(operation, `it can ${verb} ${what}: the class may have them`);
  const ends = ownEnds(session);
  // Where the addresses cannot be understood, nothing says that it would not be held.
  if (!ends || held.session({ ...ends, isBelow: !devices.has(ifindex) })) {
    throw lockout(operation, `it would ${verb} ${what}`);
  }
}

/** What becomes of what a device carries. */
function effectOn({ limitBytes }: Danger): string {
  return limitBytes === undefined
    ? ", which it would hold too"
    : `, of which it would drop all packets that are longer than ${limitBytes} bytes`;
}

/** Refuses the same for an ifb, which filters of other devices send packets through. Tells whether it is one. */
function refuseFed(connection: Connection, danger: Danger): boolean {
  const links = readLinks(connection, "list devices");
  const own = links.find(({ ifindex }) => ifindex === danger.ifindex);
  if (own?.kind !== "ifb") return false;
  for (const { ifindex, name } of feeders(connection, { own, links })) {
    try {
      refuseLockoutNow(connection, { ...danger, ifindex, held: EVERYTHING });
    } catch (error) {
      if (!(error instanceof QueueError) || error.code !== "would-lock-out") throw error;
      const reason = error.reason.replace("the device carries", `it gets packets of ${name}, which carries`);
      throw lockout(danger.operation, reason);
    }
  }
  return true;
}

/** The devices whose filters send packets to a device. */
function feeders(
  connection: Connection,
  { own, links }: { own: LinkMessage; links: readonly LinkMessage[] },
): LinkMessage[] {
  const hooked = readQdiscs(connection, "list qdiscs").filter(({ kind }) => kind === "clsact" || kind === "ingress");
  return links.filter(({ ifindex, kind }) => {
    const hook = hooked.find((qdisc) => qdisc.ifindex === ifindex);
    if (!hook || kind === "ifb") return false;
    const sides = hook.kind === "clsact" ? ["ingress", "egress"] as const : ["ingress"] as const;
    const filters = readFilters(connection, {
      operation: "list filters",
      hooks: sides.map((side) => ({ ifindex, side })),
    });
    return filters.some(({ actions }) => actions.some(({ mirred }) => mirred?.ifindex === own.ifindex));
  });
}

function lockout(operation: AnyOperation, reason: string): QueueError {
  return new QueueError("would-lock-out", operation, { reason });
}

/** Whether a device is one of these, or one of them stands on it. */
function carries(
  connection: Connection,
  { ifindex, devices }: { ifindex: number; devices: ReadonlySet<number> },
): boolean {
  if (devices.size === 0 || devices.has(ifindex)) return devices.size > 0;
  return carriedDown(connection, devices).has(ifindex);
}

/** The devices that default routes lead over; of one with too many to name also the device in question. */
function defaultDevices(connection: Connection, ifindex: number): Set<number> {
  return new Set(
    defaultRoutes(connection).flatMap(({ ifindexes, moreDevices }) => [...ifindexes, ...moreDevices ? [ifindex] : []]),
  );
}

function defaultRoutes(connection: Connection): RouteMessage[] {
  return connection.dump("list routes", { type: RTM_GETROUTE, family: AF_UNSPEC })
    .filter((message): message is RouteMessage => message.about === "route")
    .filter((route) => route.destinationLength === 0 && route.routeType === RTN_UNICAST);
}

/** The device that leads to the client of an SSH session, or none where that cannot be known. */
function sessionDevices(connection: Connection, [text]: readonly string[]): Set<number> {
  const [client, scope] = text.split("%");
  // A link-local address is on every link: only its scope tells which one is meant.
  if (scope) return asSet(scopeDevice(connection, scope));
  const address = parseAddress(client);
  if (address === undefined) return new Set();
  const family = address.length === 4 ? AF_INET : AF_INET6;
  const [{ message }] = connection.transact([{ type: RTM_GETROUTE, family, destination: address }]);
  return asSet(message?.about === "route" ? message.ifindexes[0] : undefined);
}

function asSet(ifindex: number | undefined): Set<number> {
  return new Set(ifindex === undefined ? [] : [ifindex]);
}

/** The two ends of a session, as sshd writes them. */
function ownEnds([client, clientPort, server, serverPort]: readonly string[]): Omit<Session, "isBelow"> | undefined {
  const [from, to] = [client, server].map((text) => parseAddress((text ?? "").split("%")[0]));
  if (!from || !to || !Number(clientPort) || !Number(serverPort)) return undefined;
  return { client: from, clientPort: Number(clientPort), server: to, serverPort: Number(serverPort) };
}

function scopeDevice(connection: Connection, scope: string): number | undefined {
  try {
    return connection.deviceIndex(scope);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENODEV) return undefined;
    throw error;
  }
}

/**
 * The words of `SSH_CONNECTION` (client, its port, server, its port), where this process may read it and is in a session:
 * its own, or that of a process that it descends from, since sudo keeps it from others. Empty, it is none.
 */
function sshSession(): string[] | undefined {
  const name = "SSH_CONNECTION";
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return undefined;
  const text = Deno.env.get(name) ?? variableOfAncestors(name);
  return text ? text.split(" ") : undefined;
}

/** The bytes of an IP address as sshd writes it; of an IPv4 address in IPv6 those of the IPv4 address. */
function parseAddress(text: string): Uint8Array | undefined {
  const dotted = /(?:^|:)((?:\d{1,3}\.){3}\d{1,3})$/.exec(text);
  if (dotted) return Uint8Array.from(dotted[1].split("."), Number);
  if (!URL.canParse(`http://[${text}]/`)) return undefined;
  const [head, tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const groups = [...left, ...new Array(8 - left.length - right.length).fill("0"), ...right];
  return new Uint8Array(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}

/** With those devices the ones below them: a bridge's ports, a bond's slaves, a VLAN's device. */
function carriedDown(connection: Connection, devices: ReadonlySet<number>): Set<number> {
  const links = readLinks(connection, "list devices");
  const all = new Set(devices);
  for (let before = -1; before !== all.size;) {
    before = all.size;
    for (const { ifindex, master, link, kind } of links) {
      if (all.has(master)) all.add(ifindex);
      if (all.has(ifindex) && STACKED.has(kind)) all.add(link);
    }
  }
  return all;
}
