/** Variables where their values come late: set by steps, given by a matrix, or by nobody. */

import { assertEquals, assertMatch } from "@std/assert";
import { ScenarioError } from "../../scenario/mistake.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { DONE, ending, ends, outcomes, runSteps } from "./fake_run.ts";
import { mistakesIn } from "./marked.ts";

const SET = "  - set: { want: 3 }\n";

Deno.test("repeat goes round until a condition holds on what steps have set before it, in it, or which round it is", async () => {
  const before =
    `${SET}  - repeat: { until: { command: "test \${n} = \${want}" }, times: 5, as: n }\n    steps: [log: x]\n`;
  assertEquals(await ending(`${before}  - log: x`), DONE);
  const within = await runSteps(`
  - set: { n: "" }
  - repeat: { until: { command: "test \${longer} = xx" }, times: 5 }
    steps:
      - run: { command: "echo x\${n}", capture: longer }
      - run: { command: "echo \${longer}", capture: n }
`);
  assertEquals(within.result.outcome, "done");
  assertEquals(outcomes(within.events).filter((text) => /^2\[\d\]:/.test(text)), ["2[1]: done", "2[2]: done"]);
});

Deno.test("repeat compares counters with what a step has set, and says with which value where they never fit", async () => {
  const repeat = `${SET}  - repeat: { until: { plug: up, sent: "\${want}" }, times: 4 }\n    steps: [log: x]`;
  const { result, events } = await runSteps(repeat, {
    onEvent: (event, kernel) => {
      if (event.event === "step-start" && event.step.endsWith(".1")) kernel.transmit("a", kernel.devices[0]);
    },
  });
  assertEquals(result.outcome, "done");
  assertEquals(ends(events).filter(({ step }) => /^2\[\d\]$/.test(step)).length, 3);
  assertEquals(
    events.flatMap((event) => event.event === "step-start" && event.step === "2" ? [event.text] : []),
    ["repeat until sent of up = 3, at most 4 times"],
  );
  const [outcome, step, message] = await ending(repeat);
  assertEquals([outcome, step], ["failed", "2"]);
  assertMatch(message, /^Gave up after 4 rounds: not so that sent of up = 3: /);
});

Deno.test("repeat fails where what its condition uses has no value, or one that does not fit", async () => {
  const [, step, skipped] = await ending(`
  - set: { n: 1 }
    when: false
  - repeat: { until: { plug: up, sent: "\${n}" }, times: 2 }
    steps: [log: x]
`);
  assertEquals([step, skipped], ["2", "Cannot do it: no step has given n a value yet"]);
  const [, , wrong] = await ending(`
  - set: { n: much }
  - repeat: { until: { plug: up, sent: "\${n}" }, times: 2 }
    steps: [log: x]
`);
  assertMatch(wrong, /^Cannot do it: at \d+:\d+ sent is "much", expected /);
});

Deno.test("hold holds until a condition on what a step has set, and says it", async () => {
  const { result, events, kernel } = await runSteps(
    `${SET}  - hold: { plug: up, until: { plug: up, backlog: "\${want}", timeout: 60s } }`,
    {
      onEvent: (event, kernel) => {
        if (event.event !== "step-start" || event.step !== "2.2") return;
        for (const packet of ["a", "b", "c"]) kernel.transmit(packet, kernel.devices[0]);
      },
    },
  );
  assertEquals([result.outcome, kernel.left, kernel.accidents], ["done", ["a", "b", "c"], []]);
  const texts = events.flatMap((event) => event.event === "step-start" && /^2/.test(event.step) ? [event.text] : []);
  assertEquals(texts, ["hold up until backlog of up = 3", "buffer up", "wait until backlog of up = 3", "release up"]);
  const [outcome, step] = await ending(
    "  - set: { n: 1 }\n    when: false\n  - hold: { plug: up, until: { file: '${n}' } }",
  );
  assertEquals([outcome, step], ["failed", "2"]);
});

Deno.test("until is wrong at its place where nothing that a step sets would fit, or no step before it sets it", () => {
  const wrong = (steps: string) =>
    mistakesIn(`name: x\nplugs: { up: { dev: eth0 } }\nsteps:\n${steps}`).map(({ line, column, what }) =>
      `${line}:${column} ${what}`
    );
  const until = (value: string) =>
    `  - repeat: { until: { plug: up, sent: "${value}" }, times: 2 }\n    steps: [log: x]\n`;
  assertEquals(wrong(`${SET}${until("x${want}")}`), ['5:40 sent is "x${want}"']);
  assertEquals(wrong(`${until("${want}")}${SET}`), ["4:41 there is no variable ${want}"]);
  assertEquals(wrong(`${SET}  - hold: { plug: up, until: { plug: up, sent: "x\${want}" } }\n`), [
    '5:48 sent is "x${want}"',
  ]);
});

