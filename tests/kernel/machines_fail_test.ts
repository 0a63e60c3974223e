/** What goes wrong with machines that take part in a scenario: it is said in words, and nothing is left on any of them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Machines } from "./machines.ts";
import { rounds } from "./rounds.ts";
import { until } from "./until.ts";

const HELD = `name: held
hosts:
  db1: { on: db1 }
  db2: { on: db2 }
defaults: { timeout: 60s }
gates:
  one: { host: db1, dev: eth0, direction: out, match: udp dst port 9 }
  two: { host: db2, dev: eth0, direction: out, match: udp dst port 9 }
steps:
  - start: { name: nap, command: sleep 600 }
    host: db1
  - buffer: [one, two]
  - sleep: 5m
`;

/** Until both hold, as the kernel says by what waits. */
async function bothHold(machines: Machines): Promise<void> {
  for (const name of ["db1", "db2"]) {
    const host = machines.host(name);
    await until(() => {
      host.run("bash", "-c", "echo x >/dev/udp/10.9.0.1/9");
      return holds(machines, name);
    }, { timeoutMs: 120_000, what: `a packet that waits on ${name}` }).catch((error) => {
      throw new Error(`${error.message}\n${machines.agent(name).text}`);
    });
  }
}

/** What the run says of a machine that was lost. */
function unheard(name: string): string {
  return `Host ${name} cannot go on: it was not heard of for 10s; what it holds is released there by its lease or its guardian`;
}

/** Whether packets wait on a machine. */
function holds(machines: Machines, name: string): boolean {
  return /qdisc plug .*\n.*\n backlog [1-9]/.test(machines.host(name).run("tc", "-s", "qdisc", "show"));
}

async function nothingLeft(machines: Machines, names: readonly string[], timeoutMs: number): Promise<void> {
  for (const name of names) await until(() => machines.left(name) === "", { timeoutMs, what: `nothing on ${name}` });
}

/** Whether a process of the scenario runs on a machine. */
function naps(machines: Machines, name: string): boolean {
  const pids = machines.host(name).run("ip", "netns", "pids", machines.host(name).name).split("\n").filter(Boolean);
  return pids.some((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ") === "sleep 600 ";
    } catch {
      return false; // It has ended since.
    }
  });
}

Deno.test("an agent that dies ends the run in words; its guardian releases, the others undo their parts", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { ended } = machines.begin(HELD);
    await bothHold(machines);
    assert(naps(machines, "db1"));
    machines.agent("db1").child.kill("SIGKILL");
    await nothingLeft(machines, ["db1"], 10_000);
    const { status, stderr } = await ended;
    assertEquals(status, 1, stderr);
    assert(stderr.includes(unheard("db1")), stderr);
    assertMatch(stderr, /not everything could be undone/);
    await nothingLeft(machines, ["db1", "db2"], 10_000);
    assertEquals(naps(machines, "db1"), false);
    machines.startAgent("db1");
    await machines.answers("db1");
  });
});

Deno.test("an agent that hangs ends the run in words; its guardian releases, and when it goes on it undoes the rest", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { ended } = machines.begin(HELD);
    await bothHold(machines);
    machines.agent("db1").child.kill("SIGSTOP");
    const { status, stderr } = await ended;
    assertEquals(status, 1, stderr);
    assert(stderr.includes(unheard("db1")), stderr);
    await until(() => !holds(machines, "db1"), { timeoutMs: 30_000, what: "nothing held on db1" });
    machines.agent("db1").child.kill("SIGCONT");
    await nothingLeft(machines, ["db1", "db2"], 20_000);
    await until(() => !naps(machines, "db1"), { timeoutMs: 10_000, what: "no nap" });
  });
});

Deno.test("a machine that is cut off undoes its part by itself, the run says so, and when it is back another can begin", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { ended } = machines.begin(HELD);
    await bothHold(machines);
    machines.cutOff("db2");
    const from = performance.now();
    await nothingLeft(machines, ["db2"], 20_000);
    const took = performance.now() - from;
    assert(took > 2500 && took < 15_000, `${took} ms`);
    const { status, stderr } = await ended;
    assertEquals(status, 1, stderr);
    assert(stderr.includes(unheard("db2")), stderr);
    await nothingLeft(machines, ["db1"], 10_000);
    machines.putBack("db2");
    await until(async () => {
      const { status } = await machines.begin(HELD.replace("sleep: 5m", "sleep: 1ms")).ended;
      return status === 0;
    }, { timeoutMs: 60_000, what: "another run" });
    await nothingLeft(machines, ["db1", "db2"], 1);
  });
});

