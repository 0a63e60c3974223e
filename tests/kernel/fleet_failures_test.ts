/**
 * What fails in a fleet, on a real kernel with a real broker: what the host does, what the coordinator says, and what the
 * logs have of it. Nothing is held after its lease, and no entry of a log is lost or doubled.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCommandLine } from "../../cli/main.ts";
import { Caller } from "../../fleet/caller.ts";
import { Written } from "../cli/written.ts";
import { BOUND, type Coordinator, Fleet, latestIn, LEASE_MS, SLACK_MS } from "./fleet_hosts.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { children, guardians } from "./process_table.ts";
import { qdiscs } from "./queue.ts";
import { ROUNDS } from "./rounds.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const END_MS = LEASE_MS + SLACK_MS;

Deno.test("a fleet through its failures: nothing is held after its lease, and the logs are whole", async (t) => {
  await using fleet = await Fleet.start();
  const { traffic } = fleet;

  /** A round of a step: what it does returns after how long traffic has passed. */
  const step = async (name: string, round: () => Promise<number | void>) => {
    // Where one has failed, the next would fail for that.
    const isDone = await t.step(name, async () => {
      const times: number[] = [];
      for (let number = 0; number < ROUNDS; number++) {
        times.push(await round() ?? 0);
        await fleet.isClear();
        await fleet.logsAreWhole();
      }
      const longest = Math.max(...times);
      if (longest > 0) console.log(`${ROUNDS} rounds: traffic passed within ${Math.round(longest)} ms`);
      assert(longest <= END_MS, `traffic passed after ${times.map(Math.round)} ms`);
    });
    assert(isDone, name);
  };
  /** After how long traffic passes, from when something has failed. */
  const passesAfter = async (failedMs: number) => await traffic.passes() - failedMs;
  const lastEnd = async (index: number) => {
    const log = (await fleet.logsAreWhole())[index];
    const hold = log.findLast(({ event }) => event === "ended")?.hold;
    return (hold as { ended?: string } | undefined)?.ended;
  };
  /** That a coordinator was right with what it said last of a host that it did not hear. */
  const wasRight = ({ stderr }: Coordinator, host: string) =>
    assert(Date.now() <= latestIn(stderr, host), `it held beyond what was said: ${stderr}`);

  await step("nothing fails: both hold, and release", async () => {
    const coordinator = await fleet.hold("--for", "500ms");
    assertEquals(await coordinator.status, 0, coordinator.stderr);
    for (const host of ["db1", "db2"]) {
      assertMatch(coordinator.stderr, new RegExp(`${host}: released: held \\d+ packets? of eth1`));
    }
    assertEquals(await lastEnd(0), "for");
  });

  await step("for longer than the agents may hold: they refuse that, and hold nothing", async () => {
    const stderr = new Written();
    const words = ["fleet", "hold", "eth1", "--on", "db*", "--for", "3m", ...fleet.broker, ...fleet.lease];
    assertEquals(await runCommandLine(words, { stdout: new Written(), stderr }), 1);
    const says = "does not take part: its agent holds for 120s at the most (--max-hold), not for 180s";
    for (const host of ["db1", "db2"]) assert(stderr.text.includes(`plugctl: ${host}: ${says}\n`), stderr.text);
    assert(traffic.waitsMs < 100, "it holds");
  });

  await step("the coordinator is killed", async () => {
    const child = await fleet.holdApart();
    child.kill("SIGKILL");
    const tookMs = await passesAfter(performance.now());
    await child.status;
    assertEquals([await lastEnd(0), await lastEnd(1)], ["lease", "lease"]);
    return tookMs;
  });

  await step("the broker is killed, and started again", async () => {
    const coordinator = await fleet.hold("--for", "60s");
    await fleet.killBroker();
    const tookMs = await passesAfter(performance.now());
    await says(coordinator, /db1: is not heard of/);
    wasRight(coordinator, "db1");
    await fleet.startBroker();
    assertEquals(await coordinator.status, 1);
    assertEquals(/db\d: released/.test(coordinator.stderr), false, coordinator.stderr);
    const [one] = await fleet.logsAreWhole();
    const events = one.slice(one.findLastIndex(({ event }) => event === "holding") + 1).map(({ event }) => event);
    // When it was told to end, it had.
    assertEquals(events.filter((event) => event !== "asked").sort(), ["broker-back", "broker-lost", "ended"]);
    return tookMs;
  });

  await step("a host is cut off, and back: the other one goes on", async () => {
    const coordinator = await fleet.hold("--for", `${LEASE_MS * 4}ms`);
    ipLink("fl1", "down");
    const tookMs = await passesAfter(performance.now());
    await says(coordinator, /db1: is not heard of/);
    wasRight(coordinator, "db1");
    ipLink("fl1", "up");
    assertEquals(await coordinator.status, 1);
    assertMatch(coordinator.stderr, /db2: released: held 0 packets of eth1 for \d+/);
    assertMatch(coordinator.stderr, /db1: ended by lease: held \d+ packets of eth1 for \d+[.\d]* ms/);
    return tookMs;
  });

  await step("a host is cut off by plugctl itself, which releases what was said meanwhile", async () => {
    const cutOff = await cutter(fleet, { direction: "both", ms: LEASE_MS * 2 });
    const coordinator = await fleet.hold("--for", `${LEASE_MS * 6}ms`);
    const cut = await cutOff();
    const failedMs = performance.now();
    const tookMs = await passesAfter(failedMs);
    await says(coordinator, /db1: is not heard of/);
    wasRight(coordinator, "db1");
    await cut.over;
    // What comes late renews nothing.
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert(traffic.waitsMs < 100, "it holds again");
    assertEquals(await coordinator.status, 1);
    assertMatch(coordinator.stderr, /db1: ended by lease/);
    return tookMs;
  });

  await step("what its answers are cut off by alone: it hears, and is not heard", async () => {
    const cutOff = await cutter(fleet, { direction: "out", ms: LEASE_MS * 4 });
    const coordinator = await fleet.hold("--for", "60s");
    const cut = await cutOff();
    await says(coordinator, /db1: is not heard of/);
    const latestMs = latestIn(coordinator.stderr, "db1");
    await traffic.passes();
    assert(Date.now() <= latestMs, `it held beyond what was said: ${coordinator.stderr}`);
    await cut.over;
    // Now the other is ended, as somebody would.
    await release(fleet);
    assertEquals(await coordinator.status, 1);
  });

  await step("messages come twice", async () => {
    const connection = await fleet.connect();
    const id = crypto.randomUUID();
    const twice = new Twice(connection);
    const caller = new Caller(twice as unknown as typeof connection, { group: "default", who: "root" });
    const asked = { on: "eth1", match: "udp port 7777", hold: id, leaseMs: LEASE_MS };
    for (const [operation, input] of [["arm", asked], ["begin", { hold: id }], ["end", { hold: id }]] as const) {
      const answer = await caller.ask("db1", operation, input, { timeoutMs: 10_000 });
      assert("result" in answer, JSON.stringify(answer));
    }
    await connection.close();
    const [log] = await fleet.logsAreWhole();
    const events = log.filter(({ hold, input }) =>
      [hold, input].some((each) => JSON.stringify(each ?? "").includes(id))
    );
    assertEquals(events.map(({ event }) => event), ["asked", "armed", "asked", "holding", "asked", "ended"]);
  });

  await step("an agent is killed while it holds, and started again", async () => {
    const coordinator = await fleet.hold("--for", "60s");
    fleet.agents[1].child.kill("SIGKILL");
    const tookMs = await passesAfter(performance.now());
    assert(tookMs < 1500, `its guardian released after ${tookMs} ms`);
    await fleet.agents[1].child.status;
    await fleet.startAgent(1);
    await says(coordinator, /db1: ended: its agent was started anew/);
    await release(fleet);
    assertEquals(await coordinator.status, 1);
    assertEquals(await lastEnd(0), "agent-ended");
    return tookMs;
  });

  await step("an agent is killed together with its guardian, and started again", async () => {
    const coordinator = await fleet.hold("--for", "60s");
    await killWithGuardian(fleet);
    // Nobody is there to release it.
    await new Promise((resolve) => setTimeout(resolve, END_MS));
    assert(traffic.waitsMs > END_MS, "there was nothing to release");
    await fleet.startAgent(1);
    const failedMs = performance.now();
    const tookMs = await passesAfter(failedMs);
    assert(tookMs < 500, `it passes ${tookMs} ms after the agent answers`);
    await says(coordinator, /db1: ended: its agent was started anew: what the one before held is released$/m);
    assertEquals(qdiscs(fleet.hosts[0], "eth1").some(({ kind }) => kind === "clsact"), false);
    await release(fleet);
    assertEquals(await coordinator.status, 1);
    assertEquals(await lastEnd(0), "agent-ended");
    return tookMs;
  });

  await step("the same of a gate that was there: it is released, and stays", async () => {
    const [host] = fleet.hosts;
    for (const name of ["web", "other"]) {
      const match = name === "web" ? "udp port 7777" : "udp port 9";
      await plugctlDone(host, "gate", "add", name, "eth1", "--direction", "out", "--match", match);
    }
    // What somebody else holds is not let go.
    await plugctlDone(host, "buffer", "other");
    const connection = await fleet.connect();
    const caller = new Caller(connection, { group: "default", who: "root" });
    const hold = crypto.randomUUID();
    for (const [operation, input] of [["arm", { on: "web", hold, leaseMs: 20_000 }], ["begin", { hold }]] as const) {
      const answer = await caller.ask("db1", operation, input, { timeoutMs: 10_000 });
      assert("result" in answer, JSON.stringify(answer));
    }
    await until(() => traffic.waitsMs > 200, { ...BOUND, what: "packets that wait" });
    await killWithGuardian(fleet);
    new UdpSocket(host, { address: "10.0.0.1", port: 8 }).send(new Uint8Array([1]), { address: "10.0.0.2", port: 9 });
    await fleet.startAgent(1);
    const tookMs = await passesAfter(performance.now());
    assert(tookMs < 500, `it passes ${tookMs} ms after the agent answers`);
    const gates = JSON.parse(await plugctlDone(host, "gate", "list", "--json")) as { name: string; packets: number }[];
    assertEquals(gates.map(({ name }) => name).sort(), ["other", "web"]);
    assert(qdiscs(host, "plug-other").some(({ qlen }) => qlen === 1), "it let go of what somebody else holds");
    await connection.close();
    for (const name of ["web", "other"]) await plugctlDone(host, "gate", "delete", name);
    assertEquals(await lastEnd(0), "agent-ended");
    return tookMs;
  });

  await step("an agent is stopped while it holds, and started again", async () => {
    const coordinator = await fleet.hold("--for", "60s");
    fleet.agents[1].child.kill("SIGTERM");
    const tookMs = await passesAfter(performance.now());
    assertEquals((await fleet.agents[1].child.status).code, 143);
    await says(coordinator, /db1: ended by client: held \d+ packets/);
    const [log] = await fleet.logsAreWhole();
    assertEquals(log.at(-1)?.event, "stopped");
    await fleet.startAgent(1);
    await release(fleet);
    assertEquals(await coordinator.status, 1);
    return tookMs;
  });

  await step("an agent stands still, and goes on", async () => {
    const coordinator = await fleet.hold("--for", `${LEASE_MS * 4}ms`);
    fleet.agents[1].child.kill("SIGSTOP");
    const tookMs = await passesAfter(performance.now());
    await says(coordinator, /db1: is not heard of/);
    wasRight(coordinator, "db1");
    fleet.agents[1].child.kill("SIGCONT");
    assertEquals(await coordinator.status, 1);
    assertMatch(coordinator.stderr, /db1: ended by lease/);
    assertEquals(await lastEnd(0), "lease");
    return tookMs;
  });

  await step("a second agent has the name of one that holds", async () => {
    const coordinator = await fleet.hold("--for", "60s");
    const second = fleet.spawnAgent(1, { state: `${fleet.folder}/second` });
    assertEquals((await second.child.status).code, 1);
    await says(second, /^plugctl: cannot answer for db1 of group default: another agent does, [-\da-f]{36}$/m);
    const third = fleet.spawnAgent(1);
    assertEquals((await third.child.status).code, 1);
    await says(third, /^plugctl: cannot use \S+: another agent has it open; give each its own --state$/m);
    assert(traffic.waitsMs > 1000);
    await release(fleet);
    await coordinator.status;
  });
});

