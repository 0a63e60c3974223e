/** What plugctl record hears of a person's commands, and that the scenario that it writes does the same. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { TO } from "./captured_gate.ts";
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

  await hears(/recording; Ctrl-C ends it/);
  await hand("gate", "add", "web", "eth0", "--direction", "out", "--match", `udp dst port ${TO.port}`);
  await hears(/ web: attached$/);
  await hand("buffer", "web", "--max-hold", "120s");
  await hears(/ web: buffer/);
  sendNumbered(sender, TO, { count: 3 });
  await pair.holds("web", 3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await hand("release", "web", "--packets", "2");
  await hears(/ web: release 2 packets, 3 packets waiting/);
  assertEquals(await receiveNumbers(receiver, { count: 2, ...WAIT }), [0, 1]);
  await pair.holds("web", 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  pair.left.run("tc", "qdisc", "change", "dev", "plug-web", "root", "plug", "release_indefinite");
  await hears(/ web: release, 1 packet waiting(, by process \d+ \(tc\))?$/);
  assertEquals(await receiveNumbers(receiver, { count: 1, ...WAIT }), [2]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await hand("gate", "delete", "web");
  await hears(/ web: detached/);
  child.kill("SIGINT");
  assertEquals((await child.status).code, 0, said.join("\n"));
  await reading;
  await child.stdout.cancel();

  const text = Deno.readTextFileSync(file);
  const lines = text.slice(text.indexOf("steps:")).split("\n").map((line) => line.replace(/ # at .*/, ""));
  const packet = String.raw`    #   10\.0\.0\.1:\d+ > 10\.0\.0\.2:9000  UDP 4`;
  assertMatch(
    lines.join("\n"),
    new RegExp(
      String.raw`^steps:
  - attach: \{ gate: web, dev: "eth0", direction: egress, match: "udp dst port 9000", limit: 16777216, priority: \d+ \}
  - buffer: web
  - wait: \{ gate: web, backlog: ">=3" \}
${packet}
${packet}
${packet}
  - release: \{ gate: web, packets: 2 \}
  - wait: \{ gate: web, backlog: ">=1" \}
${packet}
  - release: web
  - detach: web
$`,
    ),
  );

  const run = pair.left.spawn([...PLUGCTL, "run", "--json", file], {
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
  const steps: string[] = [];
  for await (const line of readLines(run.stdout)) {
    const { event, step, outcome } = JSON.parse(line);
    if (event === "step-start" && step === "3") sendNumbered(sender, TO, { count: 3 });
    if (event === "step-end") steps.push(`${step} ${outcome}`);
  }
  assertEquals([(await run.status).code, steps], [0, [1, 2, 3, 4, 5, 6, 7].map((step) => `${step} done`)]);
  assertEquals(await receiveNumbers(receiver, { count: 3, ...WAIT }), [0, 1, 2]);
  assertEquals(await pair.gates(), []);
  Deno.removeSync(folder, { recursive: true });
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
