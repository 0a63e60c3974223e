import { assertEquals } from "@std/assert";
import { ends, outcomes, runSteps } from "./fake_run.ts";

/** Runs steps, and says how the scenario has ended and why. */
async function ending(steps: string): Promise<[outcome: string, message: string]> {
  const { result } = await runSteps(steps);
  return [result.outcome, (result.error as Error | undefined)?.message ?? ""];
}

Deno.test("run runs a command to its end, and keeps what it has written", async () => {
  const { result, events } = await runSteps("  - run: echo out; echo err >&2");
  assertEquals(result.outcome, "done");
  const { ran } = ends(events)[1];
  assertEquals([ran?.exit, ran?.stdout, ran?.stderr, ran?.cut], [0, "out\n", "err\n", undefined]);
  assertEquals(ran?.command, ["/bin/sh", "-c", "echo out; echo err >&2"]);
});

Deno.test("run gives a command its environment, folder and input, and a list of words as it is", async () => {
  const steps = `
  - run: { command: 'echo "$A $(pwd) $(cat)"', env: { A: 1 }, cwd: /, stdin: hello, stdout: "1 / hello" }
  - run: { command: [printf, "%s|", "a b", "$HOME"], stdout: "a b|$HOME|" }
`;
  assertEquals(await ending(steps), ["done", ""]);
});

Deno.test("run runs a command as the user that is said, with the user's folder in HOME", async () => {
  const own = Deno.uid();
  assertEquals(
    await ending(`  - run: { command: 'echo "$(id -u) $LOGNAME"', user: ${own}, stdout: "/^${own} [^ ]+$/m" }`),
    ["done", ""],
  );
  assertEquals(await ending("  - start: { name: web, command: x, user: no-such-user }"), [
    "failed",
    "Cannot start web: there is no user no-such-user",
  ]);
  const steps =
    `  - run: { command: 'echo "$(id -u):$(id -g):$(id -G) $HOME"', user: 54321, cwd: /, stdout: "54321:54321:54321 /" }`;
  const forbidden = "Cannot run /bin/sh: only root may run a program as another user, 54321";
  assertEquals(await ending(steps), own === 0 ? ["done", ""] : ["failed", forbidden]);
});

Deno.test("run fails where a command does, and does not meet what is expected where that is said", async () => {
  assertEquals(await ending("  - run: exit 3"), ["failed", "exit 3 ended with exit status 3"]);
  assertEquals(await ending("  - run: { command: exit 3, exit: 3 }"), ["done", ""]);
  assertEquals(await ending("  - run: { command: exit 3, exit: 'any' }"), ["done", ""]);
  assertEquals(await ending("  - run: { command: exit 3, exit: [0, 3] }"), ["done", ""]);
  assertEquals(await ending('  - run: { command: exit 3, exit: "<3" }'), [
    "unmet",
    "Expected that exit 3 ends with exit status < 3: it ended with exit status 3",
  ]);
  assertEquals(await ending("  - run: { command: echo no, stdout: yes }"), [
    "unmet",
    'Expected that echo no ends with yes in stdout: stdout was "no"',
  ]);
  assertEquals(await ending("  - run: kill -9 $$"), ["failed", "kill -9 $$ was ended by SIGKILL"]);
  assertEquals(await ending("  - run: [/nonexistent/program]"), [
    "failed",
    "Cannot run /nonexistent/program: there is no program /nonexistent/program",
  ]);
  assertEquals(await ending("  - run: { command: ls, cwd: /nonexistent }"), [
    "failed",
    "Cannot run /bin/sh: there is no folder /nonexistent",
  ]);
  const file = await Deno.makeTempFile();
  assertEquals(await ending(`  - run: [${file}]`), [
    "failed",
    `Cannot run ${file}: this user may not run ${file}, or not enter the folder ${Deno.cwd()}`,
  ]);
  await Deno.remove(file);
  assertEquals(await ending("  - start: { name: server, command: [nosuch] }"), [
    "failed",
    "Cannot start server: there is no program nosuch",
  ]);
});

