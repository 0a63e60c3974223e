/**
 * A fleet for the kernel tests: hosts with an agent each, a real broker with TLS where the coordinator is, and traffic
 * between the hosts that never pauses.
 *
 * What is controlled goes by `eth0` of each host to the bridge where the broker is; what is held goes by `eth1`, from the
 * first host to the second: so a host can be cut off, and it is still seen what it holds.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { runCommandLine } from "../../cli/main.ts";
import type { Entry } from "../../fleet/event_log.ts";
import { STREAMS } from "../../fleet/subject.ts";
import { Written } from "../cli/written.ts";
import { connectAs, makeCertificates } from "../fleet/nats.ts";
import { provideTools } from "../tools.ts";
import { connect, Host } from "./host.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

export const BROKER = "10.99.0.254";
const PORT = 7777;
/** How long anything may take that a slow machine does. */
export const BOUND = { timeoutMs: 30_000 };
/** The lease of the holds: long enough that a busy machine renews it in time. */
export const LEASE_MS = 2000;
/** How much later than that traffic must pass: the guardian's grace, and what a slow machine takes to let it be seen. */
export const SLACK_MS = 250 + 1000;

/** A host's agent, and what it has said. */
export interface RunningAgent {
  child: Deno.ChildProcess;
  stderr: string;
}

/** What the coordinator has said, and how it has ended. */
export interface Coordinator {
  readonly stderr: string;
  status: Promise<number>;
}