Deno.test("a step whose values are not known yet is described as the file has it, and with its values when it is done", async () => {
  const steps = `${SET}  - wait: { plug: up, backlog: "\${want}" }
  - hold: { plug: up, until: { plug: up, backlog: "\${want}" } }
  - repeat: { until: { plug: up, backlog: "\${want}" }, times: 3 }
    steps: [sleep: "\${want}ms"]
`;
  const scenario = await Scenario.parse(`name: x\nplugs: { up: { dev: eth0 } }\nsteps:\n${steps}`);
  assertEquals(scenario.describe().filter((line) => line.includes("want")).map((line) => line.trim()), [
    "1: set want to 3",
    "2: wait { plug: up, backlog: ${want} }",
    "3: hold up until { plug: up, backlog: ${want} }",
    "3.2: wait until { plug: up, backlog: ${want} }",
    "4: repeat until { plug: up, backlog: ${want} }, at most 3 times",
    "4[1].1: sleep ${want}ms",
  ]);
  const { events } = await runSteps(steps, {
    onEvent: (event, kernel) => {
      if (event.event !== "step-start" || event.step !== "2") return;
      for (const packet of ["a", "b", "c"]) kernel.transmit(packet, kernel.devices[0]);
    },
  });
  const texts = events.flatMap((event) => event.event === "step-start" && event.step === "2" ? [event.text] : []);
  assertEquals(texts, ["wait until backlog of up = 3"]);
});

/** What is wrong in `main.yaml` among these files, or what its rows do first. */
async function read(files: Readonly<Record<string, string>>): Promise<{ first: string[]; mistakes: string[] }> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const scenarios = await Scenario.loadAll(`${folder}/main.yaml`);
    return { first: scenarios.map((each) => each.describe()[1].replaceAll(folder, "FOLDER")), mistakes: [] };
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    const lines = error.message.replaceAll(`${folder}/`, "").split("\n");
    return { first: [], mistakes: lines.map((line) => line.replace(/, expected.*/, "")) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("vars are made from what a matrix gives, in each row, and the matrix from other vars", async () => {
  const main = `name: x
vars: { base: 80, url: "http://h:\${port}/\${tail}", dir: "\${folder}/x" }
matrix: { port: ["\${base}", 443], tail: [a] }
steps: [log: "\${url} \${dir}"]
`;
  const { first, mistakes } = await read({ "main.yaml": main });
  assertEquals(mistakes, []);
  assertEquals(first, ["1: http://h:80/a FOLDER/x", "1: http://h:443/a FOLDER/x"]);
  const set = await Scenario.parse(main, { set: { url: "u", port: 443 } });
  assertEquals(set.describe()[1], `1: u ${Deno.cwd()}/x`);
});

Deno.test("a matrix is not made from what is made from it, and nothing from what stands behind it", async () => {
  const rest = 'steps: [log: "${a} ${b}"]\n';
  assertEquals(
    (await read({ "main.yaml": `name: x\nvars: { a: "\${b}1" }\nmatrix: { b: [1, "\${a}"] }\n${rest}` })).mistakes,
    ["main.yaml:3:9: the matrix uses a, which is made from what the matrix gives"],
  );
  assertEquals(
    (await read({ "main.yaml": `name: x\nvars: { a: "\${c}\${b}", c: "\${b}" }\nmatrix: { b: [1] }\n${rest}` }))
      .mistakes,
    ["main.yaml:2:13: there is no variable ${c}"],
  );
  assertEquals(
    (await read({ "main.yaml": `name: x\nvars: { a: "\${b}", b: 3 }\nmatrix: { b: [1] }\n${rest}` })).mistakes,
    ["main.yaml:3:11: there is a variable b already"],
  );
});

Deno.test("an unknown variable in what nothing uses of an included file is one mistake, too, at its place", async () => {
  const { mistakes } = await read({
    "main.yaml": `name: x
vars: { known: 1 }
include: { file: top.yaml, with: { used: "\${no1}", idle: "\${no2}", told: 2 } }
steps:
  - run: { command: "true", capture: late }
  - repeat: { times: 1, as: round }
    steps: [include: in.yaml]
  - include: in.yaml
`,
    "top.yaml": `vars: { used: 1, idle: "\${no3}", told: "\${no4}", more: "\${known} \${no5}", own: 1 }
steps:
  - log: "\${used} \${told}"
  - include: { file: in.yaml, with: { word: "\${own} \${no6}" } }
`,
    "in.yaml": 'vars: { word: "${no7}", rest: "${round} ${known} ${late} ${folder} ${seed}" }\nsteps: [log: x]\n',
  });
  assertEquals(mistakes.map((mistake) => mistake.replace("there is no variable ", "")).sort(), [
    "in.yaml:1:16: ${no7}",
    "main.yaml:3:43: ${no1}",
    "main.yaml:3:59: ${no2}",
    "top.yaml:1:25: ${no3}",
    "top.yaml:1:41: ${no4}",
    "top.yaml:1:66: ${no5}",
    "top.yaml:4:53: ${no6}",
  ]);
});