Deno.test("run ends a command that takes too long, with what it has started", async () => {
  const { result, events } = await runSteps("  - run: { command: sleep 3600 & sleep 3600, timeout: 20ms }");
  assertEquals(result.outcome, "failed");
  assertEquals((result.error as Error).message, "Timed out after 20ms: sleep 3600 & sleep 3600 still runs");
  assertEquals(ends(events)[1].ran?.signal, "SIGKILL");
});

Deno.test("run does not wait for what a command has left behind, which is ended in the end", async () => {
  const { result, events } = await runSteps("  - run: (sleep 3600; echo no) & echo $!");
  assertEquals([result.outcome, result.undone], ["done", true]);
  const pid = Number(ends(events)[1].ran?.stdout);
  assertEquals(isRunning(pid), false);
});

Deno.test("a daemon that leaves its session is ended in the end", async () => {
  const file = await Deno.makeTempFile();
  const daemon = `setsid sh -c 'echo $$ >${file}; exec sleep 3600' & while ! test -s ${file}; do sleep 0.01; done`;
  const { result, events } = await runSteps(`  - run: ${daemon}; cat ${file}; rm ${file}`);
  assertEquals(result.outcome, "done");
  assertEquals(isRunning(Number(ends(events)[1].ran?.stdout)), false);
});

Deno.test("expect holds a command against what is expected of it", async () => {
  assertEquals(await ending("  - expect: { command: 'true' }"), ["done", ""]);
  assertEquals((await ending("  - expect: { command: 'false' }"))[0], "unmet");
  assertEquals(await ending("  - expect: { command: echo hello, stdout: /^hel+o$/m }"), ["done", ""]);
});

Deno.test("start, wait, expect, stop and join see to a process that runs beside the steps", async () => {
  const steps = `
  - start: { name: child, command: "trap 'echo bye; exit 7' TERM; echo ready; echo ready; while :; do sleep 0.01; done" }
  - wait: { process: child, line: ready, timeout: 60s }
  - wait: { process: child, line: /^ready$/, timeout: 60s }
  - stop: { name: child, timeout: 60s }
  - join: { name: child, exit: 7, stdout: bye }
  - expect: { process: child, exit: ">0" }
  - wait: { process: child, stdout: bye, exit: 7 }
`;
  assertEquals(await ending(steps), ["done", ""]);
});

Deno.test("wait fails at once where a process has ended without what is waited for", async () => {
  const start = "  - start: { name: child, command: 'echo no; exit 1', exit: 1 }\n";
  assertEquals(await ending(`${start}  - wait: { process: child, line: ready, timeout: 1h }`), [
    "failed",
    "Gave up waiting until child has written ready: child ended with exit status 1; it says: no",
  ]);
  assertEquals(await ending(`${start}  - wait: { process: child, exit: 0, timeout: 1h }`), [
    "failed",
    "Gave up waiting until child has ended with exit status 0: child ended with exit status 1; it says: no",
  ]);
  assertEquals(await ending(`${start}  - wait: { process: child, stdout: yes, exit: 1, timeout: 1h }`), [
    "failed",
    'Gave up waiting until child has ended with exit status 1 and yes in stdout: stdout was "no"',
  ]);
  assertEquals(
    await ending(
      `${start}  - wait: { process: child, running: false }\n  - wait: { process: child, running: true, timeout: 1h }`,
    ),
    [
      "failed",
      "Gave up waiting until child runs: child ended with exit status 1; it says: no",
    ],
  );
});

Deno.test("wait and expect see whether a process runs", async () => {
  assertEquals(
    await ending(`
  - start: { name: child, command: "read go; exit 5" }
  - expect: { process: child, running: true }
  - send: { name: child, text: "go\\n" }
  - wait: { process: child, running: false, timeout: 60s }
  - expect: { process: child, exit: 5 }
`),
    ["done", ""],
  );
});

