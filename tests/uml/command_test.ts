/** `plugctl uml`: what a person gets of a command that runs on a kernel of its own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../kernel/until.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;

/** Runs `plugctl uml` in a folder of its own, with nothing to read. */
function start(words: string[], cwd?: string, command = "uml"): Deno.ChildProcess {
  const args = ["run", "-A", "--no-check", MAIN, command, ...words];
  return new Deno.Command(Deno.execPath(), { args, cwd, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

/** What is said where this is the first that needs it. */
const DOWNLOAD = /^plugctl: downloading User-Mode Linux: .*\n/;

/** How it ended, and what it said, but of a download. */
async function outcome(
  words: string[],
  cwd?: string,
  command?: string,
): Promise<{ status: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await start(words, cwd, command).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { status: code, stdout: out, stderr: err.replace(DOWNLOAD, "") };
}

Deno.test("plugctl uml runs plugctl as root on a kernel with sch_plug, and ends as it does", async () => {
  const script = "id -u; plugctl attach lo && plugctl buffer lo --max-hold 1s && plugctl show lo; exit 42";
  const { status, stdout, stderr } = await outcome(["--", "sh", "-c", script]);
  assertEquals([status, stderr], [42, ""], stdout);
  assertMatch(stdout, /^0\nDEVICE .*\nlo +root +504c: /);
});

Deno.test("plugctl uml leaves this machine's files alone, but for the folders of --rw", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl uml " });
  try {
    await Deno.mkdir(`${folder}/out`);
    const script = "echo lost >lost.txt; echo kept >out/kept.txt; cat lost.txt";
    const { status, stdout } = await outcome(["--rw", "out", "--", "sh", "-c", script], folder);
    assertEquals([status, stdout], [0, "lost\n"]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out"]);
    assertEquals(await Deno.readTextFile(`${folder}/out/kept.txt`), "kept\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const SCENARIO = `name: a datagram waits
hosts:
  client: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }
  server: { devices: { eth0: { to: client, address: 10.0.0.2/24 } } }
defaults: { host: client, timeout: 60s }
gates: { sent: { dev: eth0, direction: egress, match: udp } }
steps:
  - buffer: sent
  - run: { command: [bash, -c, "echo x >/dev/udp/10.0.0.2/5000"] }
  - wait: { gate: sent, backlog: ">=1" }
  - release: sent
`;
const HERE = `name: on the machine itself
gates: { sent: { dev: lo, direction: egress, match: udp } }
steps:
  - buffer: sent
  - run: { command: [bash, -c, "echo x >/dev/udp/127.0.0.1/5000"] }
  - wait: { gate: sent, backlog: ">=1" }
  - release: sent
`;

Deno.test("plugctl run --uml runs scenarios at once that name the same hosts, and keeps what is written of them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl uml " });
  try {
    for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${folder}/${name}.yaml`, SCENARIO);
    for (const name of ["here", "here_too"]) await Deno.writeTextFile(`${folder}/${name}.yaml`, HERE);
    await Deno.mkdir(`${folder}/out`);
    const words = [".", "--uml", "--jobs", "3", "--junit", "out/j.xml", "--report", "reports"];
    const { status, stdout } = await outcome(words, folder, "run");
    assertEquals(status, 0, stdout);
    assertMatch(stdout, /^5 scenarios: 5 done in [\d.]+ s$/m);
    assertMatch(
      await Deno.readTextFile(`${folder}/out/j.xml`),
      /<testsuite name="plugctl" tests="5" failures="0" errors="0"/,
    );
    const reports = [...Deno.readDirSync(`${folder}/reports`)].map(({ name }) => name).sort();
    assertEquals(reports, ["a.html", "b.html", "c.html", "here.html", "here_too.html"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plugctl uml on a terminal gives that to the command: its size, also another later, what is typed, and Ctrl-C", async () => {
  const uml = [Deno.execPath(), "run", "-A", "--no-check", MAIN, "uml", "--", "bash", "--norc"].join(" ");
  // Its input is the terminal's keys, its output what that shows.
  const child = new Deno.Command("script", {
    args: ["-qec", `tty; stty rows 33 cols 101; exec ${uml}`, "/dev/null"],
    env: { TERM: "dumb" },
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(300_000),
  }).spawn();
  const keys = child.stdin.getWriter();
  const shows = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let shown = "";
  const until = async (text: RegExp) => {
    while (!text.test(shown)) {
      const { value, done } = await shows.read();
      assert(!done, `it has not shown ${text}: ${shown}`);
      shown += value;
    }
    const [, found] = text.exec(shown) ?? [];
    shown = "";
    return found;
  };
  const type = (text: string) => keys.write(new TextEncoder().encode(text));
  const outer = await until(/^(\/dev\/pts\/\d+)\s/m);
  await until(/# $/);
  await type("stty size; tty; id -u\n");
  await until(/^33 101\s+\/dev\/tty1\s+0\s/m);
  for (const [rows, columns] of [["40", "120"], ["20", "77"]]) {
    await type(`until [ "$(stty size)" = "${rows} ${columns}" ]; do sleep 0.1; done; echo is ${rows} ${columns}\n`);
    await new Deno.Command("stty", { args: ["-F", outer, "rows", rows, "cols", columns] }).output();
    await until(new RegExp(`^is ${rows} ${columns}\\s`, "m"));
  }
  await type("sh -c 'echo begun; exec sleep 600'\n");
  await until(/^begun\s/m);
  await type("\x03");
  await until(/# $/);
  await type("echo ended by $?; exit 7\n");
  await until(/^ended by 130\s/m);
  await keys.close();
  while (!(await shows.read()).done);
  assertEquals((await child.status).code, 7);
});

for (const [signal, status] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`plugctl uml that ${signal} ends takes its kernel with it`, async () => {
    const mark = `600.${crypto.getRandomValues(new Uint16Array(1))[0]}`;
    const child = start(["--", "sh", "-c", `echo begun; exec sleep ${mark}`]);
    const reader = child.stdout.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "begun\n");
    child.kill(signal);
    assertEquals((await child.status).code, status);
    reader.releaseLock();
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await until(() => !kernels().includes(child.pid), { timeoutMs: 60_000, what: "the end of its kernel" });
  });
}

/** The parents of the kernels that are there. */
function kernels(): number[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const isKernel = Deno.readTextFileSync(`/proc/${name}/cmdline`).includes("linux.uml");
      return isKernel ? [Number(/^PPid:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${name}/status`))?.[1])] : [];
    } catch {
      return [];
    }
  });
}

Deno.test("plugctl uml says what it needs before it starts anything", async () => {
  const mistakes = [
    [[], "plugctl: uml needs a command: plugctl uml -- COMMAND...\n"],
    [["--mem", "64m", "--", "true"], "plugctl: --mem is 64m, must be at least 1g: plugctl needs that much in it\n"],
    [["--rw", "/nonexistent", "--", "true"], "plugctl: --rw /nonexistent: there is no such folder\n"],
  ] as const;
  for (const [words, said] of mistakes) {
    assertEquals(await outcome([...words]), { status: 2, stdout: "", stderr: said });
  }
});