/** Waits until a process has said something: its last words may be read after its end. */
async function says(process: { readonly stderr: string }, what: RegExp): Promise<void> {
  await until(() => what.test(process.stderr), BOUND).catch(() => {
    throw new Error(`it does not say ${what}, but ${process.stderr}`);
  });
}

/** Prepares to have plugctl hold what `db1` and the broker say to each other, for some time; that returns when it does. */
async function cutter({ hosts: [host] }: Fleet, { direction, ms }: { direction: string; ms: number }) {
  await plugctlDone(
    host,
    "gate",
    "add",
    "cut",
    "eth0",
    "--direction",
    direction,
    "--match",
    "tcp port 4222",
    "--force",
  );
  return async (): Promise<{ over: Promise<void> }> => {
    // A process of its own, as this one must go on renewing.
    const cut = host.spawn([...PLUGCTL, "hold", "cut", "--for", `${ms}ms`], { stderr: "null" });
    const over = (async () => {
      assertEquals((await cut.status).code, 0);
      await plugctlDone(host, "gate", "delete", "cut");
    })();
    await Promise.race([until(() => qdiscs(host, "plug-cut").some(({ qlen }) => qlen > 0), BOUND), over]);
    return { over };
  };
}

/** Ends what is held on all hosts that answer, as another user would, until all have. */
async function release(fleet: Fleet): Promise<void> {
  let said = "";
  const isReleased = async () => {
    const streams = { stdout: new Written(), stderr: new Written() };
    const status = await runCommandLine(["fleet", "release", ...fleet.broker, "--on", "db1", "--on", "db2"], streams);
    said = `${streams.stdout.text}${streams.stderr.text}`;
    return status === 0;
  };
  await until(isReleased, BOUND).catch(() => {
    throw new Error(`hosts are not released: ${said}; ${fleet.agents.map(({ stderr }) => stderr)}`);
  });
}

function ipLink(dev: string, state: "up" | "down"): void {
  const { success } = new Deno.Command("ip", { args: ["link", "set", dev, state] }).outputSync();
  assert(success);
}

/** A connection that says everything twice. */
class Twice {
  readonly #connection: Awaited<ReturnType<Fleet["connect"]>>;

  constructor(connection: Awaited<ReturnType<Fleet["connect"]>>) {
    this.#connection = connection;
  }

  async request(...args: Parameters<Awaited<ReturnType<Fleet["connect"]>>["request"]>) {
    const [subject, payload, options] = args;
    this.#connection.publish(subject, payload, { headers: options?.headers });
    return await this.#connection.request(subject, payload, options);
  }

  status() {
    return this.#connection.status();
  }
}

/** Kills the agent of the first host, and before it could see that its guardian, as the end of a container does. */
async function killWithGuardian(fleet: Fleet): Promise<void> {
  const { child } = fleet.agents[1];
  const started = children(child.pid);
  const guardian = guardians().find((pid) => started.includes(pid));
  if (guardian === undefined) throw new Error("the agent has no guardian");
  child.kill("SIGSTOP");
  Deno.kill(guardian, "SIGKILL");
  child.kill("SIGKILL");
  await child.status;
}
