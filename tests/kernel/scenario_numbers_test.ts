/** The counters of a scenario's events are those of the time that they claim, also right behind a release. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCommandLine } from "../../cli/main.ts";
import type { ScenarioEvent, StepEnd } from "../../scenario/event.ts";
import { findHolds } from "../../scenario/report/holds.ts";
import { readRunLog } from "../../scenario/report/run_log.ts";
import { makeTimeline } from "../../scenario/report/timeline.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { Written } from "../cli/written.ts";
import { rounds } from "./rounds.ts";

const PACKETS = 10;
const SEND = `run: [bash, -c, "for i in {1..${PACKETS}}; do echo x >/dev/udp/127.0.0.1/9; done"]`;

/** A gate and a plug that hold ten packets each, then these steps. */
function scenario(steps: string): string {
  return `name: ten packets
hosts: { one: {} }
defaults: { host: one, timeout: 60s }
gates: { web: { dev: lo, direction: egress, match: udp dst port 9 } }
steps:
  - buffer: web
  - ${SEND}
${steps}`;
}

async function run(steps: string): Promise<ScenarioEvent[]> {
  const events: ScenarioEvent[] = [];
  const { error } = await (await Scenario.parse(scenario(steps))).run({
    sampleMs: 20,
    onEvent: (event) => events.push(event),
  });
  assertEquals(error, undefined);
  return events;
}

function endOf(events: readonly ScenarioEvent[], step: string): StepEnd {
  const end = events.find((event) => event.event === "step-end" && event.step === step);
  if (end?.event !== "step-end") throw new Error(`There is no end of ${step}`);
  return end;
}

const held = (stats: StepEnd["before"]) => [stats.web?.backlogPackets, stats.web?.packets];

Deno.test("the counters behind a release are those once it has settled", async () => {
  await rounds(async () => {
    const events = await run("  - release: web\n  - sleep: 200ms");
    const release = endOf(events, "3");
    assertEquals([held(release.before), held(release.after)], [[PACKETS, 0], [0, PACKETS]]);
    // Nothing that is drawn says that they were held until the scenario was undone.
    const log = readRunLog(events);
    const { times, queues: [{ backlog }] } = makeTimeline(log, findHolds(log));
    const later = (release.asked ?? 0) + 50_000;
    const after = backlog.filter((_, index) => times[index] > later);
    assert(after.length > 0 && after.every((packets) => !packets), JSON.stringify(after));
    const [hold] = findHolds(log);
    assertEquals([hold.packets, hold.mostPackets], [PACKETS, PACKETS]);
    assert(hold.longestWait <= release.t - endOf(events, "1").t);
  });
});

Deno.test("the counters behind release-one are those of what is left", async () => {
  const events = await run(`  - buffer: web\n  - ${SEND}\n  - release-one: web\n  - release: web`);
  assertEquals([held(endOf(events, "5").before), held(endOf(events, "5").after)], [[2 * PACKETS, 0], [
    PACKETS,
    PACKETS,
  ]]);
  assertEquals(held(endOf(events, "6").after), [0, 2 * PACKETS]);
});

Deno.test("detach with drop discards what is held, which never arrives, and says how much; what is held later is not", async () => {
  const gate = "{ gate: web, dev: lo, direction: egress, match: udp dst port 9 }";
  const receive = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 9)); " +
    "print('ready'); [print(s.recv(9)) for _ in range(2)]";
  const events = await run(`  - start: { name: receiver, command: [python3, -u, -c, "${receive}"], exit: 0 }
  - wait: { process: receiver, line: ready }
  - detach: { gate: web, drop: true }
  - attach: ${gate}
  - buffer: web
  - run: [bash, -c, "for i in 1 2; do printf y >/dev/udp/127.0.0.1/9; done"]
  - expect: { process: receiver, running: true }
  - detach: web
  - join: { name: receiver, stdout: "/^ready\\nb'y'\\nb'y'\\n$/" }
  - expect: { command: tc qdisc show dev lo, stdout: "/^(?!.*plug)/" }`);
  const detach = endOf(events, "5");
  assertEquals([held(detach.before), detach.after, detach.notes], [[PACKETS, 0], {}, [
    `${PACKETS} packets of web discarded`,
  ]]);
  const end = events.at(-1);
  assertEquals(end?.event === "scenario-end" && end.queues.web.packets, 2);
});

Deno.test("what is held to the end is released when everything is undone, and said to be", async () => {
  const events = await run("  - log: and ends");
  const release = endOf(events, "undo.release");
  assertEquals([held(release.before), held(release.after)], [[PACKETS, 0], [0, PACKETS]]);
});

Deno.test("run says on the terminal what is held once a release has settled", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, scenario("  - release: web"));
    const stdout = new Written();
    assertEquals(await runCommandLine(["run", file], { stdout, stderr: new Written() }), 0);
    assertMatch(stdout.text, / ✓ 3 +release web {2}\S+ ms, web holds 0\n/);
  } finally {
    await Deno.remove(file);
  }
});
