/** The broker goes away while machines take part in a scenario, or who runs it is interrupted. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { StepEnd } from "../../scenario/event.ts";
import { eventsOf, Machines } from "./machines.ts";
import { rounds } from "./rounds.ts";
import { until } from "./until.ts";

const STEPS = (sleep: string) =>
  `name: broker
hosts: { db1: { on: db1 }, db2: { on: db2 } }
defaults: { timeout: 60s }
gates:
  one: { host: db1, dev: eth0, direction: out, match: udp dst port 9 }
  two: { host: db2, dev: eth0, direction: out, match: udp dst port 9 }
steps:
  - start: { name: send, command: [bash, -c, "while sleep 0.1; do echo x >/dev/udp/10.9.0.1/9; done"] }
    host: db1
  - buffer: [one, two]
  - run: "touch \${folder}/held"
    host: here
  - ${sleep}
  - wait: { gate: one, backlog: ">=10" }
  - release: [one, two]
  - stop: send
`;

async function isHeld(machines: Machines): Promise<void> {
  await until(() => {
    try {
      return Deno.statSync(`${machines.folder}/held`).isFile;
    } catch {
      return false;
    }
  }, { timeoutMs: 120_000, what: "the hold" });
}

async function nothingLeft(machines: Machines): Promise<void> {
  for (const name of machines.hosts.keys()) {
    await until(() => machines.left(name) === "", { timeoutMs: 60_000, what: `nothing on ${name}` });
  }
}

Deno.test("a broker that is killed and there again within the lease changes nothing, and no event is lost or doubled", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { ended } = machines.begin(
      STEPS("run: { command: sleep 6 }\n    host: db2"),
      "--json",
      "--report",
      `${machines.folder}/r.html`,
    );
    await isHeld(machines);
    await machines.restartBroker(500);
    const { status, stdout, stderr } = await ended;
    assertEquals(status, 0, stderr);
    const events = eventsOf(stdout);
    const numbers = events.flatMap((event) => event.event === "packet-in" && event.queue === "one" ? event.number : []);
    assert(numbers.length >= 10);
    assertEquals(numbers, numbers.map((_, index) => index + 1));
    const ends = events.filter((event): event is StepEnd => event.event === "step-end").map(({ step }) => step);
    assertEquals(new Set(ends).size, ends.length);
    await nothingLeft(machines);
    Deno.removeSync(`${machines.folder}/held`);
  });
});

Deno.test("a broker that stays away for longer than the lease ends the run in words, and each machine undoes its part", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { ended } = machines.begin(STEPS("sleep: 1m"));
    await isHeld(machines);
    const restarted = machines.restartBroker(25_000);
    const { status, stderr } = await ended;
    assertEquals(status, 1, stderr);
    assertMatch(stderr, /Host db[12] cannot go on: it was not heard of for 10s/);
    await nothingLeft(machines);
    await restarted;
    Deno.removeSync(`${machines.folder}/held`);
  });
});

Deno.test("who interrupts the run has each machine undo its part at once", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { child, ended } = machines.begin(STEPS("sleep: 1m"));
    await isHeld(machines);
    child.kill("SIGINT");
    const { status, stdout, stderr } = await ended;
    assertEquals(status, 130, stderr);
    for (const name of ["db1", "db2"]) assertEquals(machines.left(name), "", stdout);
    assertMatch(stderr, /interrupted by SIGINT/);
    Deno.removeSync(`${machines.folder}/held`);
  });
});
