import { assertEquals, assertRejects, assertThrows } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { describePlan } from "../../scenario/document.ts";
import type { PlannedCommand, Scalar, Step } from "../../scenario/plan.ts";
import { readScenario } from "../../scenario/read.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { withSteps, withTop } from "./marked.ts";
import { DESIGN, NETWORK } from "./scenarios.ts";

/** A step with all that only its kind knows. */
interface ReadStep extends Step {
  [key: string]: unknown;
}

/** A plan whose steps show all that they have. */
type ReadPlan = Omit<ReturnType<typeof readScenario>, "steps" | "cleanup"> & {
  steps: ReadStep[];
  cleanup: ReadStep[];
};

function planOf(text: string, set?: ReadonlyMap<string, Scalar>): ReadPlan {
  return readScenario(text, { file: "a.yaml", set }) as ReturnType<typeof readScenario> & ReadPlan;
}

/** The rounds of a `repeat`. */
function roundsOf({ action, rounds }: ReadStep): { value: Scalar; steps: ReadStep[] }[] {
  if (action !== "repeat") throw new Error("it is no repeat");
  return rounds as { value: Scalar; steps: ReadStep[] }[];
}

/** The steps of a scenario, without their lines. */
function stepsOf(steps: string): Omit<Step, "line">[] {
  return planOf(withSteps(steps)).steps.map(({ line: _line, ...step }) => step);
}

Deno.test("readScenario() reads which of the matching packets a gate gets", () => {
  for (
    const [written, chance] of [
      ["every: 10", { every: 10 }],
      ["probability: 5%", { probability: 0.05 }],
      ["probability: .5", { probability: 0.5 }],
      ['probability: "${part}%"', { probability: 0.07 }],
      ['every: "${part}"', { every: 7 }],
    ] as const
  ) {
    const gates = `vars: { part: 7 }\ngates: { web: { dev: lo, direction: out, match: tcp, ${written} } }`;
    const { queues: [gate] } = planOf(`name: x\n${gates}\nsteps:\n  - buffer: web\n`);
    const { every, probability } = gate as { every?: number; probability?: number };
    assertEquals({ ...every && { every }, ...probability && { probability } }, chance, written);
  }
});

Deno.test("readScenario() reads the example of the design", () => {
  const { timeoutMs, maxHoldMs, queues, steps } = planOf(DESIGN);
  assertEquals([timeoutMs, maxHoldMs], [60_000, 30_000]);
  const match = ["tcp dst port 8000 flags syn"];
  const except: string[] = [];
  const gate = {
    kind: "gate",
    name: "web",
    devs: ["lo"],
    direction: "egress",
    match,
    except,
    limitBytes: 1 << 20,
    line: 3,
  };
  assertEquals(queues as unknown[], [{ ...gate, host: undefined, priority: undefined, force: undefined }]);
  assertEquals(steps.map(({ action, line }) => [action, line]), [
    ["start", 6],
    ["repeat", 7],
    ["join", 14],
    ["expect", 15],
  ]);
  const rounds = roundsOf(steps[1]);
  assertEquals(rounds.length, 20);
  const wait = rounds[0].steps[2];
  assertEquals(wait.action === "wait" && wait.timeoutMs, 500);
});

for (const [name, text] of Object.entries({ DESIGN, NETWORK })) {
  Deno.test(`describePlan() says what a scenario would do: ${name}`, async (context) => {
    await assertSnapshot(context, describePlan(planOf(text)));
  });
}

Deno.test("readScenario() takes packets for backlog, a number for equality and text for comparison", () => {
  assertEquals(stepsOf('  - wait: { gate: web, packets: ">= 2", drops: 0, timeout: 20ms }') as unknown[], [{
    action: "wait",
    name: undefined,
    atMs: undefined,
    condition: {
      about: "gate",
      queue: "web",
      counters: { drops: { operator: "=", number: 0 }, backlog: { operator: ">=", number: 2 } },
    },
    timeoutMs: 20,
  }]);
});

Deno.test("readScenario() gives commands what is written: no number is rewritten, no text is guessed", () => {
  const [run] = stepsOf("  - run: [echo, 0.10, 007, 0x1f, 1e3, yes, true, ~x, 12]");
  assertEquals((run as { command?: unknown }).command, [
    "echo",
    "0.10",
    "007",
    "0x1f",
    "1e3",
    "yes",
    "true",
    "~x",
    "12",
  ]);
});

Deno.test("readScenario() takes values of variables from vars, and what is set in their place", () => {
  const text = withTop(
    "vars: { port: 80, pause: 5ms }\ncleanup: [sleep: '${pause}', wait: { port: '${port}' }, log: 'a${port}b']",
  );
  const cleanup = (set?: Record<string, Scalar>) => planOf(text, new Map(Object.entries(set ?? {}))).cleanup;
  const [sleep, wait, log] = cleanup({ pause: "7ms" });
  assertEquals(sleep.action === "sleep" && sleep.leastMs, 7);
  assertEquals(wait.condition, { about: "port", port: 80, address: undefined, answers: true });
  assertEquals(log.action === "log" && log.text, "a80b");
  assertEquals(
    assertThrows(() => cleanup({ pause: "7" }), SyntaxError).message.split(", ")[0],
    'a.yaml:4:18: sleep is "7"',
  );
});

