/**
 * `plugctl hold --at`, `--lease` and `plugctl arm`: a hold that begins at a moment, and one that its owner keeps going.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Plug } from "../../plug/plug.ts";
import { Moment } from "../../plug/moment.ts";
import { Connection } from "../../netlink/connection.ts";
import { readLines } from "../../linux/incoming.ts";
import { Host } from "./host.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { qdiscs } from "./queue.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const PORT = 5000;
const BOUND = { timeoutMs: 60_000 };

Deno.test("a hold that begins at a moment, and one that its owner keeps going", async (t) => {
  using host = new Host();
  host.run("ip", "link", "set", "lo", "up");
  await plugctlDone(host, "gate", "add", "web", "lo", "--direction", "out", "--match", `udp dst port ${PORT}`);
  using sender = new UdpSocket(host, { address: "127.0.0.1", port: 0 });
  using receiver = new UdpSocket(host, { address: "127.0.0.1", port: PORT });
  let sent = 0;
  const send = () => sendNumbered(sender, { address: "127.0.0.1", port: PORT }, { from: sent++, count: 1 });
  const arrived = async () => {
    send();
    const expected = Array.from({ length: sent }, (_, number) => number);
    assertEquals(await receiveNumbers(receiver, { count: sent, ...BOUND }), expected);
    sent = 0;
  };
  const waiting = () => qdiscs(host, "plug-web")[0].qlen;
  const isWaiting = () => until(() => (send(), waiting() > 0), { ...BOUND, what: "a packet that waits" });

  await t.step("it is armed, lets packets pass, and begins at its time, as it says", async () => {
    const began = plugctl(host, "hold", "web", "--at", "+2s", "--for", "300ms");
    send();
    assertEquals((await receiveNumbers(receiver, { count: 1, ...BOUND })).length, 1);
    sent = 0;
    await isWaiting();
    const { status, stderr } = await began;
    assertEquals(status, 0);
    const [armed, holding, held] = stderr.split("\n");
    assertMatch(armed, /^plugctl: armed gate web: packets pass until \d\d:\d\d:\d\d\.\d{3}$/);
    assertMatch(holding, /^plugctl: holding gate web, [\d.]+ ms after that$/);
    assertMatch(held, /^plugctl: held [1-9]\d* packets?, \d+ bytes, at gate web for /);
    await arrived();
  });

  await t.step("it never begins before the moment, and says how late it did", () => {
    using connection = Connection.open({ netns: host.name });
    const plug = Plug.open({ dev: "plug-web", connection });
    for (let round = 0; round < 3; round++) {
      using armed = plug.arm({ maxMs: 5000 });
      const moment = Moment.in(150);
      using hold = armed.begin(moment);
      const passedMs = -moment.leftMs;
      assert(hold.lateMs !== undefined && hold.lateMs > 0 && hold.lateMs <= passedMs, `${hold.lateMs}`);
    }
  });

  await t.step("a step of the wall clock changes nothing of what is armed", async () => {
    const from = performance.now();
    const began = plugctl(host, "hold", "web", "--at", `@${Date.now() / 1000 + 2}`, "--for", "100ms", "--json");
    await new Promise((resolve) => setTimeout(resolve, 300));
    setClock(3600);
    const { status } = await began;
    const tookMs = performance.now() - from;
    setClock(-3600);
    assertEquals(status, 0);
    assert(tookMs > 2000 && tookMs < 20_000, `${tookMs}`);
  });

  await t.step("a time that has passed is refused, and nothing is touched", async () => {
    const { status, stderr } = await plugctl(host, "hold", "web", "--at", "@1", "--for", "1s");
    assertEquals(status, 2);
    assertMatch(stderr, /^plugctl: --at @1 has passed\n/);
    await plugctlDone(host, "buffer", "web");
    const late = await plugctl(host, "hold", "web", "--at", "+1ms", "--max-late", "0ms", "--for", "1s");
    assertEquals(late.status, 1);
    assertMatch(late.stderr, /cannot begin at \S+: it was armed \S+ after that, at most 0 ms may pass/);
    await isWaiting();
    await plugctlDone(host, "release", "web");
    await arrived();
  });

  await t.step("its lease is renewed by lines, and ends without one: the guardian releases", async () => {
    const child = hold(host, "web", "--lease", "1s", "--renew-fd", "0");
    await isWaiting();
    const writer = child.stdin.getWriter();
    for (let line = 0; line < 6; line++) {
      await writer.write(new TextEncoder().encode("\n"));
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    assert(waiting() > 0, "it holds for longer than a lease");
    const { code, stderr } = await child.output();
    assertEquals(code, 1);
    assertMatch(text(stderr), /plugctl: the guardian released it: its lease of 1s was not renewed\n$/);
    await writer.close().catch(() => {});
    await arrived();
  });

  await t.step("its owner releases it; never does it hold for longer than --max-hold", async () => {
    const released = hold(host, "web", "--lease", "20s", "--renew-fd", "0");
    await isWaiting();
    const writer = released.stdin.getWriter();
    await writer.write(new TextEncoder().encode("release\n"));
    assertEquals((await released.output()).code, 0);
    await writer.close().catch(() => {});
    await arrived();
    const capped = hold(host, "web", "--lease", "1s", "--renew-fd", "0", "--max-hold", "2s");
    await isWaiting();
    const keeper = capped.stdin.getWriter();
    const timer = setInterval(() => void keeper.write(new TextEncoder().encode("\n")).catch(() => {}), 200);
    const { code, stderr } = await capped.output();
    clearInterval(timer);
    assertEquals(code, 1);
    assertMatch(text(stderr), /the guardian released it: 2s had passed, the most that was allowed\n$/);
    await keeper.close().catch(() => {});
    await arrived();
  });

  await t.step("a process that is stopped renews nothing: the guardian releases all the same", async () => {
    const child = hold(host, "web", "--lease", "1s", "--renew-fd", "0");
    await isWaiting();
    child.kill("SIGSTOP");
    await until(() => waiting() === 0, { ...BOUND, what: "the release" });
    child.kill("SIGCONT");
    assertEquals((await child.output()).code, 1);
    await arrived();
  });

  await t.step("arm begins when a line comes in, and is called off where none does", async () => {
    const child = spawn(host, "arm", "web", "--for", "300ms");
    const lines = readLines(child.stderr);
    const line = async () => (await lines.next()).value;
    assertEquals(await line(), "plugctl: armed gate web: packets pass until a line comes in on standard input");
    send();
    assertEquals((await receiveNumbers(receiver, { count: 1, ...BOUND })).length, 1);
    sent = 0;
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("go\n"));
    assertEquals(await line(), "plugctl: holding gate web");
    await isWaiting();
    assertMatch(String(await line()), /^plugctl: held [1-9]\d* packets?, /);
    assertEquals((await child.status).code, 0);
    await writer.close().catch(() => {});
    await arrived();
    const off = spawn(host, "arm", "web", "--for", "300ms");
    await off.stdin.close();
    const end = await off.output();
    assertEquals(end.code, 1);
    assertMatch(
      text(end.stderr),
      /plugctl: called off: standard input ended before a line came in, and nothing was held\n$/,
    );
    await arrived();
  });

  await t.step("what goes together is refused where it does not", async () => {
    const refused: [string, RegExp][] = [
      ["hold web --lease 1s", /--lease goes with --renew-fd N: nobody could renew it/],
      ["hold web --for 1s --renew-fd 3", /--renew-fd goes with --lease DURATION, which it renews/],
      ["hold web --for 1s --max-late 1s", /--max-late goes with --at/],
      ["arm web --lease 1s --renew-fd 0", /standard input says when it begins/],
      ["arm web", /arm needs an end/],
      ["hold web --for 1s --at noon", /invalid time "noon": \+2s from now, 12:00:03.5 today/],
      ["hold web --for 1s --at +700h", /is too far away|is too long/],
      ["hold web --for 1s --lease 0s --renew-fd 3", /--lease is 0s, must be more than 0/],
    ];
    for (const [line, words] of refused) {
      const { status, stderr } = await plugctl(host, ...line.split(" "));
      assertEquals([line, status], [line, 2]);
      assertMatch(stderr, words);
    }
    const closed = await plugctl(host, "hold", "web", "--lease", "1s", "--renew-fd", "77");
    assertEquals(closed.status, 1);
    assertMatch(closed.stderr, /cannot read from file descriptor 77: it is not open/);
    await arrived();
  });
});

function hold(host: Host, ...words: string[]): Deno.ChildProcess {
  return spawn(host, "hold", ...words);
}

function spawn(host: Host, ...words: string[]): Deno.ChildProcess {
  return host.spawn([...PLUGCTL, ...words], { stdin: "piped", stdout: "null", stderr: "piped" });
}

/** Moves the wall clock by so many seconds. */
function setClock(bySeconds: number): void {
  const args = ["-s", `@${Date.now() / 1000 + bySeconds}`];
  assert(new Deno.Command("date", { args, stdout: "null" }).outputSync().success);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
