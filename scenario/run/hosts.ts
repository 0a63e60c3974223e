import { EPERM } from "../../linux/errno.ts";
import { UnsupportedError } from "../../linux/libc.ts";
import { inNamespace, namespacePath, removeNamespace } from "../../linux/namespace.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import type { Guardian } from "../../guardian/guardian.ts";
import { endProcesses, isInNamespace, type IsMeant } from "../../guardian/processes.ts";
import type { PlannedDevice, PlannedHost } from "../plan.ts";
import { feed } from "./feed.ts";
import { StepError } from "./step_error.ts";

/** What hosts are made with. */
export interface HostsOptions {
  /** Has charge of each from before it is there; absent where nothing is to be done when this process dies. */
  guardian?: Guardian;
  /** What tells the namespaces of this run from those of others. */
  run: string;
  /** What the programs that make them have in their environment: the guardian ends these too. */
  env: Readonly<Record<string, string>>;
  /** Whether the kernel knows IPv6; looked up if not given. */
  ipv6?: boolean;
}

/** The hosts of a scenario: network namespaces, those that it makes and those that are there. */
export class Hosts {
  readonly #names: ReadonlyMap<string, string>;
  readonly #planned: readonly PlannedHost[];
  readonly #guardian?: Guardian;
  readonly #env: Readonly<Record<string, string>>;
  readonly #ipv6: boolean;
  /** Those that were made, with the number by which the guardian knows each. */
  readonly #charges = new Map<string, number | undefined>();

  constructor(planned: readonly PlannedHost[], { guardian, run, env, ipv6 = hasIpv6() }: HostsOptions) {
    this.#planned = planned;
    this.#ipv6 = ipv6;
    this.#guardian = guardian;
    this.#env = env;
    this.#names = new Map(planned.map(({ name, netns }) => [name, netns ?? `plugctl-${run}-${name}`]));
  }

  /** The network namespace of a host; `undefined` for this process's own. */
  readonly netnsOf = (host: string | undefined): string | undefined => {
    return host === undefined ? undefined : this.#names.get(host);
  };

  /** Those that are made, and so are deleted in the end. */
  get made(): PlannedHost[] {
    return this.#planned.filter(({ netns }) => netns === undefined);
  }

