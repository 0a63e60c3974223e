/** Steps and conditions that need no kernel: `send`, `hold`, `when`, `took`, and conditions on files, HTTP and UDP. */

import { createSocket } from "node:dgram";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { ScenarioEvent } from "../../scenario/event.ts";
import { ScenarioError } from "../../scenario/mistake.ts";
import { describePlan, readScenario } from "../../scenario/read.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { DONE, ending, ends, FakeClock, outcomes, runSteps, runText } from "./fake_run.ts";

Deno.test("send writes to a process's input, behind what stdin says, and closes it", async () => {
  const start = (more = "") => `  - start: { name: cat, command: [cat]${more} }\n`;
  assertEquals(
    await ending(`${start(', stdin: "zero\\n"')}
  - wait: { process: cat, line: zero, timeout: 60s }
  - send: { name: cat, text: "one\\n" }
  - wait: { process: cat, line: one, timeout: 60s }
  - send: { name: cat, text: "two\\n", close: true }
  - join: { name: cat, stdout: "/^zero\\none\\ntwo\\n$/" }
`),
    DONE,
  );
  assertEquals(await ending(`${start()}  - send: { name: cat, close: true }\n  - join: cat`), DONE);
});

Deno.test("send fails where the process has ended, or has closed its input", async () => {
  const ended = await ending(
    "  - start: { name: x, command: 'true', exit: 0 }\n  - wait: { process: x, running: false }\n  - send: { name: x, text: a }",
  );
  assertEquals(ended, ["failed", "3", "Cannot send to x: it has ended"]);
  const closed = await ending(
    "  - start: { name: x, command: 'exec <&-; echo ready; sleep 3600' }\n  - wait: { process: x, line: ready }\n  - send: { name: x, text: a }",
  );
  assertEquals(closed, ["failed", "3", "Cannot send to x: its input is closed"]);
  const twice = await ending(
    "  - start: { name: x, command: sleep 3600 }\n  - send: { name: x, close: true }\n  - send: { name: x, text: a }",
  );
  assertEquals(twice, ["failed", "3", "Cannot send to x: its input is closed"]);
});

Deno.test("send ends when the scenario does, though the process reads nothing", async () => {
  const { result } = await runText(`name: x
timeout: 3s
steps:
  - start: { name: x, command: sleep 3600 }
  - send: { name: x, text: "${"x".repeat(200_000)}" }
`);
  assertEquals([result.outcome, result.step, result.undone], ["failed", "2", true]);
});

Deno.test("hold holds for a time, until a condition holds, or while steps are done, and releases", async () => {
  const { result, events, kernel } = await runSteps("  - hold: { plug: up, for: 50ms }", { clock: new FakeClock() });
  assertEquals(result.outcome, "done");
  assertEquals(outcomes(events).slice(1, 5), ["1.1: done", "1.2: done", "1.3: done", "1: done"]);
  const [buffer, sleep, release] = ends(events).slice(1);
  assertEquals([buffer.action, sleep.action, release.action], ["buffer", "sleep", "release-indefinite"]);
  assertEquals((release.asked ?? 0) - (buffer.asked ?? 0), 50_000);
  assertEquals(result.queues.up.holds, 1);
  assertEquals([kernel.accidents, kernel.qdiscs], [[], []]);

  const until = await runSteps("  - hold: { plug: up, until: { plug: up, backlog: 2, timeout: 60s } }", {
    onEvent: (event, kernel) => {
      if (event.event !== "step-start" || event.step !== "1.2") return;
      for (const packet of ["a", "b"]) kernel.transmit(packet, kernel.devices[0]);
    },
  });
  assertEquals([until.result.outcome, until.kernel.left], ["done", ["a", "b"]]);

  const during = await runSteps(
    "  - hold: { plug: up, while: [log: x, expect: { plug: up, backlog: 0 }] }\n  - log: y",
  );
  assertEquals(during.result.outcome, "done");
  assertEquals(outcomes(during.events).slice(1, 7), [
    "1.1: done",
    "1.2: done",
    "1.3: done",
    "1.4: done",
    "1: done",
    "2: done",
  ]);
});

Deno.test("hold releases also where what it waits for does not come, or a step in it fails", async () => {
  const late = await runSteps("  - hold: { plug: up, until: { plug: up, backlog: 2, timeout: 20ms } }");
  assertEquals([late.result.outcome, late.result.step, late.result.undone], ["failed", "1.2", true]);
  assertMatch(
    String(late.result.error),
    /Timed out after 20ms waiting until backlog of up = 2: backlog of up is 0$/,
  );
  const failing = await runSteps("  - hold: { plug: up, while: [run: exit 3] }");
  assertEquals([failing.result.outcome, failing.result.step, failing.kernel.qdiscs], ["failed", "1.2", []]);
  assertEquals(outcomes(failing.events).slice(-2), ["undo.release: done", "undo.detach.up: done"]);
});

