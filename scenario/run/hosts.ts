import { parseAddress } from "../../gate/match/address.ts";
import { hasCapability, mayWriteIn } from "../../linux/process.ts";
import { EACCES, EPERM, NetlinkError, Operation } from "../../linux/netlink_error.ts";
import {
  hostNamespace,
  inNamespace,
  makeNamespace,
  NAMED,
  namespacePath,
  ownsNamespace,
  removeNamespace,
} from "../../linux/namespace.ts";
import {
  type CableEnd,
  type GatewayRoute,
  hasIpv6,
  layCable,
  setUpHost,
  type WrittenAddress,
} from "../../netlink/cable.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { endProcesses, isInNamespace, type IsMeant } from "../../guardian/processes.ts";
import type { PlannedDevice, PlannedHost, PlannedRoute } from "../plan.ts";
import { isMade } from "../host.ts";
import { StepError } from "./step_error.ts";

/** What hosts are made with. */
export interface HostsOptions {
  /** Has charge of each from before it is there; absent where nothing is to be done when this process dies. */
  guardian?: Guardian;
  /** What tells the namespaces of this run from those of others. */
  run: string;
  /** Whether the kernel knows IPv6; looked up if not given. */
  ipv6?: boolean;
  /** What this process lacks to make hosts, or to enter those that are there; looked up if not given. */
  lacks?: (what: "make" | "enter") => string | undefined;
}

/** The hosts of a scenario: network namespaces, those that it makes and those that are there. */
export class Hosts {
  readonly #names: ReadonlyMap<string, string>;
  readonly #planned: readonly PlannedHost[];
  readonly #guardian?: Guardian;
  readonly #ipv6: boolean;
  readonly #lacks: (what: "make" | "enter") => string | undefined;
  /** Those that were made, with the number by which the guardian knows each. */
  readonly #charges = new Map<string, number | undefined>();

  constructor(
    planned: readonly PlannedHost[],
    { guardian, run, ipv6 = hasIpv6(), lacks = whatIsMissing }: HostsOptions,
  ) {
    this.#planned = planned.filter(({ on }) => on === undefined);
    this.#ipv6 = ipv6;
    this.#lacks = lacks;
    this.#guardian = guardian;
    this.#names = new Map(this.#planned.map(({ name, netns }) => [name, netns ?? hostNamespace(run, name)]));
  }

  /** The network namespace of a host; `undefined` for this process's own. */
  readonly netnsOf = (host: string | undefined): string | undefined => {
    return host === undefined ? undefined : this.#names.get(host);
  };

  /** Whether a host is one of those that are made. */
  readonly isMade = (host: string | undefined): boolean => this.made.some(({ name }) => name === host);

  /** Those that are made, and so are deleted in the end. */
  get made(): PlannedHost[] {
    return this.#planned.filter(isMade);
  }

