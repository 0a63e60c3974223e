/** Packets of a gate that are released step by step: never more than are due, and all at once where it ends early. */

import { assert, assertEquals, assertGreaterOrEqual, assertRejects, assertStringIncludes } from "@std/assert";
import { Gate, Scenario } from "../../mod.ts";
import { Conversation } from "./conversation.ts";
import { WAIT } from "./gate_pair.ts";
import { NUMBERED_GATE, numberedScenario, NumberedTraffic } from "./numbered_traffic.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { until } from "./until.ts";

/** Watches what arrives while `work` is done: at no time more than `perSecond` allows since it began. */
async function neverFaster<T>(traffic: NumberedTraffic, perSecond: number, work: () => Promise<T>): Promise<T> {
  const before = traffic.receive();
  const from = performance.now();
  let isDone = false;
  const outcome = work().finally(() => isDone = true);
  while (!isDone) {
    const arrived = traffic.receive() - before;
    const due = perSecond * (performance.now() - from) / 1000;
    if (!isDone) assert(arrived <= due, `${arrived} have arrived where ${due} were due`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return await outcome;
}

Deno.test("releasePaced()", async (t) => {
  using traffic = new NumberedTraffic();
  const { left, connection } = traffic;
  using gate = Gate.open({ ...NUMBERED_GATE, connection });
  const hold = async (count: number) => {
    gate.buffer();
    traffic.send(count);
    await traffic.holds(gate, count);
  };

  await t.step("releases no more than the rate, in order, and passes from the end on", async () => {
    await hold(60);
    const report = await neverFaster(traffic, 100, () => gate.releasePaced({ packetsPerSecond: 100 }));
    assertEquals([report.queue, report.releasedPackets, report.atOncePackets], ["gate web", 60, 0]);
    assertGreaterOrEqual(report.tookMs, 590);
    await traffic.hasArrived(60);
    traffic.send(5);
    await traffic.hasArrived(65);
  });

  await t.step("releases all within a time, several at a step", async () => {
    await hold(2000);
    const report = await neverFaster(traffic, 2000, () => gate.releasePaced({ overMs: 1000 }));
    assertGreaterOrEqual(report.tookMs, 990);
    assertEquals(report.releasedPackets + report.atOncePackets, 2000);
    await traffic.hasArrived(2065);
  });

  await t.step(
    "lets what comes in meanwhile wait behind, and leave at once where that is more than leaves",
    async () => {
      await hold(10);
      const paced = gate.releasePaced({ packetsPerSecond: 20 });
      await until(() => traffic.receive() > 2065, { ...WAIT, what: "the first packet" });
      traffic.send(100);
      const { releasedPackets, atOncePackets, tookMs } = await paced;
      assertEquals(releasedPackets + atOncePackets, 110);
      assert(atOncePackets > 0);
      assertGreaterOrEqual(tookMs, 1000);
      await traffic.hasArrived(2175);
    },
  );

  await t.step("releases nothing where nothing is held", async () => {
    gate.buffer();
    assertEquals((await gate.releasePaced({ overMs: 60_000 })).releasedPackets, 0);
    traffic.send(1);
    await traffic.hasArrived(2176);
    const said = { status: 0, stdout: "", stderr: "plugctl: nothing was held at gate web\n" };
    assertEquals(await plugctl(left, "release", "web", "--rate", "5/s"), said);
  });

  await t.step("ends by a signal of its caller, with everything released", async () => {
    await hold(400);
    const controller = new AbortController();
    const paced = gate.releasePaced({ packetsPerSecond: 1, signal: controller.signal });
    await until(() => traffic.receive() > 2176, { ...WAIT, what: "the first packet" });
    controller.abort(new RangeError("enough"));
    await assertRejects(() => paced, RangeError, "enough");
    await traffic.hasArrived(2576);
  });

  await t.step("takes one of a rate and a time, and a gate", async () => {
    for (const wrong of [{}, { packetsPerSecond: 1, overMs: 1 }, { packetsPerSecond: 0 }, { overMs: Infinity }]) {
      await assertRejects(() => gate.releasePaced(wrong), RangeError);
    }
    for (const words of [["--rate", "5"], ["--rate", "0/s"], ["--over", "0s"], ["--rate", "1/s", "--over", "1s"]]) {
      assertEquals((await plugctl(left, "release", "web", ...words)).status, 2);
    }
    await plugctlDone(left, "attach", "eth0");
    assertEquals((await plugctl(left, "release", "eth0", "--over", "1s")).stderr.includes("gate add"), true);
    await plugctlDone(left, "detach", "eth0");
  });
});

for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
  Deno.test(`release --rate that ends by ${signal} has released everything`, async () => {
    using traffic = new NumberedTraffic();
    const { left, connection } = traffic;
    using gate = Gate.open({ ...NUMBERED_GATE, connection });
    await plugctlDone(left, "buffer", "web");
    // More than would leave at that rate while it is waited for.
    traffic.send(400);
    await traffic.holds(gate, 400);
    const child = left.spawn([...PLUGCTL, "release", "web", "--rate", "1/s"], { stdin: "null", stdout: "null" });
    await until(() => traffic.receive() > 0, { ...WAIT, what: "the first packet" });
    child.kill(signal);
    const { code } = await child.status;
    assertEquals(code, { SIGTERM: 143, SIGINT: 130, SIGKILL: 137 }[signal]);
    await traffic.hasArrived(400);
    traffic.send(3);
    await traffic.hasArrived(403);
  });
}

Deno.test("release --rate says how many packets are lost where a device goes meanwhile, and fails", async () => {
  using traffic = new NumberedTraffic();
  const { left } = traffic;
  await plugctlDone(left, "gate", "add", "web", "eth0", "--direction", "out", "--match", NUMBERED_GATE.match, "--hold");
  traffic.send(60);
  await traffic.pair.holds("web", 60);
  const ended = plugctl(left, "release", "web", "--rate", "30/s", "--json");
  await until(() => traffic.receive() > 0, { ...WAIT, what: "the first packet" });
  left.run("ip", "link", "delete", "eth0");
  const { status, stdout, stderr } = await ended;
  const [{ releasedPackets, lostPackets }] = JSON.parse(stdout);
  assertEquals([status, releasedPackets], [1, 60]);
  assertGreaterOrEqual(lostPackets, 60 - traffic.receive());
  assertStringIncludes(stderr, `gate web released ${lostPackets} packets that are lost, or some of them: a device`);
});

Deno.test("packets are released step by step through a session and in a scenario", async () => {
  using traffic = new NumberedTraffic();
  const { left } = traffic;
  {
    await using session = new Conversation(left);
    await session.ask({ op: "gate-add", name: "web", dev: "eth0", direction: "out", match: NUMBERED_GATE.match });
    await session.ask({ op: "buffer", on: "web" });
    traffic.send(20);
    await session.ask({ op: "wait", on: "web", until: "backlog==20" });
    const paced = () => session.ask({ op: "release-paced", on: "web", packetsPerSecond: 50 });
    const [{ name, releasedPackets, atOncePackets }] = await neverFaster(traffic, 50, paced) as Record<
      string,
      unknown
    >[];
    assertEquals([name, releasedPackets, atOncePackets], ["web", 20, 0]);
    await session.end();
  }
  await traffic.hasArrived(20);
  const scenario = await Scenario.parse(numberedScenario(
    left,
    `  - wait: { gate: web, backlog: 30 }
  - release: { gate: web, over: 500ms }
    took: ">=490ms"
  - expect: { gate: web, backlog: 0 }
  - buffer: web
  - log: once more
  - wait: { gate: web, backlog: 30 }
  - release: { gate: web, rate: 100/s }
    took: ">=280ms"
  - expect: { gate: web, backlog: 0 }
`,
  ));
  const { outcome } = await scenario.run({
    onEvent: (event) => void (event.event === "step-start" && event.action === "log" && traffic.send(30)),
  });
  assertEquals(outcome, "done");
  await traffic.hasArrived(80);
});
