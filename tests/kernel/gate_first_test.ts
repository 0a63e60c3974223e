/** Gates that let some packets go first (`--first`): sorted as they come in, held as one queue, released in that order. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate, Scenario } from "../../mod.ts";
import { GatePair, pings, WAIT, witness } from "./gate_pair.ts";
import { NUMBERED_GATE, numberedScenario, NumberedTraffic } from "./numbered_traffic.ts";
import { PacketSocket } from "./packet_socket.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { readLines } from "../../linux/incoming.ts";
import { randomFrames, randomly } from "./random_frames.ts";
import { until } from "./until.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const frames = randomFrames(randomly(seed), 1000).map((frame) => Uint8Array.from(frame));
/** The last byte of a datagram's number is odd. */
const ODD = "udp[11] & 1 = 1";
const ADD = ["gate", "add", "web", "eth0", "--direction", "out", "--match", NUMBERED_GATE.match];

/** Numbers as they leave a gate by which odd ones go first. */
function sorted(from: number, to: number): number[] {
  const sent = Array.from({ length: to - from }, (_, index) => from + index);
  return [...sent.filter((number) => number % 2 === 1), ...sent.filter((number) => number % 2 === 0)];
}

const CASES: [match: string[], first: string[]][] = [
  [["ip"], ["tcp"]],
  [[], ["arp", "udp"]],
  [["tcp"], ["tcp and fin or tcp dst port 80", "src host 10.0.0.1"]],
  [["ip", "ip6"], ["greater 100"]],
  [["vlan 12"], ["udp"]],
  [["less 200"], ["tcp[13] & 1 != 0 or arp"]],
];

Deno.test(`what goes first leaves before the rest, each in the order in which it came: SEED=${seed}`, async () => {
  using pair = new GatePair();
  const { left, right } = pair;
  const silence = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && ip address flush dev eth0";
  for (const host of [left, right]) host.run("sh", "-c", silence);
  using connection = left.enter(() => Connection.open());
  using far = new PacketSocket(right, "eth0");
  using near = new PacketSocket(left, "eth0");
  for (const direction of ["in", "out"] as const) {
    for (const [match, first] of CASES) {
      // What a packet socket sends has its tag where no gate on the way out looks for it.
      if (direction === "out" && match.includes("vlan 12")) continue;
      const what = `${match} first ${first}, ${direction}`;
      const options = { name: "x", dev: "eth0", direction, match, withArp: match.length === 0, connection };
      // Which of them it holds at all, and which of those would be excepted, are other tests' concern.
      const held: number[][] = [];
      for (const more of [{}, { except: first }, { first }]) {
        const gate = Gate.open({ ...options, ...more, hold: true });
        using leaving = new PacketSocket(left, "plug-x");
        for (const frame of frames) (direction === "in" ? far : near).send(frame);
        const count = held.length === 2 ? held[0].length : undefined;
        const isThere = () => {
          const { hitPackets, exceptedPackets } = gate.read();
          return hitPackets + exceptedPackets >= (held[0]?.length ?? 1);
        };
        await until(isThere, { ...WAIT, what: `what is held of ${what}` });
        if (count !== undefined) assertEquals(gate.stats().backlogPackets, count, what);
        else await new Promise((resolve) => setTimeout(resolve, 200));
        const waiting = gate.stats().backlogPackets;
        gate.release();
        const out: number[] = [];
        await until(() => {
          for (let frame = leaving.receive(); frame; frame = leaving.receive()) out.push(number(frame));
          return out.length >= waiting;
        }, { ...WAIT, what: `${waiting} packets of ${what}` });
        held.push(out);
        await gate.close();
        while (far.receive());
        while (near.receive());
      }
      const [all, rest, inOrder] = held;
      const others = new Set(rest);
      const firsts = all.filter((number) => !others.has(number));
      assertEquals(Math.min(firsts.length, rest.length) > 0, true, what);
      assertEquals(inOrder, [...firsts, ...rest], what);
    }
  }
});

/** The number of a frame: its last four bytes. */
function number(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset + frame.length - 4).getUint32(0);
}

