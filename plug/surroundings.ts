import { AF_INET, ARPHRD_ETHER, IFF_LOOPBACK, IFF_UP, RTN_UNICAST } from "../codec/numbers.ts";
import type { Connection } from "../netlink/connection.ts";
import { readOriginal } from "./conntrack.ts";
import { type Device, readDevices, type Tunnel, tunnelOf } from "./devices.ts";
import type { Ends, Net } from "./flow.ts";
import { type Policy, readPolicies, tunnelsOfDevice } from "./ipsec.ts";
import { readQdiscs } from "./qdiscs.ts";
import { readRedirects, type Redirect } from "./redirects.ts";
import {
  findNeighbour,
  findRoutes,
  type Marking,
  type OwnAddress,
  type Packets,
  readAddresses,
  readMarkings,
  readRoutes,
  type Route,
} from "./routes.ts";
import { wireguardTunnels } from "./wireguard.ts";

/** What the machine says of its network, each part read once, when it is asked for. */
export interface Surroundings {
  devices(): ReadonlyMap<number, Device>;
  /** The ports of a bridge, a bond and the like. */
  portsOf(ifindex: number): readonly Device[];
  /** The routes that lead all, or half of all, that has no other: VPNs have two such instead of a default route. */
  defaultRoutes(): readonly Route[];
  /** The networks whose hosts are reached without a gateway. */
  nets(): readonly Net[];
  /** The devices that lead to a gateway. */
  uplinks(): ReadonlySet<number>;
  markings(family: number): readonly Marking[];
  addresses(family: number): readonly OwnAddress[];
  findRoutes(list: readonly Packets[]): (Route | undefined)[];
  /** The hardware address of who is behind a device; of somebody who is not known none. */
  hardwareOf(ifindex: number, address: Uint8Array | undefined): Uint8Array | undefined;
  /** Where a tunnel leads; nothing where that is not known. */
  tunnelsOf(ifindex: number): readonly Tunnel[];
  /** What IPsec encrypts of what leaves. */
  policies(): readonly Policy[];
  /** Where filters of a device send its packets. */
  redirects(ifindex: number): readonly Redirect[];
  /** How the ends of a connection that came in look on the side of who began it. */
  original(ends: Ends): Ends;
}

/** The bits of a route's destination up to which it is as good as a default route: `0.0.0.0/1`, `2000::/3`. */
const DEFAULT_LENGTHS = { ip: 1, ip6: 3 } as const;
/** More networks than these are not read: what a match leaves out of the others counts as left out. */
const NETS_MAX = 64;

/** Whether a network is half of all addresses, or more. */
export function isFar({ address, length }: Net): boolean {
  return length <= DEFAULT_LENGTHS[address.length === 4 ? "ip" : "ip6"];
}

/** Looks around from a connection's namespace. */
export function lookAround(connection: Connection): Surroundings {
  const isDefault = (family: number, length: number) => length <= DEFAULT_LENGTHS[family === AF_INET ? "ip" : "ip6"];
  const unicast = (routes: readonly Route[]) => routes.filter(({ type }) => type === RTN_UNICAST);
  const defaultRoutes = once(() =>
    unicast(readRoutes(connection, isDefault)).map((route) => withHops(connection, route))
  );
  const allRoutes = once(() => unicast(readRoutes(connection, () => true)));
  const devices = once(() => new Map(readDevices(connection).map((device) => [device.ifindex, device])));
  const ports = once(() => Map.groupBy(devices().values(), ({ master }) => master));
  const policies = once(() => readPolicies(connection));
  const qdiscs = once(() => readQdiscs(connection, "list qdiscs"));
  return {
    devices,
    portsOf: (ifindex) => ports().get(ifindex) ?? [],
    defaultRoutes,
    nets: once(() =>
      allRoutes().filter(({ hops, family, length }) =>
        !isDefault(family, length) && !hops.some(({ gateway }) => gateway)
      )
        .flatMap(({ destination, length }) => destination ? [{ address: destination, length }] : []).slice(0, NETS_MAX)
    ),
    uplinks: once(() =>
      new Set(allRoutes().flatMap(({ hops }) => hops.filter(({ gateway }) => gateway).map(({ ifindex }) => ifindex)))
    ),
    markings: perNumber((family) => readMarkings(connection, family)),
    addresses: perNumber((family) => readAddresses(connection, family)),
    findRoutes: (list) => findRoutes(connection, list),
    hardwareOf: (ifindex, address) => address && findNeighbour(connection, { ifindex, address }),
    tunnelsOf: perNumber((ifindex) => {
      const device = devices().get(ifindex);
      if (!device) return [];
      if (device.kind === "wireguard") return wireguardTunnels(connection, ifindex);
      const tunnel = tunnelOf(device);
      return tunnel ? [tunnel] : tunnelsOfDevice(policies(), device);
    }),
    policies,
    redirects: perNumber((ifindex) => readRedirects(connection, { ifindex, qdiscs: qdiscs() })),
    original: (ends) => readOriginal(connection, ends),
  };
}

/** Addresses of hosts far away, which nobody has: what is sent to them goes by a default route, and tells who it is sent as. */
export const FAR_AWAY = {
  4: Uint8Array.of(192, 0, 2, 1),
  16: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

/** A route with its next hops, also where the kernel lists it by the number of an object alone (`nexthop_compat_mode`). */
function withHops(connection: Connection, route: Route): Route {
  if (route.hops.length > 0) return route;
  const [found] = findRoutes(connection, [{ destination: FAR_AWAY[route.family === AF_INET ? 4 : 16] }]);
  return { ...route, hops: found?.hops ?? [] };
}

/** Reads something when it is asked for first, and keeps it. */
export function once<T>(read: () => T): () => T {
  let found: { value: T } | undefined;
  return () => (found ??= { value: read() }).value;
}

function perNumber<T>(read: (key: number) => T): (key: number) => T {
  const found = new Map<number, T>();
  return (key) => {
    const value = found.get(key) ?? read(key);
    found.set(key, value);
    return value;
  };
}

/** Whether a device has addresses only, and no cable. */
export function isAddressHolder({ flags, kind }: Device): boolean {
  return (flags & IFF_LOOPBACK) !== 0 || kind === "dummy" || kind === "vrf";
}

/** Whether a device is up that looks like an Ethernet card, or like a VLAN on one. */
export function isCabled({ type, flags, kind }: Device): boolean {
  const isUp = (flags & IFF_UP) !== 0 && type === ARPHRD_ETHER;
  return isUp && !["dummy", "ifb", "bridge", "tun", "vrf"].includes(kind);
}