Deno.test("wait runs a command until it ends as it should, and no longer than it is told", async () => {
  const file = await Deno.makeTempFile();
  try {
    assertEquals(await ending(`  - wait: { command: "echo x >>${file}; wc -l <${file}", stdout: "3", timeout: 60s }`), [
      "done",
      "",
    ]);
    const [outcome, message] = await ending("  - wait: { command: 'echo no; exit 4', exit: 0, timeout: 2s }");
    assertEquals([outcome, message], [
      "failed",
      "Timed out after 2s waiting until echo no; exit 4 ends with exit status 0: it ended with exit status 4; it says: no",
    ]);
    const late = await runSteps("  - wait: { command: 'sleep 3600', timeout: 50ms }");
    assertEquals(
      (late.result.error as Error).message,
      "Timed out after 50ms waiting until sleep 3600 ends with exit status 0: that could not be found out",
    );
  } finally {
    await Deno.remove(file);
  }
});

/** How a scenario ends in which a process is started and steps follow, and how long it took. */
async function afterStart(
  start: string,
  steps: string,
): Promise<[outcome: string, step: string | undefined, message: string]> {
  const { result } = await runSteps(`  - start: { name: child, ${start} }\n${steps}`);
  return [result.outcome, result.step, (result.error as Error | undefined)?.message ?? ""];
}

Deno.test("a process that ends by itself ends the scenario at once, with its status and its last words", async () => {
  const death = "command: 'echo so; echo bad path >&2; exit 1'";
  const failed = ["failed", "1", "child ended with exit status 1 by itself; it says: bad path"];
  for (const steps of ["  - sleep: 1h", "  - wait: { port: 1, timeout: 1h }", "  - run: sleep 3600"]) {
    assertEquals(await afterStart(death, steps), failed, steps);
  }
  const nested =
    "  - repeat: 2\n    steps: [parallel: { one: [sleep: 1h], two: [wait: { process: child, line: x, timeout: 1h }] }]";
  assertEquals(await afterStart(death, nested), failed);
  assertEquals(await afterStart("command: 'true'", "  - sleep: 1h"), [
    "failed",
    "1",
    "child ended with exit status 0 by itself, and no step waits for that; if it may, say so: start: { …, exit: 0 }",
  ]);
  assertEquals(await afterStart("command: kill -9 $$", "  - sleep: 1h"), [
    "failed",
    "1",
    "child was ended by SIGKILL",
  ]);
});

Deno.test("a process may end by itself where start says so", async () => {
  const sleep = "  - sleep: 100ms";
  assertEquals(await afterStart("command: exit 1, exit: 'any'", sleep), ["done", undefined, ""]);
  assertEquals(await afterStart("command: 'true', exit: 0", sleep), ["done", undefined, ""]);
  assertEquals(await afterStart("command: exit 3, exit: [0, 3]", sleep), ["done", undefined, ""]);
  assertEquals(await afterStart("command: 'echo no; exit 3', exit: 0", "  - sleep: 1h"), [
    "unmet",
    "1",
    "Expected that child ends with exit status 0: child ended with exit status 3; it says: no",
  ]);
});

Deno.test("a process may end by itself as a join, wait or expect of the file wants it to", async () => {
  const sleep = "  - sleep: 100ms\n";
  assertEquals(await afterStart("command: exit 7", `${sleep}  - join: { name: child, exit: 7 }`), [
    "done",
    undefined,
    "",
  ]);
  assertEquals(await afterStart("command: 'true'", `${sleep}  - join: child`), ["done", undefined, ""]);
  assertEquals(await afterStart("command: exit 7", `${sleep}  - wait: { process: child, exit: ">0", timeout: 60s }`), [
    "done",
    undefined,
    "",
  ]);
  assertEquals(await afterStart("command: exit 7", "  - sleep: 1h\n  - join: { name: child, exit: 0 }"), [
    "unmet",
    "1",
    "Expected that child ends with exit status 0: child ended with exit status 7",
  ]);
  assertEquals(await afterStart("command: exit 7", "  - sleep: 1h\n  - join: child"), [
    "failed",
    "1",
    "child ended with exit status 7",
  ]);
  // What an output must be is for the join to say.
  assertEquals(await afterStart("command: echo no", `${sleep}  - join: { name: child, stdout: yes }`), [
    "unmet",
    "3",
    'Expected that child ends with yes in stdout: stdout was "no"',
  ]);
});