Deno.test("when says whether a step is done, by a variable or by a condition", async () => {
  const run = async (slow: string) => {
    const { events } = await runText(`name: x
vars: { slow: ${slow} }
plugs: { up: { dev: eth0 } }
steps:
  - run: exit 1
    when: "\${slow}"
  - run: exit 1
    when: { plug: up, backlog: ">0" }
  - repeat: 2
    steps: [run: exit 1]
    when: { command: exit 1 }
  - log: done
    when: { plug: up, backlog: 0 }
`);
    const end = events.at(-1);
    assertEquals(end?.event === "scenario-end" && end.steps, slow === "true" ? 0 : 1);
    return ends(events).map(({ step, outcome, skipped }) => `${step}: ${skipped ? "skipped" : outcome}`).slice(1, -1);
  };
  assertEquals(await run("false"), ["1: skipped", "2: skipped", "3: skipped", "4: done"]);
  assertEquals((await run("true"))[0], "1: failed");
});

Deno.test("took fails a step that takes another time than it should, and a command of expect and run", async () => {
  const sleep = (took: string) => `  - sleep: 100ms\n    took: "${took}"`;
  assertEquals(await ending(sleep("<60s")), DONE);
  assertEquals(await ending(sleep(">=90ms")), DONE);
  const [outcome, step, message] = await ending(sleep("<20ms"));
  assertEquals([outcome, step], ["unmet", "1"]);
  assertMatch(message, /^Expected that it takes < 20ms: it took \d+ms$/);
  assertEquals(await ending('  - expect: { command: sleep 0.1, took: ">=90ms" }'), DONE);
  const [unmet, , why] = await ending('  - run: { command: sleep 0.1, took: "<50ms" }');
  assertEquals(unmet, "unmet");
  assertMatch(why, /^Expected that sleep 0\.1 ends after < 50ms: it took \d+ms$/);
});

Deno.test("wait and expect see whether a file is there, and what it holds", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/a`;
  try {
    assertEquals(await ending(`  - expect: { file: ${file}, exists: false }`), DONE);
    assertEquals(
      await ending(`
  - start: { name: x, command: "sleep 0.1; echo ready >${file}", exit: 0 }
  - wait: { file: ${file}, timeout: 60s }
  - wait: { file: ${file}, text: /^ready$/m, timeout: 60s }
`),
      DONE,
    );
    assertEquals(await ending(`  - expect: { file: ${file}, text: done }`), [
      "unmet",
      "1",
      `Expected that ${file} has done in it: it is there without that, and ends with "ready\\n"`,
    ]);
    assertEquals(await ending(`  - wait: { file: ${file}x, timeout: 500ms }`), [
      "failed",
      "1",
      `Timed out after 500ms waiting until ${file}x is there: it is not there`,
    ]);
    assertEquals(
      (await ending(`  - expect: { file: ${file}, exists: false }`))[2],
      `Expected that ${file} is not there: it is there`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("wait and expect see what a web server answers", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) =>
      new Response(`you asked ${new URL(request.url).search}`, { status: request.url.includes("no") ? 503 : 200 }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  assertEquals(await ending(`  - wait: { http: "${url}/?x=1", body: "you asked ?x=1" }`), DONE);
  assertEquals(await ending(`  - expect: { http: "${url}/no", status: ">=500" }`), DONE);
  assertEquals(await ending(`  - expect: { http: "${url}/no" }`), [
    "unmet",
    "1",
    `Expected that ${url}/no answers with status 200: status was 503`,
  ]);
  assertEquals(await ending(`  - wait: { http: "${url}/?a", body: other, timeout: 2s }`), [
    "failed",
    "1",
    `Timed out after 2s waiting until ${url}/?a answers with status 200 and other in its body: body was "you asked ?a"`,
  ]);
  const [outcome, , message] = await ending("  - wait: { http: http://127.0.0.1:1/, timeout: 1s }");
  assertEquals(outcome, "failed");
  assertMatch(message, /: there is no answer: .*refused/);
});

Deno.test("wait for HTTP ends in time where a server accepts and answers nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) accepted.push(connection);
  })();
  const from = performance.now();
  const [outcome] = await ending(`  - wait: { http: http://127.0.0.1:${listener.addr.port}/, timeout: 50ms }`);
  assertEquals(outcome, "failed");
  assert(performance.now() - from < 30_000);
  listener.close();
  await accepting;
  for (const connection of accepted) connection.close();
});

