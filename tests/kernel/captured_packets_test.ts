/**
 * What a capture shows is what tcpdump sees leave, byte for byte and nanosecond for nanosecond, each wait stands between
 * what its two ends measured, and of 50,000 packets none is missing and none is there twice.
 */

import { assert, assertEquals } from "@std/assert";
import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import type { Gate } from "../../mod.ts";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { openWeb } from "./captured_gate.ts";
import { GatePair, WAIT } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { arrivedNumbers, sendNumbered } from "./numbered.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const MEASURED = `${import.meta.dirname}/measured.py`;
const COUNT = 8;
const PORT = 9000;
/** By how much a wait may differ from what its ends measured, where nothing else has kept the machine busy meanwhile. */
const EXACT_MS = 1;
/** So many records are sent at the most. */
const TRIES = 10 * COUNT;
/** For how long packets are held, at the least. */
const HELD_MS = 100;
/** How much of a packet is kept: all records, should TCP send them in one. */
const SNAP_LENGTH = 512;
const MAGIC = new TextEncoder().encode("plugctl!");

/** A way for packets, and the gate on it. */
interface Way {
  name: string;
  protocol: "udp" | "tcp";
  address: string;
  match: string;
  direction?: "ingress";
  dev?: string;
  /** Sends within tags: the commands that make the devices, of either end by its number. */
  tags?: (own: number, other: number) => string[];
  /** What each line must have beside who sends to whom. */
  what: RegExp;
}

const WAYS: Way[] = [
  { name: "UDP over IPv4", protocol: "udp", address: "10.0.0.2", match: "udp dst port 9000", what: /^UDP 24$/ },
  { name: "UDP over IPv6", protocol: "udp", address: "fd00::2", match: "ip6 udp dst port 9000", what: /^UDP 24$/ },
  { name: "TCP over IPv4", protocol: "tcp", address: "10.0.0.2", match: "tcp dst port 9000", what: /^DATA \d+$/ },
  { name: "TCP over IPv6", protocol: "tcp", address: "fd00::2", match: "ip6 tcp dst port 9000", what: /^DATA \d+$/ },
  { name: "loopback", protocol: "udp", address: "127.0.0.1", match: "udp dst port 9000", dev: "lo", what: /^UDP 24$/ },
  {
    name: "ingress",
    protocol: "udp",
    address: "10.0.0.2",
    match: "udp dst port 9000",
    direction: "ingress",
    what: /^UDP 24$/,
  },
  {
    name: "a VLAN",
    protocol: "udp",
    address: "10.12.0.2",
    match: "vlan 12 and udp dst port 9000",
    tags: (own, other) => vlan({ own, other, net: "10.12.0", on: "eth0", options: "id 12" }),
    what: /^VLAN 12 UDP 24$/,
  },
  {
    name: "a VLAN in a VLAN",
    protocol: "udp",
    address: "10.13.0.2",
    match: "vlan 7",
    tags: (own, other) => [
      "link add link eth0 name outer type vlan id 7",
      "link set outer up",
      ...vlan({ own, other, net: "10.13.0", on: "outer", options: "id 13" }),
    ],
    what: /^VLAN 7 VLAN 13 UDP 24$/,
  },
];

function vlan(
  { own, other, net, on, options }: { own: number; other: number; net: string; on: string; options: string },
): string[] {
  return [
    `link add link ${on} name tagged type vlan ${options}`,
    `address add ${net}.${own}/24 dev tagged`,
    "link set tagged up",
    `neighbour replace ${net}.${other} lladdr 02:00:00:00:00:0${other} dev tagged nud permanent`,
  ];
}