Deno.test("a process that is stopped, or still runs in the end, has not ended by itself", async () => {
  const trap = "command: 'trap \"exit 5\" TERM; echo ready; while :; do sleep 0.01; done'";
  const ready = "  - wait: { process: child, line: ready, timeout: 60s }\n";
  assertEquals(await afterStart(trap, `${ready}  - stop: child\n  - sleep: 50ms`), ["done", undefined, ""]);
  assertEquals(await afterStart("command: sleep 3600", "  - sleep: 1ms"), ["done", undefined, ""]);
});

Deno.test("signal sends a signal, which may end a process where it is meant to, and fails where there is none", async () => {
  const trap = (signal: string) => `command: 'trap "echo got it" ${signal}; echo ready; while :; do sleep 0.01; done'`;
  const ready = "  - wait: { process: child, line: ready, timeout: 60s }\n";
  const send = (signal: string) => `  - signal: { name: child, signal: ${signal} }\n`;
  const got =
    "  - wait: { process: child, line: got it, timeout: 60s }\n  - expect: { process: child, running: true }\n";
  assertEquals(await afterStart(trap("HUP"), `${ready}${send("SIGHUP")}${got}`), ["done", undefined, ""]);
  const end = "  - wait: { process: child, running: false, timeout: 60s }\n  - sleep: 50ms\n";
  assertEquals(await afterStart("command: sleep 3600", `${send("SIGKILL")}${end}`), ["done", undefined, ""]);
  assertEquals(await afterStart("command: sleep 3600", `${send("SIGUSR1")}  - sleep: 1h\n`), [
    "failed",
    "1",
    "child was ended by SIGUSR1",
  ]);
  assertEquals(await afterStart("command: sleep 3600", "  - stop: { name: child, signal: SIGHUP }\n"), [
    "done",
    undefined,
    "",
  ]);
  assertEquals(await afterStart("command: 'true', exit: 0", `${end}${send("SIGTERM")}`), [
    "failed",
    "4",
    "Cannot send SIGTERM to child: it has ended",
  ]);
});

Deno.test("a process that is started in each round is judged in each", async () => {
  const round = (exit: string) => `
  - repeat: { over: [0, ${exit}], as: status }
    steps:
      - start: { name: child, command: "exit \${status}" }
      - sleep: 100ms
      - join: child
`;
  assertEquals(await ending(round("0")), ["done", ""]);
  const { result } = await runSteps(round("4"));
  assertEquals([result.step, (result.error as Error).message], ["1[2].1", "child ended with exit status 4"]);
});

Deno.test("a process's end is an event, with its last lines in the order in which they were read", async () => {
  const { events } = await runSteps(`
  - start: { name: child, exit: 'any', command: 'for i in $(seq 30); do echo $i; done; read go; echo end >&2; exit 2' }
  - wait: { process: child, line: 30, timeout: 60s }
  - send: { name: child, text: "go\\n" }
  - wait: { process: child, exit: 'any', timeout: 60s }
`);
  const [ended] = events.filter((event) => event.event === "process-end");
  assertEquals([ended.process, ended.step, ended.isExpected, ended.ran.exit], ["child", "1", true, 2]);
  assertEquals(ended.ran.last, [...Array.from({ length: 19 }, (_, index) => String(index + 12)), "end"]);
});

Deno.test("wait finds a line once only: the next looks behind it", async () => {
  const { result } = await runSteps(`
  - start: { name: child, command: "echo one; sleep 3600" }
  - wait: { process: child, line: one, timeout: 60s }
  - wait: { process: child, line: one, timeout: 5ms }
`);
  assertEquals([result.outcome, result.step], ["failed", "3"]);
});