  /**
   * Makes the namespaces, which the guardian has charge of before they are there, and the cables between them.
   *
   * @throws {StepError} where one is to have IPv6, which this kernel lacks, or `ip` fails
   */
  async make(): Promise<void> {
    const hosts = this.made;
    if (!this.#ipv6) { for (const host of hosts) refuseIpv6(host); }
    for (const { name } of hosts) {
      this.#charges.set(name, this.#guardian?.take({ kind: "namespace", name: this.#netns(name) }));
    }
    await ip(hosts.map(({ name }) => `netns add ${this.#netns(name)}`), {
      operation: "make the hosts",
      env: this.#env,
    });
    const cables = cablesOf(hosts);
    const each = cables.filter(([, there], index) => cables.findIndex(([end]) => end === there) > index);
    await ip(each.map((cable) => this.#layLine(cable)), {
      operation: "lay the cables between the hosts",
      env: this.#env,
    });
    for (const host of hosts) await this.#configure(host, cables.filter(([end]) => end.host === host.name));
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

  /** Lays one cable, straight into the namespaces of both ends. */
  #layLine([here, there]: Cable): string {
    const [near, far] = [here, there].map(({ host, device, mac }) =>
      `${device.name} netns ${this.#netns(host)} address ${mac}`
    );
    return `link add ${near} type veth peer name ${far}`;
  }

  async #configure(host: PlannedHost, ends: readonly Cable[]): Promise<void> {
    const netns = this.#netns(host.name);
    const lines = [
      "link set lo up",
      ...ends.flatMap((end) => endLines(end, { ipv6: this.#ipv6 })),
      ...host.routes.map(({ to, via }) => `route add ${to} via ${via}`),
    ];
    await ip(lines, { operation: `configure host ${host.name}`, netns, env: this.#env });
    if (host.forward) inNamespace(netns, () => forward({ ipv6: this.#ipv6 }));
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

/** An end of a cable. */
interface End {
  host: string;
  device: PlannedDevice;
  mac: string;
}

/** A cable, as seen from its first end. */
type Cable = readonly [End, End];

/** Every end of every cable, with the other end. */
function cablesOf(hosts: readonly PlannedHost[]): Cable[] {
  const ends = hosts.flatMap((host, hostIndex) =>
    host.devices.map((device, deviceIndex) => ({ host: host.name, device, mac: macOf(hostIndex, deviceIndex) }))
  );
  return ends.map((end) => {
    const { to } = end.device;
    const other = ends.find(({ host, device }) => host === to.host && device.name === to.device) as End;
    return [end, other];
  });
}

/** A hardware address that belongs to no maker: a locally administered one, with "pl" in it. */
function macOf(host: number, device: number): string {
  const bytes = [0x02, 0x70, 0x6c, host >> 8 & 0xff, host & 0xff, device & 0xff];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/**
 * Sets up an end so that the cable carries nothing but what the scenario's programs send: each end knows the hardware
 * address of the other for good, and has no address of its own making, so that nothing is asked, announced or solicited.
 */
function endLines([{ device: { name, addresses, mtu } }, other]: Cable, { ipv6 }: { ipv6: boolean }): string[] {
  return [
    ...ipv6 ? [`link set ${name} addrgenmode none`] : [],
    ...mtu === undefined ? [] : [`link set ${name} mtu ${mtu}`],
    ...addresses.map((address) => `address add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`),
    `link set ${name} up`,
    ...other.device.addresses.map((address) =>
      `neighbour replace ${address.split("/")[0]} lladdr ${other.mac} dev ${name} nud permanent`
    ),
  ];
}

/** Whether the kernel knows IPv6; one that does not refuses whatever concerns it. */
function hasIpv6(): boolean {
  try {
    return Deno.statSync("/proc/sys/net/ipv6").isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Refuses a host that is to have IPv6, of which the kernel would say no more than that it is not supported. */
function refuseIpv6({ name, devices, routes }: PlannedHost): void {
  const addresses = [...devices.flatMap((device) => device.addresses), ...routes.flatMap(({ to, via }) => [to, via])];
  const address = addresses.find((each) => each.includes(":"));
  if (address === undefined) return;
  throw new StepError(`Cannot make host ${name}: it is to have ${address}, and this kernel has no IPv6`);
}

/** Has the host that the process is on pass on packets that are for others. */
function forward({ ipv6 }: { ipv6: boolean }): void {
  const paths = ["ipv4/ip_forward", ...ipv6 ? ["ipv6/conf/all/forwarding"] : []];
  for (const path of paths) Deno.writeTextFileSync(`/proc/sys/net/${path}`, "1\n");
}

/** Runs lines of `ip`, in one process. */
async function ip(
  lines: readonly string[],
  { operation, netns, env }: { operation: string; netns?: string; env: Readonly<Record<string, string>> },
): Promise<void> {
  const args = [...netns === undefined ? [] : ["-netns", netns], "-batch", "-"];
  const child = startIp({ args, env, stdin: "piped", stdout: "null", stderr: "piped", detached: true }, operation);
  const fed = feed(child, lines.map((line) => `${line}\n`).join(""));
  // Where it does not read all of it, it has failed, and says why.
  const [{ success, stderr }] = await Promise.all([child.output(), fed.catch(() => {})]);
  if (success) return;
  const sentence = new TextDecoder().decode(stderr).trim().split("\n")[0];
  if (!/permitted|denied/.test(sentence)) throw new StepError(`Cannot ${operation}: ip says: ${sentence}`);
  throw new NetlinkError(operation, { errno: EPERM, sentence: `ip says: ${sentence}` });
}

function startIp(options: Deno.CommandOptions, operation: string): Deno.ChildProcess {
  try {
    return new Deno.Command("ip", options).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UnsupportedError(`Cannot ${operation}: there is no program ip; install iproute2`, { cause: error });
  }
}