Deno.test("where who runs it is killed, each agent undoes its part within the lease, and another run can begin", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { child, ended } = machines.begin(HELD);
    await bothHold(machines);
    const from = performance.now();
    child.kill("SIGKILL");
    await ended;
    await nothingLeft(machines, ["db1", "db2"], 20_000);
    const took = performance.now() - from;
    assert(took > 2500 && took < 15_000, `${took} ms`);
    await until(() => !naps(machines, "db1"), { timeoutMs: 10_000, what: "no nap" });
    const log = Deno.readTextFileSync(`${machines.folder}/db1/log.jsonl`);
    assertMatch(log, /"run-lost"/);
    const again = machines.begin(HELD.replace("sleep: 5m", "sleep: 1ms"));
    const { status, stderr } = await again.ended;
    assertEquals(status, 0, stderr);
    await nothingLeft(machines, ["db1", "db2"], 1);
  });
});

Deno.test("an agent that is told to end undoes its part first, and the run says so", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  await rounds(async () => {
    const { ended } = machines.begin(HELD);
    await bothHold(machines);
    machines.agent("db2").child.kill("SIGTERM");
    const { status, stderr } = await ended;
    assertEquals(status, 1, stderr);
    assertMatch(stderr, /On db2: Cannot go on: the agent was ended/);
    await nothingLeft(machines, ["db1", "db2"], 10_000);
    await machines.agent("db2").ended();
    machines.startAgent("db2");
    await machines.answers("db2");
  });
});

const POLICIES = [
  ["devices: [eth7]\nruns: true\n", /line 1, forbids it: eth0 may not be held, only "eth7"/],
  ["max-hold: 10s\n", /forbids it: no scenario may be run: it says nothing of runs: true/],
  ["runs: true\nmax-hold: 10s\n", /line 2, forbids it: nothing may be held for 30000 ms/],
  ["who: [ops]\nruns: true\n", /line 1, forbids it: root may not ask, only "ops"/],
] as const;

Deno.test("what a machine's policy forbids is refused by its line before anything is touched on any machine", async () => {
  await using machines = new Machines(["db1", "db2"]);
  machines.startAgent("db1");
  await machines.answers("db1");
  for (const [index, [policy, expected]] of POLICIES.entries()) {
    const file = `${machines.folder}/policy-${index}.yaml`;
    Deno.writeTextFileSync(file, policy);
    machines.startAgent("db2", ["--policy", file]);
    await machines.answers("db2");
    const { status, stdout, stderr } = await machines.begin(HELD, "--json").ended;
    assertEquals(status, 1, stderr);
    assertMatch(stderr, expected);
    assertMatch(stderr, /setup of db2|Host db2 cannot be used: The policy of this machine/);
    // No gate was attached, not even where it may be.
    assertEquals(stdout.includes('"action":"attach"'), false);
    machines.agent("db2").child.kill("SIGTERM");
    await machines.agent("db2").ended();
  }
});

Deno.test("a machine without an agent, and a scenario without a broker, are refused before anything is touched", async () => {
  await using machines = new Machines(["db1", "db2"]);
  machines.startAgent("db1");
  await machines.answers("db1");
  const { status, stdout, stderr } = await machines.begin(HELD, "--json").ended;
  assertEquals(status, 1, stderr);
  assertMatch(stderr, /Host db2 cannot be used: no agent answers for it/);
  assertEquals(stdout.includes('"action":"attach"'), false);
  machines.startAgent("db2", [], { allowsRuns: false });
  await machines.answers("db2");
  const refused = await machines.begin(HELD, "--json").ended;
  assertEquals(refused.status, 1, refused.stderr);
  assertMatch(refused.stderr, /Host db2 cannot be used: its agent runs no scenarios: start it with --allow-run/);
  assertEquals(refused.stdout.includes('"action":"attach"'), false);
});

Deno.test("a gate of every packet lets its agent's connection go on, and a plug that would hold that does not hold", async () => {
  await using machines = new Machines(["db1"]);
  await machines.start();
  const all = `name: all
hosts: { db1: { on: db1 } }
gates: { all: { host: db1, dev: eth0, direction: both } }
steps:
  - buffer: all
  - start: { name: send, command: [bash, -c, "for i in {1..5}; do echo x >/dev/udp/10.9.0.1/9; done"], exit: 0 }
    host: db1
  - wait: { gate: all, backlog: ">=5", timeout: 60s }
  - sleep: 8s
  - expect: { gate: all, backlog: ">=5" }
  - release: all
`;
  const { status, stderr } = await machines.begin(all).ended;
  assertEquals(status, 0, stderr);
  const plug = `name: plug
hosts: { db1: { on: db1 } }
plugs: { up: { host: db1, dev: eth0 } }
steps:
  - buffer: up
`;
  const refused = await machines.begin(plug).ended;
  assertEquals(refused.status, 1, refused.stderr);
  assertMatch(refused.stderr, /On db1: .*the connection by which this machine is controlled/);
  assertEquals(machines.left("db1"), "");
});