Deno.test("wait that times out says the last line of a process that runs, or that there is none", async () => {
  const wait = "  - wait: { process: child, line: ready, timeout: 5ms }";
  const start = (command: string) => `  - start: { name: child, command: ${command} }\n`;
  const spoken = `${start("'echo one; echo two; sleep 3600'")}  - wait: { process: child, line: two, timeout: 60s }\n`;
  const message = "Timed out after 5ms waiting until child has written ready:";
  assertEquals(await ending(`${spoken}${wait}`), ["failed", `${message} the last line of child is "two"`]);
  assertEquals(await ending(`${start("sleep 3600")}${wait}`), ["failed", `${message} child has written nothing`]);
});

Deno.test("join fails where a process does, and waits no longer than it is told", async () => {
  const start = (command: string) => `  - start: { name: child, command: ${command} }\n`;
  assertEquals(await ending(`${start("exit 2")}  - join: child`), [
    "failed",
    "child ended with exit status 2",
  ]);
  assertEquals(await ending(`${start("exit 2")}  - join: { name: child, exit: 0 }`), [
    "unmet",
    "Expected that child ends with exit status 0: child ended with exit status 2",
  ]);
  assertEquals(await ending(`${start("sleep 3600")}  - join: { name: child, timeout: 5ms }`), [
    "failed",
    "Timed out after 5ms: child still runs",
  ]);
});

Deno.test("stop kills what does not end by the signal", async () => {
  const { result, events } = await runSteps(`
  - start: { name: child, command: "trap '' TERM; echo ready; while :; do sleep 0.01; done" }
  - wait: { process: child, line: ready, timeout: 60s }
  - stop: { name: child, timeout: 20ms }
`);
  assertEquals(result.outcome, "done");
  assertEquals(ends(events).find(({ step }) => step === "3")?.ran?.signal, "SIGKILL");
});

Deno.test("processes that still run in the end are stopped, and told of", async () => {
  const { events } = await runSteps("  - start: { name: child, command: [sleep, '3600'] }");
  assertEquals(outcomes(events).slice(-2), ["undo.stop.child: done", "undo.detach.up: done"]);
  const { ran } = ends(events).find(({ step }) => step === "undo.stop.child") ?? {};
  assertEquals([ran?.name, ran?.signal], ["child", "SIGTERM"]);
});

Deno.test("a process cannot be started twice at a time, nor found where it was not started", async () => {
  const start = "  - start: { name: child, command: [sleep, '3600'] }\n";
  assertEquals((await ending(start + start))[1], "Cannot start child: it runs already");
  const [, message] = await ending(`  - repeat: 0\n    steps: [start: { name: late, command: x }]\n  - join: late`);
  assertEquals(message, "Cannot find process late: it has not been started");
});

Deno.test("the end of what a process writes is kept where that is much", async () => {
  const { events } = await runSteps("  - run: head -c 200000 /dev/zero | tr '\\0' x; echo end");
  const { ran } = ends(events)[1];
  assertEquals([ran?.stdout?.length, ran?.stdout?.endsWith("xend\n"), ran?.cut], [65536, true, true]);
});

Deno.test("wait and expect see whether a port answers, by those who listen and by connecting", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted = (async () => {
    for await (const connection of listener) connection.close();
  })();
  assertEquals(await ending(`  - expect: { port: ${port} }\n  - wait: { port: ${port}, address: 127.0.0.1 }`), [
    "done",
    "",
  ]);
  listener.close();
  await accepted;
  const none =
    `  - expect: { port: ${port}, answers: false }\n  - wait: { port: ${port}, address: 127.0.0.1, answers: false }\n`;
  assertEquals(await ending(`${none}  - expect: { port: ${port} }`), [
    "unmet",
    `Expected that port ${port} answers: no process listens on port ${port}`,
  ]);
});

function isRunning(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ")[2] !== "Z";
  } catch (error) {
    // A file of a process that ends while it is read is met with ESRCH.
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return false;
    throw error;
  }
}
