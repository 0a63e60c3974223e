/** plugctl run --step and break: on a terminal, and plugctl shell beside it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { markOfGate, readDeadlines } from "../../guardian/mark.ts";
import { Connection } from "../../netlink/connection.ts";
import { WAIT } from "./gate_pair.ts";
import { PLUGCTL } from "./plugctl.ts";
import { processTable } from "./process_table.ts";
import { Host } from "./host.ts";
import { TerminalWindow } from "./tmux.ts";
import { until } from "./until.ts";

const SCENARIO = `name: an answer that waits
timeout: 2m
max-hold: 24s
hosts:
  client: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }
  server: { devices: { eth0: { to: client, address: 10.0.0.2/24 } } }
gates:
  answer: { host: client, dev: eth0, direction: in, match: icmp }
steps:
  - start: { name: talk, command: "echo ready; exec sleep 1000" }
    host: server
  - wait: { process: talk, line: ready }
  - buffer: answer
  - run: { command: [busybox, ping, -c, "1", -W, "1", 10.0.0.2], exit: 1, timeout: 30s }
    host: client
  - wait: { gate: answer, backlog: 1, timeout: 1s }
    break: true
  - release: answer
`;

function writeScenario(text = SCENARIO): string {
  const file = `${Deno.makeTempDirSync({ prefix: "plugctl-step-" })}/wait.yaml`;
  Deno.writeTextFileSync(file, text);
  return file;
}

/** Until when the gate holds at the latest, as its guardian tells. */
function deadline(): number | undefined {
  const netns = [...Deno.readDirSync("/run/netns")].find(({ name }) => /^plugctl-[0-9a-f]{6}-client$/.test(name))?.name;
  using connection = Connection.open({ netns });
  return readDeadlines(connection).get(markOfGate("answer"));
}

Deno.test("--step stops before each step, shows what there is, and goes on, releases or opens a shell by a key; no deadline is over meanwhile", async () => {
  using here = new Host();
  using terminal = new TerminalWindow(undefined);
  await terminal.shows(/^\$$/m);
  const before = [here.run("ip", "netns", "list"), processTable().join()];
  await terminal.start("run", "--step", writeScenario());
  const first = await terminal.shows(/^Enter step, .* \? help:$/m);
  assertMatch(first, /^── stopped before step 1 \(line 10\) ─+\n {3}server: start talk: /m);
  assertMatch(first, /^ {3}gate answer +client +passes +0 packets waiting +\d+ sent, 0 dropped$/m);
  assert(first.split("\n").every((line) => line.length <= 80), first);

  terminal.press("Enter");
  await terminal.shows(/^ {3}process talk +server +runs, \d+( +\| ready)?$/m);
  terminal.press("Enter");
  await terminal.shows(/before step 3 \(line 13\)/);
  terminal.press("Enter");
  await terminal.shows(/before step 4 \(line 14\)/);
  terminal.press("Enter");
  await terminal.shows(/break before step 5 \(line 16\)/);
  const held = await terminal.shows(/^ {5}1 +\S+ m?s +10\.0\.0\.2 > 10\.0\.0\.1 +ICMP/m);
  assertMatch(held, /^ {3}gate answer +client +holds .* 1 packet waiting /m);
  assertMatch(held, /^ {3}held until 24 s after you go on at the most, or until plugctl is killed$/m);

  // The guardian's deadline does not come nearer.
  const latest = deadline() ?? 0;
  assert(latest > Date.now(), `${latest}`);
  await until(() => (deadline() ?? 0) > latest, { ...WAIT, what: "a later deadline" });
  // From another terminal
  const [program, ...args] = [...PLUGCTL, "shell", "client", "--", "sh", "-c", "ip -o link | wc -l; exit 7"];
  const other = await new Deno.Command(program, { args, stdin: "null", stderr: "inherit" }).output();
  assertEquals([other.code, new TextDecoder().decode(other.stdout)], [7, "3\n"]);
  terminal.press("l");
  await until(() => [...terminal.text.matchAll(/before step 5/g)].length === 2, { ...WAIT, what: "a second look" });
  assertMatch(terminal.text, /holds \S+ s +1 packet waiting(.*\n)*Enter step/);

  // A name instead of its number opens none, and its letters are no keys that go on.
  terminal.press("s");
  await terminal.shows(/^ {2}1 {2}client\n {2}2 {2}server\na shell on which host\? 1 to 2:$/m);
  terminal.type("client");
  await until(() => /Enter step, .* \? help:$/.test(terminal.text.trimEnd()), { ...WAIT, what: "the stop again" });
  terminal.press("s");
  await until(() => /on which host\? 1 to 2:$/.test(terminal.text.trimEnd()), { ...WAIT, what: "the hosts again" });
  terminal.press("2");
  await terminal.shows(/^server\$$/m);
  terminal.type("ip -o -4 address show eth0; false");
  await terminal.shows(/inet 10\.0\.0\.2\/24/);
  terminal.type("exit");
  terminal.press("l");
  await terminal.shows(/exit\n(.*\n)*── break before step 5 /);

  terminal.press("r");
  await terminal.shows(/^released answer$/m);
  terminal.press("l");
  await terminal.shows(/released answer\n(.*\n)* {3}gate answer +client +passes +0 packets waiting +1 sent/m);
  terminal.press("c");
  // The file waits for what was let go.
  const failed = await terminal.shows(/^── failed in step 5; nothing is undone yet ─+$/m);
  assertMatch(failed, /^ {3}Timed out after 1s waiting until backlog of answer = 1: backlog of answer is\s0/m);
  terminal.press("Enter");
  const end = await terminal.shows(/^it ended with 1$/m);
  assertMatch(end, /^plugctl: step 5 \(line 16\): Timed out after 1s/m);
  await until(() => [here.run("ip", "netns", "list"), processTable().join()].join() === before.join(), {
    timeoutMs: 30_000,
    what: "namespaces and processes as before",
  });
});
