/** A scenario that brings its own network, from the first host to the last event. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as v from "valibot";
import type { ScenarioEvent } from "../../scenario/event.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { EVENT } from "../../scenario/event_schema.ts";
import { runHere } from "../cli/run_here.ts";
import { Host } from "./host.ts";
import { processTable } from "./process_table.ts";
import { until } from "./until.ts";

const SCENARIO = `name: an answer is held, then connections are
timeout: 5m
vars: { port: 8000 }
defaults: { host: client, timeout: 60s }
hosts:
  client:
    devices: { eth0: { to: router, address: [10.0.0.1/24, "fd00::1/64"] } }
    routes: { default: 10.0.0.2 }
  router:
    devices:
      eth0: { to: client, address: [10.0.0.2/24, "fd00::2/64"] }
      eth1: { to: server, address: 10.0.1.1/24, mtu: 1400 }
    forward: true
  server:
    devices: { eth0: { to: router, address: 10.0.1.2/24, mtu: 1400 } }
    routes: { default: 10.0.1.1 }
plugs:
  answers: { host: server, dev: eth0 }
steps:
  - start: { name: web, command: "echo hello >page; exec busybox httpd -f -p \${port}" }
    host: server
  - wait: { port: "\${port}" }
    host: server
  - wait: { port: "\${port}", address: 10.0.1.2 }
  - wait: { port: "\${port}", answers: false }
  - buffer: answers
  - start: { name: get, command: [busybox, wget, -q, -O, "-", "http://10.0.1.2:\${port}/page"] }
  - wait: { plug: answers, packets: ">=1" }
  - release-indefinite: answers
  - join: { name: get, exit: 0, stdout: hello }
  - attach: { gate: syns, dev: eth0, direction: ingress, match: "tcp dst port \${port} flags syn,!ack" }
    host: router
  - repeat: { over: [one, two], as: which }
    steps:
      - buffer: syns
      - parallel:
          user:
            - run: { command: "echo \${which}; busybox wget -q -O - http://10.0.1.2:\${port}/page", stdout: hello }
          operator:
            - wait: { gate: syns, backlog: 1 }
            - sleep: 1ms..5ms
            - release-indefinite: syns
  - expect: { gate: syns, hits: ">=2", drops: 0 }
  - wait: { http: "http://10.0.1.2:\${port}/page", body: hello }
  - expect: { http: "http://10.0.1.2:\${port}/nosuch", status: 404 }
    host: router
  - start: { name: late, command: [busybox, wget, -q, -O, "-", "http://10.0.1.2:\${port}/page"] }
    when: { gate: syns, backlog: ">0" }
  - hold:
      gate: syns
      while:
        - start: { name: late, command: [busybox, wget, -q, -O, "-", "http://10.0.1.2:\${port}/page"] }
        - wait: { gate: syns, backlog: 1 }
  - join: { name: late, exit: 0, stdout: hello }
  - expect: { command: ip -o link | wc -l, stdout: /^2$/m }
  - run: { command: "busybox ping -c 1 -W 30 fd00::2" }
cleanup:
  - run: rm page
    host: server
`;

/** The events without what differs from run to run. */
function sequence(events: readonly ScenarioEvent[]): unknown[] {
  return events.map((event) => "step" in event ? [event.event, event.step] : event.event);
}

Deno.test("a scenario brings its own network, holds an answer, then connections, and leaves no trace", async () => {
  using here = new Host();
  const before = [here.run("ip", "netns", "list"), processTable().join()];
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a.yaml`, SCENARIO);
  const scenario = await Scenario.load(`${folder}/a.yaml`, { set: { port: 8080 } });
  const events: ScenarioEvent[] = [];
  const { outcome, error, undone, queues } = await scenario.run({ seed: 7, onEvent: (event) => events.push(event) });
  assertEquals([error, outcome, undone], [undefined, "done", true]);
  assertEquals([queues.answers.holds, queues.syns.holds, queues.syns.drops], [1, 3, 0]);
  assert(queues.syns.packets >= 2);

  for (const event of events.map((event) => JSON.parse(JSON.stringify(event)))) {
    assertEquals(v.parse(EVENT, event), event);
  }
  assertEquals(sequence(events).slice(0, 9), [
    "scenario-start",
    ["step-start", "setup.hosts"],
    ["step-end", "setup.hosts"],
    ["step-start", "setup.attach.answers"],
    ["step-end", "setup.attach.answers"],
    ["step-start", "1"],
    ["step-end", "1"],
    ["step-start", "2"],
    ["step-end", "2"],
  ]);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.yaml"]);
  await until(() => [here.run("ip", "netns", "list"), processTable().join()].join() === before.join(), {
    timeoutMs: 30_000,
    what: "namespaces and processes as before",
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("what plugctl new writes runs as it stands", async () => {
  const file = `${Deno.makeTempDirSync({ prefix: "plugctl-new-" })}/late answer.yaml`;
  assertEquals((await runHere("new", file)).status, 0);
  const { status, stdout, stderr } = await runHere("run", file);
  assertEquals({ status, stderr }, { status: 0, stderr: "" }, stdout);
  assertMatch(stdout, /\n✓ done: 10 steps in .* s\n {2}answer: \d+ packets, 0 dropped, held 1 time/);
});
