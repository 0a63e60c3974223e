/** Packets that are held do not arrive, and arrive once and in order when they are let go. */

import { assert, assertEquals } from "@std/assert";
import { RTM_NEWQDISC } from "../../codec/assembly/constants.ts";
import { connect, type End, Host } from "./host.ts";
import { arrivedNumbers, receiveNumbers, sendNumbered } from "./numbered.ts";
import { type Place, PLACES } from "./place.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { transfer } from "./transfer.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const PORT = 5000;
const LIMIT = ["--limit", "16m"];
const WAIT = { timeoutMs: 120_000 };

/** Two hosts with a cable between them, and a UDP socket on either. */
class Pair implements Disposable {
  readonly left = new Host();
  readonly right = new Host();
  readonly ends: [End, End];
  readonly sender: UdpSocket;
  readonly receiver: UdpSocket;

  constructor(place: Place) {
    this.ends = connect([this.left, this.right]);
    place.prepare(this.left);
    this.sender = new UdpSocket(this.left, { address: this.ends[0].ipv4, port: 0 });
    this.receiver = new UdpSocket(this.right, { address: this.ends[1].ipv4, port: PORT });
  }

  /** Sends numbered datagrams from left to right. */
  send(numbers: { from?: number; count: number }): void {
    sendNumbered(this.sender, { address: this.ends[1].ipv4, port: PORT }, numbers);
  }

  [Symbol.dispose](): void {
    this.sender[Symbol.dispose]();
    this.receiver[Symbol.dispose]();
    this.left[Symbol.dispose]();
    this.right[Symbol.dispose]();
  }
}

