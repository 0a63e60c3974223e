import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { parse } from "yaml";
import { PLUGCTL } from "../kernel/plugctl.ts";
import { readLines } from "../../linux/incoming.ts";
import { type Outcome, plugctl } from "./plugctl.ts";

const GOOD = "name: good\nvars: { word: hello }\nsteps: [run: 'echo ${word}']\n";
const UNMET = "name: 'wants, <more> & 100%'\nsteps:\n  - log: x\n  - expect: { command: echo no, stdout: yes }\n";
const DIES = `name: "a server # dies"
steps:
  - start: { name: web, command: "printf 'one\\\\001two\\\\n'; echo bad path >&2; exit 3" }
  - sleep: 1h
`;

/** Runs plugctl on a folder of these files, in which it is: `FOLDER` in a word stands for it. */
async function inFolder<T>(
  files: Readonly<Record<string, string>>,
  work: (folder: string, run: (...words: string[]) => Promise<Outcome>) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      if (name.includes("/")) {
        await Deno.mkdir(`${folder}/${name.slice(0, name.lastIndexOf("/"))}`, { recursive: true });
      }
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const run = async (...words: string[]) => {
      const { status, stdout, stderr } = await plugctl(["run", ...words.map((word) => word.replace("FOLDER", folder))]);
      return { status, stdout: stdout.replaceAll(folder, "FOLDER"), stderr: stderr.replaceAll(folder, "FOLDER") };
    };
    return await work(folder, run);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The attributes of an element of XML. */
type Attributes = Record<string, string>;

const timeless = (text: string) => text.replaceAll(/\d+\.\d{3} s/g, "T");

Deno.test("run takes several files and folders, tells each in a line, and ends with the worst status", async () => {
  const files = {
    "a.yaml": GOOD,
    "sub/b.yml": UNMET,
    "sub/deep/c.yaml": DIES,
    "sub/other.yaml": "a: 1\n",
    "sub/.d.yaml": "?",
  };
  await inFolder(files, async (_folder, run) => {
    const { status, stdout, stderr } = await run("FOLDER/a.yaml", "FOLDER/sub", "--jobs", "1");
    assertEquals(status, 1);
    assertEquals(timeless(stdout).split("\n"), [
      "✓ FOLDER/a.yaml  T",
      "✗ FOLDER/sub/b.yml  unmet  T",
      "✗ FOLDER/sub/deep/c.yaml  failed  T",
      "3 scenarios: 1 done, 1 unmet, 1 failed in T",
      "",
    ]);
    assertEquals(stderr.split("\n"), [
      "plugctl: without steps, and so not run: FOLDER/sub/other.yaml",
      "step 2 | no",
      'plugctl: FOLDER/sub/b.yml: step 2 (line 4): Expected that echo no ends with yes in stdout: stdout was "no"',
      "web | one�two",
      "plugctl: FOLDER/sub/deep/c.yaml: step 1 (line 3): web ended with exit status 3 by itself; it says: bad path",
      "plugctl: FOLDER/sub/deep/c.yaml: that ended step 2 (line 4), sleep 3600s",
      "",
    ]);
    const unmet = await run("FOLDER/a.yaml", "FOLDER/sub/b.yml", "--quiet");
    assertEquals([unmet.status, unmet.stdout], [3, ""]);
    assertEquals((await run("FOLDER/a.yaml", "FOLDER/a.yaml", "FOLDER/a.yaml")).status, 0);
  });
});

Deno.test("run checks every file before it runs the first, and reports every mistake", async () => {
  await inFolder(
    { "a.yaml": `${GOOD}  - bufer: web\n`, "b.yaml": "name: x\nsteps: [sleep: 5]\n" },
    async (folder, run) => {
      const { status, stdout, stderr } = await run("FOLDER", "--annotations", "github", "--junit", "FOLDER/j.xml");
      assertEquals(status, 2);
      assertMatch(stderr, /^FOLDER\/a\.yaml:4:/m);
      assertMatch(stderr, /^FOLDER\/b\.yaml:2:16: sleep is 5/m);
      assertMatch(stdout, /^::error file=FOLDER\/b\.yaml,line=2,col=16,title=plugctl::sleep is 5, expected /m);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["a.yaml", "b.yaml"]);
    },
  );
});

