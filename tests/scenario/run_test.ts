import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import * as v from "valibot";
import type { StepStart } from "../../scenario/event.ts";
import { EVENT } from "../../scenario/event_schema.ts";
import { ends, FakeClock, outcomes, runSteps, runText, sequenceOf } from "./fake_run.ts";

/** What is always sent first and last where all goes well. */
const ATTACH = "create 1 root 504c: no options; change 1 root 504c: release-indefinite";
const DETACH = ["change 1 root 504c: release-indefinite", "delete 1 root 504c:"];

Deno.test("run() attaches, holds, releases, detaches, and says so in order", async () => {
  const { result, events, kernel } = await runSteps(`
  - buffer: up
  - release-one: up
  - limit: { plug: up, size: 64k }
  - release-indefinite: up
`);
  assertEquals([result.outcome, result.undone, result.error], ["done", true, undefined]);
  assertEquals(outcomes(events), [
    "setup.attach.up: done",
    "1: done",
    "2: done",
    "3: done",
    "4: done",
    "undo.detach.up: done",
  ]);
  const asked = ["buffer", "release-one", "limit 65536", "release-indefinite"];
  assertEquals(kernel.changes, [ATTACH, ...asked.map((words) => `change 1 root 504c: ${words}`), ...DETACH]);
  assertEquals([kernel.accidents, kernel.qdiscs], [[], []]);
});

Deno.test("run() gives events that their schema describes, also once they have been JSON", async () => {
  const { events } = await runSteps(`
  - repeat: { times: 2, as: round }
    name: rounds
    steps:
      - parallel:
          one: [buffer: up, sleep: 1ms..2ms, release-indefinite: up]
          two: [run: { command: "echo a; echo b >&2" }]
  - start: { name: child, command: [sleep, "60"] }
  - buffer: up
    at: 5ms
  - expect: { plug: up, drops: 1 }
`);
  for (const event of events.map((event) => JSON.parse(JSON.stringify(event)))) {
    assertEquals(v.parse(EVENT, event), event);
  }
  assertEquals([events[0].event, events.at(-1)?.event], ["scenario-start", "scenario-end"]);
});

Deno.test("run() gives the counters before and after a step, and what was held altogether", async () => {
  const { events, result } = await runSteps(
    "  - buffer: up\n  - log: now\n  - wait: { plug: up, packets: 3 }\n  - release-indefinite: up",
    {
      onEvent: (event, kernel) => {
        if (event.event !== "step-start" || event.step !== "2") return;
        for (const packet of ["a", "b", "c"]) kernel.transmit(packet, kernel.devices[0]);
      },
    },
  );
  const held = (stats: Record<string, { backlogPackets: number }>) => stats.up?.backlogPackets;
  assertEquals(ends(events).map(({ step, before, after }) => [step, held(before), held(after)]), [
    ["setup.attach.up", undefined, 0],
    ["1", 0, 0],
    ["2", 3, 3],
    ["3", 3, 3],
    ["4", 3, 0],
    ["undo.detach.up", 0, undefined],
  ]);
  const { packets, holds, mostHeld, drops } = result.queues.up;
  assertEquals({ packets, holds, mostHeld, drops }, { packets: 3, holds: 1, mostHeld: 3, drops: 0 });
});

Deno.test("run() ends at a step that fails, says why with the errno, and undoes everything", async () => {
  const { result, events, kernel } = await runSteps(
    "  - log: x\n  - log: gone\n  - release-one: up\n  - log: never",
    {
      onEvent: (event, kernel) => {
        if (event.event === "step-start" && event.step === "2") kernel.removeQdisc(kernel.qdiscs[0]);
      },
    },
  );
  assertEquals([result.outcome, result.step, result.undone], ["failed", "3", true]);
  const [failed] = ends(events).filter(({ step }) => step === "3");
  assertEquals([failed.errno, failed.errnoName], [2, "ENOENT"]);
  assertEquals(failed.sentence, "Cannot release-one eth0 (root): no plug is attached");
  assertEquals(outcomes(events).includes("4: done"), false);
  assertEquals(kernel.qdiscs, []);
});

