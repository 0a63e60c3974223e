import { assertEquals } from "@std/assert";
import { type Stop, type StopBefore, Stops } from "../../scenario/run/stops.ts";
import { PreciseClock, StoppableClock } from "../../scenario/run/clock.ts";
import { until } from "../kernel/until.ts";
import { outcomes, runSteps, runText } from "./fake_run.ts";

/** Answers each stop in turn, and notes what it was of. */
function answering(...answers: readonly (StopBefore | ((stop: Stop) => StopBefore | Promise<StopBefore>))[]) {
  const seen: string[] = [];
  const onStop = async (stop: Stop): Promise<StopBefore> => {
    const { why, step, failure } = stop;
    seen.push(
      step ? `${why} ${step.path}: ${step.text}` : `${why}${failure ? ` ${failure.step}: ${failure.sentence}` : ""}`,
    );
    const answer = answers[seen.length - 1];
    return typeof answer === "function" ? await answer(stop) : answer;
  };
  return { seen, onStop };
}

const STEPS = `  - buffer: up
  - repeat: 2
    steps:
      - log: again
  - release: up
    break: true
`;

Deno.test("run stops before each step, those in others too, and before all is undone, where that is wanted", async () => {
  const { seen, onStop } = answering(...Array(6).fill("step"));
  const { result } = await runSteps(STEPS, { onStop, stopBefore: "step" });
  assertEquals(result.outcome, "done");
  assertEquals(seen, [
    "step 1: buffer up",
    "step 2: repeat 2 times",
    "step 2[1].1: again",
    "step 2[2].1: again",
    "break 3: release up",
    "end",
  ]);
});

Deno.test("run goes on to the next break where it is told to, stops at none without anybody there, and at a failure", async () => {
  const one = answering("break", "break");
  const { result } = await runSteps(STEPS, { onStop: one.onStop, stopBefore: "step" });
  assertEquals([result.outcome, one.seen.map((text) => text.split(":")[0])], ["done", ["step 1", "break 3"]]);

  const alone = await runSteps(STEPS);
  assertEquals(alone.result.outcome, "done");

  const failing = answering("break", "step");
  const failed = await runSteps("  - log: x\n    break: true\n  - run: exit 4", { onStop: failing.onStop });
  assertEquals(failed.result.outcome, "failed");
  assertEquals(failing.seen, ["break 1: x", "end 2: exit 4 ended with exit status 4"]);
});

Deno.test("a stop shows what there is, releases what is held, and lets the branches stop one after the other", async () => {
  const sights: unknown[] = [];
  const { seen, onStop } = answering(
    (stop) => {
      const [{ name, kind, heldMs, stats }] = stop.look().queues;
      sights.push([name, kind, typeof heldMs, stats?.backlogPackets]);
      return "step";
    },
    async (stop): Promise<StopBefore> => {
      sights.push(await stop.release(), stop.look().queues.map(({ heldMs }) => heldMs));
      return "step";
    },
    "step",
    "step",
  );
  const { events, result } = await runText(
    `name: x
plugs: { up: { dev: eth0 } }
steps:
  - buffer: up
  - parallel:
      one: [log: a]
      two: [log: b]
    break: true
`,
    { onStop },
  );
  assertEquals([result.outcome, seen.length], ["done", 4]);
  assertEquals(seen.map((text) => text.split(":")[0]), [
    "break 2",
    "step 2.one.1",
    "step 2.two.1",
    "end",
  ]);
  assertEquals(sights, [["up", "plug", "number", 0], ["up"], [undefined]]);
  assertEquals(outcomes(events).includes("stop.release: done"), true);
});

Deno.test("a scenario that is ended while somebody looks is undone", async () => {
  const controller = new AbortController();
  const { onStop } = answering(() => {
    controller.abort(new Error("enough"));
    return "step";
  });
  const { result, events } = await runSteps("  - buffer: up\n  - release: up\n    break: true", {
    onStop,
    signal: controller.signal,
  });
  assertEquals([result.outcome, result.undone], ["aborted", true]);
  assertEquals(outcomes(events), ["setup.attach.up: done", "1: done", "undo.release: done", "undo.detach.up: done"]);
});

Deno.test("Stops renews deadlines at each stop, again and again while it stands still, and when it goes on", async () => {
  let renewed = 0;
  const clock = new StoppableClock(new PreciseClock());
  const looking = Promise.withResolvers<StopBefore>();
  const stops = new Stops({
    clock,
    hosts: [],
    env: {},
    maxHoldMs: 30,
    look: () => ({ queues: [], processes: [] }),
    release: () => Promise.resolve([]),
    renew: () => void renewed++,
    onStop: () => looking.promise,
    stopBefore: "step",
  });
  const stop = stops.before({ path: "1", text: "x" }, new AbortController().signal);
  await until(() => renewed >= 4, { timeoutMs: 30_000, what: "renewals" });
  const stoodAt = clock.now();
  const before = renewed;
  looking.resolve("break");
  await stop;
  assertEquals(renewed, before + 1);
  assertEquals(stops.isEach, false);
  assertEquals(clock.now() - stoodAt < 30_000, true);
});
