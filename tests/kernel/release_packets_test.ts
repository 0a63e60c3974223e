/** Packets of a gate that are released by number: exactly the oldest, and what is told of the rest. */

import { assert, assertEquals, assertGreaterOrEqual, assertRejects, assertThrows } from "@std/assert";
import { Gate, Plug, QueueError, Scenario } from "../../mod.ts";
import { Conversation } from "./conversation.ts";
import { WAIT } from "./gate_pair.ts";
import { NUMBERED_BYTES, NUMBERED_GATE, NUMBERED_PORT, numberedScenario, NumberedTraffic } from "./numbered_traffic.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf } from "./queue.ts";
import { randomly } from "./random_frames.ts";
import { until } from "./until.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
/** How many things are done in turn, where `PLUGCTL_STEPS` says it, as `deno task test:releases` does. */
const STEPS = Number(Deno.env.get("PLUGCTL_STEPS") ?? 2000);

/** What a gate is to do, without a kernel. */
class Model {
  /** Packets that wait, and that have passed. */
  waiting = 0;
  passed = 0;
  holding = false;
  /** How many of those that wait are in the epoch that has ended. */
  ended?: number;

  arrive(count: number): void {
    if (this.holding) this.waiting += count;
    else this.passed += count;
  }

  buffer(): void {
    if (this.holding) this.ended = this.waiting;
    this.holding = true;
  }

  release(count = Infinity): number {
    const released = Math.min(count, this.waiting);
    this.waiting -= released;
    this.passed += released;
    if (count === Infinity) this.holding = false;
    if (count === Infinity || released > 0) this.ended = undefined;
    return released;
  }

  releaseOne(): void {
    const ended = this.ended ?? 0;
    this.waiting -= ended;
    this.passed += ended;
    this.ended = undefined;
  }
}

type View = (traffic: NumberedTraffic, own: Gate) => Gate;
/** By the object that made the gate, or by another each time, which knows of it what the kernel does, as a command does. */
const VIEWS: Readonly<Record<string, View>> = {
  "one object": (_, own) => own,
  "an object each time": ({ connection }) => Gate.named(connection, [NUMBERED_GATE.name])[0],
};

for (const [name, view] of Object.entries(VIEWS)) {
  Deno.test(`${STEPS} arrivals, buffers and releases, by number and otherwise, by ${name}, do what a model does: SEED=${seed}`, async () => {
    using traffic = new NumberedTraffic();
    using own = Gate.open({ ...NUMBERED_GATE, connection: traffic.connection });
    const model = new Model();
    const random = randomly(seed);
    const done: string[] = [];
    try {
      for (let step = 0; step < STEPS; step++) {
        done.push(await takeStep(view(traffic, own), { traffic, model, random }));
        await traffic.hasArrived(model.passed);
        await traffic.holds(own, model.waiting);
        assertEquals([own.stats().packets, own.stats().drops], [model.passed, 0]);
      }
      own.release();
      await traffic.hasArrived(traffic.sent);
    } catch (error) {
      throw new Error(`After ${done.slice(-40).join("; ")} (step ${done.length} of SEED=${seed})`, { cause: error });
    }
  });
}

/** Does something, to the gate and to the model, and says what. */
async function takeStep(
  gate: Gate,
  { traffic, model, random }: { traffic: NumberedTraffic; model: Model; random: ReturnType<typeof randomly> },
): Promise<string> {
  const chance = random.below(100);
  if (chance < 35) {
    const count = 1 + random.below(8);
    model.arrive(count);
    traffic.send(count);
    return `${count} arrive`;
  }
  if (chance < 55) {
    if (model.ended !== undefined) {
      // Who has not ended it cannot know, and is not refused.
      if (gate.plug.lastAsked === "hold") assertThrows(() => gate.buffer(), QueueError, "an epoch has ended");
      return "no buffer";
    }
    gate.buffer();
    model.buffer();
    return "buffer";
  }
  if (chance < 80) {
    const asked = 1 + random.below(random.below(5) === 0 ? model.waiting + 3 : 4);
    const { releasedPackets, waitingPackets, lostPackets } = await gate.releasePackets(asked);
    const released = model.release(asked);
    assertEquals([releasedPackets, waitingPackets, lostPackets], [released, model.waiting, 0], `release ${asked}`);
    return `release ${asked}`;
  }
  if (chance < 96) {
    gate.releaseOne();
    model.releaseOne();
    return "release one";
  }
  gate.release();
  model.release();
  return "release";
}