/** Which send of a command, counted from 1, creates a plug; it is run for that. */
async function creatingSend(host: Host, words: readonly string[]): Promise<number> {
  const trace = ["strace", "-qq", "-X", "raw", "-e", "trace=sendto"];
  const child = host.spawn([...trace, ...PLUGCTL, ...words], { stdout: "null", stderr: "piped" });
  const { code, stderr } = await child.output();
  const sends = new TextDecoder().decode(stderr).split("\n").filter((line) => line.startsWith("sendto("));
  const index = sends.findIndex((line) => line.includes(`nlmsg_type=0x${RTM_NEWQDISC.toString(16)},`));
  assert(code === 0 && index >= 0, sends.join("\n"));
  return index + 1;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

for (const place of PLACES) {
  Deno.test(`buffer holds 1,000 datagrams and release-indefinite lets them go in order, at ${place.name}`, async () => {
    using pair = new Pair(place);
    await plugctlDone(pair.left, "attach", ...place.attach, ...LIMIT);
    pair.send({ count: 1 });
    assertEquals(await receiveNumbers(pair.receiver, { count: 1, ...WAIT }), [0]);

    await plugctlDone(pair.left, "buffer", ...place.queue);
    pair.send({ from: 1, count: 1000 });
    assertEquals(plugOf(pair.left).qlen, 1000);
    assertEquals(arrivedNumbers(pair.receiver), []);

    await plugctlDone(pair.left, "release-indefinite", ...place.queue);
    assertEquals(await receiveNumbers(pair.receiver, { count: 1000, ...WAIT }), range(1, 1001));
    pair.send({ from: 1001, count: 1 });
    assertEquals(await receiveNumbers(pair.receiver, { count: 1, ...WAIT }), [1001]);
    assertEquals(plugOf(pair.left).drops, 0);
  });

  Deno.test(`detach lets go what is held before it deletes the plug, at ${place.name}`, async () => {
    using pair = new Pair(place);
    const before = qdiscs(pair.left);
    await plugctlDone(pair.left, "attach", ...place.attach, ...LIMIT);
    await plugctlDone(pair.left, "buffer", ...place.queue);
    pair.send({ count: 1000 });
    assertEquals(plugOf(pair.left).qlen, 1000);

    await plugctlDone(pair.left, "detach", ...place.queue);
    assertEquals(await receiveNumbers(pair.receiver, { count: 1000, ...WAIT }), range(0, 1000));
    assertEquals(qdiscs(pair.left).map(({ kind, handle }) => ({ kind, handle })), kindsOf(before));
  });

  Deno.test(`attach --hold, ended by SIGTERM, leaves nothing that detach cannot let go, at ${place.name}`, async () => {
    using pair = new Pair(place);
    const words = ["attach", "--hold", ...place.attach, ...LIMIT];
    const when = await creatingSend(pair.left, words);
    await plugctlDone(pair.left, "detach", ...place.queue);
    const inject = ["strace", "-qq", "-o", "/dev/null", "-e", `inject=sendto:signal=SIGTERM:when=${when}`];
    const attach = pair.left.spawn([...inject, ...PLUGCTL, ...words]);
    assertEquals((await attach.status).signal, "SIGTERM");
    pair.send({ count: 1000 });
    assertEquals(plugOf(pair.left).qlen, 1000);
    assertEquals(arrivedNumbers(pair.receiver), []);

    await plugctlDone(pair.left, "detach", ...place.queue);
    assertEquals(await receiveNumbers(pair.receiver, { count: 1000, ...WAIT }), range(0, 1000));
  });

  Deno.test(`release-one lets the ended epoch go and no other packet, at ${place.name}`, async () => {
    using pair = new Pair(place);
    const { left, receiver } = pair;
    await plugctlDone(left, "attach", ...place.attach, ...LIMIT);
    await plugctlDone(left, "buffer", ...place.queue);
    for (const [from, to] of [[0, 100], [100, 250], [250, 450]]) {
      pair.send({ from, count: to - from });
      await plugctlDone(left, "buffer", ...place.queue);
      // What follows the epoch's end is held, whatever is released.
      pair.send({ from: to, count: 50 });
      await plugctlDone(left, "release-one", ...place.queue);
      const expected = from === 0 ? range(0, 100) : [...range(from, from + 50), ...range(from, to)];
      assertEquals(await receiveNumbers(receiver, { count: expected.length, ...WAIT }), expected);
      assertEquals(plugOf(left).qlen, 50);
      await plugctlDone(left, "release-one", ...place.queue);
      assertEquals(arrivedNumbers(receiver), []);
    }
    await plugctlDone(left, "detach", ...place.queue);
    assertEquals(await receiveNumbers(receiver, { count: 50, ...WAIT }), range(450, 500));
  });

  Deno.test(`buffer holds a TCP transfer of 5 MB, whose bytes arrive whole after the release, at ${place.name}`, async () => {
    using pair = new Pair(place);
    await plugctlDone(pair.left, "attach", ...place.attach, ...LIMIT);
    await plugctlDone(pair.left, "buffer", ...place.queue);
    const transferred = transfer(pair.ends, { bytes: 5_000_000 });
    await until(() => plugOf(pair.left).qlen > 0, { ...WAIT, what: "a SYN in the backlog" });
    assertEquals(connections(pair.right), 0);

    await plugctlDone(pair.left, "release-indefinite", ...place.queue);
    const { sent, received } = await transferred;
    assertEquals(sent.bytes, 5_000_000);
    assertEquals(received, sent);
  });

  Deno.test(`detach in the middle of a held TCP transfer of 5 MB loses none of it, at ${place.name}`, async () => {
    using pair = new Pair(place);
    await plugctlDone(pair.left, "attach", ...place.attach, ...LIMIT);
    await plugctlDone(pair.left, "buffer", ...place.queue);
    const transferred = transfer(pair.ends, { bytes: 5_000_000 });
    await until(() => plugOf(pair.left).qlen > 0, { ...WAIT, what: "a SYN in the backlog" });
    // The SYN is an epoch of its own: once it is released, the first data follow it into the backlog.
    await plugctlDone(pair.left, "buffer", ...place.queue);
    await plugctlDone(pair.left, "release-one", ...place.queue);
    await until(() => plugOf(pair.left).qlen > 1, { ...WAIT, what: "data in the backlog" });

    await plugctlDone(pair.left, "detach", ...place.queue);
    const { sent, received } = await transferred;
    assertEquals(sent.bytes, 5_000_000);
    assertEquals(received, sent);
  });
}

Deno.test("buffer moves several devices in one send and release-indefinite lets all of them go", async () => {
  using left = new Host();
  using right = new Host();
  const pairs = [connect([left, right], { dev: "eth0" })];
  left.run("ip", "link", "add", "eth1", "type", "dummy");
  left.run("ip", "link", "set", "eth1", "up");
  const both = ["--dev", "eth0", "--dev", "eth1"];
  await plugctlDone(left, "attach", ...both, ...LIMIT);
  const log = await plugctlDone(left, "buffer", ...both, "--json");
  assertEquals(JSON.parse(log).map(({ dev }: { dev: string }) => dev), ["eth0", "eth1"]);
  using sender = new UdpSocket(left, { address: pairs[0][0].ipv4, port: 0 });
  sendNumbered(sender, { address: pairs[0][1].ipv4, port: PORT }, { count: 10 });
  assertEquals(plugOf(left, "eth0").qlen, 10);
  await plugctlDone(left, "detach", ...both);
  assert(!qdiscs(left, "eth0").concat(qdiscs(left, "eth1")).some(({ kind }) => kind === "plug"));
});

function kindsOf(listed: { kind: string; handle: string }[]): { kind: string; handle: string }[] {
  return listed.map(({ kind, handle }) => ({ kind, handle }));
}

/** The TCP connections of a host that have got as far as a SYN: all sockets but those that listen. */
function connections(host: Host): number {
  const LISTEN = "0A";
  const rows = host.run("cat", "/proc/net/tcp", "/proc/net/tcp6").split("\n").map((row) => row.trim().split(/\s+/));
  return rows.filter(([number, , , state]) => /^\d+:$/.test(number) && state !== LISTEN).length;
}
