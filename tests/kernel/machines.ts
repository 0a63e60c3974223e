/**
 * Namespaces as the machines of a fleet: on each an agent of its own, on one a broker, and who asks.
 *
 * @module
 */

import type { ScenarioEvent } from "../../scenario/event.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { Host } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";
import { until } from "./until.ts";

/** How long an agent may take to start, in milliseconds: from its source that is seconds in User-Mode Linux. */
const START_MS = 120_000;

const BROKER = ["nats-server", "-a", "10.9.0.1", "-p", "4222"];

/** A process of which what it writes is kept. */
class Kept {
  text = "";
  readonly child: Deno.ChildProcess;
  readonly #read: Promise<unknown>;

  constructor(child: Deno.ChildProcess) {
    this.child = child;
    const keep = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      for await (const part of stream) this.text += decoder.decode(part, { stream: true });
    };
    this.#read = Promise.all([keep(child.stdout), keep(child.stderr)]);
  }

  async ended(): Promise<Deno.CommandStatus> {
    await this.#read;
    return await this.child.status;
  }
}

/** How a run has ended that was asked for on the first machine. */
export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** The events of `--json`. */
export function eventsOf(stdout: string): ScenarioEvent[] {
  return stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Machines on one network: the first has the broker and asks, the others have agents. */
export class Machines implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "plugctl-fleet-" });
  readonly #net = new Host();
  #broker: Kept;
  readonly #kept = new Map<string, Kept>();
  /** Who asks. */
  readonly asker = new Host();
  readonly hosts = new Map<string, Host>();

  constructor(names: readonly string[]) {
    this.#net.configure(["link add br0 type bridge", "link set br0 up"]);
    this.#join(this.asker, 1);
    for (const [index, name] of names.entries()) {
      const host = new Host();
      this.hosts.set(name, host);
      this.#join(host, index + 2);
    }
    this.#broker = keep(this.asker, BROKER);
  }

  /** Kills the broker, and starts it again after so many milliseconds. */
  async restartBroker(afterMs: number): Promise<void> {
    this.#broker.child.kill("SIGKILL");
    await this.#broker.ended();
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    this.#broker = keep(this.asker, BROKER);
  }

  /** Nothing reaches a machine any more, nor comes from it. */
  cutOff(name: string): void {
    this.#setCable(name, "down");
  }

  putBack(name: string): void {
    this.#setCable(name, "up");
  }

  #setCable(name: string, state: "up" | "down"): void {
    this.#net.configure([`link set p${[...this.hosts.keys()].indexOf(name) + 2} ${state}`]);
  }

  #join(host: Host, number: number): void {
    const peer = `p${number}`;
    host.configure([
      `link add eth0 type veth peer name ${peer} netns ${this.#net.name}`,
      `address add 10.9.0.${number}/24 dev eth0`,
      "link set eth0 up",
    ]);
    this.#net.configure([`link set ${peer} master br0`, `link set ${peer} up`]);
  }

  /** Starts the agents, and waits until they answer. */
  async start(options: Readonly<Record<string, readonly string[]>> = {}): Promise<void> {
    for (const name of this.hosts.keys()) this.startAgent(name, options[name]);
    for (const name of this.hosts.keys()) await this.answers(name);
  }

  /** Starts an agent, also in the place of one that has ended. */
  startAgent(name: string, options: readonly string[] = [], { allowsRuns = true } = {}): void {
    const host = this.host(name);
    const state = `${this.folder}/${name}`;
    const words = [
      "agent",
      "--nats",
      "nats://10.9.0.1",
      "--name",
      name,
      "--state",
      state,
      ...allowsRuns ? ["--allow-run"] : [],
      ...options,
    ];
    this.#kept.set(name, keep(host, [...PLUGCTL, ...words]));
  }

  async answers(name: string): Promise<void> {
    const agent = this.agent(name);
    await until(() => agent.text.includes("answering for"), { timeoutMs: START_MS, what: `the agent of ${name}` })
      .catch((error) => {
        throw new Error(`${(error as Error).message}: ${agent.text}${this.#broker.text}`);
      });
  }

  host(name: string): Host {
    const host = this.hosts.get(name);
    if (!host) throw new Error(`Cannot find machine ${name}`);
    return host;
  }

  agent(name: string): Kept {
    return this.#kept.get(name) as Kept;
  }

  /** Begins `plugctl run` of a scenario on the first machine. */
  begin(scenario: string, ...options: string[]): { child: Deno.ChildProcess; ended: Promise<Ran> } {
    const file = `${this.folder}/scenario.yaml`;
    Deno.writeTextFileSync(file, scenario);
    const words = ["run", "--nats", "nats://10.9.0.1", ...options, "--", file];
    const child = this.asker.spawn([...PLUGCTL, ...words], { stdin: "null", stdout: "piped", stderr: "piped" });
    const text = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();
    const ended = Promise.all([child.status, text(child.stdout), text(child.stderr)]).then(
      ([{ code }, stdout, stderr]) => ({ status: code, stdout, stderr }),
    );
    return { child, ended };
  }

  /** What is left of gates and plugs on a machine: nothing where all was undone. */
  left(name: string): string {
    const host = this.host(name);
    return `${host.run("tc", "qdisc", "show")}${host.run("ip", "-o", "link", "show")}`.split("\n")
      .filter((line) => /qdisc plug |plug-/.test(line)).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#kept.values()) {
      try {
        child.kill("SIGTERM");
      } catch { /* It has ended. */ }
    }
    await Promise.all([...this.#kept.values()].map((kept) => kept.ended()));
    this.#broker.child.kill("SIGTERM");
    await this.#broker.ended();
    for (const host of [...this.hosts.values(), this.asker, this.#net]) host[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function keep(host: Host, command: string[]): Kept {
  return new Kept(host.spawn(command, { stdin: "null", stdout: "piped", stderr: "piped" }));
}

/** Runs a scenario of `examples/` whose hosts are machines, each with an agent that holds for as long as it may. */
export async function runOnMachines(name: string): Promise<Ran & { report: string; left: string }> {
  const text = await Deno.readTextFile(new URL(`../../examples/${name}/${name}.yaml`, import.meta.url));
  const names = (await Scenario.parse(text)).machines;
  await using machines = new Machines(names);
  await machines.start(Object.fromEntries(names.map((name) => [name, ["--max-hold", "2m"]])));
  const report = `${machines.folder}/report.html`;
  const ran = await machines.begin(text, "--json", "--report", report).ended;
  const left = names.map((name) => machines.left(name)).join("");
  return { ...ran, report: await Deno.readTextFile(report), left };
}

// For the pictures of the cookbook.
if (import.meta.main) console.log((await runOnMachines(Deno.args[0])).stdout);