  /**
   * Makes sure that they can be made, and entered, before anything is touched.
   *
   * @throws {NetlinkError} with EPERM where this process may not
   * @throws {StepError} where one is to have IPv6, which this kernel lacks, or a route that cannot be
   */
  check(): void {
    const hosts = this.made;
    if (!this.#ipv6) { for (const host of hosts) refuseIpv6(host); }
    for (const host of hosts) for (const route of host.routes) routeOf(host, route);
    if (this.#planned.length === 0) return;
    const takes = this.#lacks(hosts.length > 0 ? "make" : "enter");
    for (const { netns } of this.#planned) if (takes === undefined && netns !== undefined) refuseForbidden(netns);
    if (takes === undefined) return;
    const names = (hosts.length > 0 ? hosts : this.#planned).map(({ name }) => name).join(", ");
    const operation = hosts.length > 0
      ? new Operation(`make hosts ${names}`, { takes })
      : new Operation(`enter hosts ${names}`, { enters: names, takes });
    throw new NetlinkError(operation, { errno: EPERM });
  }

  /**
   * Makes the namespaces, which the guardian has charge of before they are there, and the cables between them.
   *
   * @throws {NetlinkError} where the kernel refuses
   */
  make(): void {
    const hosts = this.made;
    for (const { name } of hosts) {
      const netns = this.#netns(name);
      this.#charges.set(name, this.#guardian?.take({ kind: "namespace", name: netns }));
      makeNamespace(netns);
    }
    const cables = this.#cables(hosts);
    for (const [here, there] of cables.filter(([here, there], index) => isFirst(cables, { here, there, index }))) {
      const operation = `lay the cable from ${here.host} ${here.name} to ${there.host} ${there.name}`;
      layCable([here, there], { operation, ipv6: this.#ipv6 });
    }
    for (const host of hosts) {
      const { name, forward } = host;
      const ends = cables.filter(([end]) => end.host === name);
      const routes = host.routes.map((route) => routeOf(host, route));
      const operation = `configure host ${name}`;
      setUpHost({ netns: this.#netns(name), ends, routes, forward }, { operation, ipv6: this.#ipv6 });
    }
  }

  /** Ends what runs on the hosts that were made, and deletes them; one that is not there is passed over. */
  async delete(): Promise<void> {
    const names = [...this.#charges.keys()].map((name) => this.#netns(name));
    const isOnOne = names.map((name) => isOn(name)).filter((isMeant) => isMeant !== undefined);
    if (isOnOne.length > 0) await endProcesses((folder) => isOnOne.some((isMeant) => isMeant(folder)));
    for (const [name, charge] of this.#charges) {
      removeNamespace(this.#netns(name));
      if (charge !== undefined) this.#guardian?.drop(charge);
      this.#charges.delete(name);
    }
  }

  #netns(name: string): string {
    return this.#names.get(name) as string;
  }

  /** Every end of every cable, with the other end. */
  #cables(hosts: readonly PlannedHost[]): Cable[] {
    const ends = hosts.flatMap((host, hostIndex) =>
      host.devices.map((device, deviceIndex): End => ({
        host: host.name,
        netns: this.#netns(host.name),
        name: device.name,
        to: device.to,
        mac: macOf(hostIndex, deviceIndex),
        mtu: device.mtu,
        addresses: device.addresses.map(addressOf),
      }))
    );
    return ends.map((end) => {
      const other = ends.find(({ host, name }) => host === end.to.host && name === end.to.device) as End;
      return [end, other];
    });
  }
}

/** What this process lacks to make hosts, or to enter those that are there. */
function whatIsMissing(what: "make" | "enter"): string | undefined {
  if (!hasCapability("CAP_SYS_ADMIN")) return "CAP_SYS_ADMIN";
  // Who is root in a user namespace alone finds no way back into a network namespace that is not of that, and mounts nothing.
  if (!ownsNamespace("net")) return "a network namespace of its own, which unshare --net makes";
  if (what === "enter") return undefined;
  if (!hasCapability("CAP_NET_ADMIN")) return "CAP_NET_ADMIN";
  if (!ownsNamespace("mnt")) return "a mount namespace of its own, which unshare --mount makes";
  return mayWriteIn(NAMED) ? undefined : `permission to write in ${NAMED}`;
}

/** Refuses a namespace that may not be entered; one that is not there may be made by then. */
function refuseForbidden(netns: string): void {
  try {
    inNamespace(netns, () => {});
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno === EPERM || error.errno === EACCES) throw error;
  }
}

/** Which processes are in a network namespace; `undefined` where it is not there. */
function isOn(netns: string): IsMeant | undefined {
  try {
    return isInNamespace(namespacePath(netns));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** An end of a cable, and where that leads. */
interface End extends CableEnd {
  host: string;
  to: PlannedDevice["to"];
}

/** A cable, as seen from its first end. */
type Cable = readonly [End, End];

/** Whether it is from this end of its cable that it is laid. */
function isFirst(cables: readonly Cable[], { here, there, index }: { here: End; there: End; index: number }): boolean {
  return here !== there && cables.findIndex(([end]) => end === there) > index;
}

/** A hardware address that belongs to no maker: a locally administered one, with "pl" in it. */
function macOf(host: number, device: number): Uint8Array {
  return Uint8Array.of(0x02, 0x70, 0x6c, host >> 8 & 0xff, host & 0xff, device & 0xff);
}

/** `10.0.0.1/24`, which has been checked. */
function addressOf(text: string): WrittenAddress {
  const [written, length] = text.split("/");
  return { text, address: bytesOf(written), length: Number(length) };
}

function bytesOf(address: string): Uint8Array {
  const bytes = parseAddress(address);
  if (bytes) return bytes;
  throw new SyntaxError(`${JSON.stringify(address)} is not an IP address`);
}

function routeOf({ name }: PlannedHost, { to, via }: PlannedRoute): GatewayRoute {
  const gateway = bytesOf(via);
  if (to === "default") return { to: { text: to, address: gateway.map(() => 0), length: 0 }, via: gateway };
  const destination = addressOf(to);
  if (destination.address.length === gateway.length) return { to: destination, via: gateway };
  throw new StepError(
    `Cannot make host ${name}: its route to ${to} leads via ${via}, which is of the other IP version`,
  );
}

/** Refuses a host that is to have IPv6, of which the kernel would say no more than that it is not supported. */
function refuseIpv6({ name, devices, routes }: PlannedHost): void {
  const addresses = [...devices.flatMap((device) => device.addresses), ...routes.flatMap(({ to, via }) => [to, via])];
  const address = addresses.find((each) => each.includes(":"));
  if (address === undefined) return;
  throw new StepError(`Cannot make host ${name}: it is to have ${address}, and this kernel has no IPv6`);
}