Deno.test("wait and expect see whether a port of UDP is listened on", async () => {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  assertEquals(await ending(`  - wait: { port: ${port}, udp: true }`), DONE);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  assertEquals(await ending(`  - expect: { port: ${port}, udp: true }`), [
    "unmet",
    "1",
    `Expected that UDP port ${port} answers: no process listens on UDP port ${port}`,
  ]);
});

Deno.test("run captures what a command writes, for the steps behind it", async () => {
  assertEquals(
    await ending(`
  - run: { command: echo " 3 ", capture: times }
  - run: { command: "echo listening on port 8080, pid 17", capture: { port: "/port ([0-9]+)/", pid: "/[0-9]+$/" } }
  - run: { command: [echo, "\${port} \${pid} \${times}"], stdout: /^8080 17 3$/m }
  - expect: { port: "\${port}", answers: false }
  - run: { command: "echo \${times}4", capture: times }
  - run: { command: "test \${times} = 34" }
  - repeat: 2
    steps: [run: { command: "echo x\${times}", capture: times }, run: "echo \${times} | grep ^x"]
  - run: "test \${times} = xx34"
`),
    DONE,
  );
});

Deno.test("run says what it could not capture", async () => {
  assertEquals(await ending('  - run: { command: echo no, capture: { port: "/port ([0-9]+)/" } }'), [
    "unmet",
    "1",
    'Expected that echo no ends with /port ([0-9]+)/ in stdout, for port: stdout was "no\\n"',
  ]);
});

Deno.test("a step that cannot be done with the value that was captured says where and why", async () => {
  const [outcome, step, message] = await ending(
    '  - run: { command: echo many, capture: port }\n  - wait: { port: "${port}" }',
  );
  assertEquals([outcome, step], ["failed", "2"]);
  assertEquals(message, 'Cannot do it: at 5:19 port is "many", expected a whole number from 1 to 65535');
  assertEquals(await ending("  - run: { command: echo 1, capture: port }\n    when: false\n  - log: '${port}'"), [
    "failed",
    "2",
    "Cannot do it: no step has given port a value yet",
  ]);
});

Deno.test("set gives variables values, and describes itself with them", async () => {
  const { result, events } = await runSteps(`
  - set: { mode: slow, count: 2 }
  - log: "\${mode} \${count}"
  - set: { mode: "\${mode}er" }
  - log: "\${mode}"
`);
  assertEquals(result.outcome, "done");
  const texts = events.flatMap((event) => event.event === "step-start" && event.phase === "steps" ? event.text : []);
  assertEquals(texts, ["set mode to slow, count to 2", "slow 2", "set mode to slower", "slower"]);
});

Deno.test("repeat goes round until a condition holds, and fails where it never does", async () => {
  const count = `  - run: { command: echo 0, capture: n }\n`;
  const round = `\n    steps: [run: { command: "expr \${n} + 1", capture: n }]\n`;
  const repeat = (words: string) =>
    `${count}  - repeat: { until: { command: "test $(ls | wc -l) -lt 0" }, ${words} }${round}`;
  assertEquals(await ending(`${count}  - repeat: { until: { file: / } }${round}  - run: "test \${n} = 1"`), DONE);
  const { events } = await runSteps("  - repeat: { until: { plug: up, sent: 3 }, within: 60s }\n    steps: [log: x]", {
    onEvent: (event, kernel) => {
      if (event.event === "step-start" && event.step.endsWith(".1")) kernel.transmit("a", kernel.devices[0]);
    },
  });
  assertEquals(outcomes(events).filter((text) => /^1\[\d\]:/.test(text)), ["1[1]: done", "1[2]: done", "1[3]: done"]);
  const [outcome, step, message] = await ending(repeat("times: 2"));
  assertEquals([outcome, step], ["failed", "2"]);
  assertMatch(
    message,
    /^Gave up after 2 rounds: not so that test .* ends with exit status 0: it ended with exit status 1$/,
  );
  assertMatch((await ending(repeat("within: 50ms")))[2], /^Gave up after 50ms: /);
});

