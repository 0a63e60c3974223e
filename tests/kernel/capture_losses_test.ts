/**
 * What a capture cannot see it says: what waited before it, what a plug on a device holds, and what was lost on the way to
 * it while packets went by faster than it took them. The traffic loses nothing by it.
 */

import { assert, assertEquals } from "@std/assert";
import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import { Plug } from "../../mod.ts";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { MATCH, openWeb, takeEvents, TO } from "./captured_gate.ts";
import { GatePair, WAIT } from "./gate_pair.ts";
import { loadModules } from "./modules.ts";
import { arrivedNumbers, receiveNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

/** The numbers of packets that left, and since when each was known of: from its copy, or at least. */
function known(events: readonly PacketEvent[]): [number: number | undefined, how: string][] {
  return events.flatMap((event) => {
    if (event.event === "in") return [];
    const { number, arrival, sinceNs } = event.packet;
    return [
      [number, arrival ? "seen" : sinceNs === undefined ? "unknown" : "at least"] as [number | undefined, string],
    ];
  });
}

Deno.test("packets that waited before the look are counted, numbered, and shown as they leave with their least wait", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using gate = openWeb(connection);
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  gate.buffer();
  sendNumbered(sender, TO, { count: 3 });
  await pair.holds("web", 3);
  using capture = new GateCapture(connection, { gates: ["web"], netns: pair.left.name });
  sendNumbered(sender, TO, { from: 3, count: 2 });
  assertEquals((await takeEvents(capture, 2)).map(({ packet }) => packet.number), [4, 5]);
  const [{ backlogPackets, waiting, drops }] = capture.queues();
  assertEquals([backlogPackets, drops], [5, 0]);
  assertEquals(waiting.map(({ number, count, arrival }) => [number, count, arrival !== undefined]), [
    [1, 3, false],
    [4, 1, true],
    [5, 1, true],
  ]);
  gate.releaseIndefinite();
  const events = await takeEvents(capture, 5);
  assertEquals(known(events), [[1, "at least"], [2, "at least"], [3, "at least"], [4, "seen"], [5, "seen"]]);
  for (const { packet } of events) {
    assert(describePacket(packet.bytes, { length: packet.length }).line.endsWith(" > 10.0.0.2:9000 UDP 4"));
  }
  assertEquals(await receiveNumbers(receiver, { count: 5, ...WAIT }), [0, 1, 2, 3, 4]);
  assertEquals(capture.queues()[0].waiting, []);
});

Deno.test("packets and show --packets list those that wait, the oldest first, and say which came before the look", async () => {
  using pair = new GatePair();
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", MATCH, "--hold");
  sendNumbered(sender, TO, { count: 2 });
  await pair.holds("web", 2);
  for (const command of [["packets", "web"], ["show", "web", "--packets"]]) {
    const waiting = await pair.held("web");
    const running = plugctl(pair.left, ...command, "--for", "2s");
    await until(() => hasTap(pair), { ...WAIT, what: "a tap" });
    sendNumbered(sender, TO, { count: 1, payloadBytes: 10 });
    const { status, stdout, stderr } = await running;
    assertEquals(status, 0, stderr);
    const [head, columns, before, row, ...more] = stdout.trimEnd().split("\n");
    assertEquals(more, []);
    assert(head.startsWith(`gate web: ${waiting + 1} packets wait, `), head);
    assertEquals(columns.trim().split(/ +/), ["NUMBER", "AGE", "FROM", "TO", "PACKET"]);
    assert(new RegExp(`^ *1-${waiting}  > \\d+\\.\\d{3} s  \\?  +\\?  +${waiting} not seen$`).test(before), before);
    assert(
      new RegExp(`^ *${waiting + 1}  +\\d+\\.\\d{3} s  10\\.0\\.0\\.1:\\d+ +10\\.0\\.0\\.2:9000 +UDP 10$`).test(row),
      row,
    );
    assert(
      stderr.includes(`gate web: ${waiting} packets wait that came before plugctl looked, #1 to #${waiting}`),
      stderr,
    );
  }
  const [queue] = JSON.parse(await plugctlDone(pair.left, "packets", "web", "--for", "100ms", "--json", "--quiet"));
  assertEquals([queue.gate, queue.packets, queue.drops, queue.waiting.length], ["web", 4, 0, 1]);
  assertEquals([queue.waiting[0].number, queue.waiting[0].count, queue.waiting[0].isSeen], [1, 4, false]);
  await plugctlDone(pair.left, "gate", "delete", "web");
});

