/** The packets of a gate are shown as they come in and as they leave, each once, and the traffic loses nothing by it. */

import { assert, assertEquals } from "@std/assert";
import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { captureOf, openWeb, takeEvents, TO } from "./captured_gate.ts";
import { GatePair, getHttp, serveHttp, WAIT, withoutCounters, witness } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { underTraffic } from "./traffic.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const COUNT = 200;

function line({ packet }: PacketEvent): string {
  return describePacket(packet.bytes, { length: packet.length }).line;
}

/** The gates whose packets are looked at, and what goes through them. */
const WAYS = [
  { name: "egress, IPv4", direction: "egress", address: "10.0.0.2", match: "udp dst port 9000" },
  { name: "egress, IPv6", direction: "egress", address: "fd00::2", match: "ip6 udp dst port 9000" },
  { name: "ingress, IPv4", direction: "ingress", address: "10.0.0.2", match: "udp dst port 9000" },
  { name: "loopback", direction: "egress", address: "127.0.0.1", match: "udp dst port 9000" },
] as const;

for (const { name, direction, address, match } of WAYS) {
  Deno.test(`every packet is shown once as it comes in and once as it leaves, with its wait: ${name}`, async () => {
    using pair = new GatePair();
    const isLoopback = name === "loopback";
    const [host, receiverHost] = [
      direction === "ingress" ? pair.right : pair.left,
      isLoopback ? pair.left : pair.right,
    ];
    using connection = host.enter(() => Connection.open());
    await using gate = openWeb(connection, { dev: isLoopback ? "lo" : "eth0", direction, match });
    const before = witness(host);
    using sender = new UdpSocket(pair.left, { address: address.includes(":") ? "::" : "0.0.0.0", port: 0 });
    using receiver = new UdpSocket(receiverHost, { address, port: 9000 });
    const capture = captureOf(host, connection);
    assertEquals(capture.blind, undefined);
    gate.buffer({ force: true });
    sendNumbered(sender, { address, port: 9000 }, { count: COUNT, payloadBytes: 48 });
    const arrivals = await takeEvents(capture, COUNT);
    assertEquals(arrivals.map(({ event }) => event), new Array(COUNT).fill("in"));
    assertEquals(capture.waiting("web").length, COUNT);
    await new Promise((resolve) => setTimeout(resolve, 300));
    gate.releaseIndefinite();
    const departures = await takeEvents(capture, COUNT);
    assertEquals((await receiveNumbers(receiver, { count: COUNT, ...WAIT })).length, COUNT);
    const numbers = departures.map((event) => event.event === "out" ? event.packet.arrival?.number : undefined);
    assertEquals(numbers, Array.from({ length: COUNT }, (_, index) => index + 1));
    for (const event of departures) {
      if (event.event !== "out" || !event.packet.arrival) throw new Error("it is not known when it came");
      const waitMs = Number(event.packet.timeNs - event.packet.arrival.timeNs) / 1e6;
      assert(waitMs >= 300 && waitMs < 120_000, `${waitMs} ms`);
      const end = address.includes(":") ? `[${address}]` : address;
      assert(line(event).endsWith(` > ${end}:9000 UDP 48`), line(event));
    }
    assertEquals(capture.losses(), [{ gate: "web", dev: undefined, arrivals: 0, departures: 0, dropped: 0 }]);
    capture[Symbol.dispose]();
    const [{ faults, hitPackets }] = await gatesOf(host);
    assertEquals([faults, hitPackets], [[], COUNT]);
    assertEquals(withoutCounters(witness(host)), withoutCounters(before));
  });
}

async function gatesOf(host: Host): Promise<{ faults: string[]; hitPackets: number }[]> {
  return JSON.parse(await plugctlDone(host, "gate", "list", "--json"));
}

for (const address of ["10.0.0.2", "[fd00::2]"]) {
  Deno.test(`the packets of a TCP connection are told as what they are, held and passing: ${address}`, async () => {
    using pair = new GatePair();
    using connection = pair.left.enter(() => Connection.open());
    await serveHttp(pair.right, 8000);
    await using gate = openWeb(connection, { match: "tcp dst port 8000" });
    using capture = captureOf(pair.left, connection);
    gate.buffer();
    const request = getHttp(pair.left, `http://${address}:8000/page`);
    const [syn] = await takeEvents(capture, 1);
    assert(line(syn).endsWith(` > ${address}:8000 SYN`), line(syn));
    gate.releaseIndefinite();
    assertEquals(await request.answer, "hello");
    const told = (await takeEvents(capture, 5)).filter(({ event }) => event === "out").map(line);
    assert(told[0].endsWith(` > ${address}:8000 SYN`), told[0]);
    assert(told.some((each) => / DATA \d+ HTTP GET \/page$/.test(each)), told.join("\n"));
  });
}

