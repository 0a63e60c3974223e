/**
 * Several look at the packets of one gate at once, and begin and end in any order, also by SIGKILL: each sees every packet
 * once, and what one does is nothing to the others, to the filters and to the traffic.
 *
 * `PLUGCTL_ROUNDS` says how often, 3 times if it does not; `PLUGCTL_SEED` repeats the moments of a run.
 */

import { assert, assertEquals } from "@std/assert";
import { GateCapture } from "../../capture/gate_capture.ts";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { Random } from "../codec/random.ts";
import { captureOf, MATCH, openWeb, seeAsBefore, takeEvents, TO } from "./captured_gate.ts";
import { GatePair, WAIT, withoutCounters, witness } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { sendNumbered } from "./numbered.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { TerminalWindow } from "./tmux.ts";
import { underTraffic } from "./traffic.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const ROUNDS = Number(Deno.env.get("PLUGCTL_ROUNDS") ?? 3);
const SEED = Number(Deno.env.get("PLUGCTL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const RATE = 200;
/** An enhanced packet block of pcapng. */
const PACKET_BLOCK = 6;
const PIPED = { stdin: "null", stdout: "piped", stderr: "piped" } as const;

/** The next line, which is not waited for without an end where a tap was lost. */
async function nextOf(lines: AsyncIterator<string>): Promise<string> {
  const line = lines.next();
  let isThere = false;
  line.then(() => isThere = true);
  await until(() => isThere, { ...WAIT, what: "a packet that is shown" });
  return (await line).value ?? "";
}

Deno.test("taps that several put in and take out at once are all there, and gone in the end", async () => {
  using pair = new GatePair();
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", MATCH);
  const before = withoutCounters(witness(pair.left));
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  for (let round = 0; round < ROUNDS; round++) {
    const children = Array.from({ length: 3 }, () => {
      const child = pair.left.spawn([...PLUGCTL, "packets", "web", "--follow"], PIPED);
      return { child, said: readLines(child.stderr), lines: readLines(child.stdout) };
    });
    for (const { said } of children) {
      assertEquals((await said.next()).value, "plugctl: showing the packets of gate web");
    }
    sendNumbered(sender, TO, { count: 1 });
    for (const { lines } of children) {
      const [came, left] = [await nextOf(lines), await nextOf(lines)];
      assert(/ web in {2}#1 .* UDP 4$/.test(came), came);
      assert(/ web out #1 after .* UDP 4$/.test(left), left);
    }
    for (const { child } of children) child.kill("SIGTERM");
    for (const { child, said } of children) {
      const rest = (await Array.fromAsync(said)).join("\n");
      assertEquals((await child.status).code, 0, rest);
    }
    assertEquals(withoutCounters(witness(pair.left)), before);
  }
  await plugctlDone(pair.left, "gate", "delete", "web");
});

Deno.test("each tap copies as much of a packet as was asked for it, whatever others ask for", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  await using _gate = openWeb(connection);
  using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
  const capture = (snapLength: number) => {
    return new GateCapture(connection, { gates: ["web"], netns: pair.left.name, snapLength });
  };
  using wide = capture(200);
  const lengths = async (captures: readonly GateCapture[]) => {
    sendNumbered(sender, TO, { count: 1, payloadBytes: 500 });
    const events = await Promise.all(captures.map((each) => takeEvents(each, 2)));
    return events.map((each) => each.map(({ packet: { bytes, length } }) => [bytes.length, length]));
  };
  const twice = (kept: number) => new Array(2).fill([kept, 14 + 20 + 8 + 500]);
  {
    using narrow = capture(20);
    assertEquals(await lengths([wide, narrow]), [twice(200), twice(20)]);
    using whole = capture(2000);
    assertEquals(await lengths([wide, narrow, whole]), [twice(200), twice(20), twice(542)]);
    narrow[Symbol.dispose]();
    assertEquals(await lengths([wide, whole]), [twice(200), twice(542)]);
  }
  assertEquals(await lengths([wide]), [twice(200)]);
});

/** The packets of the traffic, as one sees them that looks all the time. */
class Witnessed {
  /** When the copies were made, by the number of the datagram: no other's of the same packet is made before, as its tap was the first. */
  readonly came: bigint[] = [];
  readonly left: bigint[] = [];

  constructor(readonly capture: GateCapture) {}

  /** Takes what has come: datagrams in their order, each once, and each leaves as the one that came. */
  take(): void {
    for (const { event, packet } of this.capture.take()) {
      const [times, what] = event === "in" ? [this.came, "came"] : [this.left, "left"];
      assertEquals(datagramOf(packet.bytes), times.length, `the number of the datagram that ${what}`);
      if ("arrival" in packet) assertEquals(packet.arrival?.number, times.length + 1);
      times.push(packet.timeNs);
    }
  }

  /** Which datagram it was of which another copy was made then. */
  numberAt(kind: string, timeNs: bigint): number {
    return kind === "out" ? this.left.indexOf(timeNs) : this.came.findLastIndex((each) => each <= timeNs);
  }
}

/** The number that a datagram of the traffic ends with. */
function datagramOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4);
}

/** A program that looks, and when and how it ends: SIGKILL at a moment of its beginning or later, SIGTERM once it looks. */
async function look(
  host: Host,
  { words, random }: { words: readonly string[]; random: Random },
): Promise<{ stdout: string; isKilled: boolean }> {
  const isKilled = random.below(2) === 1;
  await pause(random.below(1500));
  const child = host.spawn([...PLUGCTL, ...words], PIPED);
  const stdout = new Response(child.stdout).text();
  const said = readLines(child.stderr);
  if (!isKilled) await said.next();
  await pause(random.below(isKilled ? 6000 : 1500));
  child.kill(isKilled ? "SIGKILL" : "SIGTERM");
  const rest = (await Array.fromAsync(said)).join("\n");
  const { code } = await child.status;
  if (!isKilled) assertEquals(code, 0, rest);
  return { stdout: await stdout, isKilled };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `packets --follow`: every packet once as it comes in and once as it leaves, by the same number. */
async function follow(host: Host, random: Random): Promise<(all: Witnessed) => number> {
  const { stdout } = await look(host, { words: ["packets", "web", "--follow", "--json"], random });
  // One that was killed may have been about to say more
  const events = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  return (all) => {
    const offsets = new Set<number>();
    for (const kind of ["in", "out"]) {
      const seen = events.filter(({ event }) => event === kind);
      const numbers = seen.map(({ timeNs }) => all.numberAt(kind, BigInt(timeNs)));
      assertEquals(numbers, numbers.map((_, index) => numbers[0] + index), `the datagrams ${kind}`);
      seen.forEach(({ number }, index) => offsets.add(numbers[index] - number));
    }
    assert(offsets.size <= 1, `packets have the numbers of others: ${[...offsets]}`);
    return events.length;
  };
}

/** `capture --arrivals`: every packet once. */
async function captureTo(file: string, { host, random }: { host: Host; random: Random }): Promise<() => number> {
  await look(host, { words: ["capture", "web", "--arrivals", "-w", file], random });
  return () => {
    const numbers = packetsIn(file).map(datagramOf);
    assertEquals(numbers, numbers.map((_, index) => numbers[0] + index), "the datagrams written");
    return numbers.length;
  };
}

/** The packets of a pcapng file that may end in the middle of one, or not be there. */
function packetsIn(file: string): Uint8Array[] {
  const bytes = existingFile(file);
  const view = new DataView(bytes.buffer);
  const packets: Uint8Array[] = [];
  for (let at = 0; at + 8 <= bytes.length && at + view.getUint32(at + 4, true) <= bytes.length;) {
    if (view.getUint32(at, true) === PACKET_BLOCK) {
      packets.push(bytes.slice(at + 28, at + 28 + view.getUint32(at + 20, true)));
    }
    at += view.getUint32(at + 4, true);
  }
  return packets;
}

function existingFile(file: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}

Deno.test("who looks sees every packet once while others begin, end and are killed, and the traffic loses none", async () => {
  console.log(`Seed ${SEED}`);
  const random = new Random(SEED);
  using pair = new GatePair();
  const { left: host, right } = pair;
  const folder = await Deno.makeTempDir({ prefix: "plugctl-taps-" });
  using connection = host.enter(() => Connection.open());
  await using gate = openWeb(connection);
  const before = withoutCounters(witness(host));
  using terminal = new TerminalWindow(host);
  const all = new Witnessed(captureOf(host, connection));
  const checks: ((all: Witnessed) => number)[] = [];
  const arrived = await underTraffic({ from: host, to: right, address: TO.address, rate: RATE }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const watch = await terminal.start("watch");
      const looks = Promise.all([
        follow(host, random),
        follow(host, random),
        captureTo(`${folder}/${round}.pcapng`, { host, random }),
        pause(random.below(4000)).then(() => Deno.kill(watch, random.below(2) === 1 ? "SIGKILL" : "SIGTERM")),
      ]);
      let isOver = false;
      looks.finally(() => isOver = true).catch(() => {});
      while (!isOver) {
        await all.capture.wait(100);
        all.take();
      }
      const [one, other, captured] = await looks;
      checks.push(one, other, captured);
      terminal.renew();
    }
  });
  await until(() => (all.take(), all.left.length === arrived.sent), { ...WAIT, what: "the last packet" });
  const counts = checks.map((check) => check(all));
  all.capture[Symbol.dispose]();
  await seeAsBefore(host, before);
  assertEquals([arrived.lost, arrived.reordered], [0, 0], `of ${arrived.sent}, seed ${SEED}`);
  assertEquals(gate.stats().packets, arrived.sent);
  console.log(`${arrived.sent} packets, none lost; others saw so many events: ${counts.join(", ")}`);
  await Deno.remove(folder, { recursive: true });
});