Deno.test("run() says what was expected and what is, and that is not a failure", async () => {
  const { result, kernel } = await runSteps('  - buffer: up\n  - expect: { plug: up, backlog: ">=1", drops: 0 }');
  assertEquals([result.outcome, result.step, result.undone], ["unmet", "2", true]);
  assertEquals(
    (result.error as Error).message,
    "Expected that backlog of up >= 1 and drops of up = 0: backlog of up is 0, drops of up is 0",
  );
  assertEquals(kernel.changes.slice(-3), ["change 1 root 504c: release-indefinite", ...DETACH]);
});

Deno.test("run() fails where what it waits for has not come in time", async () => {
  const { result } = await runSteps("  - wait: { plug: up, sent: 5, timeout: 5ms }");
  assertEquals([result.outcome, result.step], ["failed", "1"]);
  assertEquals((result.error as Error).message, "Timed out after 5ms waiting until sent of up = 5: sent of up is 0");
});

Deno.test("run() ends when it is told to, in a sleep, a wait and a run, and undoes everything", async () => {
  for (const step of ["sleep: 1h", "wait: { plug: up, sent: 5, timeout: 1h }", "run: sleep 3600"]) {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { result, events, kernel } = await runSteps(`  - buffer: up\n  - ${step}`, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.event === "step-start" && event.step === "2") setTimeout(() => controller.abort(reason));
      },
    });
    assertEquals([result.outcome, result.error, result.undone], ["aborted", reason, true], step);
    assertEquals(outcomes(events).slice(-3), ["2: aborted", "undo.release: done", "undo.detach.up: done"]);
    assertEquals(kernel.qdiscs, []);
  }
});

Deno.test("run() does nothing where it is told to end before it begins", async () => {
  const { result, kernel } = await runSteps("  - buffer: up", { signal: AbortSignal.abort(new Error("no")) });
  assertEquals([result.outcome, kernel.changes], ["aborted", []]);
});

Deno.test("run() ends when the scenario's timeout is over, and undoes everything", async () => {
  const { result, kernel } = await runText(
    "name: x\ntimeout: 20ms\nplugs: { up: { dev: eth0 } }\nsteps: [buffer: up, sleep: 1h]",
  );
  assertEquals([result.outcome, result.step, result.undone], ["failed", "2", true]);
  assertEquals((result.error as Error).message, "Cannot go on: the scenario's timeout of 20ms is over");
  assertEquals(kernel.qdiscs, []);
});

Deno.test("run() does every step of cleanup, whatever happened, with everything released", async () => {
  const { result, events, kernel } = await runText(`name: x
plugs: { up: { dev: eth0 } }
steps: [buffer: up, expect: { plug: up, backlog: 1 }]
cleanup: [run: "exit 3", log: still here]
`);
  assertEquals([result.outcome, result.step], ["unmet", "2"]);
  assertEquals(outcomes(events).slice(2), [
    "2: unmet",
    "undo.release: done",
    "cleanup.1: failed",
    "cleanup.2: done",
    "undo.detach.up: done",
  ]);
  assertEquals(kernel.qdiscs, []);
});

Deno.test("run() fails where cleanup alone fails", async () => {
  const { result } = await runText("name: x\nsteps: [log: x]\ncleanup: [run: 'echo no >&2; exit 3']");
  assertEquals([result.outcome, result.step], ["failed", "cleanup.1"]);
  assertEquals(
    (result.error as Error).message,
    "echo no >&2; exit 3 ended with exit status 3; it says: no",
  );
});

Deno.test("run() gives the same sequence of events for the same seed, and chooses otherwise for another", async () => {
  const steps = `
  - repeat: { over: [a, b], as: letter }
    steps:
      - log: "\${letter}"
      - sleep: 1us..900us
      - parallel:
          slow: [sleep: 3ms, buffer: up, sleep: 1us..900us]
          fast: [sleep: 1us..900us, log: x]
      - release-indefinite: up
`;
  const [first, again, other] = await Promise.all([1, 1, 2].map((seed) => runSteps(steps, { seed })));
  assertEquals(sequenceOf(first.events), sequenceOf(again.events));
  const chosen = ({ events }: typeof first) => ends(events).flatMap(({ chosen }) => chosen ?? []);
  assertEquals(chosen(first).length, 8);
  assert(chosen(first).some((micros, index) => micros !== chosen(other)[index]));
  for (const micros of chosen(first)) assert(micros === 3000 || micros >= 1 && micros <= 900, `${micros}`);
});