// The kernel keeps the tag beside the bytes of a packet, and psample copies the bytes alone: what comes in has that of the filter.
Deno.test("a packet in a VLAN is shown with its tag as it comes in and as it leaves", async () => {
  using pair = new GatePair();
  for (const [host, other, own] of [[pair.left, 2, 1], [pair.right, 1, 2]] as const) {
    host.configure([
      "link add link eth0 name vlan12 type vlan id 12",
      `address add 10.12.0.${own}/24 dev vlan12`,
      "link set vlan12 up",
      `neighbour replace 10.12.0.${other} lladdr 02:00:00:00:00:0${other} dev vlan12 nud permanent`,
    ]);
  }
  using connection = pair.left.enter(() => Connection.open());
  await using _gate = openWeb(connection, { match: "vlan 12" });
  using capture = captureOf(pair.left, connection);
  using sender = new UdpSocket(pair.left, { address: "10.12.0.1", port: 0 });
  sendNumbered(sender, { address: "10.12.0.2", port: 9000 }, { count: 1 });
  const lines = (await takeEvents(capture, 2)).map(line);
  for (const each of lines) assert(/^10\.12\.0\.1:\d+ > 10\.12\.0\.2:9000 VLAN 12 UDP 4$/.test(each), lines.join("\n"));
});

