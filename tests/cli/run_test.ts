import { assertEquals, assertMatch } from "@std/assert";
import { type Outcome, plugctl, spawnPlugctl } from "./plugctl.ts";
import { runHere } from "./run_here.ts";

/** Runs `plugctl run` with these words on a file that holds this text. */
async function runFile(text: string, ...words: string[]): Promise<Outcome & { file: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/a.yaml`;
    await Deno.writeTextFile(file, text);
    return { ...await plugctl(["run", ...words, file]), file };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const PLAIN =
  "name: plain\nvars: { word: hello }\nsteps: [run: 'echo ${word} >&2; test ${word} != bye', sleep: 1us..3ms]";

Deno.test("run shows each step, and exits with 0", async () => {
  const { status, stdout, stderr } = await runFile(PLAIN, "--seed", "5");
  assertEquals([status, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^plain \(seed 5\)\n {3}\d\.\d{3} s ✓ 1 {5}run echo hello >&2; test hello != bye {2}[\d.]+ ms\n.*sleep 1us to 3ms.*\n✓ done: 2 steps in [\d.]+ s\n$/,
  );
});

Deno.test("run exits with 1 where a step fails, and with 3 where an expectation is not met", async () => {
  const failed = await runFile(PLAIN, "--set", "word=bye", "--quiet");
  assertEquals([failed.status, failed.stdout], [1, ""]);
  assertEquals(
    failed.stderr,
    "plugctl: step 1 (line 3): echo bye >&2; test bye != bye ended with exit status 1; it says: bye\n",
  );
  const unmet = await runFile("name: x\nsteps: [expect: { command: echo no, stdout: yes }]", "--quiet");
  assertEquals([unmet.status, unmet.stderr.split(":")[1]], [3, " step 1 (line 2)"]);
});

const DEATH = `name: a server that dies
steps:
  - start: { name: other, command: "echo fine; sleep 3600" }
  - wait: { process: other, line: fine, timeout: 60s }
  - start: { name: web, command: "for i in $(seq 30); do echo $i; done; echo bad path >&2; exit 1" }
  - wait: { port: 1, timeout: 1h }
`;

Deno.test("run ends where a process dies, and says in the end what failed, with everybody's last words above it, none of them twice", async () => {
  const { status, stderr } = await runFile(DEATH);
  assertEquals(status, 1);
  assertEquals(stderr.split("\n"), [
    "other | fine",
    ...Array.from({ length: 19 }, (_, index) => `web   | ${index + 12}`),
    "plugctl: step 3 (line 5): web ended with exit status 1 by itself; it says: bad path",
    "plugctl: that ended step 4 (line 6), wait until port 1 answers",
    "",
  ]);
  const quiet = await runFile(DEATH, "--quiet");
  assertEquals(
    [quiet.status, quiet.stdout, quiet.stderr],
    [1, "", "plugctl: step 3 (line 5): web ended with exit status 1 by itself; it says: bad path\n"],
  );
});

Deno.test("run shows with --verbose what processes write, and not again in the end", async () => {
  const { status, stdout, stderr } = await runFile(DEATH, "--verbose");
  assertEquals(status, 1);
  assertMatch(stdout, /\n {3}\d\.\d{3} s {3}other \| fine\n/);
  assertMatch(stdout, /\n {3}\d\.\d{3} s {3}web \| 1\n.*\n.* web \| 3\n/);
  assertEquals(stderr.split("\n").length, 3);
});

Deno.test("run says where the report is", async () => {
  const report = await Deno.makeTempFile({ suffix: ".html" });
  try {
    const { status, stderr } = await runFile("name: x\nsteps: [log: x]", "--report", report);
    assertEquals([status, stderr], [0, `plugctl: report: ${report}\n`]);
  } finally {
    await Deno.remove(report);
  }
});

Deno.test("run prints the event log with --json, a JSON object a line", async () => {
  const { status, stdout } = await runFile(PLAIN, "--json", "--seed", "5");
  assertEquals(status, 0);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event, step = "" }) => `${event} ${step}`), [
    "scenario-start ",
    "step-start 1",
    "step-end 1",
    "step-start 2",
    "step-end 2",
    "scenario-end ",
  ]);
  assertEquals([events[0].seed, events[0].version, events[0].vars], [5, 1, { word: "hello" }]);
});

Deno.test("run prints what it would do with --dry-run, and touches nothing", async () => {
  const text = "name: plan\nplugs: { up: { dev: nosuch } }\nsteps: [buffer: up, run: 'exit 1']";
  const { status, stdout, stderr } = await runFile(text, "--dry-run");
  assertEquals([status, stderr], [0, ""]);
  assertEquals(
    stdout,
    "plan: at most 600s, holding for at most 30s without a release\nattach plug up to nosuch\n1: buffer up\n2: run exit 1\n" +
      "release and take away everything that was made\n",
  );
  const plan = JSON.parse((await runFile(text, "--dry-run", "--json")).stdout);
  assertEquals([plan.timeoutMs, plan.steps.length], [600_000, 2]);
});

Deno.test("run exits with 2 and says every mistake of the file as file:line:column", async () => {
  const { status, stdout, stderr, file } = await runFile("name: x\nsteps:\n  - bufer: web\n  - sleep: 5\nbogus: 1\n");
  assertEquals([status, stdout], [2, ""]);
  assertEquals(stderr.split("\n").map((line) => line.split(", ")[0]), [
    `${file}:3:5: unknown key "bufer"`,
    `${file}:4:12: sleep is 5`,
    `${file}:5:1: unknown key "bogus"`,
    "",
  ]);
});

const MISTAKES = [
  [["--set", "word"], '"word" sets nothing: --set KEY=VALUE'],
  [["--set", "=x"], '"=x" sets nothing: --set KEY=VALUE'],
  [["--set", "other=1"], "--set: there is no variable other to set; those of the scenario are: word"],
  [["--seed", "-1"], "--seed needs a value: --seed N; see: plugctl run --help"],
  [["--seed", "4294967296"], 'invalid seed "4294967296": use a whole number from 0 to 4294967295'],
  [["--max-hold", "5"], 'invalid duration "5": use a unit (us, ms, s, m, h), such as 200ms or 5s'],
] as const;

Deno.test("run exits with 2 and says what is wrong with an option", async () => {
  for (const [words, message] of MISTAKES) {
    const { status, stderr } = await runFile(PLAIN, ...words);
    assertEquals([status, stderr], [2, `plugctl: ${message}\n`]);
  }
});

Deno.test("run refuses a file that is not UTF-8, and guesses at no letter of it", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeFile(file, new Uint8Array([...new TextEncoder().encode(`${PLAIN}\n# `), 0xff]));
    const { status, stderr } = await plugctl(["run", file, "--dry-run"]);
    assertEquals([status, stderr], [1, `plugctl: cannot read ${file}: it is not UTF-8\n`]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("run says that there is no such file", async () => {
  const file = "/nonexistent/a.yaml";
  const { status, stderr } = await plugctl(["run", file]);
  assertEquals([status, stderr], [1, `plugctl: cannot read ${file}: there is no such file\n`]);
});

Deno.test("run --watch runs again each time that the file is saved, also with a mistake in it, until a signal", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/a.yaml`;
  // As editors do that put a new file in place of the old one
  const save = (steps: string) => {
    Deno.writeTextFileSync(`${folder}/new`, `name: x\nsteps: [${steps}]\n`);
    Deno.renameSync(`${folder}/new`, file);
  };
  save("log: one");
  const child = spawnPlugctl(["run", "--watch", file]);
  const told = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  /** What it says until it waits for a change. */
  const untilCalm = async () => {
    for (let text = "";;) {
      const { value, done } = await told.read();
      text += value ?? "";
      if (done || text.includes("Ctrl-C ends it\n")) return text;
    }
  };
  try {
    const waiting = `plugctl: waiting for a change of ${file}; Ctrl-C ends it\n`;
    assertEquals(await untilCalm(), waiting);
    save("lag: two");
    assertMatch(await untilCalm(), /a.yaml:2:9: unknown key "lag".*\nplugctl: waiting for/);
    save("run: 'exit 1'");
    assertMatch(await untilCalm(), /plugctl: step 1 \(line 2\): exit 1 ended with exit status 1\nplugctl: waiting for/);
    save("log: three");
    assertEquals(await untilCalm(), waiting);
    child.kill("SIGINT");
    const text = await new Response(child.stdout).text();
    assertEquals([...text.matchAll(/^.* (✓ 1|✗ 1)\b/gm)].map(([, what]) => what), [
      "✓ 1",
      "✗ 1",
      "✓ 1",
    ]);
    assertEquals((await child.status).code, 130);
  } finally {
    await told.cancel();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("run --watch runs again where a file that is included changes, comes, or includes another", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/lib`);
  const save = (name: string, steps: string) => Deno.writeTextFileSync(`${folder}/${name}`, steps);
  save("a.yaml", "name: x\nsteps: [include: lib/b.yaml]\n");
  const child = spawnPlugctl(["run", "--watch", `${folder}/a.yaml`]);
  const told = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const untilCalm = async () => {
    for (let text = "";;) {
      const { value, done } = await told.read();
      text += value ?? "";
      if (done || text.includes("Ctrl-C ends it\n")) return text.replaceAll(folder, "");
    }
  };
  try {
    assertMatch(await untilCalm(), /a.yaml:2:18: lib\/b.yaml cannot be read: there is no such file/);
    save("lib/b.yaml", "steps: [log: one, include: c.yaml]\n");
    const missing = await untilCalm();
    assertMatch(missing, /lib\/b.yaml:1:28: c.yaml cannot be read/);
    assertMatch(missing, /waiting for a change of 3 files/);
    save("lib/c.yaml", "steps: [log: two]\n");
    assertEquals(await untilCalm(), "plugctl: waiting for a change of 3 files; Ctrl-C ends it\n");
    save("lib/c.yaml", "steps: [run: exit 1]\n");
    assertMatch(await untilCalm(), /exit 1 ended with exit status 1/);
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
  } finally {
    await told.cancel();
    await child.stdout.cancel();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("new writes a scenario that can be read, under the name given, and touches nothing that is there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const written = await runHere("new", `${folder}/my $& \${answer}`);
    const file = `${folder}/my $& \${answer}.yaml`;
    assertEquals([written.status, written.stdout], [0, `${file}\n`]);
    assertMatch(written.stderr, /^plugctl: run it: plugctl run /);
    const { name } = JSON.parse((await runHere("run", "--dry-run", "--json", file)).stdout);
    assertEquals(name, "my $& ${answer}");
    assertMatch(Deno.readTextFileSync(file), new RegExp(`^# Run it: plugctl run '${folder}/my \\$& .*\\.yaml';`, "m"));
    const again = await runHere("new", file);
    assertEquals(again, {
      status: 1,
      stdout: "",
      stderr: `plugctl: cannot write ${file}: it is there already; give another name\n`,
    });
    const nowhere = await runHere("new", `${folder}/a/b.yml`);
    assertEquals([nowhere.status, nowhere.stderr], [
      1,
      `plugctl: cannot write ${folder}/a/b.yml: there is no such folder\n`,
    ]);
    assertEquals((await runHere("new", ".yaml")).status, 2);
    const broken = await runHere("new", `${folder}/a\nb`);
    assertEquals(broken.status, 2);
    assertMatch(broken.stderr, /^plugctl: ".*\/a\\nb" has a line break or another control character\n$/);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["my $& ${answer}.yaml"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
