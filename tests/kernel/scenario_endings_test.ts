/**
 * However a scenario ends, the machine is as it was before: traffic passes, `tc`, `ip` and the process table say what
 * they said before, and no packet that was held is lost.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCommandLine } from "../../cli/main.ts";
import type { ScenarioEvent } from "../../scenario/event.ts";
import { findProcesses } from "../../guardian/processes.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { readLines } from "../../linux/incoming.ts";
import { Written } from "../cli/written.ts";
import { fullDisk } from "./full_disk.ts";
import { GatePair, witness } from "./gate_pair.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL } from "./plugctl.ts";
import { processTable } from "./process_table.ts";
import { rounds } from "./rounds.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

/** A command that SIGTERM does not end. */
const STUBBORN = "trap : TERM; while :; do sleep 1; done";
/** How many packets are held when the scenario ends. */
const HELD = 100;
/** How long anything may take on a machine that is slow and has other work; it is meant to take less than a second. */
const PATIENCE_MS = 60_000;

/** A network, and a scenario that holds on it. */
class Machine implements Disposable {
  readonly pair = new GatePair();
  readonly #sender: UdpSocket;
  readonly #receiver: UdpSocket;
  readonly #before: string;
  readonly #to: { address: string; port: number };
  #sent = 0;
  #received = 0;

  constructor() {
    const [near, far] = this.pair.ends;
    this.#to = { address: far.ipv4, port: 5000 };
    this.#sender = new UdpSocket(this.pair.left, { address: near.ipv4, port: 0 });
    this.#receiver = new UdpSocket(this.pair.right, this.#to);
    this.#before = this.#look();
  }

  /**
   * A scenario that makes a host, holds all that leaves the left one, runs a process and a daemon, and then does these
   * steps.
   */
  scenario(steps: string, { top = "", device = "", gate = "", command = "sleep 1h" } = {}): string {
    const { name } = this.pair.left;
    return `name: ${name}
${top}
hosts: { near: { netns: ${name} }, made: {} }
defaults: { host: near }
gates: { web: { dev: eth0, direction: egress, match: udp dst port 5000 }${gate && `, ${gate}`} }
plugs: { up: { dev: eth0 }${device && `, gone: { dev: ${device} }`} }
steps:
  - start: { name: child, command: "${command}" }
  - run: setsid sleep 3600 >&- 2>&- &
  - buffer: [web, up]
  - log: holding
${steps}`;
  }