Deno.test("a gate with --first is one queue to every command, and leaves nothing behind", async () => {
  using traffic = new NumberedTraffic();
  const { left, pair, arrived } = traffic;
  const before = witness(left);
  const has = async (count: number, expected: number[]) => {
    await until(() => traffic.receive() >= count, { ...WAIT, what: `${count} datagrams` });
    assertEquals(arrived.splice(0), expected);
  };
  await plugctlDone(left, ...ADD, "--first", ODD, "--hold");
  traffic.send(500);
  await pair.holds("web", 500);
  const [plug] = JSON.parse(await plugctlDone(left, "show", "--json"));
  assertEquals([plug.gate, plug.parent, plug.handle, plug.backlogPackets], ["web", "root", "504b:", 500]);
  assertEquals(JSON.parse(await plugctlDone(left, "show", "--json")).length, 1);
  const [{ first, faults, stats }] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals([first, faults, stats.backlogPackets], [[ODD], [], 500]);
  assertStringIncludes(await plugctlDone(left, "gate", "list"), ` ${NUMBERED_GATE.match}; first ${ODD}\n`);

  // What cannot be is refused, and nothing has left.
  for (
    const [words, status, says] of [
      [["--packets", "3"], 1, /packets are counted in one queue, and a gate with --first has two/],
      [["--over", "1s"], 1, /packets are counted in one queue/],
      [["--rate", "5/s"], 1, /packets are counted in one queue/],
      [["--first", "tcp"], 1, /it was made with --first udp\[11\] & 1 = 1, and packets are sorted as they come in/],
    ] as const
  ) {
    const refused = await plugctl(left, "release", "web", ...words);
    assertEquals(refused.status, status, words.join(" "));
    assertMatch(refused.stderr, says);
  }
  const [report] = JSON.parse(await plugctlDone(left, "release", "web", "--first", ODD, "--json"));
  assertEquals([report.releasedPackets, report.waitingPackets], [500, 0]);
  await has(500, sorted(0, 500));

  // By epochs: each of them has its own first.
  await plugctlDone(left, "buffer", "web");
  traffic.send(6);
  await pair.holds("web", 6);
  await plugctlDone(left, "buffer", "web");
  traffic.send(4);
  await pair.holds("web", 10);
  await plugctlDone(left, "release-one", "web");
  await has(6, sorted(500, 506));
  await pair.holds("web", 4);
  assertStringIncludes((await plugctl(left, "release-one", "web")).stderr, "release-one released nothing");
  assertStringIncludes((await plugctl(left, "discard", "web")).stderr, "discarded 4 packets of gate web");
  traffic.send(5);
  await pair.holds("web", 5);
  await plugctlDone(left, "release", "web");
  await has(5, sorted(510, 515));

  // A limit that each of the two queues has
  await plugctlDone(left, "limit", "92", "web", "--force");
  await plugctlDone(left, "buffer", "web");
  traffic.send(7);
  await pair.holds("web", 4);
  const [limited] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals([limited.limitBytes, limited.stats.drops], [92, 3]);
  await plugctlDone(left, "release", "web");
  await has(4, [515, 517, 516, 518].toSorted((one, other) => other % 2 - one % 2 || one - other));
  await plugctlDone(left, "limit", "1m", "web");

  // What waits when it goes leaves as well.
  await plugctlDone(left, "buffer", "web");
  traffic.send(8);
  await pair.holds("web", 8);
  await plugctlDone(left, "gate", "delete", "web");
  await has(8, sorted(522, 530));
  assertEquals(witness(left), before);
});