Deno.test("release --packets", async (t) => {
  using traffic = new NumberedTraffic();
  const { left, connection } = traffic;
  using gate = Gate.open({ ...NUMBERED_GATE, connection, limitBytes: 20 * NUMBERED_BYTES });
  const release = async (...words: string[]) => await plugctl(left, "release", "web", ...words);
  const said = (stderr: string) => ({ status: 0, stdout: "", stderr: stderr && `plugctl: ${stderr}\n` });

  await t.step("releases nothing where nothing is held, and begins no hold", async () => {
    assertEquals(await release("--packets", "1"), said("nothing was held at gate web"));
    traffic.send(2);
    await traffic.hasArrived(2);
  });

  await t.step("releases the oldest, and says how many wait", async () => {
    await plugctlDone(left, "buffer", "web");
    traffic.send(10);
    await traffic.holds(gate, 10);
    const [report] = JSON.parse(await plugctlDone(left, "release", "web", "--packets", "3", "--json"));
    assertEquals([report.releasedPackets, report.waitingPackets, report.lostPackets], [3, 7, 0]);
    await traffic.hasArrived(5);
    // Under either name
    assertEquals(await plugctl(left, "release-one", "web", "--packets=2"), said(""));
    await traffic.hasArrived(7);
  });

  await t.step("leaves packets in the queue that are shown nowhere, and take nothing of the limit", async () => {
    assertEquals(plugOf(left, "plug-web").qlen, 10);
    const [shown] = JSON.parse(await plugctlDone(left, "show", "web", "--json"));
    assertEquals([shown.backlogPackets, shown.backlogBytes, shown.packets], [5, 5 * NUMBERED_BYTES, 7]);
    const [listed] = await traffic.pair.gates();
    assertEquals([listed.stats?.backlogPackets, listed.limitBytes], [5, 20 * NUMBERED_BYTES]);
    traffic.send(15);
    await traffic.holds(gate, 20);
    traffic.send(1);
    await until(() => gate.stats().drops === 1, { ...WAIT, what: "a packet beyond the limit" });
    // Which was the last one, and is sent again under its number.
    traffic.sent--;
    await plugctlDone(left, "limit", "web", String(21 * NUMBERED_BYTES));
    traffic.send(1);
    await traffic.holds(gate, 21);
    assertEquals(gate.stats().drops, 1);
  });

  await t.step("says where fewer were held, and goes on holding", async () => {
    assertEquals(
      await release("--packets", "30"),
      said("released 21 packets of gate web: no more were held; it goes on holding"),
    );
    await traffic.hasArrived(28);
    assertEquals(await release("--packets", "1"), said("nothing was held at gate web"));
    traffic.send(3);
    await traffic.holds(gate, 3);
    traffic.receive();
    assertEquals(traffic.arrived.length, 28);
  });

  await t.step("joins epochs: what is left is released with the epoch that the next buffer ends", async () => {
    await plugctlDone(left, "buffer", "web");
    traffic.send(2);
    await traffic.holds(gate, 5);
    await plugctlDone(left, "release", "web", "--packets", "1");
    assertEquals((await plugctl(left, "release-one", "web")).stderr.includes("release-one released nothing"), true);
    await plugctlDone(left, "buffer", "web");
    traffic.send(4);
    await traffic.holds(gate, 8);
    assertEquals(await plugctl(left, "release-one", "web"), said(""));
    await traffic.hasArrived(33);
    await traffic.holds(gate, 4);
    await plugctlDone(left, "release", "web");
    await traffic.hasArrived(37);
  });

  await t.step("takes many at once", async () => {
    await plugctlDone(left, "limit", "web", "16m");
    await plugctlDone(left, "buffer", "web");
    const before = traffic.sent;
    traffic.send(12_000);
    await traffic.holds(gate, 12_000);
    const { releasedPackets } = await gate.releasePackets(11_000);
    assertEquals(releasedPackets, 11_000);
    await traffic.hasArrived(before + 11_000);
    await traffic.holds(gate, 1000);
    await plugctlDone(left, "release", "web");
    await traffic.hasArrived(before + 12_000);
  });

  await t.step("is refused for a plug on a device, and what it takes is checked", async () => {
    await plugctlDone(left, "attach", "eth0");
    assertEquals(await plugctl(left, "release", "eth0", "--packets", "3"), {
      status: 1,
      stdout: "",
      stderr: "plugctl: cannot release 3 packets of eth0 (root): packets are counted by useless ones behind them, " +
        "which would leave by the device; a gate discards them; make one: " +
        "plugctl gate add NAME eth0 --direction out\n",
    });
    using plug = Plug.open({ dev: "eth0", connection });
    const error = await assertRejects(() => plug.releasePackets(1), QueueError);
    assertEquals(error.code, "not-a-gate");
    await assertRejects(() => gate.releasePackets(0), RangeError, "packets is 0, must be a whole number from 1");
    for (const wrong of ["0", "1.5", "x", "2147483648"]) {
      assertEquals((await plugctl(left, "release", "web", "--packets", wrong)).status, 2);
    }
    await plugctlDone(left, "detach", "eth0");
  });
});

