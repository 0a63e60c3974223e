import { RTM_NEWLINK } from "../codec/assembly/constants.ts";
import {
  type AddressPrefix,
  addressRequest,
  gatewayRequest,
  neighbourRequest,
  type VethEnd,
  vethRequest,
} from "../codec/host_request.ts";
import type { Request } from "../codec/request.ts";
import { treeRequest } from "../codec/tree_request.ts";
import { inNamespace, openNamespace } from "../linux/namespace.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import { Connection } from "./connection.ts";

/** An address with its prefix length, as it is written and as the kernel has it. */
export interface WrittenAddress extends AddressPrefix {
  /** `10.0.0.1/24` */
  text: string;
}

/** An end of a cable, a veth device in a network namespace. */
export interface CableEnd extends VethEnd {
  /** The network namespace. */
  netns: string;
  /** What it has of addresses. */
  addresses: readonly WrittenAddress[];
}

/** A route by way of a host that passes packets on. */
export interface GatewayRoute {
  /** Where it leads; with a length of 0 everywhere. */
  to: WrittenAddress;
  /** The address of that host, of the same family. */
  via: Uint8Array;
}

/** What a network namespace is made into. */
export interface HostSetUp {
  /** The network namespace. */
  netns: string;
  /** Its ends of cables, each with the other end. */
  ends: readonly (readonly [here: CableEnd, there: CableEnd])[];
  routes: readonly GatewayRoute[];
  /** Whether it passes on packets that are for others. */
  forward: boolean;
}

/** What a cable or a host is made with. */
export interface SetUpOptions {
  /** What is being done, for errors: `configure host client`. */
  operation: string;
  /** Whether the kernel knows IPv6; one that does not refuses whatever concerns it. */
  ipv6: boolean;
}

/**
 * Lays a cable between two network namespaces, which may be the same: a veth pair, whose ends are down.
 *
 * @throws {NetlinkError} where the kernel refuses, for instance with EEXIST where there is a device of that name
 */
export function layCable([near, far]: readonly [CableEnd, CableEnd], { operation }: SetUpOptions): void {
  using connection = Connection.open({ netns: near.netns });
  using there = openNamespace(far.netns);
  connection.request(operation, vethRequest(near, { ...far, netnsFd: there.fd }));
}

/**
 * Makes a host of a network namespace: its loopback device and its ends of cables up, with their addresses, and its
 * routes. A cable carries nothing but what programs send: each end knows the hardware address of the other for good, and
 * has no address of its own making, so that nothing is asked, announced or solicited.
 *
 * @throws {NetlinkError} with the kernel's own sentence where it refuses
 */
export function setUpHost({ netns, ends, routes, forward }: HostSetUp, { operation, ipv6 }: SetUpOptions): void {
  using connection = Connection.open({ netns });
  const indexes = ends.map(([{ name }]) => connection.deviceIndex(name));
  const parts = [
    part("take lo up", up(connection.deviceIndex("lo"))),
    ...ends.flatMap((end, index) => endParts(end, { ifindex: indexes[index], ipv6 })),
    ...routes.map(({ to, via }) => part(`add the route to ${to.text}`, gatewayRequest(to, via))),
  ];
  const answers = connection.transact(parts.map(({ request }) => request));
  const refused = answers.findIndex(({ errno }) => errno !== 0);
  if (refused >= 0) throw new NetlinkError(`${operation}: ${parts[refused].what}`, answers[refused]);
  if (forward) inNamespace(netns, () => passOn(operation, { ipv6 }));
}

/** A request, and what it does. */
interface Part {
  what: string;
  request: Request;
}

function part(what: string, request: Request): Part {
  return { what, request };
}

function endParts(
  [here, there]: readonly [CableEnd, CableEnd],
  { ifindex, ipv6 }: { ifindex: number; ipv6: boolean },
): Part[] {
  const { name, addresses } = here;
  const addressless = treeRequest({ type: RTM_NEWLINK, ifindex, addressless: true });
  return [
    ...ipv6 ? [part(`keep ${name} from making itself an address`, addressless)] : [],
    ...addresses.map((address) => part(`give ${name} ${address.text}`, addressRequest(ifindex, address))),
    part(`take ${name} up`, up(ifindex)),
    ...there.addresses.map(({ text, address }) =>
      part(`tell ${name} of its neighbour ${text}`, neighbourRequest(ifindex, { address, mac: there.mac }))
    ),
  ];
}

function up(ifindex: number): Request {
  return treeRequest({ type: RTM_NEWLINK, ifindex, up: true });
}

/** Has the host that the process is on pass on packets that are for others. */
function passOn(operation: string, { ipv6 }: { ipv6: boolean }): void {
  const paths = ["ipv4/ip_forward", ...ipv6 ? ["ipv6/conf/all/forwarding"] : []];
  for (const path of paths) {
    try {
      Deno.writeTextFileSync(`/proc/sys/net/${path}`, "1\n");
    } catch (error) {
      throw new Error(`Cannot ${operation}: /proc/sys/net/${path} cannot be written`, { cause: error });
    }
  }
}

/** Whether the kernel knows IPv6; one that does not refuses whatever concerns it. */
export function hasIpv6(): boolean {
  try {
    return Deno.statSync("/proc/sys/net/ipv6").isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
