/**
 * Hosts for the kernel tests: network namespaces, and the cables between them.
 *
 * Needs root in a place that may be spoilt, which `run.ts` provides.
 *
 * @module
 */

import { inNamespace } from "../../linux/namespace.ts";
import { killIfThere } from "../../uml/processes.ts";

/** A network namespace with its loopback device up, which is deleted when the block ends. */
export class Host implements Disposable {
  /** Its name, for `ip netns` and `--netns`: unique, so that tests do not meet */
  readonly name = `plugctl-${crypto.randomUUID().slice(0, 8)}`;

  constructor() {
    if (Deno.env.get("PLUGCTL_KERNEL_TESTS") !== "1") {
      throw new Error("Cannot make a host here: run this by tests/kernel/run.ts, away from this machine's network");
    }
    runCommand(["ip", "netns", "add", this.name]);
    this.configure(["link set lo up"]);
  }

  /**
   * Runs a command on the host and returns its standard output.
   *
   * @throws {Error} If it fails; the message holds its standard error.
   */
  run(...command: string[]): string {
    return runCommand(this.#onHost(command));
  }

  /** Runs lines of `ip` commands on the host, in one process: starting one takes long in User-Mode Linux. */
  configure(lines: string[]): void {
    const batch = Deno.makeTempFileSync({ prefix: "plugctl-batch-" });
    try {
      Deno.writeTextFileSync(batch, lines.join("\n") + "\n");
      runCommand(["ip", "-netns", this.name, "-batch", batch]);
    } finally {
      Deno.removeSync(batch);
    }
  }

  /** Starts a command on the host; what is left of it when the block ends is killed. */
  spawn(command: string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
    const [program, ...args] = this.#onHost(command);
    return new Deno.Command(program, { ...options, args }).spawn();
  }

  /**
   * Runs a function in the host's namespace: sockets that it opens belong to the host for good.
   *
   * It must not wait: everything else in this process would be on the host meanwhile.
   */
  enter<T>(work: () => T): T {
    return inNamespace(this.name, work);
  }

  [Symbol.dispose](): void {
    const left = runCommand(["ip", "netns", "pids", this.name]).split("\n").filter(Boolean);
    for (const pid of left) killIfThere(Number(pid), "SIGKILL");
    runCommand(["ip", "netns", "delete", this.name]);
  }

  #onHost(command: string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }
}

/** One end of a cable. */
export interface End {
  host: Host;
  dev: string;
  mac: string;
  ipv4: string;
  ipv6: string;
}

/**
 * Joins two hosts by a veth pair that carries nothing but what a test sends.
 *
 * Each end knows the other's hardware address for good and has no link-local address, so no ARP,
 * neighbour discovery, router solicitation or multicast report is ever counted with the packets.
 *
 * @param options.dev The name of the device, the same on either host; `eth0` if not given.
 */
export function connect(hosts: [Host, Host], { dev = "eth0" } = {}): [End, End] {
  const left = end(hosts[0], { dev, number: 1 });
  const right = end(hosts[1], { dev, number: 2 });
  const peer = `peer name ${dev} address ${right.mac} netns ${right.host.name}`;
  left.host.configure([`link add ${dev} address ${left.mac} type veth ${peer}`, ...settings(left, right)]);
  right.host.configure(settings(right, left));
  return [left, right];
}

function end(host: Host, { dev, number }: { dev: string; number: number }): End {
  return { host, dev, mac: `02:00:00:00:00:0${number}`, ipv4: `10.0.0.${number}`, ipv6: `fd00::${number}` };
}

function settings({ dev, ipv4, ipv6 }: End, other: End): string[] {
  return [
    `link set ${dev} arp off addrgenmode none`,
    `address add ${ipv4}/24 dev ${dev}`,
    `address add ${ipv6}/64 dev ${dev} nodad`,
    `link set ${dev} up`,
    `neighbour replace ${other.ipv4} lladdr ${other.mac} dev ${dev} nud permanent`,
    `neighbour replace ${other.ipv6} lladdr ${other.mac} dev ${dev} nud permanent`,
  ];
}

/** Runs a command, and returns what it printed; throws what it complained about. */
export function runCommand([program, ...args]: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (success) return new TextDecoder().decode(stdout);
  const complaint = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot run ${[program, ...args].join(" ")}: ${complaint}`);
}
