/** A scenario over machines whose agents are in this process, and their kernels none. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ScenarioEvent, StepEnd } from "../../scenario/event.ts";
import { readScenario } from "../../scenario/read.ts";
import { HostedRun } from "../../scenario/remote/hosted_run.ts";
import { fromWire, type Opening, type RemoteLink, type RunAnswer, toWire } from "../../scenario/remote/wire.ts";
import { PreciseClock } from "../../scenario/run/clock.ts";
import { runPlan } from "../../scenario/run/run_plan.ts";
import { environment } from "../../scenario/run/start.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import { ends, outcomes } from "./fake_run.ts";

/** What becomes of a request: it is answered, or it or its answer is lost. */
type Fate = "answered" | "request lost" | "answer lost";

/** A machine with an agent. */
class Machine {
  readonly kernel = new FakeKernel();
  readonly opened: Opening[] = [];
  readonly asked: string[] = [];
  /** How far its clock is ahead, in milliseconds. */
  aheadMs = 0;
  /** By how many microseconds it is off in the end. */
  driftUs = 0;
  fate: (operation: string) => Fate = () => "answered";
  refusal?: string;
  run?: HostedRun;

  constructor() {
    this.kernel.addDevice("eth0");
  }

  readonly link: RemoteLink = {
    ask: async (operation, input, timeoutMs): Promise<RunAnswer> => {
      const fate = this.fate(operation);
      // As long as a short answer takes to be missed.
      const missed = async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(timeoutMs, 20)));
        return { error: { code: "no-answer", message: "it did not answer" } };
      };
      if (fate === "request lost") return await missed();
      const answer = this.#answer(operation, JSON.parse(JSON.stringify(input)));
      return await (fate === "answered" ? answer : missed());
    },
    clock: () => Promise.resolve({ aheadMs: this.aheadMs, errorMs: 0.25, by: "round trips" }),
  };

  async #answer(operation: string, input: Record<string, unknown>): Promise<RunAnswer> {
    this.asked.push(operation);
    if (operation === "run-open") {
      if (this.refusal !== undefined) return { error: { code: "policy", message: this.refusal } };
      const opening = fromWire(input) as Opening;
      this.opened.push(opening);
      this.run ??= new HostedRun({
        opening: { ...opening, begunMs: opening.begunMs - this.aheadMs },
        world: { clock: new PreciseClock(), connect: () => this.kernel.connection },
        allowed: (queue) => queue,
        beforeHold: () => {},
        onLost: () => {},
        onClosed: () => {},
      });
      return { result: { addresses: ["10.9.0.2"], environment: environment() } };
    }
    if (!this.run) return { error: { code: "no-run", message: "its agent knows nothing of the run" } };
    if (operation === "run-do") this.run.begin(Number(input.number), input.task);
    else if (operation === "run-stop") return { result: { t: this.run.stop(Number(input.task)).t + this.driftUs } };
    else return { result: toWire(await this.run.follow(Number(input.after), Number(input.waitMs))) };
    return { result: {} };
  }
}

/** Runs a scenario with two machines, `db1` and `db2`. */
async function runOn(machines: Readonly<Record<string, Machine>>, steps: string, options: object = {}) {
  const text = `name: far
hosts: { one: { on: db1, address: 10.9.0.2 }, two: { on: db2, env: { WHERE: two } } }
plugs: { up: { host: one, dev: eth0 }, also: { host: two, dev: eth0 } }
steps:
${steps}`;
  const events: ScenarioEvent[] = [];
  const result = await runPlan(readScenario(text, { file: "a.yaml" }), {
    linkTo: (on) => machines[on].link,
    ...options,
    onEvent: (event) => void events.push(event),
    world: { clock: new PreciseClock(), connect: () => new FakeKernel().connection },
    origin: { file: "a.yaml", folder: Deno.cwd() },
  });
  return { result, events };
}

const STEPS = `
  - buffer: [up, also]
  - run: { command: 'echo "$WHERE-\${one.address}"', capture: said }
    host: two
  - run: { command: 'echo "\${said}"', stdout: two-10.9.0.2 }
    host: one
  - start: { name: nap, command: sleep 60 }
    host: one
  - repeat: { until: { process: nap, running: false }, times: 3 }
    steps:
      - stop: nap
  - log: not done
    when: { process: nap, running: true }
  - release: up
  - expect: { plug: also, backlog: 0 }
  - release: also
`;