/** Hosts `db1` and `db2` of a fleet. */
export class Fleet implements AsyncDisposable {
  readonly hosts: readonly Host[];
  readonly agents: RunningAgent[] = [];
  readonly folder: string;
  readonly traffic: Traffic;
  #nats?: Deno.ChildProcess;
  #policy: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.hosts = [new Host(), new Host()];
    connect([this.hosts[0], this.hosts[1]], { dev: "eth1" });
    // The coordinator is in this process, and so is its network.
    const lines = [
      "link add br99 type bridge",
      `address add ${BROKER}/24 dev br99`,
      "link set br99 up",
      "link set lo up",
    ];
    this.hosts.forEach((host, index) => {
      lines.push(`link add fl${index + 1} type veth peer name eth0 netns ${host.name}`);
      lines.push(`link set fl${index + 1} master br99 up`);
    });
    for (const line of lines) ip(line);
    this.hosts.forEach((host, index) => {
      host.configure([`address add 10.99.0.${index + 1}/24 dev eth0`, "link set eth0 up"]);
    });
    this.traffic = new Traffic(this.hosts[0], this.hosts[1]);
  }

  static async start({ policy }: { policy?: string } = {}): Promise<Fleet> {
    await provideTools(["nats-server"], { onDownload: () => {}, signal: new AbortController().signal });
    const folder = await Deno.makeTempDir({ prefix: "plugctl-fleet-" });
    await makeCertificates(folder);
    const fleet = new Fleet(folder);
    if (policy !== undefined) {
      fleet.#policy = ["--policy", `${folder}/policy.yaml`];
      await Deno.writeTextFile(fleet.#policy[1], policy, { mode: 0o644 });
    }
    await fleet.startBroker();
    await Promise.all([1, 2].map((number) => fleet.startAgent(number)));
    return fleet;
  }

  /** What a command needs to reach the broker. */
  get broker(): string[] {
    return ["--nats", `tls://${BROKER}`, "--ca", `${this.folder}/ca.crt`];
  }

  /** With what leases they hold. */
  get lease(): string[] {
    return ["--lease", `${LEASE_MS}ms`, "--max-skew", "500ms"];
  }

  async startBroker(): Promise<void> {
    const config = `listen: "${BROKER}:4222"\njetstream { store_dir: "${this.folder}/js" }\n` +
      `tls { cert_file: "${this.folder}/broker.crt", key_file: "${this.folder}/broker.key" }\n`;
    await Deno.writeTextFile(`${this.folder}/nats.conf`, config);
    const args = ["-c", `${this.folder}/nats.conf`];
    this.#nats = new Deno.Command("nats-server", { args, stdout: "null", stderr: "null" }).spawn();
    const isThere = async () => {
      try {
        (await Deno.connect({ hostname: BROKER, port: 4222 })).close();
        return true;
      } catch {
        return false;
      }
    };
    await until(isThere, { ...BOUND, what: "a broker" });
  }

  async killBroker(): Promise<void> {
    this.#nats?.kill("SIGKILL");
    await this.#nats?.status;
  }

  /** Starts the agent of a host, by the number of the host, and waits until it answers. */
  async startAgent(number: number): Promise<RunningAgent> {
    const agent = this.spawnAgent(number);
    this.agents[number] = agent;
    await until(() => agent.stderr.includes("answering for"), {
      ...BOUND,
      what: `an agent of db${number}: ${agent.stderr}`,
    });
    return agent;
  }

  spawnAgent(number: number, { state = this.stateOf(number) } = {}): RunningAgent {
    const words = [
      ...PLUGCTL,
      "agent",
      ...this.broker,
      "--name",
      `db${number}`,
      "--state",
      state,
      "--max-hold",
      "2m",
      ...this.#policy,
    ];
    const child = this.hosts[number - 1].spawn(words, { stdout: "null", stderr: "piped" });
    const agent = { child, stderr: "" };
    void (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) agent.stderr += text;
    })();
    return agent;
  }

  stateOf(number: number): string {
    return `${this.folder}/db${number}`;
  }

  /** Has both hosts hold what is sent from one to the other, in this process, and waits until that is held. */
  async hold(...words: string[]): Promise<Coordinator> {
    const stderr = new Written();
    const all = ["fleet", "hold", "eth1", "--match", `udp port ${PORT}`, ...this.broker, "--on", "db*"];
    const status = runCommandLine([...all, ...this.lease, ...words], { stdout: new Written(), stderr });
    await this.whenHeld(() => stderr.text);
    return {
      status,
      get stderr() {
        return stderr.text;
      },
    };
  }

  /** As `hold`, in a process of its own. */
  async holdApart(): Promise<Deno.ChildProcess> {
    const all = ["fleet", "hold", "eth1", "--match", `udp port ${PORT}`, ...this.broker, "--on", "db*", "--for", "60s"];
    const [program, ...args] = [...PLUGCTL, ...all, ...this.lease];
    const child = new Deno.Command(program, { args, stdout: "null", stderr: "null" }).spawn();
    await this.whenHeld(() => "a coordinator of its own");
    return child;
  }

  async whenHeld(said: () => string): Promise<void> {
    await until(() => this.traffic.waitsMs > 200, { ...BOUND, what: "packets that wait" }).catch((error) => {
      throw new Error(`${error.message}; ${said()}`);
    });
  }

  /** What `tc` shows to be waiting on the hosts. */
  get backlog(): number {
    const all = this.hosts.flatMap((host) => {
      const listed: { kind: string; qlen: number }[] = JSON.parse(host.run("tc", "-s", "-json", "qdisc", "show"));
      return listed.filter(({ kind }) => kind === "plug").map(({ qlen }) => qlen);
    });
    return all.reduce((sum, qlen) => sum + qlen, 0);
  }

  /** Nothing waits anywhere, all that was sent has arrived once and in its order, and what held it goes. */
  async isClear(): Promise<void> {
    await until(() => this.traffic.waitsMs < 100, { ...BOUND, what: "traffic" });
    assertEquals(this.backlog, 0);
    assertEquals(this.traffic.disorder, []);
    const filters = () => this.hosts.map((host) => host.run("tc", "filter", "show", "dev", "eth1", "egress")).join("");
    await until(() => filters() === "", { ...BOUND, what: "no filters of gates" });
  }

  /** Each host's log is in the stream as it is on the host, each entry once, and in its order. */
  async logsAreWhole(): Promise<Entry[][]> {
    const connection = await this.connect();
    try {
      const inStream = async () => await entriesOf(connection);
      const onHosts = () =>
        [1, 2].map((number) =>
          Deno.readTextFileSync(`${this.stateOf(number)}/log.jsonl`).split("\n").filter((line) => line !== "")
            .map((line): Entry => JSON.parse(line))
        );
      const count = () => onHosts().flat().length;
      await until(async () => (await inStream()).flat().length >= count(), {
        ...BOUND,
        what: "all entries in the stream",
      });
      const logs = onHosts();
      assertEquals(await inStream(), logs);
      return logs;
    } finally {
      await connection.close();
    }
  }

  async connect(): Promise<NatsConnection> {
    return await connectAs(`tls://${BROKER}`, { name: "root", ca: `${this.folder}/ca.crt` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.traffic[Symbol.dispose]();
    await this.killBroker();
    for (const { child } of this.agents.filter(Boolean)) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    }
    for (const host of this.hosts) host[Symbol.dispose]();
    ip("link delete br99");
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Numbered datagrams from one host to another, at all times, and when they arrived. */
export class Traffic implements Disposable {
  readonly #sender: UdpSocket;
  readonly #receiver: UdpSocket;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #sentMs: number[] = [];
  #arrived = 0;
  /** Numbers that did not come next, and those that came in their place. */
  readonly disorder: [expected: number, came: number][] = [];

  constructor(from: Host, to: Host) {
    this.#sender = new UdpSocket(from, { address: "10.0.0.1", port: PORT });
    this.#receiver = new UdpSocket(to, { address: "10.0.0.2", port: PORT });
    this.#timer = setInterval(() => this.#look(), 20);
  }

  /** For how long the oldest has waited that has not arrived, in milliseconds. */
  get waitsMs(): number {
    this.#receive();
    return performance.now() - (this.#sentMs[this.#arrived] ?? performance.now());
  }

  /** Waits until all passes, and returns when that was. */
  async passes(): Promise<number> {
    await until(() => this.waitsMs < 100, { ...BOUND, what: "traffic" });
    return performance.now();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
  }

  #look(): void {
    this.#receive();
    sendNumbered(this.#sender, { address: "10.0.0.2", port: PORT }, { from: this.#sentMs.length, count: 1 });
    this.#sentMs.push(performance.now());
  }

  #receive(): void {
    for (const number of arrivedNumbers(this.#receiver)) {
      if (number !== this.#arrived) this.disorder.push([this.#arrived, number]);
      this.#arrived = number + 1;
    }
  }
}

/** What is in the stream of each host's log, in its order. */
async function entriesOf(connection: NatsConnection): Promise<Entry[][]> {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(STREAMS.log.name);
  const byHost = new Map<string, Entry[]>([["db1", []], ["db2", []]]);
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(STREAMS.log.name, { seq });
    if (message) byHost.get(message.subject.split(".")[2])?.push(message.json());
  }
  return [...byHost.values()];
}

/** The moments that a coordinator has named as the latest, by `Date.now()`. */
export function latestIn(stderr: string, host: string): number {
  const [, time] = new RegExp(`${host}: is not heard of: held until ([\\d:.]+) at the latest`).exec(stderr) ?? [];
  assert(time, `no bound for ${host} in: ${stderr}`);
  const [hours, minutes, seconds] = time.split(":").map(Number);
  const date = new Date();
  date.setHours(hours, minutes, Math.floor(seconds), Math.round(seconds % 1 * 1000));
  return date.getTime();
}

function ip(line: string): void {
  const { success, stderr } = new Deno.Command("ip", { args: line.split(" ") }).outputSync();
  if (!success) throw new Error(`ip ${line}: ${new TextDecoder().decode(stderr)}`);
}
