import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ScenarioEvent, StepEnd, StepStart } from "../../scenario/event.ts";
import { RunView } from "../../cli/run_view.ts";
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

/** What is printed of events, and noted beside. */
function shown(events: readonly ScenarioEvent[], { line = "run a.yaml", isTerminal = false } = {}): FakeContext {
  const context = new FakeContext(line);
  using view = new RunView(context, { isTerminal });
  for (const event of events) view.show(event);
  return context;
}

Deno.test("RunView shows a line a step into a pipe, with its time, how long it took and what is held", () => {
  const { printed } = shown([start("3"), end("3")]);
  assertEquals(printed, "  0.012345 s  3         buffer web  1.00 ms, web holds 3\n");
});

Deno.test("RunView shows the host and the step's own name", () => {
  const { printed } = shown([start("3", { host: "client", name: "hold all" }), end("3", { queues: [], after: {} })]);
  assertEquals(printed, "  0.012345 s  3         client: hold all  1.00 ms\n");
});

Deno.test("RunView shows that steps in which others stand begin", () => {
  const text = "round 2 of 3";
  const { printed } = shown([start("3[2]", { action: "round", text }), end("3[2]", { action: "round" })]);
  assertEquals(printed, "  0.012345 s  3[2]      round 2 of 3\n");
});

Deno.test("RunView shows why a step was not done, and the end of what its command has written", () => {
  const output = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join("\n");
  const ran = { pid: 1, command: ["x"], from: 0, exit: 1, stdout: "", stderr: output };
  const { printed } = shown([start("3"), end("3", { outcome: "failed", sentence: "Cannot run x: no", ran })]);
  const indent = " ".repeat(14);
  assertEquals(printed.split("\n").slice(0, 4), [
    "  0.012345 s  3         buffer web  failed",
    `${indent}Cannot run x: no`,
    `${indent}line 3`,
    `${indent}line 4`,
  ]);
});

Deno.test("RunView notes what is worth knowing, and sums up", () => {
  const { printed, notes } = shown([start("3"), end("3", { notes: ["the limit is low"] }), FINISH]);
  assertEquals(notes, ["the limit is low"]);
  assertEquals(printed.split("\n").slice(1), [
    "done: 12 steps in 2.000000 s",
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
  assertEquals([view.lineOf("3"), view.lineOf("4")], [" (line 7)", ""]);
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
  assertMatch(shown().at(-1) ?? "", /0\.012345 s.*wait until backlog of web >= 5.*\n$/);
});