Deno.test("releasePackets() says how many really left where packets come in all the time", async () => {
  using traffic = new NumberedTraffic();
  const { left, connection } = traffic;
  using gate = Gate.open({ ...NUMBERED_GATE, connection });
  const flood = left.spawn(["python3", "-c", FLOOD, traffic.pair.ends[1].ipv4, String(NUMBERED_PORT)], {
    stdin: "piped",
    stdout: "null",
  });
  await until(() => traffic.receive() > 0, { ...WAIT, what: "traffic" });
  gate.buffer();
  await until(() => gate.stats().backlogPackets > 200, { ...WAIT, what: "packets held" });
  // What was on its way has arrived.
  let passed = gate.stats().packets;
  await until(() => traffic.receive() === passed, { ...WAIT, what: "what had passed" });
  for (let round = 0; round < 30; round++) {
    const { releasedPackets } = await gate.releasePackets(5);
    assertGreaterOrEqual(releasedPackets, 5);
    passed += releasedPackets;
    await until(() => traffic.receive() >= passed, { ...WAIT, what: `${passed} datagrams` });
    assertEquals(traffic.arrived.length, passed);
  }
  gate.release();
  flood.stdin.close();
  assert((await flood.status).success);
  const all = gate.stats().packets;
  await until(() => traffic.receive() >= all, { ...WAIT, what: "all that was sent" });
  assertEquals(traffic.arrived, Array.from({ length: all }, (_, number) => number));
});

Deno.test("packets are released by number through a session, in a scenario, and out of a hold", async (t) => {
  using traffic = new NumberedTraffic();
  const { left, connection } = traffic;

  await t.step("release of a session", async () => {
    await using session = new Conversation(left);
    await session.ask({ op: "gate-add", name: "web", dev: "eth0", direction: "out", match: NUMBERED_GATE.match });
    await session.ask({ op: "buffer", on: "web" });
    traffic.send(5);
    await session.ask({ op: "wait", on: "web", until: "backlog==5" });
    const [report] = await session.ask({ op: "release", on: "web", packets: 2 }) as Record<string, unknown>[];
    assertEquals(report, { name: "web", releasedPackets: 2, waitingPackets: 3, lostPackets: 0 });
    await traffic.hasArrived(2);
    const [counts] = await session.ask({ op: "counts", on: "web" }) as Record<string, unknown>[];
    assertEquals([counts.backlogPackets, counts.sentPackets], [3, 2]);
    const refused = await session.answer(await session.send({ op: "release", on: "web", packets: 0 }));
    assertEquals(refused.error?.code, "invalid");
    await session.end();
    await traffic.hasArrived(5);
  });

  await t.step("release of a scenario", async () => {
    const text = numberedScenario(
      left,
      `  - wait: { gate: web, backlog: 4 }
  - release: { gate: web, packets: 3 }
  - expect: { gate: web, backlog: 1, sent: 3 }
  - release: { gate: web, packets: 3 }
  - release: web
`,
    );
    const scenario = await Scenario.parse(text);
    const notes: string[] = [];
    const actions: string[] = [];
    const { outcome } = await scenario.run({
      onEvent: (event) => {
        if (event.event === "step-start" && event.action === "log") traffic.send(4);
        if (event.event !== "step-end") return;
        notes.push(...event.notes ?? []);
        if (event.action.startsWith("release")) actions.push(event.action);
      },
    });
    assertEquals(actions, ["release-packets", "release-packets", "release-indefinite"]);
    assertEquals([outcome, notes], ["done", ["released 1 packet of gate web: no more were held; it goes on holding"]]);
    await traffic.hasArrived(9);
  });

  await t.step("of a gate that is held for a time", async () => {
    using gate = Gate.open({ ...NUMBERED_GATE, connection });
    using held = gate.hold({ maxMs: 600_000 });
    traffic.send(10);
    await traffic.holds(gate, 10);
    assertEquals((await gate.releasePackets(4)).releasedPackets, 4);
    await traffic.hasArrived(13);
    // By the holder itself it is no disturbance, and what it is told is without the packets that are only counted.
    assertEquals([held.disturbance, held.counts().backlogPackets, held.counts().sentPackets], [undefined, 6, 4]);
    await gate.releasePackets(1);
    assertEquals([held.disturbance, held.counts().backlogPackets], [undefined, 5]);
    const { queues, cutShort } = held.release();
    assertEquals([queues.map(({ packets, bytes }) => [packets, bytes]), cutShort], [[[5, 5 * NUMBERED_BYTES]], false]);
    await traffic.hasArrived(19);
  });

  await t.step("of a gate that another process holds for a time, which is told so, and lets go the rest", async () => {
    using gate = Gate.open({ ...NUMBERED_GATE, connection });
    using held = gate.hold({ maxMs: 600_000 });
    traffic.send(5);
    await traffic.holds(gate, 5);
    await plugctlDone(left, "release", "web", "--packets", "1");
    const { what, isWhole } = held.disturbance ?? {};
    assertEquals([what, isWhole, held.counts().backlogPackets], ["released", undefined, 4]);
    assertEquals(held.release().cutShort, true);
    await traffic.hasArrived(24);
  });
});

/** Sends numbered datagrams until its input ends. */
const FLOOD = `
import socket, struct, sys, time, select
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.SOL_SOCKET, 32, 64 << 20)
number = 0
while not select.select([sys.stdin], [], [], 0.0005)[0]:
    sender.sendto(struct.pack(">I", number), (sys.argv[1], int(sys.argv[2])))
    number += 1
`;