Deno.test("a gate with --first is released by its guardian, and taken away by recover", async () => {
  using traffic = new NumberedTraffic();
  const { left, pair, arrived } = traffic;
  const before = witness(left);
  const has = async (count: number, expected: number[]) => {
    await until(() => traffic.receive() >= count, { ...WAIT, what: `${count} datagrams` });
    assertEquals(arrived.splice(0), expected);
  };
  await plugctlDone(left, ...ADD, "--first", ODD);
  await plugctlDone(left, "buffer", "web", "--max-hold", "1s");
  traffic.send(10);
  await has(10, sorted(0, 10));

  const [gate] = Gate.named(traffic.connection, ["web"]);
  {
    using hold = gate.hold({ maxMs: 60_000 });
    traffic.send(10);
    await traffic.holds(gate, 10);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals([hold.disturbance, hold.cutShort, hold.counts().backlogPackets], [undefined, false, 10]);
    gate.buffer();
    gate.releaseOne();
    await has(10, sorted(10, 20));
    traffic.send(2);
    await traffic.holds(gate, 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(hold.disturbance, undefined);
    // Another process releases it: the hold is told.
    await plugctlDone(left, "release", "web");
    await until(() => hold.disturbance !== undefined, { ...WAIT, what: "the word of the guardian" });
    assertEquals([hold.disturbance?.what, hold.disturbance?.queue], ["released", "gate web"]);
  }
  await has(2, [21, 20]);

  await plugctlDone(left, "buffer", "web");
  traffic.send(4);
  await pair.holds("web", 4);
  const leftovers = JSON.parse(await plugctlDone(left, "recover", "--dry-run", "--json"));
  assertEquals(leftovers.gates, [{ name: "web", packets: 4 }]);
  await plugctlDone(left, "recover");
  await has(4, sorted(22, 26));
  assertEquals(witness(left), before);
});

Deno.test("a gate with --first is told by what it lets go first, and by what is missing of it", async () => {
  using traffic = new NumberedTraffic();
  const { left, pair } = traffic;
  const before = witness(left);
  await plugctlDone(left, ...ADD, "--first", ODD);
  assertEquals(
    (await plugctl(left, ...ADD, "--first", ODD)).stderr, /* the same */
    "plugctl: the gate web is there already, and nothing was changed\n",
  );
  const other = await plugctl(left, ...ADD);
  assertEquals(other.status, 1);
  assertStringIncludes(other.stderr, `${NUMBERED_GATE.match}; first ${ODD}`);
  await plugctlDone(left, ...ADD, "--replace");
  const without = await plugctl(left, "release", "web", "--first", ODD);
  assertEquals(without.status, 1);
  assertStringIncludes(
    without.stderr,
    "cannot let udp[11] & 1 = 1 go first from gate web: it was made without --first",
  );
  await plugctlDone(left, ...ADD, "--first", ODD, "--replace");

  left.run("tc", "filter", "delete", "dev", "plug-web", "parent", "504b:");
  const [unsorted] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals(unsorted.faults, ["not all of its filters"]);
  left.run("tc", "qdisc", "delete", "dev", "plug-web", "parent", "504b:1");
  const [broken] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals(broken.faults, ["no plug", "not all of its filters"]);
  await plugctlDone(left, "gate", "delete", "web");
  assertEquals(pings(left, pair.ends[1].ipv4), true);
  assertEquals(witness(left), before);
  for (
    const [first, status, says] of [
      ["tcp", 2, /cannot understand --first: no packet that the gate matches fits "tcp"/],
      [NUMBERED_GATE.match, 2, /what goes first of a gate leaves nothing to go behind it/],
      ["nonsense", 2, /cannot understand --first: "nonsense"/],
    ] as const
  ) {
    const refused = await plugctl(left, ...ADD, "--first", first);
    assertEquals(refused.status, status);
    assertMatch(refused.stderr, says);
  }
  assertEquals(witness(left), before);
});

Deno.test("a scenario and the packets of a gate with --first: two orders, and none is taken for lost", async () => {
  using traffic = new NumberedTraffic();
  const written = numberedScenario(
    traffic.left,
    "  - wait: { gate: web, backlog: 6 }\n  - release: web\n  - sleep: 500ms\n",
  )
    .replace("match:", `first: "${ODD}", match:`);
  const scenario = await Scenario.parse(`capture: true\n${written}`);
  const left: (string | undefined)[] = [];
  const { outcome } = await scenario.run({
    onEvent: (event) => {
      if (event.event === "step-start" && event.action === "log") traffic.send(6);
      if (event.event === "packet-out") left.push(event.number === undefined ? undefined : String(event.number));
    },
  });
  assertEquals(outcome, "done");
  await until(() => traffic.receive() >= 6, { ...WAIT, what: "what was released" });
  assertEquals(traffic.arrived, sorted(0, 6));
  assertEquals(left, sorted(0, 6).map((number) => String(number + 1)));
});

Deno.test("record writes a gate with --first, and what was asked of it once, as of one queue", async () => {
  using traffic = new NumberedTraffic();
  const { left, pair } = traffic;
  await plugctlDone(left, ...ADD, "--first", ODD);
  const child = left.spawn([...PLUGCTL, "record"], { stdin: "null", stdout: "piped", stderr: "piped" });
  const said: string[] = [];
  const reading = (async () => {
    for await (const line of readLines(child.stderr)) said.push(line);
  })();
  const hears = (what: string) => until(() => said.some((line) => line.includes(what)), { ...WAIT, what });
  await hears("recording;");
  await plugctlDone(left, "buffer", "web");
  traffic.send(4);
  await pair.holds("web", 4);
  await plugctlDone(left, "buffer", "web");
  await plugctlDone(left, "release-one", "web");
  await until(() => traffic.receive() >= 4, { ...WAIT, what: "an epoch" });
  traffic.send(4);
  await pair.holds("web", 4);
  await plugctlDone(left, "discard", "web");
  await plugctlDone(left, "release", "web");
  await hears("web: release");
  await until(() => said.some((line) => / web: release(,|$)/.test(line)), { ...WAIT, what: "the release heard" });
  child.kill("SIGINT");
  const text = await new Response(child.stdout).text();
  await reading;
  assertStringIncludes(text, "first: ");
  assertStringIncludes(text, ODD);
  const steps = text.slice(text.indexOf("steps:\n") + 7).split("\n").map((line) => line.replace(/ # at .*/, "").trim());
  assertEquals(
    steps.filter((line) => /^- (?!wait|sleep)/.test(line)),
    ["buffer", "buffer", "release-one", "discard", "release"].map((step) => `- ${step}: web`),
    said.join("\n"),
  );
  await plugctlDone(left, "gate", "delete", "web");
});