function hasTap({ left }: GatePair): boolean {
  return left.run("tc", "filter", "show", "dev", "eth0", "egress").includes("sample");
}

Deno.test("packets of a plug on a device's root are counted while they wait, and shown as they leave", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using plug = Plug.attach({ dev: "eth0", limitBytes: 1 << 20, connection, force: true });
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  plug.buffer({ force: true });
  sendNumbered(sender, TO, { count: 2 });
  using capture = new GateCapture(connection, { places: [{ dev: "eth0" }], netns: pair.left.name });
  sendNumbered(sender, TO, { from: 2, count: 3 });
  await until(async () => {
    await capture.wait(20);
    assertEquals(capture.take(), []);
    return capture.queues()[0].waiting.reduce((sum, { count }) => sum + count, 0) === 5;
  }, { ...WAIT, what: "5 packets that wait" });
  plug.releaseIndefinite();
  const events = await takeEvents(capture, 5);
  assertEquals(known(events), [1, 2, 3, 4, 5].map((number) => [number, "at least"]));
  for (const { packet } of events) {
    assert(describePacket(packet.bytes, { length: packet.length }).line.endsWith(" > 10.0.0.2:9000 UDP 4"));
  }
  assertEquals(await receiveNumbers(receiver, { count: 5, ...WAIT }), [0, 1, 2, 3, 4]);
});

Deno.test("packets that a full queue drops are counted, and what is behind them is shown with its own wait", async () => {
  using pair = new GatePair();
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", MATCH, "--limit", "110");
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  await plugctlDone(pair.left, "buffer", "web");
  const running = plugctl(pair.left, "packets", "web", "--for", "2s", "--json");
  await until(() => hasTap(pair), { ...WAIT, what: "a tap" });
  // Two of 46 bytes fit; a sender is told of what is dropped
  for (let number = 0; number < 4; number++) {
    try {
      sendNumbered(sender, TO, { from: number, count: 1 });
    } catch {
      assert(number >= 2, `${number} was refused`);
    }
  }
  const { status, stdout, stderr } = await running;
  assertEquals(status, 0, stderr);
  const [{ packets, drops, waiting }] = JSON.parse(stdout);
  assertEquals([packets, drops], [2, 2]);
  assertEquals(waiting.map(({ number }: { number: number }) => number), [1, 2, 3, 4]);
  await plugctlDone(pair.left, "release", "web");
  assertEquals(await receiveNumbers(receiver, { count: 2, ...WAIT }), [0, 1]);
  await plugctlDone(pair.left, "gate", "delete", "web");
});

Deno.test("packets --follow of a gate that is deleted says so", async () => {
  using pair = new GatePair();
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", MATCH);
  const running = plugctl(pair.left, "packets", "web", "--follow");
  await until(() => hasTap(pair), { ...WAIT, what: "a tap" });
  await plugctlDone(pair.left, "gate", "delete", "web");
  const { status, stderr } = await running;
  assertEquals(status, 1, stderr);
  assert(stderr.includes("its device was taken down or deleted meanwhile"), stderr);
});

const MANY = 100_000;
/** What one call sends, and how often the kernel copies each of it: a call takes long on User-Mode Linux. */
const AT_ONCE = 250;
const COPIES = 20;
const PAYLOAD_BYTES = 20;

/**
 * Has what goes to the right host go to a device of the left one instead, from which so many copies go on to eth0. So the
 * kernel itself makes packets that leave by eth0 as programs' do.
 */
function multiply({ left, ends: [, { ipv4, mac }] }: GatePair): void {
  left.configure([
    "link add copier type dummy",
    "link set copier arp off addrgenmode none",
    "link set copier up",
    `route add ${ipv4}/32 dev copier src 10.0.0.1`,
    `neighbour replace ${ipv4} lladdr ${mac} dev copier nud permanent`,
  ]);
  left.run("tc", "qdisc", "add", "dev", "copier", "clsact");
  const copies = Array.from({ length: COPIES }, () => "action mirred egress mirror dev eth0".split(" ")).flat();
  left.run("tc", "filter", "add", "dev", "copier", "egress", "matchall", ...copies, "action", "drop");
}