for (const way of WAYS) {
  Deno.test(`the packets shown are those that tcpdump sees leave, with their waits: ${way.name}`, async () => {
    using pair = new GatePair();
    if (way.tags) {
      pair.left.configure(way.tags(1, 2));
      pair.right.configure(way.tags(2, 1));
    }
    const [from, to] = [pair.left, way.dev === "lo" ? pair.left : pair.right];
    const host = way.direction === "ingress" ? to : from;
    using connection = host.enter(() => Connection.open());
    const { dev = "eth0", direction = "egress", match } = way;
    await using gate = openWeb(connection, { dev, direction, match });
    using capture = new GateCapture(connection, { gates: ["web"], netns: host.name, snapLength: SNAP_LENGTH });
    assertEquals(capture.blind, undefined);
    await using dump = await Dump.start(host, "plug-web");
    const events = await holdRecords({ way, from, to, gate, capture });
    const left = events.filter(isOut);
    const seen = (await dump.packets(left.length)).slice(0, left.length);
    assertEquals(left.map(({ packet }) => hex(packet.bytes)), seen.map(({ bytes }) => hex(bytes)));
    assertEquals(left.map(({ packet }) => packet.timeNs), seen.map(({ timeNs }) => timeNs));
    assertEquals(capture.losses().map(({ arrivals, departures, dropped }) => [arrivals, departures, dropped]), [[
      0,
      0,
      0,
    ]]);
    assertEquals(left.map(numberOf), left.map((_, index) => index + 1));
    assertEquals(events.filter((event) => !isOut(event)).length, left.length);
    for (const event of [...events.filter((each) => !isOut(each)), ...left]) {
      if (recordsOf([event]).length === 0) continue;
      const { vlans, what } = describePacket(event.packet.bytes, { length: event.packet.length });
      const line = [...vlans.map((each) => `VLAN ${each}`), what].join(" ");
      assert(way.what.test(line), line);
    }
  });
}

function isOut({ event }: PacketEvent): boolean {
  return event === "out";
}

interface Exchange {
  way: Way;
  from: Host;
  to: Host;
  gate: Gate;
  capture: GateCapture;
}

/**
 * Sends records through the gate, which holds each for a time, until the waits of so many were within a millisecond of
 * what their ends measured. Returns all that came in and left.
 */
async function holdRecords(
  { way: { name, protocol, address }, from, to, gate, capture }: Exchange,
): Promise<PacketEvent[]> {
  const end = (host: Host, role: string) =>
    host.spawn(["python3", MEASURED, role, protocol, address, String(PORT)], { stdin: "piped", stdout: "piped" });
  const receiver = end(to, "receive");
  const received = readLines(receiver.stdout);
  await received.next();
  const sender = end(from, "send");
  await readLines(sender.stdout).next();
  const writer = sender.stdin.getWriter();
  const events: PacketEvent[] = [];
  const takeUntil = (isThere: () => boolean, what: string) =>
    until(async () => {
      await capture.wait(20);
      events.push(...capture.take());
      return isThere();
    }, { ...WAIT, what });
  const differences: number[] = [];
  const isExact = (ms: number) => ms <= EXACT_MS;
  for (let record = 0; differences.filter(isExact).length < COUNT; record++) {
    assert(record < TRIES, `waits as measured at the ends are longer by ${differences} ms: ${EXACT_MS} ms are too few`);
    gate.buffer({ force: true });
    await writer.write(new TextEncoder().encode("\n"));
    await takeUntil(() => recordsOf(events).includes(record), `record ${record} that came in`);
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
    gate.releaseIndefinite();
    const [number, sentNs, arrivedNs] = ((await received.next()).value ?? "").split(" ");
    assertEquals(Number(number), record);
    await takeUntil(() => recordsOf(events.filter(isOut)).includes(record), `record ${record} that left`);
    differences.push(difference({ record, events, sentNs: BigInt(sentNs), arrivedNs: BigInt(arrivedNs) }));
  }
  await writer.close();
  await sender.status;
  endIfThere(receiver);
  await receiver.status;
  // A connection has more packets than records; each that came has left
  await takeUntil(() => capture.waiting("web").length === 0, "the last packets");
  const text = differences.map((each) => each.toFixed(3)).join(", ");
  console.log(`${name}: waits as measured at the ends are longer by ${text} ms`);
  return events;
}

/**
 * By how many milliseconds the time from the sending of a record to its arrival is longer than the wait that was captured.
 * That stands between the two: it begins once the record was sent, and is over before it arrives.
 */
function difference(
  { record, events, sentNs, arrivedNs }: { record: number; events: PacketEvent[]; sentNs: bigint; arrivedNs: bigint },
): number {
  // Of one that was sent again the first counts
  const event = events.find((each) => isOut(each) && recordsOf([each]).includes(record));
  if (event?.event !== "out" || !event.packet.arrival) throw new Error("it is not known when it came");
  const [cameNs, leftNs] = [event.packet.arrival.timeNs, event.packet.timeNs];
  assert(sentNs <= cameNs, `${record} came ${sentNs - cameNs} ns before it was sent`);
  assert(leftNs - cameNs >= BigInt(HELD_MS) * 1_000_000n, `${record} waited ${leftNs - cameNs} ns`);
  assert(leftNs <= arrivedNs, `${record} left ${leftNs - arrivedNs} ns after it arrived`);
  return Number((arrivedNs - sentNs) - (leftNs - cameNs)) / 1e6;
}

