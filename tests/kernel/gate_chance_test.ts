/** Gates that get only some of the packets that they mean: every Nth, or at random. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Gate } from "../../mod.ts";
import { runHere } from "../cli/run_here.ts";
import { WAIT, witness } from "./gate_pair.ts";
import { NUMBERED_GATE, NumberedTraffic } from "./numbered_traffic.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { until } from "./until.ts";

const COUNT = 10_000;

/** Sends so many in portions that a receiver has room for. */
async function sendAll(traffic: NumberedTraffic, gate: Gate): Promise<void> {
  const before = gate.stats().backlogPackets;
  const base = traffic.arrived.length;
  for (let sent = 0; sent < COUNT; sent += 500) {
    traffic.send(500);
    const passed = () => traffic.receive() - base + gate.stats().backlogPackets - before;
    await until(() => passed() >= sent + 500, { ...WAIT, what: `${sent + 500} packets` });
  }
}

Deno.test("a gate with --every 10 holds just every tenth of 10,000, which leave behind the others", async () => {
  using traffic = new NumberedTraffic();
  const { left } = traffic;
  const before = witness(left);
  const words = ["web", "eth0", "--direction", "out", "--match", NUMBERED_GATE.match, "--every", "10"];
  await plugctlDone(left, "gate", "add", ...words, "--limit", "64m", "--hold");
  const [gate] = Gate.named(traffic.connection, ["web"]);
  await sendAll(traffic, gate);
  const listed = gate.read();
  assertEquals([listed.every, listed.hitPackets, listed.faults, listed.before], [10, COUNT / 10, [], []]);
  assertEquals(gate.stats().backlogPackets, COUNT / 10);
  assertStringIncludes(await plugctlDone(left, "gate", "list"), `every 10th of ${NUMBERED_GATE.match}`);
  const numbers = Array.from({ length: COUNT }, (_, number) => number);
  const isTenth = (number: number) => number % 10 === 9;
  assertEquals(traffic.arrived, numbers.filter((number) => !isTenth(number)));
  const again = await plugctl(left, "gate", "add", ...words, "--limit", "64m");
  assertMatch(again.stderr, /the gate web is there already, and nothing was changed/);
  const other = await plugctl(left, "gate", "add", ...words.slice(0, -1), "5", "--limit", "64m");
  assertMatch(other.stderr, /another is there: egress of eth0, every 10th of udp dst port 5000/);
  await plugctlDone(left, "release", "web");
  await until(() => traffic.receive() >= COUNT, { ...WAIT, what: "those that were held" });
  assertEquals(traffic.arrived.slice(-COUNT / 10), numbers.filter(isTenth));
  await plugctlDone(left, "gate", "delete", "web");
  assertEquals(witness(left), before);
  assertEquals(left.run("tc", "actions", "list", "action", "gact").includes("index"), false);
});

for (const [probability, part] of [["5%", 0.05], ["0.7", 0.7]] as const) {
  Deno.test(`a gate with --probability ${probability} holds about so many of 10,000`, async () => {
    using traffic = new NumberedTraffic();
    const { left } = traffic;
    const words = ["web", "eth0", "--direction", "out", "--match", NUMBERED_GATE.match, "--probability", probability];
    await plugctlDone(left, "gate", "add", ...words, "--limit", "64m", "--hold");
    const [gate] = Gate.named(traffic.connection, ["web"]);
    await sendAll(traffic, gate);
    const held = gate.stats().backlogPackets;
    // Seven times the standard deviation: by chance beyond that once in 10^11 times.
    const off = 7 * Math.sqrt(COUNT * part * (1 - part));
    assert(Math.abs(held - COUNT * part) < off, `${held} of ${COUNT} are held`);
    assertEquals(gate.read().probability, part);
    assertEquals(held + traffic.arrived.length, COUNT);
    gate.release();
    await gate.drained();
    await plugctlDone(left, "gate", "delete", "web");
  });
}

Deno.test("every and probability out of range, or both, are refused before anything is touched", async () => {
  using traffic = new NumberedTraffic();
  const { left } = traffic;
  const before = witness(left);
  for (
    const [words, says] of [
      [["--every", "1"], "every is 1, must be a whole number from 2 to 65535"],
      [["--every", "x"], 'invalid number "x": use a whole number such as 10'],
      [["--probability", "100%"], "probability is 1, must be from 0.000015 to below 1"],
      [["--probability", "5 %"], 'invalid probability "5 %": use a part such as 0.05, or 5%'],
      [["--every", "2", "--probability", "5%"], "a gate takes every or probability, not both"],
    ] as const
  ) {
    const { status, stderr } = await plugctl(left, "gate", "add", "g", "eth0", "--direction", "out", ...words);
    assertEquals(status, 2, stderr);
    assertStringIncludes(stderr, says);
  }
  assertEquals(witness(left), before);
});

Deno.test("a scenario holds every tenth packet, and says so in its plan", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(
    file,
    `name: every tenth
hosts: { one: {} }
defaults: { host: one, timeout: 60s }
gates: { web: { dev: lo, direction: out, match: udp dst port 9, every: 10 } }
steps:
  - buffer: web
  - run: [bash, -c, "for i in {1..100}; do echo x >/dev/udp/127.0.0.1/9; done"]
  - expect: { gate: web, backlog: 10 }
  - attach: { gate: some, dev: lo, direction: out, match: udp dst port 10, probability: 99.9% }
  - buffer: some
  - run: [bash, -c, "for i in {1..100}; do echo x >/dev/udp/127.0.0.1/10; done"]
  - expect: { gate: some, backlog: ">=50" }
`,
  );
  assertStringIncludes((await runHere("run", file, "--dry-run")).stdout, "egress, every 10th of udp dst port 9");
  const { status, stderr } = await runHere("run", file, "--quiet");
  assertEquals([status, stderr], [0, ""]);
  await Deno.remove(file);
});