Deno.test("a step with steps in it is ended with them when its timeout is over, and has failed", async () => {
  const ending = async (steps: string) => {
    const { result, events } = await runSteps(steps);
    return [result.outcome, result.step, (result.error as Error | undefined)?.message, outcomes(events)];
  };
  const doing = "branch a, line 4: run sleep 3600; branch b, line 4: sleep 3600s";
  const late = `Timed out after 50ms: at the same time: a, b; still doing ${doing}`;
  const [result, blamed, why, course] = await ending(
    "  - parallel: { a: [run: sleep 3600], b: [log: x, sleep: 1h] }\n    timeout: 50ms\n  - log: never",
  );
  assertEquals([result, blamed, why], ["failed", "1", late]);
  const steps = ["1.a.1: aborted", "1.a: aborted", "1.b.1: done", "1.b.2: aborted", "1.b: aborted", "1: failed"];
  assertEquals((course as string[]).filter((text) => /^\d/.test(text)), steps);
  const rounds = "  - repeat: 1000\n    timeout: 50ms\n    steps: [run: sleep 0.02]";
  const [outcome, step, message] = await ending(rounds);
  assertEquals([outcome, step], ["failed", "1"]);
  assertMatch(
    String(message),
    /^Timed out after 50ms: repeat 1000 times; still doing round \d+, line 6: run sleep 0\.02$/,
  );
  const within = "  - hold: { plug: up, while: [sleep: 1h] }\n    timeout: 50ms";
  assertEquals((await ending(within)).slice(0, 3), [
    "failed",
    "1",
    "Timed out after 50ms: hold up during 1 step; still doing line 4: sleep 3600s",
  ]);
  assertEquals((await ending("  - repeat: 2\n    timeout: 1h\n    steps: [log: x]"))[0], "done");
});

Deno.test("the seed chooses among the values of a variable, for each round anew", async () => {
  const steps = `
  - repeat: 40
    steps:
      - set: { when: { random: [early, late, never] }, fixed: 1 }
      - log: "\${when} \${fixed}"
`;
  const saidWith = async (seed: number) => {
    const { events } = await runSteps(steps, { seed });
    const starts = events.filter((event) => event.event === "step-start");
    assert(starts.some(({ text }) => text === "set when to one of early, late, never, fixed to 1"));
    const said = starts.flatMap(({ action, text }) => action === "log" ? text.replace(/ 1$/, "") : []);
    const notes = ends(events).flatMap(({ action, notes }) => action === "set" ? notes ?? [] : []);
    assertEquals(notes, said.map((word) => `when is ${word}`));
    return said;
  };
  const first = await saidWith(1);
  assertEquals(new Set(first), new Set(["early", "late", "never"]));
  assertEquals(await saidWith(1), first);
  assertNotEquals(await saidWith(2), first);
});

Deno.test("run() gives the events of branches one branch after the other, or by time", async () => {
  const steps = "  - parallel:\n      slow: [sleep: 20ms, log: x]\n      fast: [log: y]";
  const order = async (order: "file" | "time") =>
    ends((await runSteps(steps, { order })).events).map(({ step }) => step).filter((step) => step.startsWith("1."));
  assertEquals(await order("file"), ["1.slow.1", "1.slow.2", "1.slow", "1.fast.1", "1.fast"]);
  assertEquals(await order("time"), ["1.fast.1", "1.fast", "1.slow.1", "1.slow.2", "1.slow"]);
});