Deno.test("run is run again as often as retry says", async () => {
  const folder = await Deno.makeTempDir();
  const command = `echo x >>${folder}/a; test $(wc -l <${folder}/a) -ge 3`;
  try {
    assertEquals(await ending(`  - run: { command: "${command}", retry: 2 }`), DONE);
    await Deno.remove(`${folder}/a`);
    assertEquals(await ending(`  - run: { command: "${command}", retry: 1 }`), [
      "failed",
      "1",
      `${command} ended with exit status 1, in the last of 2 runs`,
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("${folder} is the folder of the scenario's file, and no variable of it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/a.yaml`, 'name: x\nsteps: [log: "${folder}/b"]\n');
    const scenario = await Scenario.load(`${folder}/a.yaml`);
    assertEquals(scenario.describe()[1], `1: ${folder}/b`);
    assertEquals(scenario.toJSON().vars, {});
    await Deno.writeTextFile(`${folder}/a.yaml`, 'name: x\nvars: { folder: own }\nsteps: [log: "${folder}"]\n');
    assertEquals((await Scenario.load(`${folder}/a.yaml`)).describe()[1], "1: own");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("${HOST.address} is what a host is reached by, in gates, defaults and steps", () => {
  const plan = readScenario(
    `name: x
vars: { net: 10.0.0 }
defaults: { env: { SERVER: "\${server.address}" } }
hosts:
  client: { devices: { eth0: { to: server.eth0 }, eth1: { to: server.eth1, address: 10.1.0.1/24 } } }
  server: { devices: { eth0: { to: client, address: ["\${net}.2/24", "fd00::2/64"] }, eth1: { to: client.eth1, address: fd01::2/64 } } }
gates: { web: { host: client, dev: eth0, direction: out, match: "dst host \${server.address}" } }
steps:
  - log: "\${client.address} \${server.eth0.address} \${server.address6} \${server.eth1.address} \${server.eth1.address6}"
  - run: "true"
`,
    { file: "a.yaml" },
  );
  assertEquals(describePlan(plan).at(-3), "1: 10.1.0.1 10.0.0.2 fd00::2 fd01::2 fd01::2");
  assertEquals(plan.queues.map((queue) => queue.kind === "gate" && queue.match), [["dst host 10.0.0.2"]]);
  assertMatch(JSON.stringify(plan.steps), /"SERVER":"10.0.0.2"/);
  const unknown = () => readScenario('name: x\nhosts: { a: {} }\nsteps: [log: "${a.address}"]\n', { file: "a.yaml" });
  assertThrows(unknown, ScenarioError, "there is no variable ${a.address}");
});

Deno.test("${seed} is the seed of the run, and no variable of the file", async () => {
  const { events } = await runText('name: x\nsteps: [log: "it is ${seed}"]\n', { seed: 42 });
  assertEquals(texts(events), ["it is 42"]);
  const own = await runText('name: x\nvars: { seed: own }\nsteps: [log: "it is ${seed}"]\n', { seed: 42 });
  assertEquals(texts(own.events), ["it is own"]);
});

/** What the steps of a run said that they did. */
function texts(events: readonly ScenarioEvent[]): string[] {
  return events.flatMap((event) => event.event === "step-start" && event.phase === "steps" ? [event.text] : []);
}

const THREE = "three packets";
/** A run on whose plug three packets leave at each step `three packets`. */
async function counted(steps: string): Promise<[outcome: string, message: string]> {
  const { result } = await runSteps(steps, {
    onEvent(event, kernel) {
      if (event.event !== "step-end" || event.action !== "log") return;
      const [eth0] = kernel.devices;
      for (let packet = 0; packet < 3; packet++) kernel.transmit("packet", eth0);
    },
  });
  return [result.outcome, (result.error as Error | undefined)?.message ?? ""];
}

Deno.test("+N compares a counter with what it was when a condition last held of the queue", async () => {
  const send = `  - log: ${THREE}\n`;
  const expect = (test: string) => `  - expect: { plug: up, sent: "${test}" }\n`;
  assertEquals(await counted(`${send}${expect("+3")}${send}${expect(">=+2")}${send}${expect("+3")}${expect("9")}`), [
    "done",
    "",
  ]);
  assertEquals(await counted(`${send}${expect("3")}${send}${send}${expect("+3")}`), [
    "unmet",
    "Expected that sent of up = 3 more than before: sent of up is 9, 6 more",
  ]);
  // One that is made again counts from 0
  const again = `  - detach: up\n  - attach: { plug: up, dev: eth0 }\n`;
  assertEquals(await counted(`${send}${send}${expect("6")}${again}${send}${expect("+3")}`), ["done", ""]);
});

Deno.test("+N with since compares it with what it was when a step last began", async () => {
  const send = `  - log: ${THREE}\n`;
  const named = `  - { sleep: 1ms, name: reload }\n`;
  const expect = `  - expect: { plug: up, sent: "+6", since: reload }\n`;
  assertEquals(await counted(`${send}${named}${send}  - expect: { plug: up, sent: "+6" }\n${send}${expect}`), [
    "done",
    "",
  ]);
  assertEquals(await counted(`${named}${send}${named}${send}${expect}`), [
    "unmet",
    "Expected that sent of up = 6 more than at reload: sent of up is 6, 3 more",
  ]);
});
