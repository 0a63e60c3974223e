/** What ends in time: rounds, looks at conditions, and commands; and what steps take that other steps have set. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DONE, ending, outcomes, runSteps, runText } from "./fake_run.ts";

Deno.test("repeat ends its rounds, and what it asks, when its time is over", async () => {
  const from = performance.now();
  const file = "repeat: { until: { file: /no/such }, within: 50ms }";
  assertEquals(await ending(`  - ${file}\n    steps: [sleep: 60s]`), [
    "failed",
    "1",
    "Gave up after 50ms: not so that /no/such is there: that could not be found out; still doing round 1, line 5: sleep 60s",
  ]);
  const command = await ending("  - repeat: { until: { command: sleep 60 }, within: 50ms }\n    steps: [log: x]");
  assertEquals([command[0], command[1]], ["failed", "1"]);
  assertMatch(command[2], /^Gave up after 50ms: not so that sleep 60 ends with exit status 0: /);
  assert(performance.now() - from < 30_000);
});

Deno.test("repeat says how many rounds there were, and goes on where each starts the process anew", async () => {
  const started = "start: { name: p, command: 'true', exit: '>=0' }";
  const ended = "wait: { process: p, running: false, timeout: 60s }";
  assertEquals(
    (await ending(
      `  - ${started}\n  - ${ended}\n  - repeat: { until: { process: p, line: x } }\n    steps: [log: x]`,
    ))[2],
    "Gave up after 1 round: not so that p has written x: p ended with exit status 0",
  );
  const anew = "start: { name: p, command: 'exit ${round}', exit: '>=0' }";
  const again =
    `  - repeat: { until: { process: p, exit: 2 }, times: 5, as: round }\n    steps: [{ ${anew} }, { ${ended} }]`;
  const { result, events } = await runSteps(again);
  assertEquals(result.outcome, "done");
  assertEquals(outcomes(events).filter((text) => /^1\[\d\]:/.test(text)), ["1[1]: done", "1[2]: done"]);
});

Deno.test("a process may end by itself where until or when asks for its end", async () => {
  const start = "  - start: { name: p, command: sleep 0.1; exit 3 }\n";
  assertEquals(await ending(`${start}  - repeat: { until: { process: p, exit: 3 } }\n    steps: [sleep: 10ms]`), DONE);
  assertEquals(await ending(`${start}  - sleep: 500ms\n  - log: x\n    when: { process: p, running: false }`), DONE);
  const other = await ending(`${start}  - sleep: 500ms\n  - log: x\n    when: { process: p, line: x }`);
  assertEquals([other[0], other[1]], ["failed", "1"]);
});

Deno.test("what a step with others says of itself may have what steps have set", async () => {
  const when = async (text: string, more = "parallel: { a: [log: x] }") =>
    outcomes((await runSteps(`  - set: { path: /, ok: false, time: 20ms }\n  - ${more}\n    ${text}`)).events)
      .filter((outcome) => outcome.startsWith("2.a.1:"));
  assertEquals(await when('when: { file: "${path}" }'), ["2.a.1: done"]);
  assertEquals(await when('when: { file: "${path}no" }'), []);
  assertEquals(await when('when: "${ok}"'), []);
  const late = await ending('  - set: { time: 20ms }\n  - parallel: { a: [sleep: 60s] }\n    timeout: "${time}"');
  assertEquals(late[2], "Timed out after 20ms: at the same time: a; still doing branch a, line 5: sleep 60s");
  const wrong = await ending('  - set: { time: soon }\n  - parallel: { a: [log: x] }\n    timeout: "${time}"');
  assertEquals([wrong[0], wrong[1]], ["failed", "2"]);
  assertMatch(wrong[2], /^Cannot do it: at 6:14 timeout is "soon"/);
});

Deno.test("what every step and each condition takes may be set by a step", async () => {
  const set = (value: string, step: string) => ending(`  - set: { it: ${value} }\n  - ${step}`);
  assertEquals(await set("false", 'run: exit 1\n    when: "${it}"'), DONE);
  assertMatch((await set("http://127.0.0.1:1/", 'expect: { http: "${it}" }'))[2], /^Expected that http:/);
  const start = "  - start: { name: p, command: sleep 60, exit: '>=0' }\n";
  assertEquals(await ending(`${start}  - set: { it: SIGINT }\n  - signal: { name: p, signal: "\${it}" }`), DONE);
});

Deno.test("what nobody answers is given up in time, and does not answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  // Nobody accepts: once the queue is full, the kernel answers no SYN.
  const waiting = Array.from({ length: 8 }, () => {
    const given = new AbortController();
    const connecting = Deno.connect({ hostname: "127.0.0.1", port, signal: given.signal });
    return { given, connecting: connecting.then((connection) => connection.close(), () => {}) };
  });
  await Promise.all(waiting.slice(0, 2).map(({ connecting }) => connecting));
  const at = `port: ${port}, address: 127.0.0.1`;
  const from = performance.now();
  try {
    const wait = await ending(`  - wait: { ${at}, timeout: 200ms }`);
    assertMatch(wait[2], /^Timed out after 200ms .*: a connection to port \d+ of 127.0.0.1 is not answered$/);
    const http = await ending(`  - wait: { http: "http://127.0.0.1:${port}/", timeout: 200ms }`);
    assertMatch(http[2], /^Timed out after 200ms .*: there is no answer$/);
    assertEquals(await ending(`  - wait: { ${at}, answers: false, timeout: 200ms }`), DONE);
    const short = async (step: string) => {
      const { result } = await runText(`name: x\ndefaults: { timeout: 200ms }\nsteps:\n  - ${step}\n`);
      return [result.outcome, (result.error as Error | undefined)?.message ?? ""];
    };
    assertMatch((await short(`expect: { ${at} }`))[1], /^Expected that .*is not answered$/);
    assertEquals((await short(`expect: { ${at}, answers: false }`))[0], "done");
    assertMatch((await short(`expect: { http: "http://127.0.0.1:${port}/" }`))[1], /: there is no answer$/);
    assertEquals((await short(`log: x\n    when: { ${at} }`))[0], "done");
    assert(performance.now() - from < 30_000);
  } finally {
    for (const { given } of waiting) given.abort();
    await Promise.all(waiting.map(({ connecting }) => connecting));
  }
});

Deno.test("run is run again where it took too long, or wrote nothing that is to be captured", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const slow = `test -e ${folder}/a || { touch ${folder}/a; sleep 60; }`;
    assertEquals(await ending(`  - run: { command: "${slow}", timeout: 2s, retry: 1 }`), DONE);
    const late = `echo x >>${folder}/b; wc -l <${folder}/b`;
    assertEquals(await ending(`  - run: { command: "${late}", capture: { n: /3/ }, retry: 2 }`), DONE);
    const never = await ending("  - run: { command: sleep 60, timeout: 20ms, retry: 1 }");
    assertEquals(never, ["failed", "1", "Timed out after 20ms: sleep 60 still runs"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a list that is ended by its timeout says which it is, and what each branch waited for that was not done", async () => {
  const branches = `
  - parallel:
      quick: [log: x]
      slow:
        - log: y
        - wait: { plug: up, backlog: 2, timeout: 60s }
      deep:
        - repeat: 2
          steps:
            - parallel: { inner: [{ sleep: 60s, name: a nap }] }
              timeout: 60s
`;
  const late = await ending(`${branches}    timeout: 200ms`);
  assertEquals(late, [
    "failed",
    "1",
    "Timed out after 200ms: at the same time: quick, slow, deep; still doing branch slow, line 9: wait until backlog of " +
    "up = 2 (backlog of up is 0); branch deep, line 13: a nap",
  ]);
  const slow = await ending(`${branches.replace("timeout: 60s }", "timeout: 200ms }")}    timeout: 60s`);
  assertEquals(slow.slice(0, 2), ["failed", "1.slow.2"]);
  const deepest = await ending(`${branches.replace(/timeout: 60s\n$/, "timeout: 200ms\n")}    timeout: 60s`);
  assertEquals(deepest, [
    "failed",
    "1.deep.1[1].1",
    "Timed out after 200ms: at the same time: inner; still doing branch inner, line 13: a nap",
  ]);
});
