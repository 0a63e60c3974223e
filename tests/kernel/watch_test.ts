/** plugctl watch on a terminal: what it shows, what its keys do, and that it leaves the terminal as it found it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Gate } from "../../mod.ts";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { openWeb, TO } from "./captured_gate.ts";
import { GatePair, WAIT, withoutCounters, witness } from "./gate_pair.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { TerminalWindow } from "./tmux.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

/** A pair with a gate for datagrams to `TO`. */
function gatePair(): GatePair & { gate: Gate; connection: Connection } {
  const pair = new GatePair();
  const connection = pair.left.enter(() => Connection.open());
  const gate = openWeb(connection);
  return Object.assign(pair, { gate, connection });
}

Deno.test("watch shows the packets that a key holds, and that another releases; what is made elsewhere appears", async () => {
  using pair = gatePair();
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  using terminal = new TerminalWindow(pair.left);
  // For longer than the test takes on a machine that has much to do
  await terminal.start("watch", "--max-hold", "10m");
  await terminal.shows(/^> web .*\n(.*\n)*\nweb: out of eth0: udp dst port 9000\n(.*\n)*no packet waits$/m);
  await until(() => witness(pair.left).includes("sample"), { ...WAIT, what: "a tap" });

  terminal.press("h");
  await terminal.shows(/^web holds for at most 10 min$/m);
  await terminal.shows(/^> web +holds .* \d+ min +0 /m);
  sendNumbered(sender, TO, { count: 3 });
  const held = await terminal.shows(/^ +3 +\S+ m?s +10\.0\.0\.1:\d+ +10\.0\.0\.2:9000 +UDP 4$/m);
  assertEquals(held.match(/UDP 4$/gm)?.length, 3);
  await terminal.shows(/^> web +holds +3 +138 B/m);
  assertEquals(await pair.held("web"), 3);
  assertMatch(terminal.colouredText, /\[(\d+;)*7m/);

  for (const columns of [60, 200]) {
    terminal.resize({ columns, rows: 24 });
    const text = await terminal.shows(columns === 60 ? /1 MIN\n/ : /LAST MINUTE +SEES\n/);
    assertMatch(text, /^> web +holds +3 /m);
    assertMatch(text, /^ +3 +\S+ m?s +10\.0\.0\.1:\d+ +10\.0\.0\.2:9000 +UDP 4$/m);
  }
  terminal.resize({ columns: 80, rows: 24 });

  await plugctlDone(pair.left, "gate", "add", "dns", "lo", "--direction", "in", "--match", "udp src port 53");
  await terminal.shows(/^ {2}dns .*\n> web /m);
  await plugctlDone(pair.left, "gate", "delete", "dns");
  await terminal.shows(/^dns is gone$/m);

  // Any key that is no part of a number calls it off
  terminal.press("n", "3", "Escape");
  terminal.press("n", "2", "9", "BSpace");
  await terminal.shows(/^release how many packets of web\? 2_$/m);
  terminal.press("Enter");
  await terminal.shows(/^2 packets of gate web released, 1 still waits$/m);
  assertEquals(await receiveNumbers(receiver, { count: 2, ...WAIT }), [0, 1]);
  await terminal.shows(/^> web +holds +1 +46 B/m);
  assertEquals(await pair.held("web"), 1);

  terminal.press("r");
  await terminal.shows(/^1 packet of gate web released$/m);
  assertEquals(await receiveNumbers(receiver, { count: 1, ...WAIT }), [2]);
  await terminal.shows(/^> web +passes +0 +0 B +– .* 3 /m);
  const left = await terminal.shows(/^→ 1 +\S+ m?s +10\.0\.0\.1:\d+ +10\.0\.0\.2:9000 +UDP 4$/m);
  assertEquals(left.match(/^→ [123] /gm)?.length, 3);
  terminal.press("?");
  await terminal.shows(/^ +r +release everything/m);
  terminal.press("q");
  await terminal.shows(/it ended with 0$/m);
  assert(!witness(pair.left).includes("sample"));
});

Deno.test("watch says at its end what goes on holding, and its guardian releases it", async () => {
  using pair = gatePair();
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  using terminal = new TerminalWindow(pair.left, { columns: 200, rows: 24 });
  await terminal.start("watch", "--max-hold", "40s");
  await terminal.shows(/^> web /m);
  terminal.press("h");
  await terminal.shows(/^web holds for at most 40 s$/m);
  sendNumbered(sender, TO, { count: 1 });
  await terminal.shows(/^> web +holds +1 /m);
  terminal.press("q");
  await terminal.shows(
    /^plugctl: web goes on holding, and 1 packet waits: its guardian releases it in \S+ m?s; release it now with: plugctl release web\nit ended with 0$/m,
  );
  assertEquals((await receiveNumbers(receiver, { count: 1, ...WAIT })).length, 1);
});

Deno.test("watch refuses by a key what buffer refuses, and says why", async () => {
  using pair = gatePair();
  pair.left.run(..."tc filter add dev eth0 egress prio 60000 protocol ip matchall action drop".split(" "));
  using terminal = new TerminalWindow(pair.left, { columns: 200, rows: 24 });
  await terminal.start("watch");
  await terminal.shows(/^> web /m);
  terminal.press("h");
  await terminal.shows(/^cannot buffer gate web: the packets that it takes bypass/m);
  assertEquals((await pair.gates())[0].stats?.backlogPackets, 0);
  terminal.press("q");
  await terminal.shows(/it ended with 0$/m);
});

Deno.test("watch leaves the terminal as it found it, however it ends", async () => {
  using pair = gatePair();
  using terminal = new TerminalWindow(pair.left);
  const before = await terminal.settings();
  const filters = withoutCounters(witness(pair.left));
  const ends: readonly [status: number, end: (pid: number) => void][] = [
    [0, () => terminal.press("q")],
    [0, () => terminal.press("C-c")],
    [143, (pid) => Deno.kill(pid, "SIGTERM")],
    [129, (pid) => Deno.kill(pid, "SIGHUP")],
    [130, (pid) => Deno.kill(pid, "SIGINT")],
  ];
  for (const [status, end] of ends) {
    terminal.type("clear");
    await terminal.shows(/^\$$/m);
    const pid = await terminal.start("watch");
    await terminal.shows(/^> web .*\n(.*\n)*no packet waits$/m);
    assert(!terminal.isAsBefore);
    end(pid);
    await terminal.shows(new RegExp(`it ended with ${status}\n\\$$`, "m"));
    assert(terminal.isAsBefore, terminal.text);
    assertEquals(await terminal.settings(), before);
    assertEquals(withoutCounters(witness(pair.left)), filters);
  }
});

Deno.test("watch goes on when the device of a gate is gone, gives the terminal back for Ctrl-Z, and ends with the terminal", async () => {
  using pair = gatePair();
  using terminal = new TerminalWindow(pair.left);
  const before = await terminal.settings();
  const pid = await terminal.start("watch");
  await terminal.shows(/^> web .*\n(.*\n)*no packet waits$/m);
  terminal.press("C-z");
  await until(() => terminal.isAsBefore, { ...WAIT, what: "the shell's screen" });
  // The shell gets the terminal, and what it said; `sh` has job control where it is interactive
  assertEquals(await terminal.settings(), before);
  terminal.type("fg");
  await terminal.shows(/^> web /m);
  pair.left.configure(["link delete eth0"]);
  await terminal.shows(/^not whole: no device #\d+/m);
  terminal.close();
  await until(() => hasEnded(pid), { ...WAIT, what: "the end of plugctl" });
});

Deno.test("watch prints a line for each event into a pipe, as JSON where that is asked for", async () => {
  using pair = gatePair();
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  for (const json of [true, false]) {
    const child = pair.left.spawn([...PLUGCTL, "watch", "--for", "120s", ...json ? ["--json"] : []], {
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    });
    const said = readLines(child.stdout);
    const meets = async (text: string, isMeant: (event: Record<string, unknown>) => boolean) => {
      for (;;) {
        const { value, done } = await said.next();
        assert(!done, `it has ended without ${text}`);
        if (json ? isMeant(JSON.parse(value)) : value.includes(text)) return;
      }
    };
    await meets(
      " web is there: gate, out of eth0: udp dst port 9000",
      ({ event, gate, sees }) => event === "appeared" && gate === "web" && sees === "out of eth0: udp dst port 9000",
    );
    await plugctlDone(pair.left, "buffer", "web", "--max-hold", "60s");
    await meets(" web holds", ({ event, state }) => event === "state" && state === "holds");
    sendNumbered(sender, TO, { count: 2 });
    await meets(
      " web 2 packets wait, 92 bytes",
      ({ event, backlogPackets }) => event === "backlog" && backlogPackets === 2,
    );
    await plugctlDone(pair.left, "release", "web");
    await meets(" web passes", ({ event, state }) => event === "state" && state === "passes");
    child.kill("SIGINT");
    assertEquals((await child.status).code, 0);
    await said.return(undefined);
  }
});