function machinesOf(): Record<string, Machine> {
  return { db1: new Machine(), db2: new Machine() };
}

/** What a scenario does to a kernel that has its plug. */
function changesOf(machine: Machine): number {
  return machine.kernel.sends.length;
}

Deno.test("runPlan() has machines do their steps, and passes on what variables they set", async () => {
  const machines = machinesOf();
  const { result, events } = await runOn(machines, STEPS);
  assertEquals([result.error, result.outcome, result.undone], [undefined, "done", true]);
  assertEquals(Object.keys(result.queues).sort(), ["also", "up"]);
  const [opened] = ends(events).filter(({ action }) => action === "open-host");
  assertEquals(opened.opened?.clock, { error: 250, by: "round trips" });
  assertEquals(opened.opened?.addresses, ["10.9.0.2"]);
  const end = (step: string) => ends(events).find((event) => event.step === step) as StepEnd;
  assertEquals(Object.keys(end("1").after).sort(), ["also", "up"]);
  assertEquals(end("3").ran?.stdout, "two-10.9.0.2\n");
  assertEquals(end("6").skipped, true);
  assert(changesOf(machines.db1) > 0 && changesOf(machines.db2) > 0);
  // Each machine hears of its own gates and plugs alone.
  assertEquals(machines.db1.opened.map(({ queues }) => queues.map(({ name }) => name)), [["up"]]);
});

Deno.test("runPlan() loses nothing and does nothing twice where requests and answers are lost", async () => {
  const { events: expected } = await runOn(machinesOf(), STEPS);
  for (const seed of [1, 2, 3]) {
    const machines = machinesOf();
    let state = seed;
    for (const machine of Object.values(machines)) {
      machine.fate = (operation) => {
        state = (state * 1103515245 + 12345) % 2147483648;
        if (operation === "run-open") return "answered";
        return (["answered", "request lost", "answer lost"] as const)[Math.floor(state / 65536) % 3];
      };
    }
    const { result, events } = await runOn(machines, STEPS);
    assertEquals([result.error, result.outcome], [undefined, "done"], `seed ${seed}`);
    assertEquals(outcomes(events).toSorted(), outcomes(expected).toSorted(), `seed ${seed}`);
    const exits = events.filter(({ event }) => event === "process-end");
    assertEquals(exits.length, 1, `seed ${seed}`);
  }
});

Deno.test("runPlan() has machines hold at one moment, by clocks that differ", async () => {
  const machines = machinesOf();
  machines.db2.aheadMs = 3_600_000;
  const { result, events } = await runOn(machines, `  - buffer: [up, also]\n    at: 300ms\n  - release: [up, also]\n`);
  assertEquals([result.error, result.outcome], [undefined, "done"]);
  const steps = ends(events);
  const { asked = 0 } = steps.find(({ step }) => step === "1") as StepEnd;
  const start = events.find((event) => event.event === "step-start" && event.step === "1");
  const due = start?.event === "step-start" ? start.due ?? 0 : 0;
  assert(due > 0 && Math.abs(asked - due) < 20_000, `${asked} and ${due}`);
  for (const { t } of events) assert(t >= 0 && t < 60_000_000, String(t));
});

Deno.test("runPlan() says in the end how well a clock is known that has gone faster than this machine's", async () => {
  const machines = machinesOf();
  machines.db2.driftUs = 80_000;
  const { result, events } = await runOn(machines, `  - log: x\n`);
  assertEquals([result.error, result.outcome], [undefined, "done"]);
  const errorOf = (step: string) => ends(events).find((event) => event.step === step)?.opened?.clock.error ?? NaN;
  assertEquals([errorOf("setup.open.one"), errorOf("setup.open.two")], [250, 250]);
  assert(errorOf("undo.close.one") < 40_000, String(errorOf("undo.close.one")));
  assert(errorOf("undo.close.two") >= 80_000 && errorOf("undo.close.two") < 200_000, String(errorOf("undo.close.two")));
});

