/** What a scenario tells of the packets of its gates is what was sent, held and let go, and costs the traffic nothing. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as v from "valibot";
import type { PacketIn, PacketOut, ScenarioEvent } from "../../scenario/event.ts";
import { EVENT } from "../../scenario/event_schema.ts";
import { readLines } from "../../linux/incoming.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { loadModules } from "./modules.ts";
import { PLUGCTL } from "./plugctl.ts";
import { rounds } from "./rounds.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const COUNT = 50;
const HELD_MS = 200;

/** Sends so many datagrams to port 9000. */
const sending = (count: number) =>
  JSON.stringify([
    "python3",
    "-c",
    `import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor _ in range(${count}): s.sendto(b'abcd', ('10.0.0.2', 9000))`,
  ]);

/** A scenario on a host that is there: it holds what goes to port 9000, and lets what goes to 9001 through. */
function scenario(host: string, steps: string, { capture = "true" } = {}): string {
  return `name: packets
capture: ${capture}
hosts: { near: { netns: ${host} } }
defaults: { host: near, timeout: 120s }
gates:
  held: { dev: eth0, direction: egress, match: udp dst port 9000 }
  other: { dev: eth0, direction: egress, match: udp dst port 9001 }
steps:
  - buffer: held
  - log: begun
${steps}`;
}

const RELEASE = `  - wait: { gate: held, backlog: ${COUNT} }
  - sleep: ${HELD_MS}ms
  - release: held
  - wait: { gate: other, sent: ${COUNT} }
`;

