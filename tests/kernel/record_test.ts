/** What plugctl record hears of a person's commands, and that the scenario that it writes does the same. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { TO } from "./captured_gate.ts";
import { Conversation } from "./conversation.ts";
import { GatePair, WAIT } from "./gate_pair.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

Deno.test("record makes a scenario of what is done by hand, by plugctl and by tc, and it runs as it stands", async () => {
  using pair = new GatePair();
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  const folder = Deno.makeTempDirSync({ prefix: "plugctl-record-" });
  const file = `${folder}/recorded.yaml`;
  const hand = (...words: string[]) => plugctlDone(pair.left, ...words);
  const child = pair.left.spawn([...PLUGCTL, "record", "-o", file], {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const said: string[] = [];
  const reading = (async () => {
    for await (const line of readLines(child.stderr)) said.push(line);
  })();
  const hears = (what: RegExp) =>
    until(() => said.some((line) => what.test(line)), { ...WAIT, what: `${what}` }).catch((error) => {
      throw new Error(`${error.message}; it said:\n${said.join("\n")}`);
    });

  /** Until it has seen so many waiting, which it tells with each command. */
  const sees = async (packets: number) => {
    const count = () => said.filter((line) => line.includes(" web: limit")).length;
    for (
      let told = "";
      !told.includes(`, ${packets} packet`);
      told = said.findLast((line) => line.includes(" limit")) ?? ""
    ) {
      const before = count();
      await hand("limit", "web", "8m");
      await until(() => count() > before, { ...WAIT, what: "a limit that is heard" });
    }
  };

  await hears(/recording; Ctrl-C ends it/);
  await hand("gate", "add", "web", "eth0", "--direction", "out", "--match", `udp dst port ${TO.port}`);
  await hears(/ web: attached$/);
  await hand("buffer", "web", "--max-hold", "120s");
  await hears(/ web: buffer/);
  sendNumbered(sender, TO, { count: 3 });
  await pair.holds("web", 3);
  await sees(3);
  await hand("release", "web", "--packets", "2");
  await hears(/ web: release 2 packets, 3 packets waiting/);
  assertEquals(await receiveNumbers(receiver, { count: 2, ...WAIT }), [0, 1]);
  await pair.holds("web", 1);
  await sees(1);
  pair.left.run("tc", "qdisc", "change", "dev", "plug-web", "root", "plug", "release_indefinite");
  await hears(/ web: release, 1 packet waiting(, by process \d+ \(tc\))?$/);
  assertEquals(await receiveNumbers(receiver, { count: 1, ...WAIT }), [2]);
  await hand("gate", "delete", "web");
  await hears(/ web: detached/);
  child.kill("SIGINT");
  assertEquals((await child.status).code, 0, said.join("\n"));
  await reading;
  await child.stdout.cancel();

  const text = Deno.readTextFileSync(file);
  const steps = text.slice(text.indexOf("steps:")).split("\n").map((line) => line.replace(/ # at .*/, "").trim());
  const done = steps.filter((line) => /^- (?!limit|wait)/.test(line));
  assertMatch(
    done[0],
    /^- attach: \{ gate: web, dev: "eth0", direction: egress, match: "udp dst port 9000", limit: \d+, priority: \d+ \}$/,
  );
  assertEquals(done.slice(1), [
    "- buffer: web",
    "- release: { gate: web, packets: 2 }",
    "- release: web",
    "- detach: web",
  ]);
  const waits = ["- release: { gate: web, packets: 2 }", "- release: web"].map((step) =>
    steps.slice(0, steps.indexOf(step)).findLast((line) => line.startsWith("- wait"))
  );
  assertEquals(waits, ['- wait: { gate: web, backlog: ">=3" }', '- wait: { gate: web, backlog: ">=1" }']);
  assertMatch(text, /^ {4}# {3}10\.0\.0\.1:\d+ > 10\.0\.0\.2:9000 {2}UDP 4$/m);

  const run = pair.left.spawn([...PLUGCTL, "run", "--json", file], {
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
  const outcomes = new Set<string>();
  let isSent = false;
  for await (const line of readLines(run.stdout)) {
    const { event, action, outcome } = JSON.parse(line);
    if (event === "step-start" && action === "wait" && !isSent) {
      isSent = true;
      sendNumbered(sender, TO, { count: 3 });
    }
    if (event === "step-end") outcomes.add(outcome);
  }
  assertEquals([(await run.status).code, isSent, [...outcomes]], [0, true, ["done"]]);
  assertEquals(await receiveNumbers(receiver, { count: 3, ...WAIT }), [0, 1, 2]);
  assertEquals(await pair.gates(), []);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("record keeps two BUFFERs of one process apart from a discard, and from a release by number", async () => {
  using pair = new GatePair();
  using sender = new UdpSocket(pair.left, { address: "0.0.0.0", port: 0 });
  using receiver = new UdpSocket(pair.right, TO);
  const match = `udp dst port ${TO.port}`;
  await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", match, "--hold");
  const child = pair.left.spawn([...PLUGCTL, "record"], { stdin: "null", stdout: "piped", stderr: "piped" });
  const said: string[] = [];
  const reading = (async () => {
    for await (const line of readLines(child.stderr)) said.push(line);
  })();
  await until(() => said.some((line) => line.includes("recording;")), { ...WAIT, what: "the recording" });
  await using session = new Conversation(pair.left);
  const send = async (count: number, held: number) => {
    sendNumbered(sender, TO, { count });
    await pair.holds("web", held);
  };
  await send(3, 3);
  // One behind the other, as fast as they are read.
  const ids = [await session.send({ op: "buffer", on: "web" }), await session.send({ op: "buffer", on: "web" })];
  for (const id of ids) assertEquals((await session.answer(id)).error, undefined);
  await session.ask({ op: "release", on: "web" });
  assertEquals(await receiveNumbers(receiver, { count: 3, ...WAIT }), [0, 1, 2]);
  await session.ask({ op: "buffer", on: "web" });
  await send(2, 2);
  await session.ask({ op: "discard", on: "web" });
  await send(2, 2);
  await session.ask({ op: "release", on: "web", packets: 1 });
  await until(() => said.some((line) => line.includes(" release 1 packet")), {
    ...WAIT,
    what: "a packet's release heard",
  });
  await session.ask({ op: "release", on: "web" });
  assertEquals(await receiveNumbers(receiver, { count: 2, ...WAIT }), [0, 1]);
  const releases = () => said.filter((line) => / web: release(,|$)/.test(line)).length;
  await until(() => releases() === 2, { ...WAIT, what: "the releases heard" });
  child.kill("SIGINT");
  const text = await new Response(child.stdout).text();
  assertEquals((await child.status).code, 0, said.join("\n"));
  await reading;
  const steps = text.slice(text.indexOf("steps:\n") + 7).split("\n").map((line) => line.replace(/ # at .*/, "").trim());
  assertEquals(
    steps.filter((line) => /^- (?!wait|sleep)/.test(line)),
    [
      ...["buffer: web", "buffer: web", "buffer: web", "release: web", "buffer: web"],
      ...["discard: web", "release: { gate: web, packets: 1 }", "release: web"],
    ].map((step) => `- ${step}`),
    said.join("\n"),
  );
  await session.end();
  await plugctlDone(pair.left, "gate", "delete", "web");
});

Deno.test("record says so where nothing was asked, and writes nothing", async () => {
  using pair = new GatePair();
  const run = pair.left.spawn([...PLUGCTL, "record", "--for", "100ms", "--quiet"], {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await run.output();
  assertEquals([code, stdout.length], [1, 0]);
  assert(
    new TextDecoder().decode(stderr).endsWith(
      "plugctl: nothing was asked of a plug or a gate meanwhile, so that there is no scenario\n",
    ),
  );
});
