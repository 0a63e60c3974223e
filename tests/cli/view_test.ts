import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ScenarioEvent, StepEnd, StepStart } from "../../scenario/event.ts";
import { RunView } from "../../cli/run/view.ts";
import { FakeContext } from "./fake_context.ts";

const STATS = { packets: 0, bytes: 0, backlogPackets: 3, backlogBytes: 222, drops: 0, requeues: 0, overlimits: 0 };
const TOTAL = { packets: 3, bytes: 222, drops: 1, holds: 2, longestHold: 48_210, mostHeld: 3 };

function start(step: string, more: Partial<StepStart> = {}): StepStart {
  const mark = { phase: "steps" as const, step, action: "buffer" as const, queues: ["web"] };
  return { event: "step-start", t: 12_345, ...mark, text: "buffer web", line: 7, ...more };
}

function end(step: string, more: Partial<StepEnd> = {}): StepEnd {
  const mark = { phase: "steps" as const, step, action: "buffer" as const, queues: ["web"] };
  const kernel = { errno: 0, errnoName: "", sentence: "" };
  return {
    event: "step-end",
    t: 13_345,
    ...mark,
    outcome: "done",
    duration: 1000,
    ...kernel,
    before: {},
    after: { web: STATS },
    ...more,
  };
}

const FINISH: ScenarioEvent = {
  event: "scenario-end",
  t: 2_000_000,
  outcome: "done",
  sentence: "",
  undone: true,
  queues: { web: TOTAL },
  steps: 12,
};

/** What colours text on a terminal. */
const COLOUR = new RegExp("\x1b\\[\\d+m", "g");

/** What is printed of events, and noted beside. */
function shown(events: readonly ScenarioEvent[], { line = "run a.yaml", isTerminal = false } = {}): FakeContext {
  const context = new FakeContext(line);
  using view = new RunView(context, { isTerminal });
  for (const event of events) view.show(event);
  return context;
}

Deno.test("RunView shows a line a step into a pipe, with its time, how long it took and what is held", () => {
  const { printed } = shown([start("3"), end("3")]);
  assertEquals(printed, "   0.012 s ✓ 3     buffer web  1 ms, web holds 3\n");
});

Deno.test("RunView shows the host and the step's own name", () => {
  const { printed } = shown([start("3", { host: "client", name: "hold all" }), end("3", { queues: [], after: {} })]);
  assertEquals(printed, "   0.012 s ✓ 3     client: hold all  1 ms\n");
});

Deno.test("RunView shows that steps in which others stand begin", () => {
  const text = "round 2 of 3";
  const mark = { action: "round", text, outer: true };
  const { printed } = shown([start("3[2]", mark), end("3[2]", { action: "round" })]);
  assertEquals(printed, "   0.012 s     3[2]  round 2 of 3\n");
});

Deno.test("RunView leaves it to the end to say what failed first, shows which step that ended, and why others were not done", () => {
  const { printed } = shown([
    start("3"),
    end("3", { outcome: "unmet", sentence: "Expected that x: it was y" }),
    start("4", { text: "sleep 1h" }),
    end("4", { outcome: "aborted", sentence: "Expected that x: it was y", queues: [], after: {} }),
    start("cleanup.1"),
    end("cleanup.1", { outcome: "failed", sentence: "no such process" }),
  ]);
  assertEquals(printed.split("\n"), [
    "   0.012 s ✗ 3     buffer web  unmet",
    "   0.012 s – 4     sleep 1h  aborted",
    "   0.012 s ✗ cleanup.1  buffer web  failed",
    `${" ".repeat(13)}no such process`,
    "",
  ]);
});

Deno.test("RunView shows that a step was skipped", () => {
  const { printed } = shown([start("3"), end("3", { skipped: true, queues: [], after: {} })]);
  assertEquals(printed, "   0.012 s – 3     buffer web  skipped\n");
});

/** A process that ended by itself, with these as its last lines. */
function death(
  process: string,
  { step, last, isExpected = false }: { step: string; last: string[]; isExpected?: boolean },
) {
  const ran = { name: process, pid: 1, command: ["x"], from: 0, to: 5, exit: 1, stdout: "", stderr: "", last };
  return { event: "process-end" as const, t: 20_000, process, step, isExpected, ran };
}