/** What sends to the right host, and receives there. */
class Traffic implements Disposable {
  readonly pair = new GatePair();
  readonly #address = this.pair.ends[1].ipv4;
  readonly #sender = new UdpSocket(this.pair.left, { address: "0.0.0.0", port: 0 });
  readonly receivers = [9000, 9001].map((port) => new UdpSocket(this.pair.right, { address: this.#address, port }));

  /** Sends to both ports. */
  send(): void {
    for (const port of [9000, 9001]) {
      sendNumbered(this.#sender, { address: this.#address, port }, { count: COUNT, payloadBytes: 48 });
    }
  }

  /** Returns once all have arrived, each once and in order. */
  async arrived(): Promise<void> {
    for (const receiver of this.receivers) {
      const numbers: number[] = [];
      await until(() => {
        numbers.push(...arrivedNumbers(receiver));
        return numbers.length >= COUNT;
      }, { ...WAIT, what: "all to arrive" });
      assertEquals(numbers, Array.from({ length: COUNT }, (_, index) => index));
    }
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
    for (const receiver of this.receivers) receiver[Symbol.dispose]();
    this.pair[Symbol.dispose]();
  }
}

/** Runs it, and sends when it holds. */
async function play(traffic: Traffic, text: string): Promise<ScenarioEvent[]> {
  const events: ScenarioEvent[] = [];
  const onEvent = (event: ScenarioEvent) => {
    events.push(v.parse(EVENT, JSON.parse(JSON.stringify(event))));
    if (event.event === "step-end" && event.step === "2") traffic.send();
  };
  const { outcome, error, undone } = await (await Scenario.parse(text)).run({ onEvent });
  assertEquals([outcome, error, undone], ["done", undefined, true]);
  return events;
}

const packetsOf = (events: readonly ScenarioEvent[]) =>
  events.filter((event) => event.event === "packet-in" || event.event === "packet-out");

Deno.test("a scenario tells of each packet of its gates as it comes in and as it leaves, with how long it waited", async () => {
  using traffic = new Traffic();
  const before = witness(traffic.pair.left);
  const events = await play(traffic, scenario(traffic.pair.left.name, RELEASE));
  await traffic.arrived();
  const packets = packetsOf(events);
  const numbers = Array.from({ length: COUNT }, (_, index) => index + 1);
  for (const queue of ["held", "other"]) {
    const own = packets.filter((packet) => packet.queue === queue);
    const [ins, outs] = ["packet-in", "packet-out"].map((kind) => own.filter(({ event }) => event === kind));
    assertEquals(ins.map(({ number }) => number), numbers);
    assertEquals(outs.map(({ number }) => number), numbers);
    for (const { what, to } of own) assertEquals([what, to], ["UDP 48", `10.0.0.2:${queue === "held" ? 9000 : 9001}`]);
    for (const packet of ins as PacketIn[]) assertEquals(packet.bytes.length, 2 * packet.length);
  }
  const outs = packets.filter((packet) => packet.event === "packet-out") as PacketOut[];
  for (const { waited = 0, queue } of outs) if (queue === "held") assert(waited >= HELD_MS * 1000, `${waited} µs`);
  // By the scenario's own clock: they came before the wait for them was over, and left when they were released.
  const ends = new Map(events.flatMap((event) => event.event === "step-end" ? [[event.step, event]] : []));
  const [waited, released] = [ends.get("3")?.t ?? 0, ends.get("5")?.asked ?? 0];
  for (const { event, queue, t } of packets) {
    if (queue !== "held") continue;
    if (event === "packet-in") assert(t <= waited + 1000, `came in at ${t}, was seen by ${waited}`);
    else assert(t >= released - 1000, `left at ${t}, was released at ${released}`);
  }
  assertEquals(ends.get("5")?.left, { held: [[1, COUNT]] });
  const end = events.at(-1);
  assertEquals(end?.event === "scenario-end" && end.unseen, {});
  assertEquals(witness(traffic.pair.left), before);
});

Deno.test("a scenario tells of the packets of the gates that capture names, and of none where it is false", async () => {
  for (const [capture, queues] of [["[other]", ["other"]], ["false", []]] as const) {
    using traffic = new Traffic();
    const events = await play(traffic, scenario(traffic.pair.left.name, RELEASE, { capture }));
    await traffic.arrived();
    assertEquals([...new Set(packetsOf(events).map(({ queue }) => queue))], queues);
  }
});

Deno.test("the end of a release says which packets have left", async () => {
  using traffic = new Traffic();
  const text = scenario(
    traffic.pair.left.name,
    `  - wait: { gate: held, backlog: ${COUNT} }
  - release: { gate: held, packets: 3 }
  - buffer: held
  - run: ${sending(2)}
  - wait: { gate: held, packet: udp, count: ${COUNT + 2} }
  - release-one: held
  - release: held
`,
  );
  const ends = (await play(traffic, text)).filter((event) => event.event === "step-end");
  assertEquals(ends.filter(({ left }) => left).map(({ action, left }) => [action, left]), [
    ["release-packets", { held: [[1, 3]] }],
    ["release-one", { held: [[4, COUNT]] }],
    ["release-indefinite", { held: [[COUNT + 1, COUNT + 2]] }],
  ]);
});

Deno.test("a packet that a gate holds until it is detached is told of as it leaves", async () => {
  using traffic = new Traffic();
  const steps = `  - wait: { gate: held, backlog: ${COUNT} }\n  - detach: held\n`;
  const outs = packetsOf(await play(traffic, scenario(traffic.pair.left.name, steps)))
    .filter(({ event, queue }) => event === "packet-out" && queue === "held");
  assertEquals(outs.length, COUNT);
  await traffic.arrived();
});

/** What a scenario ends with whose last step does not hold. */
async function unmet(text: string, onEvent?: (event: ScenarioEvent) => void): Promise<[string | undefined, string]> {
  const { outcome, step, error } = await (await Scenario.parse(text)).run({ onEvent });
  assertEquals(outcome, "unmet", (error as Error | undefined)?.message);
  return [step, (error as Error).message];
}

Deno.test("a scenario waits for packets that have come in or wait, and says which there are where none fits", async () => {
  const text = Array(5).fill("UDP 48").join(", ");
  const fits = 'a packet that fits "udp dst port 9001"';
  for (
    const [last, message] of [
      ["packet", `held has seen ${fits}: 0 of ${COUNT} packets of held fit: the last were ${text}`],
      ["waiting", `held holds ${fits}: none waits in held`],
    ]
  ) {
    using traffic = new Traffic();
    const steps = `  - wait: { gate: held, packet: "udp dst port 9000", count: ${COUNT} }
  - expect: { gate: held, waiting: "src net 10.0.0.0/8 and udp", count: ${COUNT}, backlog: ${COUNT} }
  - expect: { gate: held, packet: "udp dst port 9001", count: 0 }
  - { release: held, name: go }
  - wait: { gate: held, sent: ${COUNT} }
  # They have left, and are counted all the same
  - expect: { gate: held, packet: udp, count: ${COUNT} }
  - expect: { gate: held, packet: udp, count: "+0", since: go }
  - expect: { gate: held, waiting: udp, count: 0 }
  - run: { command: echo 9000, capture: port }
  - expect: { gate: held, packet: "udp dst port \${port}", count: ${COUNT} }
  - run: ${sending(2)}
  - wait: { gate: held, packet: udp, count: "+2", since: go }
  - expect: { gate: held, ${last}: "udp dst port 9001" }
`;
    const onEvent = (event: ScenarioEvent) => {
      if (event.event === "step-end" && event.step === "2") traffic.send();
    };
    const [step, said] = await unmet(scenario(traffic.pair.left.name, steps, { capture: "false" }), onEvent);
    const expected = message.replace(`of ${COUNT} packets`, `of ${COUNT + 2} packets`).replace(text, LAST);
    assertEquals([step, said], ["15", `Expected that ${expected}`]);
  }
});
const LAST = "UDP 48, UDP 48, UDP 48, UDP 4, UDP 4";

Deno.test("packets that were discarded wait no more, and are counted as what came in", async () => {
  using traffic = new Traffic();
  const steps = `  - wait: { gate: held, waiting: udp, count: ${COUNT} }
  - discard: held
  - wait: { gate: held, waiting: udp, count: 0 }
  - expect: { gate: held, packet: udp, count: ${COUNT} }
  - release: held
`;
  const ends = (await play(traffic, scenario(traffic.pair.left.name, steps)))
    .filter((event) => event.event === "step-end");
  assertEquals(ends.filter(({ left }) => left), []);
});

/** Holds a tunnel open, which has no carrier without it. */
const TUNNEL = `import fcntl, struct, sys, time
tun = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))
print('open', flush=True)
time.sleep(600)`;

Deno.test("a scenario reads the packets of a tunnel, which begin with IP, and writes them as such", async () => {
  await loadModules(["tun"]);
  using pair = new GatePair();
  const folder = await Deno.makeTempDir();
  for (const words of ["tuntap add tun0 mode tun", "addr add 10.9.0.1/24 dev tun0", "link set tun0 up"]) {
    pair.left.run("ip", ...words.split(" "));
  }
  const command = JSON.stringify(["python3", "-c", TUNNEL]);
  await Deno.writeTextFile(
    `${folder}/tunnel.yaml`,
    `name: tunnel
capture: false
hosts: { near: { netns: ${pair.left.name} } }
defaults: { host: near, timeout: 120s }
steps:
  - start: { name: tunnel, command: ${command} }
  - wait: { process: tunnel, line: open }
  - attach: { gate: held, dev: tun0, direction: egress, match: udp dst port 9000 }
  - buffer: held
  - run: ${sending(2).replace("10.0.0.2", "10.9.0.2")}
  - wait: { gate: held, packet: dst host 10.9.0.2 and udp dst port 9000, count: 2 }
  - expect: { gate: held, waiting: udp src port 9000, count: 0 }
  - release: held
  - wait: { gate: held, sent: 2 }
`,
  );
  const file = `${folder}/tunnel.pcapng`;
  const { stderr, code } = await pair.left.spawn([...PLUGCTL, "run", "--capture", file, `${folder}/tunnel.yaml`], {
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const fields = ["ip.dst", "udp.dstport", "frame.comment"].flatMap((field) => ["-e", field]);
  const lines = pair.left.run("tshark", "-r", file, "-T", "fields", ...fields).trimEnd().split("\n");
  assertEquals(lines.length, 2);
  for (const line of lines) assertMatch(line, /^10\.9\.0\.2\t9000\theld .+ by gate held, epoch 1$/);
  await Deno.remove(folder, { recursive: true });
});

const TOLD_MOST = 20_000;
const MORE = 10;
const HELD = 7;

Deno.test("run --capture writes every packet, and says that a report shows the first 20,000", async () => {
  using pair = new GatePair();
  const folder = await Deno.makeTempDir();
  const text = `name: many
hosts: { near: { netns: ${pair.left.name} } }
defaults: { host: near, timeout: 120s }
gates:
  held: { dev: eth0, direction: egress, match: udp dst port 9000 }
  # No condition is about it
  other: { dev: eth0, direction: egress, match: udp dst port 9001 }
steps:
  - run: ${sending(1).replace("9000", "9001")}
  - run: ${sending(TOLD_MOST + MORE)}
  - buffer: held
  - run: ${sending(HELD)}
  - wait: { gate: held, waiting: udp, count: ${HELD} }
  - release: held
`;
  await Deno.writeTextFile(`${folder}/many.yaml`, text);
  const files = ["--capture", `${folder}/many.pcapng`, "--report", `${folder}/many.html`];
  const { stdout, stderr, code } = await pair.left.spawn([...PLUGCTL, "run", ...files, `${folder}/many.yaml`], {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 0, said + new TextDecoder().decode(stdout));
  assertMatch(
    said,
    /^plugctl: report: \S+many\.html, which shows the first 20,000 packets; --capture FILE writes all$/m,
  );
  const comments = pair.left.run("tshark", "-r", `${folder}/many.pcapng`, "-T", "fields", "-e", "frame.comment")
    .trimEnd().split("\n");
  assertEquals(comments.length, 1 + TOLD_MOST + MORE + HELD);
  assertEquals(comments[0], "passed gate other");
  // Those that waited came last
  for (const comment of comments.slice(-HELD)) assertMatch(comment, /^held .+ by gate held, epoch 1$/);
  assertMatch(
    await Deno.readTextFile(`${folder}/many.html`),
    /Not shown of held: 18 packets behind the first 20,000\./,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a scenario that SIGKILL ends while it tells of packets leaves filters and traffic as they were", async () => {
  await rounds(async () => {
    using traffic = new Traffic();
    const before = witness(traffic.pair.left);
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, scenario(traffic.pair.left.name, "  - sleep: 1h\n"));
    const [program, ...args] = [...PLUGCTL, "run", "--json", file];
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
    let seen = 0;
    const killAfter = 1 + Math.floor(Math.random() * 2 * COUNT);
    for await (const line of readLines(child.stdout)) {
      const event: ScenarioEvent = JSON.parse(line);
      if (event.event === "step-end" && event.step === "2") traffic.send();
      if (event.event === "packet-in" && ++seen === killAfter) child.kill("SIGKILL");
    }
    assertEquals((await child.status).code, 137, `${seen} packets came in`);
    await traffic.arrived();
    await until(() => witness(traffic.pair.left) === before, { ...WAIT, what: "the machine to be as before" });
    await Deno.remove(file);
  });
});

Deno.test("the report of a scenario has the ladder of its packets, and their waits, and a capture has them for Wireshark", async () => {
  using traffic = new Traffic();
  const folder = await Deno.makeTempDir();
  const file = `${folder}/a.yaml`;
  const text = scenario(traffic.pair.left.name, RELEASE).replace("capture: true\n", "");
  await Deno.writeTextFile(file, text);
  const outputs = ["--report", `${folder}/a.html`, "--capture", `${folder}/a.pcapng`];
  const [program, ...args] = [...PLUGCTL, "run", file, ...outputs];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  for await (const line of readLines(child.stdout)) if (line.includes("begun")) traffic.send();
  assertEquals((await child.status).code, 0, await new Response(child.stderr).text());
  const report = await Deno.readTextFile(`${folder}/a.html`);
  const data = JSON.parse(report.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)?.[1] ?? "{}");
  assertEquals(data.ladder.packets.length, 2 * COUNT);
  assertMatch(report, /<canvas>/);
  // As tshark reads the file: each packet as it left, with the gate as its interface, and what held it.
  const fields = ["frame.interface_name", "udp.dstport", "frame.len", "frame.comment"].flatMap((name) => ["-e", name]);
  const shown = traffic.pair.left.run("tshark", "-r", `${folder}/a.pcapng`, "-T", "fields", ...fields);
  const lines = shown.trim().split("\n").map((line) => line.split("\t"));
  assertEquals(lines.length, 2 * COUNT);
  for (const [gate, port, length, comment] of lines) {
    assertEquals([port, length], [gate === "held" ? "9000" : "9001", "90"]);
    assertMatch(
      comment,
      gate === "held" ? /^held [\d.]+ m?s by gate held, epoch 1$/ : /^(?:passed|held .* by) gate other$/,
    );
  }
  await Deno.remove(folder, { recursive: true });
});
