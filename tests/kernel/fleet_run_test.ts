/** `plugctl fleet run`: a scenario on many machines at once, on each by itself. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Machines } from "./machines.ts";
import { PLUGCTL } from "./plugctl.ts";
import { until } from "./until.ts";

const SLOW = `name: slow
vars: { ms: 300ms }
gates:
  web: { dev: eth0, direction: out, match: udp dst port 9 }
steps:
  - buffer: web
  - sleep: \${ms}
  - release: web
`;
const BOUND = { timeoutMs: 60_000 };

Deno.test("plugctl fleet run runs a scenario on every host, or where one cannot, on none", async (t) => {
  await using machines = new Machines(["db1", "db2"]);
  const { folder, asker } = machines;
  const file = (name: string, text: string) => (Deno.writeTextFileSync(`${folder}/${name}`, text), `${folder}/${name}`);
  const policy = file("policy.yaml", "runs: false\n");
  const scenario = file("slow.yaml", SLOW);
  await machines.start({ db2: ["--policy", policy] });
  const run = (...words: string[]) =>
    asker.spawn([...PLUGCTL, "fleet", "run", "--nats", "nats://10.9.0.1", ...words], {
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  const outcome = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(...words).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  };
  const isUndone = () => assertEquals([machines.left("db1"), machines.left("db2")], ["", ""]);

  await t.step("where the policy of one forbids it, nothing is run, and the line is named", async () => {
    const { code, stderr } = await outcome(scenario, "--on", "db*");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^plugctl: db2: the policy of this machine, \S+policy.yaml line 1, forbids it: no scenario may be run/im,
    );
    assertMatch(stderr, /^plugctl: nothing was run: 1 host of 2 cannot run it$/m);
    assert(!Deno.readTextFileSync(`${folder}/db1/log.jsonl`).includes("run-began"));
  });

  await t.step("a scenario that is wrong is refused with its line, and nothing is run", async () => {
    const { code, stderr } = await outcome(file("wrong.yaml", "name: x\nsteps: [rum: y]\n"), "--on", "db1");
    assertEquals(code, 1);
    assertMatch(stderr, /^plugctl: db1: scenario.yaml:2:\d+: unknown key "rum".*did you mean "run"\?$/m);
  });

  await t.step("each says how it ended, with its report, and has undone it", async () => {
    const { code, stdout, stderr } = await outcome(
      scenario,
      "--on",
      "db1",
      "--set",
      "ms=100ms",
      "--json",
      "--report",
      `${folder}/reports`,
    );
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /^plugctl: db1: done after [\d.]+ s$/m);
    const [{ host, told }] = JSON.parse(stdout);
    assertEquals([host, told.outcome, told.status], ["db1", "done", 0]);
    assertMatch(Deno.readTextFileSync(`${folder}/reports/db1.html`), /<title>/);
    isUndone();
  });

  await t.step("a run that fails says why, and is the exit status", async () => {
    const { code, stderr } = await outcome(file("bad.yaml", 'name: bad\nsteps: [run: "false"]\n'), "--on", "db1");
    assertEquals(code, 1);
    assertMatch(stderr, /^plugctl: db1: failed after [\d.]+ s: .*false/m);
  });

  await t.step("where whoever asked is killed, the host ends it, and undoes it", async () => {
    const child = run(scenario, "--on", "db1", "--set", "ms=10m");
    await until(() => machines.left("db1").includes("plug-web"), { ...BOUND, what: "the gate" });
    child.kill("SIGKILL");
    await child.output();
    await until(() => machines.left("db1") === "", { ...BOUND, what: "the end of the run" });
  });

  await t.step("a signal ends it everywhere", async () => {
    const child = run(scenario, "--on", "db1", "--set", "ms=10m");
    await until(() => machines.left("db1").includes("plug-web"), { ...BOUND, what: "the gate" });
    child.kill("SIGINT");
    assertEquals((await child.output()).code, 130);
    isUndone();
  });
});
