/** `include`: what it brings, with which variables, and where mistakes are that it brings, too. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ScenarioError } from "../../scenario/mistake.ts";
import { Scenario } from "../../scenario/scenario.ts";

const HOSTS = `vars: { mtu: 1500, who: server }
hosts:
  client: { devices: { eth0: { to: server, address: 10.0.0.1/24, mtu: "\${mtu}" } } }
  server: { devices: { eth0: { to: client, address: 10.0.0.2/24 } } }
steps: [log: "set up \${who}, \${mine}, $\${mtu}"]
cleanup: [log: set down]
`;

/** Reads `main.yaml` among these files; the steps of its plan are given as lines, and so is what is wrong. */
async function read(files: Readonly<Record<string, string>>): Promise<{ lines: string[]; mistakes: string[] }> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(`${folder}/${name}`.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const scenario = await Scenario.load(`${folder}/main.yaml`);
    return { lines: scenario.describe(), mistakes: [] };
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return { lines: [], mistakes: error.message.replaceAll(`${folder}/`, "").split("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("include brings hosts, steps and cleanup, with variables of its own and those that it is given", async () => {
  const { lines, mistakes } = await read({
    "main.yaml": `name: x
include: { file: lib/hosts.yaml, with: { mtu: "\${size}" } }
vars: { size: 1400, mine: yours }
gates: { web: { host: server, dev: eth0, direction: out } }
steps: [log: own]
cleanup: [log: first]
`,
    "lib/hosts.yaml": HOSTS,
  });
  assertEquals(mistakes, []);
  assertEquals(lines.slice(1), [
    "make host client; eth0 to server eth0 as 10.0.0.1/24",
    "make host server; eth0 to client eth0 as 10.0.0.2/24",
    "attach gate web to eth0 of server: egress, all packets except arp or nd",
    "1: set up server, yours, ${mtu}",
    "2: own",
    "in the end, whatever happens:",
    "cleanup.1: first",
    "cleanup.2: set down",
    "release and take away everything that was made",
  ]);
});

Deno.test("include among steps is done as the steps of the file, at any level, each time with its own variables", async () => {
  const { lines, mistakes } = await read({
    "main.yaml": `name: x
vars: { n: 3 }
steps:
  - include: { file: say.yaml, with: { word: one } }
  - repeat: { over: [a, b], as: letter }
    steps:
      - include: { file: say.yaml, with: { word: "\${letter}-\${n}" } }
  - include: deep/more.yaml
  - include: say.yaml
`,
    "say.yaml": 'vars: { word: nothing }\nsteps: [log: "say ${word}"]\n',
    "deep/more.yaml": "steps:\n  - include: { file: ../say.yaml, with: { word: deep } }\n  - log: more\n",
  });
  assertEquals(mistakes, []);
  assertEquals(lines.filter((line) => /say|more/.test(line)).map((line) => line.trim()), [
    "1: say one",
    "2[1].1: say a-3",
    "2[2].1: say b-3",
    "3: say deep",
    "4: more",
    "5: say nothing",
  ]);
});

Deno.test("what is wrong in an included file is told with its name and place there", async () => {
  const own = "name: x\ninclude: a.yaml\nsteps: [log: x]\n";
  const wrong: readonly (readonly [files: Record<string, string>, ...mistakes: RegExp[]])[] = [
    [
      { "main.yaml": own, "a.yaml": "steps:\n  - log: x\n  - sleep: 5\n" },
      /^a\.yaml:3:12: sleep is 5, expected a duration/,
    ],
    [{ "main.yaml": own, "a.yaml": "steps: [log: x\n" }, /^a\.yaml:\d+:\d+: .*YAML that can be read/],
    [{ "main.yaml": own, "a.yaml": "steps: [log: '${none}']\n" }, /^a\.yaml:1:15: there is no variable \$\{none\}/],
    [{ "main.yaml": own, "a.yaml": "- log: x\n" }, /^a\.yaml:1:1: what is included must be a mapping/],
    [
      { "main.yaml": own, "a.yaml": "timeout: 5s\nsteps: [log: x]\n" },
      /^a\.yaml:1:1: unknown key "timeout" in what is included/,
    ],
    [{ "main.yaml": own }, /^main\.yaml:2:10: a\.yaml cannot be read: there is no such file, expected a file, from/],
    [{ "main.yaml": own, "a.yaml": "include: main.yaml\n" }, /^a\.yaml:1:10: main\.yaml includes itself/],
    [
      { "main.yaml": own.replace("a.yaml", "{ file: a.yaml, with: { prot: 1 } }"), "a.yaml": "vars: { port: 1 }\n" },
      /^main\.yaml:2:34: the file has no variable prot among its vars, expected one of port; did you mean "port"\?$/,
    ],
    [{ "main.yaml": own.replace("a.yaml", "[]") }],
    [
      { "main.yaml": own.replace("a.yaml", "{ fiel: a.yaml }") },
      /unknown key "fiel" in what is included/,
    ],
    [{ "main.yaml": own.replace("a.yaml", "3") }, /^main\.yaml:2:10: include names no file/],
    [{
      "main.yaml": `${own}gates: { web: { dev: lo, direction: out } }\n`,
      "a.yaml": "\ngates: { web: { dev: lo, direction: in } }\n",
    }, /^main\.yaml:4:10: web is defined already, at a\.yaml:2, expected another name$/],
    [
      { "main.yaml": "name: x\nsteps:\n  - include: a.yaml\n    name: y\n", "a.yaml": "steps: [log: x]\n" },
      /^main\.yaml:4:5: name beside include, expected include alone/,
    ],
    [
      { "main.yaml": "name: x\nsteps:\n  - include: a.yaml\n", "a.yaml": "gates: {}\nsteps: [log: x]\n" },
      /^a\.yaml:1:1: unknown key "gates" in what is included/,
    ],
    [
      { "main.yaml": "name: x\nsteps:\n  - include: a.yaml\n", "a.yaml": "name: y\n" },
      /^main\.yaml:3:14: the file has no list of steps/,
    ],
  ];
  for (const [files, ...expected] of wrong) {
    const { mistakes } = await read(files);
    assertEquals(mistakes.length, expected.length, mistakes.join("\n"));
    expected.forEach((each, index) => assertMatch(mistakes[index], each));
  }
});

Deno.test("an unknown variable that an included file is given is one mistake, where it is given, however often it is used", async () => {
  const { mistakes } = await read({
    "main.yaml": `name: x
steps:
  - include: { file: a.yaml, with: { port: "\${none}", text: "a \${known} \${other}", empty: } }
vars: { known: 1 }
`,
    "a.yaml": `vars: { port: 80, text: x, empty: x, list: [] }
steps:
  - log: "\${port} \${text}"
  - include: { file: b.yaml, with: { pause: "\${port}", size: "\${here}" } }
  - sleep: "\${empty}"
  - log: "\${list}"
  - log: "\${text}"
`,
    "b.yaml": 'vars: { pause: 1s, size: 1 }\nsteps: [sleep: "${pause}", log: "${size} ${pause}"]\n',
  });
  assertEquals(mistakes.map((mistake) => mistake.replace(/, expected.*/, "")), [
    "main.yaml:3:45: there is no variable ${none}",
    "main.yaml:3:73: there is no variable ${other}",
    "main.yaml:3:91: empty has no value",
    "a.yaml:1:44: list has no value",
    "a.yaml:4:63: there is no variable ${here}",
  ]);
});

Deno.test("a step that was included is told by the line of the scenario that brought it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
    await write("main.yaml", "name: x\nsteps:\n  - log: own\n  - include: a.yaml\n");
    await write("a.yaml", "steps:\n  - include: b.yaml\n");
    await write("b.yaml", "steps:\n\n\n\n  - run: exit 3\n");
    const lines: number[] = [];
    const scenario = await Scenario.load(`${folder}/main.yaml`);
    const { outcome, step } = await scenario.run({
      onEvent: (event) => event.event === "step-start" && event.line !== undefined && lines.push(event.line),
    });
    assertEquals([outcome, step, lines], ["failed", "2", [3, 4]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("include takes a folder: a text without a file includes from where the process is", async () => {
  const text = "name: x\nsteps: [include: no/such.yaml]\n";
  await assertRejects(() => Scenario.parse(text), ScenarioError, "no/such.yaml cannot be read: there is no such file");
});
