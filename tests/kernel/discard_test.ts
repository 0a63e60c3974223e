/** What a gate holds is discarded: the packets are gone and counted, others are not, and it goes on as before. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Gate, Plug, QueueError, Scenario } from "../../mod.ts";
import { Conversation } from "./conversation.ts";
import { pings, WAIT, witness } from "./gate_pair.ts";
import { NUMBERED_GATE, NUMBERED_PORT, numberedScenario, NumberedTraffic } from "./numbered_traffic.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { until } from "./until.ts";

Deno.test("discard takes what a gate holds, and says how much; what comes later is held and arrives", async () => {
  using traffic = new NumberedTraffic();
  const { left, pair: { ends } } = traffic;
  const before = witness(left);
  await plugctlDone(
    left,
    "gate",
    "add",
    "web",
    "eth0",
    "--direction",
    "out",
    "--match",
    `udp dst port ${NUMBERED_PORT}`,
    "--hold",
  );
  assertEquals((await plugctl(left, "discard", "web")).stderr, "plugctl: nothing was held at gate web\n");
  traffic.send(5);
  await traffic.pair.holds("web", 5);
  assertEquals(await plugctl(left, "discard", "web"), {
    status: 0,
    stdout: "",
    stderr: "plugctl: discarded 5 packets of gate web; it goes on holding\n",
  });
  assertEquals(await traffic.pair.held("web"), 0);
  traffic.send(3);
  await traffic.pair.holds("web", 3);
  const [said] = JSON.parse(await plugctlDone(left, "discard", "web", "--json"));
  assertEquals([said.gate, said.action, said.discardedPackets, said.waitingPackets], ["web", "discard", 3, 0]);
  traffic.send(2);
  await traffic.pair.holds("web", 2);
  await plugctlDone(left, "release", "web");
  await until(() => traffic.receive() >= 2, { ...WAIT, what: "what came last" });
  assertEquals(traffic.arrived, [8, 9]);
  assertEquals(pings(left, ends[1].ipv4), true);
  // It passes now, and nothing is held.
  assertEquals((await plugctl(left, "discard", "web")).stderr, "plugctl: nothing was held at gate web\n");
  traffic.send(1);
  await until(() => traffic.receive() >= 3, { ...WAIT, what: "what passes" });
  await plugctlDone(left, "gate", "delete", "web");
  assertEquals(witness(left), before);
});

Deno.test("discard leaves epochs, and packets by number, counted right", async () => {
  using traffic = new NumberedTraffic();
  using gate = Gate.open({ ...NUMBERED_GATE, hold: true, connection: traffic.connection });
  traffic.send(4);
  await traffic.holds(gate, 4);
  gate.buffer();
  traffic.send(3);
  await traffic.holds(gate, 7);
  assertEquals(gate.discard(), { queue: "gate web", discardedPackets: 7, waitingPackets: 0 });
  gate.releaseOne();
  traffic.send(2);
  await traffic.holds(gate, 2);
  gate.buffer();
  traffic.send(2);
  await traffic.holds(gate, 4);
  gate.releaseOne();
  await until(() => traffic.receive() >= 2, { ...WAIT, what: "the first epoch" });
  await traffic.holds(gate, 2);
  assertEquals((await gate.releasePackets(1)).releasedPackets, 1);
  await traffic.holds(gate, 1);
  // Fillers are in the queue, and go with it.
  assertEquals(gate.discard().discardedPackets, 1);
  traffic.send(5);
  await traffic.holds(gate, 5);
  assertEquals((await gate.releasePackets(2)).releasedPackets, 2);
  await traffic.holds(gate, 3);
  gate.release();
  await until(() => traffic.receive() >= 8, { ...WAIT, what: "all others" });
  assertEquals(traffic.arrived, [7, 8, 9, 11, 12, 13, 14, 15]);
});

Deno.test("discard under traffic that never pauses: each packet arrives or is counted", async () => {
  using traffic = new NumberedTraffic();
  using gate = Gate.open({ ...NUMBERED_GATE, hold: true, limitBytes: 1 << 20, connection: traffic.connection });
  const gone: number[] = [];
  for (let round = 0; round < 20; round++) {
    traffic.send(10);
    await new Promise((resolve) => setTimeout(resolve, 0));
    gone.push(gate.discard().discardedPackets);
  }
  gate.release();
  const discarded = gone.reduce((sum, count) => sum + count, 0);
  await until(() => traffic.receive() >= traffic.sent - discarded, { ...WAIT, what: "what was not discarded" });
  await gate.drained();
  traffic.receive();
  assertEquals(traffic.arrived.length + discarded, traffic.sent);
});

Deno.test("a plug on a device discards nothing but as it goes away, and says so", async () => {
  using traffic = new NumberedTraffic();
  await plugctlDone(traffic.left, "attach", "eth0", "--hold");
  const { status, stderr } = await plugctl(traffic.left, "discard", "eth0");
  assertEquals(status, 1);
  assertMatch(
    stderr,
    /a plug on a device can discard what it holds only as it goes away; do that with: plugctl detach eth0 --drop/,
  );
  using plug = Plug.open({ dev: "eth0", connection: traffic.connection });
  assertEquals(assertThrows(() => plug.discard(), QueueError).code, "not-a-gate");
});

Deno.test("a session and a scenario discard, too", async () => {
  using traffic = new NumberedTraffic();
  const { left } = traffic;
  await using session = new Conversation(left);
  const add = { op: "gate-add", name: "web", dev: "eth0", direction: "out", match: NUMBERED_GATE.match };
  await session.ask({ ...add, hold: true });
  traffic.send(4);
  await session.ask({ op: "wait", on: "web", until: "backlog==4" });
  assertEquals(await session.ask({ op: "discard", on: "web" }), [
    { name: "web", discardedPackets: 4, waitingPackets: 0 },
  ]);
  await session.ask({ op: "gate-delete", gate: "web" });
  await session.end();

  const text = numberedScenario(
    left,
    `  - wait: { gate: web, backlog: 4 }
  - discard: web
  - expect: { gate: web, backlog: 0, sent: 0 }
  - expect: { gate: web, waiting: udp, count: 0 }
  - log: more
  - wait: { gate: web, backlog: 4 }
  - expect: { gate: web, waiting: udp, count: 4 }
  - release: web
`,
  );
  const notes: string[] = [];
  const { outcome } = await (await Scenario.parse(text)).run({
    onEvent: (event) => {
      if (event.event === "step-start" && event.action === "log") traffic.send(4);
      if (event.event === "step-end") notes.push(...event.notes ?? []);
    },
  });
  assertEquals([outcome, notes], ["done", ["discarded 4 packets of gate web; it goes on holding"]]);
  await until(() => traffic.receive() >= 4, { ...WAIT, what: "the last" });
  assertEquals(traffic.arrived, [8, 9, 10, 11]);
});

Deno.test("a gate that is held for a time is emptied, and the hold goes on to its end", async () => {
  using traffic = new NumberedTraffic();
  using gate = Gate.open({ ...NUMBERED_GATE, connection: traffic.connection });
  using held = gate.hold({ maxMs: 600_000 });
  traffic.send(6);
  await traffic.holds(gate, 6);
  assertEquals(gate.discard().discardedPackets, 6);
  assertEquals([held.disturbance, held.counts().backlogPackets], [undefined, 0]);
  traffic.send(2);
  await traffic.holds(gate, 2);
  await plugctlDone(traffic.left, "discard", "web");
  assertEquals([held.disturbance, held.counts().backlogPackets], [undefined, 0]);
  traffic.send(1);
  await traffic.holds(gate, 1);
  const { queues, cutShort } = held.release();
  assertEquals([queues.map(({ packets, drops }) => [packets, drops]), cutShort], [[[1, 0]], false]);
  await until(() => traffic.receive() >= 1, { ...WAIT, what: "what was held last" });
  assertEquals(traffic.arrived, [8]);
});
