/** One scenario over several machines: each does its part by its agent, and all of it is in one log and one report. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PacketIn, ScenarioEnd, ScenarioEvent, StepEnd } from "../../scenario/event.ts";
import { eventsOf, Machines } from "./machines.ts";

const TALK = `start: { name: talk, command: [bash, -c, "while sleep 0.02; do echo x >/dev/udp/10.9.0.3/9; done"] }`;

const BOTH = (netns: string, file: string) =>
  `name: both
hosts:
  me: { netns: ${netns} }
  db1: { on: db1, address: 10.9.0.2 }
  db2: { on: db2, address: 10.9.0.3 }
defaults: { timeout: 60s }
gates:
  leave: { host: db1, dev: eth0, direction: out, match: udp dst port 9 }
  come: { host: db2, dev: eth0, direction: in, match: udp dst port 9 }
steps:
  - ${TALK}
    host: db1
  - wait: { gate: come, sent: ">=3" }
  - buffer: [leave, come]
    name: at once
  - wait: { gate: leave, backlog: ">=5" }
  - run: { command: "echo of \${db1.address}", capture: said }
    host: db1
  - run: { command: 'echo "\${said}"', stdout: of 10.9.0.2 }
    host: me
  - expect: { gate: leave, packet: udp dst port 9, count: ">=5" }
  - release: leave
  - wait: { gate: come, backlog: ">=+5", since: at once }
  - repeat: { until: { gate: come, backlog: ">=5" }, times: 50 }
    steps:
      - sleep: 20ms
  - release: come
  - wait: { gate: come, backlog: 0 }
  - stop: talk
  - expect: { file: /proc/self/cmdline, text: agent }
    host: db1
  - expect: { file: /proc/self/cmdline, text: agent }
    host: db2
  - wait: { file: proc/self/cmdline, text: agent }
    host: db2
  - run: { command: "echo done > ${file}" }
    host: db2
`;

function endOf(events: readonly ScenarioEvent[], step: string): StepEnd {
  const end = events.find((event) => event.event === "step-end" && event.step === step);
  assert(end, `no end of ${step}`);
  return end as StepEnd;
}

Deno.test("plugctl run does one scenario on this machine and on two others by their agents", async () => {
  await using machines = new Machines(["db1", "db2"]);
  await machines.start();
  const { folder, asker } = machines;
  const report = `${folder}/report.html`;
  const { ended } = machines.begin(BOTH(asker.name, `${folder}/done`), "--json", "--report", report);
  const { status, stdout, stderr } = await ended;
  assertEquals(status, 0, `${stderr}${stdout.slice(-3000)}`);
  const events = eventsOf(stdout);
  const end = events.at(-1) as ScenarioEnd;
  assertEquals([end.outcome, end.undone], ["done", true]);
  assertEquals(Deno.readTextFileSync(`${folder}/done`), "done\n");
  // One hold on both, at the same moment.
  const held = endOf(events, "3");
  assertEquals(Object.keys(held.after).sort(), ["come", "leave"]);
  for (const host of ["db1", "db2"]) {
    const { opened } = endOf(events, `setup.open.${host}`);
    assert((opened?.clock.error ?? Infinity) < 50_000, JSON.stringify(opened));
    assertEquals(opened?.addresses, [host === "db1" ? "10.9.0.2" : "10.9.0.3"]);
  }
  // The packets of both machines, on one axis: each comes into the gate of the second after that of the first has let it go.
  const seen = (queue: string) =>
    events.filter((event): event is PacketIn => event.event === "packet-in" && event.queue === queue);
  assert(seen("leave").length >= 5 && seen("come").length >= 5);
  const ran = events.find((event) => event.event === "process-end" && event.process === "talk");
  assertEquals(ran && "host" in ran && ran.host, "db1");
  assert(end.queues.leave.packets > 0 && end.queues.come.packets > 0);
  const page = Deno.readTextFileSync(report);
  assertMatch(page, /"leave"/);
  assertMatch(page, /"come"/);
  for (const host of ["db1", "db2"]) assertEquals(machines.left(host), "");
});