Deno.test("a tap that is put in and taken out lets no packet past the gate, loses none and reorders none", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using gate = openWeb(connection);
  const arrived = await underTraffic(
    { from: pair.left, to: pair.right, address: pair.ends[1].ipv4, rate: 1000 },
    async () => {
      for (let round = 0; round < 20; round++) {
        using capture = captureOf(pair.left, connection);
        await capture.wait(20);
        capture.take();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  );
  const sent = gate.stats().packets;
  assertEquals([arrived.lost, arrived.reordered], [0, 0], `of ${arrived.sent}`);
  assertEquals(sent, arrived.sent, "packets through the gate's plug");
  assertEquals((await gatesOf(pair.left))[0].hitPackets, arrived.sent);
});

/** The fields of each packet of a file, or of what comes by standard input, as tshark has them. */
const FIELDS = ["frame.interface_name", "udp.dstport", "frame.len", "frame.comment"].flatMap((field) => ["-e", field]);

Deno.test("capture writes a pcapng that tshark reads, with how long each packet was held, also by a pipe", async () => {
  using pair = new GatePair();
  const file = await Deno.makeTempFile({ prefix: "plugctl-", suffix: ".pcapng" });
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", "udp dst port 9000");
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  const [arrivals, ...captures] = [["--arrivals", "-w", file], ["-w", "-"]].map((words) => {
    const child = pair.left.spawn([...PLUGCTL, "capture", "web", ...words], {
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    return { child, said: readLines(child.stderr) };
  });
  const [piped] = captures;
  const shown = piped.child.stdout.pipeThrough(new TransformStream());
  for (const { said } of [arrivals, piped]) assertEquals((await said.next()).value, "plugctl: capturing gate web");
  const tshark = pair.left.spawn(["tshark", "-l", "-r", "-", "-T", "fields", ...FIELDS], {
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  });
  const piping = shown.pipeTo(tshark.stdin);
  await plugctlDone(pair.left, "buffer", "web");
  sendNumbered(sender, TO, { count: 3 });
  await pair.holds("web", 3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await plugctlDone(pair.left, "release", "web");
  assertEquals((await receiveNumbers(receiver, { count: 3, ...WAIT })).length, 3);
  for (const { child } of [arrivals, piped]) child.kill("SIGINT");
  assertEquals((await arrivals.said.next()).value, `plugctl: 3 packets were written to ${file}`);
  assertEquals((await piped.said.next()).value, "plugctl: 3 packets were written to standard output");
  assertEquals([(await arrivals.child.status).code, (await piped.child.status).code], [0, 0]);
  await piping;
  const { stdout } = await tshark.output();
  const left = new TextDecoder().decode(stdout).trimEnd().split("\n");
  // Of packets that came while the epoch began none is said
  assertEquals(
    left.map((line) => line.replace(/held \d+ ms/, "held … ms").replace(/, epoch 1$/, "")),
    new Array(3).fill("web\t9000\t46\theld … ms by gate web"),
  );
  for (const line of left) assert(Number(/held (\d+) ms/.exec(line)?.[1]) >= 300, line);
  const came = pair.left.run("tshark", "-r", file, "-T", "fields", ...FIELDS).trimEnd().split("\n");
  assertEquals(came.map((line) => line.trimEnd()), new Array(3).fill("web\t9000\t46"));
  await Deno.remove(file);
  await plugctlDone(pair.left, "gate", "delete", "web");
});

Deno.test("a capture of two gates goes on with one where the other is deleted, and says how many packets it has", async () => {
  using pair = new GatePair();
  const file = await Deno.makeTempFile({ prefix: "plugctl-", suffix: ".pcapng" });
  for (const [name, port] of [["web", 9000], ["dns", 53]] as const) {
    const match = `udp dst port ${port}`;
    await plugctlDone(pair.left, "gate", "add", name, "eth0", "--direction", "out", "--match", match);
  }
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  const words = [...PLUGCTL, "capture", "web", "dns", "-w", file];
  const child = pair.left.spawn(words, { stdin: "null", stdout: "null", stderr: "piped" });
  const said = readLines(child.stderr);
  assertEquals((await said.next()).value, "plugctl: capturing gate web, gate dns");
  await plugctlDone(pair.left, "gate", "delete", "dns");
  assertEquals(
    (await said.next()).value,
    "plugctl: cannot see the packets of gate dns: its device was taken down or deleted meanwhile; the others go on",
  );
  sendNumbered(sender, TO, { count: 3 });
  assertEquals((await receiveNumbers(receiver, { count: 3, ...WAIT })).length, 3);
  await plugctlDone(pair.left, "gate", "delete", "web");
  assertEquals(
    [(await said.next()).value, (await said.next()).value],
    [
      `plugctl: 3 packets were written to ${file}`,
      "plugctl: cannot see the packets of gate web: its device was taken down or deleted meanwhile",
    ],
  );
  assertEquals((await child.status).code, 1);
  const left = pair.left.run("tshark", "-r", file, "-T", "fields", ...FIELDS).trimEnd().split("\n");
  assertEquals(left, new Array(3).fill("web\t9000\t46\tpassed gate web"));
  await Deno.remove(file);
});

Deno.test("each packet is told with the epoch in which it came: how often plugctl held since the last release", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using gate = openWeb(connection);
  using capture = new GateCapture(connection, { gates: ["web"], netns: pair.left.name, epochs: true });
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  const steps = ["pass", "buffer", "buffer", "release-one", "buffer", "release", "buffer", "tc", "buffer"] as const;
  const epochs: (number | undefined)[] = [];
  for (const step of steps) {
    if (step === "buffer") gate.buffer();
    else if (step === "release-one") gate.releaseOne();
    else if (step === "release") gate.releaseIndefinite();
    else if (step === "tc") {
      pair.left.run("tc", "qdisc", "change", "dev", "plug-web", "handle", "504c:", "plug", "release");
    }
    // A packet that comes in the millisecond of a look may be on either side of it
    capture.take();
    const looked = Date.now();
    await until(() => Date.now() > looked + 2, { ...WAIT, what: "the next millisecond" });
    sendNumbered(sender, TO, { count: 1 });
    await until(async () => {
      await capture.wait(20);
      const came = capture.take().find(({ event }) => event === "in");
      if (came?.event === "in") epochs.push(came.packet.epoch);
      return came !== undefined;
    }, { ...WAIT, what: `a packet that came after ${step}` });
  }
  assertEquals(epochs, [0, 1, 2, 2, 3, 0, 1, undefined, undefined]);
});

Deno.test("packets of one plug among others are shown with all that leaves the device, and those of a gate apart from others'", async () => {
  using pair = new GatePair();
  pair.left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "1:", "prio");
  await plugctlDone(pair.left, "attach", "eth0", "--parent", "1:1");
  using connection = pair.left.enter(() => Connection.open());
  await using _one = openWeb(connection, { name: "one", match: "udp dst port 9001" });
  await using _two = openWeb(connection, { name: "two", match: "udp dst port 9002" });
  using capture = new GateCapture(connection, {
    gates: ["one", "two"],
    places: [{ dev: "eth0", parent: 0x10001 }],
    netns: pair.left.name,
  });
  assertEquals(capture.partial, [{ gate: "eth0", dev: "eth0" }]);
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  for (const port of [9001, 9002, 9003]) sendNumbered(sender, { address: "10.0.0.2", port }, { count: port - 9000 });
  const events = await takeEvents(capture, 2 + 4 + 6);
  const of = (name: string, kind: string) => events.filter(({ gate, event }) => gate === name && event === kind).length;
  assertEquals([of("one", "in"), of("one", "out"), of("two", "in"), of("two", "out")], [1, 1, 2, 2]);
  assertEquals([of("eth0", "in"), of("eth0", "out")], [0, 6]);
  assertEquals(capture.losses().map(({ arrivals, departures }) => arrivals + departures), [0, 0, 0]);
});

Deno.test("packets --follow that is killed leaves the filters as they were", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using _gate = openWeb(connection);
  const before = withoutCounters(witness(pair.left));
  const [program, ...args] = PLUGCTL;
  for (let round = 0; round < 3; round++) {
    const child = pair.left.spawn([program, ...args, "packets", "web", "--follow"], {
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    await until(() => witness(pair.left).includes("sample"), { ...WAIT, what: "a tap" });
    await new Promise((resolve) => setTimeout(resolve, 50 * round));
    child.kill("SIGKILL");
    await child.status;
    await until(() => withoutCounters(witness(pair.left)) === before, { ...WAIT, what: "the filters as they were" });
  }
});