Deno.test("runPlan() says how far apart machines have done a step where one has heard of it late", async () => {
  const machines = machinesOf();
  const isBuffer = (input: object) => JSON.stringify(input).includes('"buffer"');
  const { ask } = machines.db2.link;
  machines.db2.link.ask = async (operation, input, timeoutMs) => {
    if (operation === "run-do" && isBuffer(input)) await new Promise((resolve) => setTimeout(resolve, 200));
    return await ask(operation, input, timeoutMs);
  };
  const { result, events } = await runOn(machines, `  - buffer: [up, also]\n  - release: [up, also]\n`);
  assertEquals([result.error, result.outcome], [undefined, "done"]);
  const [note = ""] = ends(events).find(({ step }) => step === "1")?.notes ?? [];
  const [, skew] = /^not at one moment: within ([0-9.]+) ms$/.exec(note) ?? [];
  assert(Number(skew) > 100 && Number(skew) < 2000, note);
});

Deno.test("runPlan() opens every machine before anything is touched on any", async () => {
  const machines = machinesOf();
  machines.db2.refusal =
    "The policy of this machine, /etc/plugctl/policy.yaml line 3, forbids it: eth0 may not be held";
  const { result, events } = await runOn(machines, STEPS);
  assertEquals(result.outcome, "failed");
  assertMatch(
    String(result.error),
    /Host two \(db2\) cannot be used: The policy of this machine, \/etc\/plugctl\/policy.yaml line 3, forbids it/,
  );
  assertEquals([changesOf(machines.db1), changesOf(machines.db2)], [0, 0]);
  assertEquals(outcomes(events), ["setup.open.one: done", "setup.open.two: failed", "undo.close.one: done"]);
});

Deno.test("runPlan() ends where a machine is not heard of any more, and undoes the others", async () => {
  const machines = machinesOf();
  const going = runOn(machines, `  - buffer: [up, also]\n  - log: gone\n  - sleep: 1m\n`);
  while (!machines.db1.asked.includes("run-do")) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 500));
  machines.db1.fate = () => "request lost";
  const { result, events } = await going;
  assertEquals([result.outcome, result.undone], ["failed", false]);
  assertMatch(
    String(result.error),
    /Host one \(db1\) cannot go on: it was not heard of for 10s; what it holds is released/,
  );
  const closes = outcomes(events).filter((text) => text.startsWith("undo.close"));
  assertEquals(closes.toSorted(), ["undo.close.one: failed", "undo.close.two: done"]);
  await machines.db1.run?.close("the test is over");
});

Deno.test("a machine that is not asked any more undoes its part", async () => {
  const { db1 } = machinesOf();
  const opening: Opening = {
    run: "r",
    host: "one",
    version: "",
    begunMs: Date.now(),
    leaseMs: 300,
    maxHoldMs: 30_000,
    queues: [],
    endings: new Map(),
    written: new Set(),
    moments: [],
    watched: new Map(),
    captured: [],
    isHeard: false,
    wantsMore: false,
  };
  const lost = Promise.withResolvers<void>();
  const run = new HostedRun({
    opening,
    world: { clock: new PreciseClock(), connect: () => db1.kernel.connection },
    allowed: (queue) => queue,
    beforeHold: () => {},
    onLost: lost.resolve,
    onClosed: () => {},
  });
  const queue = { kind: "plug", name: "up", host: "one", dev: "eth0", line: 1 };
  run.begin(1, { kind: "step", path: "1", step: { action: "attach", line: 1, queue } });
  run.begin(2, { kind: "step", path: "2", step: { action: "buffer", line: 1, queues: ["up"] } });
  const from = performance.now();
  await run.follow(0, 100);
  await lost.promise;
  const took = performance.now() - from;
  assert(took > 250 && took < 3000, `${took} ms`);
  const { news } = await run.follow(0, 0);
  const actions = news.flatMap(({ what }) => "event" in what && what.event.event === "step-end" ? what.event.step : []);
  assertEquals(actions, ["undo.release.one", "undo.detach.up"]);
  let refused: unknown;
  try {
    run.begin(3, { kind: "release" });
  } catch (error) {
    refused = error;
  }
  assertMatch(String(refused), /was not heard of for 300ms, and all was undone there/);
});

Deno.test("runPlan() refuses machines where there is no way to them, or somebody wants to stop and look", async () => {
  const { result } = await runOn(machinesOf(), STEPS, { linkTo: undefined });
  assertEquals(
    String(result.error),
    "StepError: Cannot run it: host one is db1, another machine, and no broker is named by which its agent is asked: --nats URL",
  );
  const { result: stopped } = await runOn(machinesOf(), STEPS, { onStop: () => Promise.resolve("step") });
  assertMatch(String(stopped.error), /and what is there cannot be looked at: it takes no --step and no break: true$/);
});
