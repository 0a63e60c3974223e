import { RTM_GETROUTE } from "../codec/assembly/constants.ts";
import type { RouteMessage } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { type AnyOperation, ENODEV, NetlinkError } from "../linux/netlink_error.ts";
import { readLinks } from "./qdiscs.ts";
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

/** What a plug holds. */
const EVERYTHING: Held = { all: true, session: () => true };

/** `RTNLGRP_LINK`, `_IPV4_ROUTE`, `_IPV4_RULE`, `_IPV6_ROUTE`, `_IPV6_RULE`, `_NEXTHOP`: what decides over which device packets go. */
const ROUTING_GROUPS = [1, 7, 8, 11, 19, 32].reduce((groups, group) => groups | 1 << group - 1, 0) >>> 0;

/** The devices that may be held, by what would be held of them, as was seen over a connection. */
const harmless = new WeakMap<Connection, Map<Held, Set<number>>>();

/**
 * Refuses to hold what a device carries of this SSH session, or all of a device that carries a default route, by
 * itself or below a bridge, a bond or a VLAN. Looks again only where links, routes or rules may have changed since.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseLockout(
  connection: Connection,
  { operation, ifindex, held = EVERYTHING }: { operation: AnyOperation; ifindex: number; held?: Held },
): void {
  if (connection.mayHaveChanged(ROUTING_GROUPS)) harmless.delete(connection);
  const known = harmless.get(connection) ?? new Map<Held, Set<number>>();
  const devices = known.get(held) ?? new Set();
  if (devices.has(ifindex)) return;
  refuseLockoutNow(connection, { operation, ifindex, held });
  harmless.set(connection, known.set(held, devices.add(ifindex)));
}

function refuseLockoutNow(
  connection: Connection,
  { operation, ifindex, held }: { operation: AnyOperation; ifindex: number; held: Held },
): void {
  const session = sshSession();
  if (session && carries(connection, { ifindex, devices: sessionDevices(connection, session) })) {
    const isBelow = !sessionDevices(connection, session).has(ifindex);
    if (held === EVERYTHING) throw lockout(operation, "the device carries this SSH session, which it would hold too");
    const ends = ownEnds(session);
    // Where the addresses cannot be understood, nothing says that it would not be held.
    if (!ends || held.session({ ...ends, isBelow })) {
      throw lockout(operation, `it would hold packets of this SSH session (${session.join(" ")})`);
    }
  }
  if (held.all && carries(connection, { ifindex, devices: defaultDevices(connection, ifindex) })) {
    throw lockout(operation, "the device carries the default route, which it would hold too");
  }
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

/** The words of `SSH_CONNECTION` (client, its port, server, its port), where this process may read it and is in a session. */
function sshSession(): string[] | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: "SSH_CONNECTION" }).state !== "granted") return undefined;
  return Deno.env.get("SSH_CONNECTION")?.split(" ");
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