/** Sends all datagrams as fast as the machine can, waits until all have arrived, and returns how many a second were sent. */
async function flood(sender: UdpSocket, receiver: UdpSocket): Promise<number> {
  const data = new Uint8Array(AT_ONCE * PAYLOAD_BYTES);
  const view = new DataView(data.buffer);
  const begun = performance.now();
  for (let from = 0; from < MANY / COPIES; from += AT_ONCE) {
    for (let index = 0; index < AT_ONCE; index++) view.setUint32(index * PAYLOAD_BYTES, from + index);
    sender.sendAtOnce(data, TO, { payloadBytes: PAYLOAD_BYTES });
  }
  const rate = Math.round(MANY / (performance.now() - begun) * 1000);
  const arrived: number[] = [];
  await until(() => (arrived.push(...arrivedNumbers(receiver)), arrived.length >= MANY), {
    ...WAIT,
    what: `${MANY} datagrams`,
  });
  assertEquals(arrived.every((number, index) => number === Math.floor(index / COPIES)), true, "in order");
  assertEquals(arrived.length, MANY);
  return rate;
}

Deno.test("a gate that passes packets as fast as they come loses none by a capture, and what the capture lost is counted", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using gate = openWeb(connection);
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  multiply(pair);
  // Nobody takes anything from this capture until all of it is over
  using capture = new GateCapture(connection, { gates: ["web"], netns: pair.left.name, bufferBytes: 1 << 20 });
  const rate = await flood(sender, receiver);
  const events = capture.take();
  const count = (kind: string) => events.filter(({ event }) => event === kind).length;
  const [{ arrivals, departures }] = capture.losses();
  assert(arrivals > 0 && departures > 0, `${arrivals} and ${departures} were lost`);
  assertEquals([count("in") + arrivals, count("out") + departures], [MANY, MANY]);
  assertEquals([gate.stats().packets, gate.stats().drops], [MANY, 0]);
  console.log(
    `${rate} packets a second; ${arrivals} and ${departures} of ${MANY} lost to the capture, none of the traffic`,
  );
});

Deno.test("plugctl capture beside packets as fast as they come says how many it did not see, and the traffic loses none", async () => {
  using pair = new GatePair();
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", MATCH);
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  const child = pair.left.spawn([...PLUGCTL, "capture", "web", "-w", "/dev/null"], {
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const said = readLines(child.stderr);
  assertEquals((await said.next()).value, "plugctl: capturing gate web");
  multiply(pair);
  const rate = await flood(sender, receiver);
  child.kill("SIGINT");
  let last = "";
  for await (const line of said) last += `${line}\n`;
  const number = (pattern: RegExp) => Number(pattern.exec(last)?.[1] ?? 0);
  const [written, lost] = [number(/(\d+) packets? (?:was|were) written/), number(/(\d+) packets? left that/)];
  assertEquals([written + lost, (await child.status).code], [MANY, 0], last);
  console.log(`${rate} packets a second; ${written} written, ${lost} lost to the capture, none of the traffic`);
  await plugctlDone(pair.left, "gate", "delete", "web");
});

const NAME = "without act_sample packets are counted while they wait, shown as they leave, and that is said";
const isOwnKernel = Deno.env.get("PLUGCTL_MODULES") === undefined;

Deno.test({
  // It would also load the module again as soon as it is needed
  name: isOwnKernel ? `${NAME}: NOT RUN, no module of this machine's own kernel is unloaded: see plugctl uml` : NAME,
  ignore: isOwnKernel,
  fn: async () => {
    using pair = new GatePair();
    using connection = pair.left.enter(() => Connection.open());
    await using gate = openWeb(connection);
    using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
    pair.left.run("busybox", "rmmod", "act_sample");
    try {
      const { status, stdout, stderr } = await plugctl(pair.left, "packets", "web", "--for", "100ms");
      assertEquals([status, stdout], [0, "gate web: 0 packets wait, 0 bytes\n"]);
      assertEquals(stderr, "plugctl: packets are shown as they leave only: this kernel has no act_sample\n");
      using capture = new GateCapture(connection, { gates: ["web"], netns: pair.left.name });
      assertEquals(capture.blind?.code, "no-module");
      gate.buffer();
      sendNumbered(sender, TO, { count: 3 });
      await until(async () => {
        await capture.wait(20);
        assertEquals(capture.take(), []);
        return capture.queues()[0].waiting.reduce((sum, { count }) => sum + count, 0) === 3;
      }, { ...WAIT, what: "3 packets that wait" });
      gate.releaseIndefinite();
      assertEquals(known(await takeEvents(capture, 3)), [1, 2, 3].map((number) => [number, "at least"]));
    } finally {
      await loadModules(["act_sample"]);
    }
  },
});