  /** Sends packets, which are held. */
  send(count = HELD): void {
    sendNumbered(this.#sender, this.#to, { from: this.#sent, count });
    this.#sent += count;
  }

  /**
   * Waits until all packets have arrived, each once and in order, and another one, and everything is as it was. Returns
   * how long the packets took, in milliseconds.
   */
  async asBefore(): Promise<number> {
    const start = performance.now();
    this.send(1);
    const { length, numbers } = { length: this.#sent - this.#received, numbers: [] as number[] };
    await until(() => numbers.push(...arrivedNumbers(this.#receiver)) >= length, {
      timeoutMs: PATIENCE_MS,
      what: `${length} packets`,
    });
    const arrivedMs = performance.now() - start;
    assertEquals(numbers, Array.from({ length }, (_, index) => this.#received + index));
    this.#received = this.#sent;
    await until(() => this.#look() === this.#before, { timeoutMs: PATIENCE_MS, what: "the machine as before" });
    return arrivedMs;
  }

  /** What `tc` and `ip` say, the namespaces that have a name, and the processes. */
  #look(): string {
    const namespaces = Array.from(Deno.readDirSync("/run/netns"), ({ name }) => name).sort();
    return [witness(this.pair.left), ...namespaces, ...processTable()].join("\n");
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
    this.pair[Symbol.dispose]();
  }
}

/** An ending, with all that there is to see behind it; returns after how many milliseconds traffic passed. */
type Body = (machine: Machine) => Promise<number>;

const endings: [name: string, body: Body][] = [];

/** Registers a step of the test, which tries an ending, and then looks whether the machine is as before. */
function ending(name: string, body: (machine: Machine) => Promise<void>): void {
  endings.push([name, async (machine) => {
    await body(machine);
    return await machine.asBefore();
  }]);
}

Deno.test("a scenario leaves the machine as it was, however it ends", async (context) => {
  using machine = new Machine();
  for (const [name, body] of endings) {
    await context.step(name, () => rounds(() => body(machine)));
  }
});

/** Runs a scenario in this process; packets are sent when it holds. */
async function run(machine: Machine, text: string, onHeld: () => void = () => {}) {
  const scenario = await Scenario.parse(text);
  return await scenario.run({
    onEvent: (event) => {
      if (!saysHolding(event)) return;
      machine.send();
      onHeld();
    },
  });
}

/** Whether a process is a guardian, by its folder in `/proc`. */
function isGuardian(folder: string): boolean {
  return Deno.readTextFileSync(`${folder}/cmdline`).includes("/gate/guardian_process.ts");
}

function saysHolding(event: ScenarioEvent): boolean {
  return event.event === "step-end" && event.step === "4";
}

ending("success", async (machine) => {
  const text = machine.scenario("  - release-indefinite: [web, up]", { command: STUBBORN });
  const { outcome, undone, queues } = await run(machine, text);
  assertEquals([outcome, undone], ["done", true]);
  assertEquals([queues.web.packets, queues.web.drops], [HELD, 0]);
});

ending("success while it still holds", async (machine) => {
  const { outcome, undone } = await run(machine, machine.scenario("  - log: and ends"));
  assertEquals([outcome, undone], ["done", true]);
});

ending("a step that fails", async (machine) => {
  const { outcome, undone } = await run(machine, machine.scenario("  - run: exit 1"));
  assertEquals([outcome, undone], ["failed", true]);
});

ending("an expectation that is not met", async (machine) => {
  const { outcome, undone } = await run(machine, machine.scenario("  - expect: { gate: web, backlog: 0 }"));
  assertEquals([outcome, undone], ["unmet", true]);
});

ending("the scenario's timeout", async (machine) => {
  const text = machine.scenario("  - sleep: 1h", { top: "timeout: 5s" });
  const { outcome, undone } = await run(machine, text);
  assertEquals([outcome, undone], ["failed", true]);
});

ending("max-hold", async (machine) => {
  const { outcome, undone, error } = await run(machine, machine.scenario("  - sleep: 1h", { top: "max-hold: 300ms" }));
  assertEquals([outcome, undone], ["failed", true]);
  assert(/ was held for 300ms, the most that max-hold allows$/.test(String(error)), String(error));
});

ending("its guardian's death", async (machine) => {
  const kill = () => findProcesses(isGuardian).forEach((pid) => Deno.kill(pid, "SIGKILL"));
  const { outcome, undone, error } = await run(machine, machine.scenario("  - sleep: 1h"), kill);
  assertEquals([outcome, undone], ["failed", true]);
  assertMatch(String(error), /: the guardian has ended, and nobody would release what is held if plugctl died$/);
});

ending("an interface that is deleted in the middle", async (machine) => {
  const { left } = machine.pair;
  left.configure(["link add gone0 type dummy", "link set gone0 up"]);
  const text = machine.scenario("  - buffer: gone\n  - release-indefinite: [web, up]", { device: "gone0" });
  const { outcome, step } = await run(machine, text, () => left.configure(["link delete gone0"]));
  assertEquals([outcome, step], ["failed", "5"]);
});

for (
  const [name, steps] of Object.entries({
    "a gate's device that is deleted before the release": "\n  - release-indefinite: lost",
    "a gate's device that is deleted before it is detached": "\n  - detach: lost",
    "a gate's device that is deleted while it holds to the end": "",
  })
) {
  ending(name, async (machine) => {
    machine.pair.left.configure(["link add gone0 type dummy", "link set gone0 up"]);
    const gate = "lost: { dev: gone0, direction: egress, match: icmp }";
    const text = machine.scenario(`  - buffer: lost\n  - run: ip link delete gone0${steps}`, { gate });
    const { outcome, step, undone, error } = await run(machine, text);
    assertEquals([outcome, step, undone], ["failed", "6", true]);
    assertEquals(
      (error as Error).message,
      "Cannot go on: lost: a device that it is on is gone, and what it held of that is lost",
    );
  });
}

/** The standard output of a run with `--json` in this process: packets are sent when it holds. */
class Watched extends Written {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    super();
    this.#machine = machine;
  }

  override writeSync(bytes: Uint8Array): number {
    const events = new TextDecoder().decode(bytes).split("\n").filter(Boolean).map((line) => JSON.parse(line));
    if (events.some(saysHolding)) this.#machine.send();
    return super.writeSync(bytes);
  }
}

/** Does something with a file of this scenario. */
async function withFile<T>(text: string, work: (file: string) => Promise<T>): Promise<T> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return await work(file);
  } finally {
    await Deno.remove(file);
  }
}

ending("a mistake in the file", async (machine) => {
  const [stdout, stderr] = [new Written(), new Written()];
  const status = await withFile(
    machine.scenario("  - bufer: web"),
    (file) => runCommandLine(["run", file], { stdout, stderr }),
  );
  assertEquals([status, stdout.text], [2, ""]);
  assertMatch(stderr.text, /^\S+\.yaml:12:5: unknown key "bufer", /);
});

ending("a disk that has no room for the report", async (machine) => {
  using disk = fullDisk();
  const [stdout, stderr] = [new Watched(machine), new Written()];
  const status = await withFile(
    machine.scenario("  - release-indefinite: [web, up]"),
    (file) => runCommandLine(["run", "--json", "--report", `${disk.folder}/report.html`, file], { stdout, stderr }),
  );
  assertEquals([status, stderr.text.includes("No space left on device")], [1, true], stderr.text);
  assertEquals([...Deno.readDirSync(disk.folder)], []);
});

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], ["SIGKILL", 137]] as const) {
  endings.push([
    signal,
    (machine) =>
      withFile(machine.scenario("  - sleep: 1h", { command: STUBBORN }), async (file) => {
        const [program, ...args] = [...PLUGCTL, "run", "--json", file];
        const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
        let passed: Promise<number> | undefined;
        for await (const line of readLines(child.stdout)) {
          const event: ScenarioEvent = JSON.parse(line);
          if (saysHolding(event)) {
            machine.send();
            child.kill(signal);
            // From the signal on.
            passed = machine.asBefore();
          }
          if (event.event === "scenario-end") assertEquals([event.outcome, event.undone], ["aborted", true]);
        }
        assertEquals((await child.status).code, status);
        if (!passed) throw new Error("It has ended before it held");
        return await passed;
      }),
  ]);
}