Deno.test("RunView shows a process that dies, and has the last lines of each, of the one that failed at the end", () => {
  const context = new FakeContext("run a.yaml");
  using view = new RunView(context, { isTerminal: false });
  const ran = { pid: 2, command: ["y"], from: 0, to: 5, exit: 1, stdout: "", stderr: "", last: ["from y"] };
  const events: ScenarioEvent[] = [
    start("1", { action: "start", process: "web", text: "start web: x" }),
    end("1", { queues: [], after: {} }),
    start("2", { action: "run", text: "run y" }),
    end("2", { action: "run", outcome: "failed", sentence: "no", ran }),
    death("web", { step: "1", last: ["one", "two\x1b[31m"] }),
    death("other", { step: "0", last: ["quiet"], isExpected: true }),
  ];
  for (const event of events) view.show(event);
  assertMatch(context.printed, /\n {3}0\.020 s ✗ web: exit status 1\n$/);
  assertEquals(view.lastLines("1"), ["step 2 | from y", "other  | quiet", "web    | one", "web    | two�[31m"]);
  assertEquals(view.lastLines("2").at(-1), "step 2 | from y");
});

Deno.test("RunView shows what processes write with --verbose, and how everything is undone", () => {
  const context = new FakeContext("run --verbose a.yaml");
  using view = new RunView(context, { isTerminal: false });
  view.showOutput({ t: 12_345, process: "web", stream: "stdout", text: "ready" });
  view.showOutput({ t: 12_345, stream: "stderr", text: "from a run" });
  const undo = { phase: "undo" as const, text: "release web" };
  view.show(start("undo.release", undo));
  view.show(end("undo.release", undo));
  view.show(death("web", { step: "1", last: ["one"] }));
  assertEquals(context.printed.split("\n"), [
    "   0.012 s   web | ready",
    "   0.012 s   command | from a run",
    "   0.012 s ✓ undo.release  release web  1 ms, web holds 3",
    "   0.020 s ✗ web: exit status 1",
    "",
  ]);
  assertEquals(view.lastLines("1"), []);
  const quiet = shown([start("undo.release", undo), end("undo.release", undo)]);
  assertEquals(quiet.printed, "");
});

Deno.test("RunView cuts what it shows to the width of a terminal, and indents what stands in other steps", () => {
  const text = `run ${"x".repeat(200)}`;
  const { printed } = shown([start("3[2].1.one.4", { text }), end("3[2].1.one.4")], { isTerminal: true });
  const [line] = printed.split("\r\x1b[K").filter((part) => part.includes("✓"));
  const plain = line.trimEnd().replaceAll(COLOUR, "");
  assertMatch(plain, /^ {3}0\.012 s ✓ {9}3\[2\]\.1\.one\.4 {2}run x+… {2}1 ms, web holds 3$/);
  assert(plain.length < 80, `${plain.length} columns`);
});

Deno.test("RunView notes what is worth knowing, and sums up", () => {
  const { printed, notes } = shown([start("3"), end("3", { notes: ["the limit is low"] }), FINISH]);
  assertEquals(notes, ["the limit is low"]);
  assertEquals(printed.split("\n").slice(1), [
    "✓ done: 12 steps in 2.000 s",
    "  web: 3 packets, 1 dropped, held 2 times, longest 48 ms, most 3 packets",
    "",
  ]);
});

Deno.test("RunView prints nothing with --quiet", () => {
  assertEquals(shown([start("3"), end("3"), FINISH], { line: "run --quiet a.yaml" }).printed, "");
});

Deno.test("RunView follows where steps stand also where it shows nothing", () => {
  using view = new RunView(new FakeContext("run --json a.yaml"), { isTerminal: false });
  view.follow(start("3"));
  assertEquals([view.lineOf("3"), view.lineOf("4")], [7, undefined]);
  assertEquals([view.nameOf("3"), view.nameOf("4")], ["step 3 (line 7)", "step 4"]);
});

Deno.test("RunView shows on a terminal what is waited for, with a sign that turns and what is held", async () => {
  const context = new FakeContext("run a.yaml");
  using view = new RunView(context, { isTerminal: true });
  view.show(start("3", { action: "wait", text: "wait until backlog of web >= 5" }));
  view.show({ event: "sample", t: 20_000, queues: { web: STATS } });
  while (!context.printed.includes("⠙")) await new Promise((resolve) => setTimeout(resolve, 10));
  const shown = () => context.printed.split("\r\x1b[K"); // each time, the line is cleared first
  assert(shown().includes("⠋ 3  wait until backlog of web >= 5  web holds 3"));
  view.show(end("3"));
  assertMatch(shown().at(-1) ?? "", /0\.012 s.*wait until backlog of web >= 5.*\n$/);
});

Deno.test("RunView says in the end what a capture did not see, and nothing where it saw all", () => {
  const last = (unseen: Extract<ScenarioEvent, { event: "scenario-end" }>["unseen"]) =>
    shown([{ ...FINISH, unseen } as ScenarioEvent]).printed.split("\n").slice(2).join("\n");
  assertEquals(last({}), "");
  assertEquals(last({ web: { arrivals: 0, departures: 0, untold: 9 } }), "");
  assertEquals(
    last({ web: { arrivals: 2, departures: 1, untold: 0 } }),
    "  web: 2 packets came in and 1 packet left that the capture did not see\n",
  );
});