Deno.test("run gives a variable to the scenarios that have it, and refuses one that none has", async () => {
  await inFolder({ "a.yaml": GOOD, "b.yaml": "name: x\nsteps: [log: x]\n" }, async (_folder, run) => {
    const { status, stdout } = await run("FOLDER", "--set", "word=bye", "--verbose");
    assertEquals(status, 0);
    assertMatch(stdout, /run echo bye/);
    const none = await run("FOLDER", "--set", "wrod=bye");
    assertEquals([none.status, none.stderr], [2, "plugctl: --set: none of the scenarios has a variable wrod\n"]);
  });
});

const ROWS = `name: rows
matrix: { word: [yes it is, no], times: [1] }
steps: [expect: { command: "echo \${word}", stdout: yes }]
`;

Deno.test("run does a scenario for each row of its matrix, and names the row that fails", async () => {
  await inFolder({ "m.yaml": ROWS, "a.yaml": GOOD }, async (folder, run) => {
    const { status, stdout, stderr } = await run(
      "FOLDER/m.yaml",
      "--junit",
      "FOLDER/j.xml",
      "--report",
      "FOLDER/reports",
    );
    assertEquals([status, timeless(stdout).split("\n")], [3, [
      "✓ FOLDER/m.yaml [word=yes it is, times=1]  T",
      "✗ FOLDER/m.yaml [word=no, times=1]  unmet  T",
      "2 scenarios: 1 done, 1 unmet in T",
      "",
    ]]);
    assertMatch(
      stderr,
      /^plugctl: FOLDER\/m\.yaml \[word=no, times=1\]: step 1 \(line 3\): Expected that echo no ends/m,
    );
    const reports = [...Deno.readDirSync(`${folder}/reports`)].map(({ name }) => name.split("_").slice(-3).join("_"));
    assertEquals(reports.sort(), ["1_word-yes-it-is_times-1.html", "2_word-no_times-1.html"]);
    const junit = await Deno.readTextFile(`${folder}/j.xml`);
    assertMatch(junit, /<testcase name="rows \[word=no, times=1\]" [^>]*file="[^"]*m\.yaml" line="3"/);
    const one = await run("FOLDER/m.yaml", "--set", "word=no");
    assertEquals(one.status, 3);
    assertMatch(one.stdout, /^rows \[word=no, times=1\] \(seed/);
    const both = await run("FOLDER/m.yaml", "FOLDER/a.yaml", "--set", "word=yes", "--json");
    assertEquals(both.status, 0);
    const events = both.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.filter(({ event }) => event === "scenario-end").map(({ row }) => row), [
      { word: "yes", times: 1 },
      undefined,
    ]);
    const text = await run("FOLDER/a.yaml", "FOLDER/a.yaml", "FOLDER/m.yaml", "--set", "word=null", "--verbose");
    assertMatch(text.stdout, /run echo null/);
    const plans = (await run("FOLDER/m.yaml", "--dry-run")).stdout;
    assertMatch(plans, /^FOLDER\/m\.yaml \[word=yes it is, times=1\]\n {2}rows \[/);
  });
});

Deno.test("run says what is wrong with what it was given for several, before it runs one", async () => {
  await inFolder({ "a.yaml": GOOD, "none/x.yaml": "a: 1", "file": "" }, async (_folder, run) => {
    const mistakes = [
      [["FOLDER/none"], 2, "FOLDER/none has no scenario: no YAML file with steps: in it"],
      [["FOLDER/a.yaml", "FOLDER/nosuch.yaml"], 1, "cannot read FOLDER/nosuch.yaml: there is no such file"],
      [["FOLDER/a.yaml", "--jobs", "0"], 2, 'invalid number of jobs "0": use a whole number from 1 to 256'],
      [["FOLDER/a.yaml", "--tap", "--json"], 2, "--tap and --json both write to standard output: choose one"],
      [["FOLDER/a.yaml", "--annotations", "gitlab"], 2, 'unknown annotations "gitlab": use github'],
      [["FOLDER/a.yaml", "--mem", "2g"], 2, "--mem is for --uml, which is not given"],
      [
        ["FOLDER/a.yaml", "--junit", "FOLDER/nosuch/j.xml"],
        1,
        "cannot write JUnit's XML FOLDER/nosuch/j.xml: there is no folder FOLDER/nosuch/",
      ],
      [
        ["FOLDER/a.yaml", "FOLDER/a.yaml", "--report", "FOLDER/file"],
        2,
        "--report FOLDER/file: of several scenarios it names a folder, and there is a file of that name",
      ],
    ] as const;
    for (const [words, status, message] of mistakes) {
      const outcome = await run(...words);
      assertEquals([outcome.status, outcome.stdout, outcome.stderr], [status, "", `plugctl: ${message}\n`]);
    }
  });
});

Deno.test("run writes JUnit's XML, of one scenario as of several, that an XML parser reads", async () => {
  const files = { "a.yaml": GOOD, "b.yaml": UNMET, "c.yaml": DIES };
  await inFolder(files, async (folder, run) => {
    assertEquals((await run("FOLDER", "--junit", "FOLDER/all.xml")).status, 1);
    assertEquals((await run("FOLDER/b.yaml", "--junit", "FOLDER/one.xml")).status, 3);
    const read = async (name: string): Promise<[Attributes, [Attributes, [string, Attributes, string][]][]]> => {
      const script = "import sys, json, xml.etree.ElementTree as e\n" +
        "s = e.parse(sys.argv[1]).getroot()[0]\n" +
        "print(json.dumps([s.attrib, [[c.attrib, [[x.tag, x.attrib, x.text] for x in c]] for c in s]]))";
      const { stdout } = await new Deno.Command("python3", { args: ["-c", script, `${folder}/${name}`] }).output();
      return JSON.parse(new TextDecoder().decode(stdout).replaceAll(folder, "FOLDER"));
    };
    const [suite, cases] = await read("all.xml");
    assertEquals([suite.tests, suite.failures, suite.errors, suite.skipped], ["3", "1", "1", "0"]);
    assertMatch(suite.timestamp, /^\d{4}-\d\d-\d\dT/);
    assertEquals(cases.map(([{ name, classname, file, line }]) => [name, classname, file, line]), [
      ["good", "FOLDER/a", "FOLDER/a.yaml", undefined],
      ["wants, <more> & 100%", "FOLDER/b", "FOLDER/b.yaml", "4"],
      ["a server # dies", "FOLDER/c", "FOLDER/c.yaml", "3"],
    ]);
    const [, [[tag, { type }, text], [out, , shown]]] = cases[1];
    assertEquals([tag, type, out], ["failure", "unmet", "system-out"]);
    assertMatch(text, /^step 2 \| no\nstep 2 \(line 4\): Expected/);
    assertMatch(shown, /✗ 2 {5}expect that echo no/);
    assertEquals(cases[2][1][0][0], "error");
    assertMatch(cases[2][1][0][2], /web \| one�two/);
    const [one, [[, [[failure]]]]] = await read("one.xml");
    assertEquals([one.tests, one.failures, failure], ["1", "1", "failure"]);
  });
});

Deno.test("run prints the Test Anything Protocol, and nothing else on standard output", async () => {
  await inFolder({ "a.yaml": GOOD, "b.yaml": UNMET, "c.yaml": DIES }, async (_folder, run) => {
    for (const words of [["FOLDER"], ["FOLDER/c.yaml"]]) {
      const { stdout } = await run(...words, "--tap", "--verbose");
      const count = words[0] === "FOLDER" ? 3 : 1;
      const [version, plan, ...points] = stdout.split("\n");
      assertEquals([version, plan], ["TAP version 14", `1..${count}`]);
      const heads = points.filter((line) => /^(?:not )?ok /.test(line));
      const last = `not ok ${count} - a server \\# dies`;
      assertEquals(heads, count === 1 ? [last] : ["ok 1 - good", "not ok 2 - wants, <more> & 100%", last]);
      const known = parse(stdout.slice(stdout.lastIndexOf("  ---\n") + 6, stdout.lastIndexOf("  ...")));
      assertEquals([known.severity, known.file, known.line], ["error", "FOLDER/c.yaml", 3]);
      assertMatch(known.message, /^step 1 \(line 3\): web ended with exit status 3 by itself; it says: bad path\n/);
      assertEquals(known.last, ["web | one�two", "web | bad path"]);
    }
  });
});

Deno.test("run prints GitHub's annotations at the line of what failed, beside what a person reads", async () => {
  await inFolder({ "a,b.yaml": UNMET, "c.yaml": GOOD }, async (_folder, run) => {
    const line =
      "::error file=FOLDER/a%2Cb.yaml,line=4,title=wants%2C <more> & 100%25::step 2 (line 4): Expected that echo no " +
      'ends with yes in stdout: stdout was "no"\n';
    for (const words of [["FOLDER"], ["FOLDER/a,b.yaml"]]) {
      const { stdout } = await run(...words, "--annotations", "github");
      assert(stdout.includes(line), stdout);
    }
    const { stdout, stderr } = await run("FOLDER/a,b.yaml", "--annotations", "github", "--json");
    assertNotMatch(stdout, /::error/);
    assert(stderr.includes(line), stderr);
  });
});

Deno.test("run writes a report of each into a folder, and says so", async () => {
  await inFolder({ "a.yaml": GOOD, "sub/a.yaml": UNMET }, async (folder, run) => {
    const { stderr } = await run("FOLDER", "--report", "FOLDER/reports");
    assertMatch(stderr, /^plugctl: reports: FOLDER\/reports$/m);
    const names = [...Deno.readDirSync(`${folder}/reports`)].map(({ name }) => name).sort();
    assertEquals(
      names.map((name) => name.slice(-10)),
      [`${folder}/a`, `${folder}/sub/a`].map((path) => `${path.slice(1).replaceAll("/", "_")}.html`.slice(-10)),
    );
  });
});

Deno.test("run --json gives the events of several with the file of each", async () => {
  await inFolder({ "a.yaml": GOOD, "b.yaml": DIES }, async (_folder, run) => {
    const { status, stdout } = await run("FOLDER", "--jobs", "2", "--json");
    assertEquals(status, 1);
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    for (const name of ["a", "b"]) {
      const own = events.filter(({ file }) => file === `FOLDER/${name}.yaml`).map(({ event }) => event);
      assertEquals([own[0], own.at(-1)], ["scenario-start", "scenario-end"]);
    }
  });
});

Deno.test("a signal ends those that run, undoes them, and skips the others", async () => {
  const WAITS = "name: waits\nsteps: [log: x, sleep: 1h]\ncleanup: [run: 'echo undone >${folder}/undone']\n";
  await inFolder({ "a.yaml": WAITS, "b.yaml": GOOD }, async (folder) => {
    const [program, ...words] = PLUGCTL;
    const child = new Deno.Command(program, {
      args: [...words, "run", folder, "--json", "--junit", `${folder}/j.xml`],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const events: { event: string; step?: string; file: string }[] = [];
    for await (const line of readLines(child.stdout)) {
      const event = JSON.parse(line);
      events.push(event);
      if (event.event === "step-start" && event.step === "2") child.kill("SIGTERM");
    }
    const { code } = await child.status;
    const stderr = await new Response(child.stderr).text();
    assertEquals(code, 143);
    assertMatch(
      stderr,
      /a\.yaml: step 2 \(line 2\): interrupted by SIGTERM\n(?:.*\n)*plugctl: interrupted by SIGTERM\n$/,
    );
    assertEquals(events.some(({ file }) => file.endsWith("b.yaml")), false);
    assertEquals(await Deno.readTextFile(`${folder}/undone`), "undone\n");
    assertMatch(await Deno.readTextFile(`${folder}/j.xml`), /<testcase name="good"[^>]*>\n<skipped message="a signal/);
  });
});
