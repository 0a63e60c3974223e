/**
 * However a scenario ends, the machine is as it was before: traffic passes, `tc`, `ip` and the process table say what
 * they said before, and no packet that was held is lost.
 *
 * `PLUGCTL_ROUNDS` says how often each ending is tried.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ScenarioEvent } from "../../scenario/event.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { lines } from "../../uml/lines.ts";
import { GatePair, witness } from "./gate_pair.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL } from "./plugctl.ts";
import { processTable } from "./process_table.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const ROUNDS = Number(Deno.env.get("PLUGCTL_ROUNDS") ?? "1");
/** How many packets are held when the scenario ends. */
const HELD = 100;
/** How long anything may take on a machine that is slow and has other work; it is meant to take less than a second. */
const PATIENCE_MS = 20_000;

/** A network, and a scenario that holds on it. */
class Machine implements Disposable {
  readonly pair = new GatePair();
  readonly #sender: UdpSocket;
  readonly #receiver: UdpSocket;
  readonly #before: string;
  readonly #processes: string[];
  readonly #to: { address: string; port: number };
  #sent = 0;

  constructor() {
    const [near, far] = this.pair.ends;
    this.#to = { address: far.ipv4, port: 5000 };
    this.#sender = new UdpSocket(this.pair.left, { address: near.ipv4, port: 0 });
    this.#receiver = new UdpSocket(this.pair.right, this.#to);
    this.#before = witness(this.pair.left);
    this.#processes = processTable();
  }

  /** A scenario that holds all that leaves the left host, runs processes and a daemon, and then does these steps. */
  scenario(steps: string, { top = "", device = "" } = {}): string {
    const { name } = this.pair.left;
    return `name: ${name}
${top}
hosts: { near: { netns: ${name} } }
defaults: { host: near }
gates: { web: { dev: eth0, direction: egress, match: udp dst port 5000 } }
plugs: { up: { dev: eth0 }${device && `, gone: { dev: ${device} }`} }
steps:
  - start: { name: child, command: "trap : TERM; while :; do sleep 1; done" }
  - run: setsid sleep 3600 >&- 2>&- &
  - buffer: [web, up]
  - log: holding
${steps}`;
  }

  /** Sends packets, which are held. */
  send(): void {
    sendNumbered(this.#sender, this.#to, { count: HELD });
    this.#sent = HELD;
  }

  /** Waits until all packets have arrived and everything is as it was; returns how long each took, in milliseconds. */
  async asBefore(): Promise<{ arrivedMs: number; cleanMs: number }> {
    const start = performance.now();
    const numbers: number[] = [];
    await until(() => numbers.push(...arrivedNumbers(this.#receiver)) >= this.#sent, {
      timeoutMs: PATIENCE_MS,
      what: `${this.#sent} packets`,
    });
    const arrivedMs = performance.now() - start;
    assertEquals(numbers, Array.from({ length: this.#sent }, (_, index) => index));
    this.#sent = 0;
    await until(() => witness(this.pair.left) === this.#before, {
      timeoutMs: PATIENCE_MS,
      what: "the links as before",
    });
    await until(() => processTable().join() === this.#processes.join(), {
      timeoutMs: PATIENCE_MS,
      what: "the processes as before",
    });
    return { arrivedMs, cleanMs: performance.now() - start };
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
    this.pair[Symbol.dispose]();
  }
}

/** Registers a step of the test, which tries an ending as often as is asked for. */
function ending(name: string, body: (machine: Machine) => Promise<void>): void {
  endings.push([name, body]);
}

const endings: [name: string, body: (machine: Machine) => Promise<void>][] = [];

Deno.test("a scenario leaves the machine as it was, however it ends", async (context) => {
  using machine = new Machine();
  for (const [name, body] of endings) {
    await context.step(name, async () => {
      let [arrived, clean] = [0, 0];
      for (let round = 0; round < ROUNDS; round++) {
        await body(machine);
        const { arrivedMs, cleanMs } = await machine.asBefore();
        [arrived, clean] = [Math.max(arrived, arrivedMs), Math.max(clean, cleanMs)];
      }
      console.log(`${ROUNDS} times; packets within ${Math.ceil(arrived)} ms, all else within ${Math.ceil(clean)} ms`);
    });
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

function saysHolding(event: ScenarioEvent): boolean {
  return event.event === "step-end" && event.step === "4";
}

ending("success", async (machine) => {
  const { outcome, undone, queues } = await run(machine, machine.scenario("  - release-indefinite: [web, up]"));
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

ending("an interface that is deleted in the middle", async (machine) => {
  const { left } = machine.pair;
  left.configure(["link add gone0 type dummy", "link set gone0 up"]);
  const text = machine.scenario("  - buffer: gone\n  - release-indefinite: [web, up]", { device: "gone0" });
  const { outcome, step } = await run(machine, text, () => left.configure(["link delete gone0"]));
  assertEquals([outcome, step], ["failed", "5"]);
});

ending("a mistake in the file", async (machine) => {
  const text = machine.scenario("  - bufer: web");
  const { message } = await assertRejects(() => Scenario.parse(text), SyntaxError);
  assertEquals(message.split(", ")[0], 'scenario:12:5: unknown key "bufer"');
});

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], ["SIGKILL", 137]] as const) {
  ending(signal, async (machine) => {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, machine.scenario("  - sleep: 1h"));
    const [program, ...args] = [...PLUGCTL, "run", "--json", file];
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
    for await (const line of lines(child.stdout)) {
      const event: ScenarioEvent = JSON.parse(line);
      if (saysHolding(event)) {
        machine.send();
        child.kill(signal);
      }
      if (event.event === "scenario-end") assertEquals([event.outcome, event.undone], ["aborted", true]);
    }
    assertEquals((await child.status).code, status);
    await Deno.remove(file);
  });
}