Deno.test("a scenario is read for each row of its matrix, or for those that what is set leaves", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/a.yaml`;
    const rowsOf = async (matrix: string, set?: Record<string, Scalar>) => {
      await Deno.writeTextFile(file, `name: x\nvars: { v: 1 }\nmatrix: ${matrix}\nsteps: [log: "\${a} \${v}"]`);
      return (await Scenario.loadAll(file, { set })).map((
        { name, vars, row },
      ) => [name, Object.keys(row), vars.a, vars.v]);
    };
    const both = ["a", "b"];
    assertEquals(await rowsOf("{ a: [1, x], b: [true, false] }"), [
      ["x [a=1, b=true]", both, 1, 1],
      ["x [a=1, b=false]", both, 1, 1],
      ["x [a=x, b=true]", both, "x", 1],
      ["x [a=x, b=false]", both, "x", 1],
    ]);
    assertEquals(await rowsOf('[{ a: "${v}", b: 2 }, { a: 3, b: 4 }]'), [
      ["x [a=1, b=2]", both, 1, 1],
      ["x [a=3, b=4]", both, 3, 1],
    ]);
    assertEquals(await rowsOf("{ a: [1, 2], b: [5, 6] }", { a: 7, b: 5, v: 2 }), [["x [a=7, b=5]", both, 7, 2]]);
    await assertRejects(
      () => Scenario.load(file),
      RangeError,
      "the scenario has a matrix of 4 rows: loadAll() gives all; or set a, b",
    );
    assertEquals((await Scenario.load(file, { set: { a: 1, b: 5 } })).name, "x [a=1, b=5]");
    await assertRejects(() => Scenario.loadAll(file, { set: { c: 1 } }), RangeError, "there is no variable c to set");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readScenario() lets variables hold those that stand before them", () => {
  const text = withTop("vars: { a: 1, b: '${a}${a}', c: '${b}' }\ncleanup: [log: '${c}!']");
  const [log] = planOf(text).cleanup;
  assertEquals(log.action === "log" && log.text, "11!");
});

Deno.test("readScenario() leaves to the shell what the shell understands, and $${ stands for ${", () => {
  const [run] = stepsOf('  - run: "echo $PATH $(cat x) $$ $${HOME}"');
  assertEquals((run as { command?: unknown }).command, "echo $PATH $(cat x) $$ ${HOME}");
});

Deno.test("readScenario() gives each round its value, and the same steps where it is not used", () => {
  const rounds = (steps: string) => {
    const [step] = planOf(withSteps(steps)).steps;
    return roundsOf(step);
  };
  const named = rounds("  - repeat: { over: [a, 2], as: it }\n    steps: [log: '${it}!']");
  assertEquals(named.map(({ value, steps: [step] }) => [value, step.action === "log" && step.text]), [["a", "a!"], [
    2,
    "2!",
  ]]);
  const plain = rounds("  - repeat: 1000000\n    steps: [log: x]");
  assertEquals([plain.length, plain[0].steps === plain[999_999].steps], [1_000_000, true]);
  assertEquals(rounds("  - repeat: { times: 0, as: it }\n    steps: [log: '${it}']"), []);
});

Deno.test("readScenario() fills in what defaults say, unless a step says otherwise", () => {
  const text = `name: x
hosts: { a: {}, b: {} }
defaults: { host: a, timeout: 7s, env: { A: 1, B: 2 }, cwd: there }
gates: { web: { dev: lo, direction: egress } }
steps:
  - run: { command: x, env: { B: 3 } }
  - wait: { gate: web, backlog: 1 }
  - run: { command: x, cwd: /elsewhere }
    host: b
  - run: x
    host: here
`;
  const { queues: [gate], steps: [first, wait, second, third] } = planOf(text);
  assertEquals(gate.host, "a");
  assertEquals(first.action === "run" && [first.host, first.env, first.cwd], ["a", { A: "1", B: "3" }, "there"]);
  assertEquals(wait.action === "wait" && wait.timeoutMs, 7000);
  assertEquals(second.action === "run" && [second.host, second.cwd], ["b", "/elsewhere"]);
  assertEquals(third.host, undefined);
});

Deno.test("readScenario() fills in what a host says of its commands, ahead of defaults", () => {
  const text = `name: x
hosts: { a: { env: { A: 2, B: 2 }, cwd: /srv, user: www-data }, b: {}, c: { netns: web, user: 33 } }
defaults: { env: { A: 1, C: 1 }, cwd: there, user: nobody }
steps:
  - run: { command: x, env: { B: 3 } }
    host: a
  - start: { name: y, command: x, user: root }
    host: a
  - wait: { command: x }
    host: b
  - expect: { command: x, cwd: /tmp }
    host: c
`;
  const { steps } = planOf(text);
  const ranWith = steps.map((step) => {
    const command = step.action === "wait" || step.action === "expect" ? step.condition : step;
    const { env, cwd, user } = command as PlannedCommand;
    return [env, cwd, user];
  });
  assertEquals(ranWith, [
    [{ A: "2", B: "3", C: "1" }, "/srv", "www-data"],
    [{ A: "2", B: "2", C: "1" }, "/srv", "root"],
    [{ A: "1", C: "1" }, "there", "nobody"],
    [{ A: "1", C: "1" }, "/tmp", "33"],
  ]);
});