Deno.test("run() ends the other branches where one fails, and names that one", async () => {
  const { result, events } = await runSteps(
    "  - parallel:\n      one: [sleep: 1h]\n      two: [expect: { plug: up, sent: 1 }]\n  - log: never",
  );
  assertEquals([result.outcome, result.step], ["unmet", "1.two.1"]);
  assertEquals(outcomes(events).slice(1, 6), [
    "1.one.1: aborted",
    "1.one: aborted",
    "1.two.1: unmet",
    "1.two: unmet",
    "1: unmet",
  ]);
});

Deno.test("run() does a step at its time, counted from the beginning of its list", async () => {
  const { events } = await runSteps(
    "  - sleep: 200ms\n  - buffer: up\n    at: 500ms\n  - release-indefinite: up\n    at: 500500us",
    { clock: new FakeClock() },
  );
  const started = (step: string) => events.find((event) => event.event === "step-start" && event.step === step);
  const ended = (step: string) => ends(events).find((end) => end.step === step);
  assertEquals((started("2") as StepStart).due, 500_000);
  assertEquals([ended("2")?.asked, ended("3")?.asked], [500_000, 500_500]);
});

Deno.test("run() does a step whose time is over at once", async () => {
  const { events } = await runSteps("  - sleep: 2s\n  - buffer: up\n    at: 1s", { clock: new FakeClock() });
  assertEquals(ends(events).find(({ step }) => step === "2")?.asked, 2_000_000);
});

Deno.test("run() undoes everything where nobody takes its events, and then throws what was thrown", async () => {
  let kernel: Awaited<ReturnType<typeof runSteps>>["kernel"] | undefined;
  const error = new Error("no reader");
  const run = runSteps("  - buffer: up\n  - sleep: 1h", {
    onEvent: (event, fake) => {
      kernel = fake;
      if (event.event === "step-start" && event.step === "2") throw error;
    },
  });
  assertEquals(await assertRejects(() => run), error);
  assertEquals([kernel?.qdiscs, kernel?.accidents], [[], []]);
});

Deno.test("run() attaches and detaches in between, and refuses what is not there or twice there", async () => {
  const attach = "attach: { plug: late, dev: eth1, limit: 100k }";
  const good = await runSteps(`  - ${attach}\n  - buffer: [up, late]\n  - detach: late\n  - ${attach}`);
  assertEquals(good.result.outcome, "done");
  assertEquals(good.kernel.qdiscs, []);
  const twice = await runSteps(`  - ${attach}\n  - ${attach}`);
  assertEquals((twice.result.error as Error).message, "Cannot attach late: it is attached already");
  const early = await runSteps(`  - buffer: late\n  - ${attach}`);
  assertEquals((early.result.error as Error).message, "Cannot buffer late: it is not attached now");
});

Deno.test("run() notes a limit that one packet may pass", async () => {
  const { events } = await runSteps("  - attach: { plug: late, dev: eth1, limit: 10k }");
  assertMatch(
    ends(events).find(({ step }) => step === "1")?.notes?.join() ?? "",
    /^the limit of 10240 bytes is less than/,
  );
});

Deno.test("run() releases what holds also where another of the queues was refused", async () => {
  const text = `name: x
plugs: { up: { dev: eth0 }, gone: { dev: eth1 } }
steps: [log: x, buffer: [up, gone]]
cleanup: [log: x]
`;
  const { result, events, kernel } = await runText(text, {
    onEvent: (event, kernel) => {
      if (event.event === "step-start" && event.step === "1") kernel.removeQdisc(kernel.qdiscs[1]);
      if (event.event === "step-start" && event.step === "cleanup.1") {
        assertEquals(kernel.plugAt(kernel.devices[0]).holds, false);
      }
    },
  });
  assertEquals([result.outcome, result.step, result.undone], ["failed", "2", true]);
  assertEquals(outcomes(events).slice(-4), [
    "undo.release: done",
    "cleanup.1: done",
    "undo.detach.up: done",
    "undo.detach.gone: failed",
  ]);
  assertEquals(kernel.qdiscs, []);
});

Deno.test("run() refuses to end an epoch that nobody has released", async () => {
  const { result } = await runSteps("  - buffer: up\n  - buffer: up\n  - buffer: up");
  assertEquals([result.outcome, result.step], ["failed", "3"]);
});
