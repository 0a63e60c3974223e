import { AF_INET, ARPHRD_ETHER, IFF_LOOPBACK, IFF_UP, RTN_UNICAST } from "../codec/numbers.ts";
import type { Connection } from "../netlink/connection.ts";
import { type Device, readDevices } from "./devices.ts";
import type { Net } from "./flow.ts";
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
}

/** The bits of a route's destination up to which it is as good as a default route: `0.0.0.0/1`, `2000::/3`. */
const DEFAULT_LENGTHS = { ip: 1, ip6: 3 } as const;
/** More networks than these are not read: what a match leaves out of the others counts as left out. */
const NETS_MAX = 64;

/** Looks around from a connection's namespace. */
export function lookAround(connection: Connection): Surroundings {
  const isDefault = (family: number, length: number) => length <= DEFAULT_LENGTHS[family === AF_INET ? "ip" : "ip6"];
  const unicast = (routes: readonly Route[]) => routes.filter(({ type }) => type === RTN_UNICAST);
  const defaultRoutes = once(() => unicast(readRoutes(connection, isDefault)));
  const allRoutes = once(() => unicast(readRoutes(connection, () => true)));
  const devices = once(() => new Map(readDevices(connection).map((device) => [device.ifindex, device])));
  const ports = once(() => Map.groupBy(devices().values(), ({ master }) => master));
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
    markings: perFamily((family) => readMarkings(connection, family)),
    addresses: perFamily((family) => readAddresses(connection, family)),
    findRoutes: (list) => findRoutes(connection, list),
    hardwareOf: (ifindex, address) => address && findNeighbour(connection, { ifindex, address }),
  };
}

/** Reads something when it is asked for first, and keeps it. */
export function once<T>(read: () => T): () => T {
  let found: { value: T } | undefined;
  return () => (found ??= { value: read() }).value;
}

function perFamily<T>(read: (family: number) => T): (family: number) => T {
  const found = new Map<number, T>();
  return (family) => {
    const value = found.get(family) ?? read(family);
    found.set(family, value);
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
