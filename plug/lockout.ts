import { RTM_GETROUTE } from "../codec/assembly/constants.ts";
import type { RouteMessage } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { ENODEV } from "../linux/errno.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import { readLinks } from "./qdiscs.ts";
import { QueueError } from "./queue_error.ts";

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;
const RTN_UNICAST = 1;
/** Kinds of device that stand on the device that `link` names; a veth's `link` is its peer. */
const STACKED = new Set(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"]);

/**
 * Refuses to hold all of a device that carries a default route or this SSH session, by itself or below a
 * bridge, a bond or a VLAN.
 *
 * @throws {QueueError} `would-lock-out`
 */
export function refuseLockout(connection: Connection, { operation, ifindex }: { operation: string; ifindex: number }) {
  const why = new Map<number, string>();
  for (const route of defaultRoutes(connection)) {
    if (route.moreDevices) why.set(ifindex, "the default route");
    for (const device of route.ifindexes) why.set(device, "the default route");
  }
  const session = sessionDevice(connection);
  if (session !== undefined) why.set(session, "this SSH session");
  if (why.size > 0 && !why.has(ifindex)) carryDown(connection, why);
  const what = why.get(ifindex);
  if (what === undefined) return;
  throw new QueueError("would-lock-out", operation, { reason: `the device carries ${what}, which it would hold too` });
}

function defaultRoutes(connection: Connection): RouteMessage[] {
  return connection.dump("list routes", { type: RTM_GETROUTE, family: AF_UNSPEC })
    .filter((message): message is RouteMessage => message.about === "route")
    .filter((route) => route.destinationLength === 0 && route.routeType === RTN_UNICAST);
}

/** The device that leads to the client of the SSH session that this process is part of. */
function sessionDevice(connection: Connection): number | undefined {
  const [client, scope] = sessionClient().split("%");
  // A link-local address is on every link: only its scope tells which one is meant.
  if (scope) return scopeDevice(connection, scope);
  const address = parseAddress(client);
  if (address === undefined) return undefined;
  const family = address.length === 4 ? AF_INET : AF_INET6;
  const [{ message }] = connection.transact([{ type: RTM_GETROUTE, family, destination: address }]);
  return message?.about === "route" ? message.ifindexes[0] : undefined;
}

function scopeDevice(connection: Connection, scope: string): number | undefined {
  try {
    return connection.deviceIndex(scope);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENODEV) return undefined;
    throw error;
  }
}

/** The client as sshd writes it, from `SSH_CONNECTION`, where this process may read it; or empty. */
function sessionClient(): string {
  if (Deno.permissions.querySync({ name: "env", variable: "SSH_CONNECTION" }).state !== "granted") return "";
  return Deno.env.get("SSH_CONNECTION")?.split(" ")[0] ?? "";
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

/** Marks the devices below those marked: a bridge's ports, a bond's slaves, a VLAN's device. */
function carryDown(connection: Connection, why: Map<number, string>): void {
  const links = readLinks(connection, "list devices");
  for (let before = -1; before !== why.size;) {
    before = why.size;
    for (const { ifindex, master, link, kind } of links) {
      const above = why.get(master);
      if (above !== undefined) why.set(ifindex, above);
      const here = why.get(ifindex);
      if (here !== undefined && STACKED.has(kind)) why.set(link, here);
    }
  }
}