/** The numbers of the records that packets hold. */
function recordsOf(events: readonly PacketEvent[]): number[] {
  return events.flatMap(({ packet: { bytes } }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const starts = [...bytes.keys()].filter((from) =>
      from + MAGIC.length + 4 <= bytes.length && MAGIC.every((byte, index) => bytes[from + index] === byte)
    );
    return starts.map((at) => view.getUint32(at + MAGIC.length));
  });
}

function numberOf(event: PacketEvent): number | undefined {
  return event.packet.number;
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** tcpdump on a device of a host: what leaves it, with nanoseconds. */
class Dump implements AsyncDisposable {
  readonly #file: string;
  readonly #child: Deno.ChildProcess;

  private constructor(file: string, child: Deno.ChildProcess) {
    this.#file = file;
    this.#child = child;
  }

  static async start(host: Host, dev: string): Promise<Dump> {
    const file = await Deno.makeTempFile({ prefix: "plugctl-dump-" });
    const options = ["--time-stamp-precision=nano", "--immediate-mode", "-Q", "out", "-s", String(SNAP_LENGTH)];
    const child = host.spawn(["tcpdump", "-Z", "root", "-i", dev, "-U", ...options, "-w", file], {
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const said = readLines(child.stderr);
    for await (const line of said) if (line.includes("listening on")) break;
    return new Dump(file, child);
  }

  /** What it has seen, once that is so many packets. */
  async packets(count: number): Promise<{ timeNs: bigint; bytes: Uint8Array }[]> {
    const read = () => [...readPcap(Deno.readFileSync(this.#file))];
    await until(() => read().length >= count, { ...WAIT, what: `${count} packets that tcpdump saw` });
    return read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.status;
    await Deno.remove(this.#file);
  }
}

/** The whole packets of a file that tcpdump writes: a header of 24 bytes, then each behind 16 bytes of its own. */
function* readPcap(file: Uint8Array): Generator<{ timeNs: bigint; bytes: Uint8Array }> {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let at = 24; at + 16 <= file.length;) {
    const length = view.getUint32(at + 8, true);
    if (at + 16 + length > file.length) return;
    const timeNs = BigInt(view.getUint32(at, true)) * 1_000_000_000n + BigInt(view.getUint32(at + 4, true));
    yield { timeNs, bytes: file.slice(at + 16, at + 16 + length) };
    at += 16 + length;
  }
}

const MANY = 50_000;
const AT_ONCE = 500;

Deno.test("of 50,000 packets, held and passing, each is shown once as it comes in and once as it leaves", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using gate = openWeb(connection);
  using capture = new GateCapture(connection, { gates: ["web"], netns: pair.left.name });
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  using receiver = new UdpSocket(pair.right, { address: "10.0.0.2", port: PORT });
  const numbers = { in: [] as number[], out: [] as (number | undefined)[], payload: [] as number[] };
  const take = () => {
    for (const event of capture.take()) {
      if (event.event === "in") numbers.in.push(event.packet.number);
      else {
        numbers.out.push(event.packet.arrival?.number);
        const { bytes } = event.packet;
        numbers.payload.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4));
      }
    }
  };
  const arrived: number[] = [];
  for (let from = 0; from < MANY; from += AT_ONCE) {
    // Every second burst is held
    if (from / AT_ONCE % 2 === 1) gate.buffer();
    sendNumbered(sender, { address: "10.0.0.2", port: PORT }, { from, count: AT_ONCE });
    gate.releaseIndefinite();
    take();
    arrived.push(...arrivedNumbers(receiver));
  }
  await until(() => {
    take();
    arrived.push(...arrivedNumbers(receiver));
    return numbers.out.length >= MANY && arrived.length >= MANY;
  }, { ...WAIT, what: `${MANY} packets; ${numbers.out.length} left, ${arrived.length} arrived` });
  const all = Array.from({ length: MANY }, (_, index) => index + 1);
  assertEquals(numbers.in, all);
  assertEquals(numbers.out, all);
  assertEquals(numbers.payload, all.map((number) => number - 1));
  assertEquals(arrived, all.map((number) => number - 1));
  assertEquals(capture.losses().map(({ arrivals, departures, dropped }) => [arrivals, departures, dropped]), [[
    0,
    0,
    0,
  ]]);
});

/** Ends a process that may have ended by itself: the receiver of a connection does, with that. */
function endIfThere(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
