/** User-Mode Linux as a process: what a command gets and gives there, and that nothing of it is left. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { keepOnProcessor, ownProcessors } from "../../linux/process.ts";
import { boot, type BootOptions } from "../../uml/boot.ts";
import { chooseProcessor } from "../../uml/processes.ts";
import { until } from "../kernel/until.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Boots a kernel for a shell script, and returns its status and the lines it printed. */
async function run(script: string, options: BootOptions = {}): Promise<{ status: number; lines: string[] }> {
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const status = await boot(["sh", "-c", script], { env: { PATH }, onLine, timeoutMs: 300_000, ...options });
  return { status, lines };
}

/** The command lines of the processes on the host that name a folder; those that only wait to be reaped name none. */
function processesNaming(folder: string): string[] {
  return [...Deno.readDirSync("/proc")]
    .filter(({ name }) => /^\d+$/.test(name))
    .map(({ name }) => commandOf(name))
    .filter((command) => command.includes(folder));
}

/** The command line of a process, which is empty once it has ended. */
function commandOf(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch (error) {
    // A file of a process that ends while it is read is met with ESRCH.
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return "";
    throw error;
  }
}

Deno.test("boot() gives the command its words, environment and folder as they are, and returns its status", async () => {
  const odd = `it's "$HOME" \\ ü`;
  const folder = await Deno.makeTempDir({ prefix: "plugctl test " });
  try {
    const { status, lines } = await run('printf "%s\\n" "$ODD" "$PWD"; id -u; printf end; exit 42', {
      cwd: folder,
      env: { PATH, ODD: odd },
    });
    assertEquals({ status, lines }, { status: 42, lines: [odd, folder, "0", "end"] });
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("boot() passes on all output in order, of a command that leaves a process running", async () => {
  const { lines } = await run("sleep 1000 & seq 1 100000");
  assertEquals(lines.length, 100_000);
  assert(lines.every((line, index) => line === `${index + 1}`));
});

Deno.test("boot() keeps what the command writes away from the host", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { lines } = await run(`echo inside >${folder}/file && cat ${folder}/file`);
    assertEquals(lines, ["inside"]);
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("boot() ends the kernel and its processes when the time is up", async () => {
  const lines: string[] = [];
  const onLine = (line: string) => void lines.push(line);
  const script = "cat /proc/cmdline; while :; do :; done";
  const error = await assertRejects(() => run(script, { timeoutMs: 20_000, onLine }), DOMException);
  assertEquals(error.name, "TimeoutError");
  const [, exchange = ""] = /"([^"]*plugctl-uml-[^"]*)"/.exec(lines[0]) ?? [];
  assert(exchange, `There is no folder in ${lines[0]}`);
  // The shell that watches over the kernel ends behind it
  await until(() => processesNaming(exchange).length === 0, { timeoutMs: 60_000, what: "the end of its processes" });
});

Deno.test("boot() rejects with the kernel's last lines when it panics", async () => {
  const error = await assertRejects(() => run("echo c >/proc/sysrq-trigger; sleep 60"), Error);
  assertStringIncludes(error.message, "Kernel panic - not syncing: sysrq triggered crash");
});

Deno.test("chooseProcessor() gives each of several kernels another processor, as far as there are some, and keepOnProcessor() keeps it there", async () => {
  const own = ownProcessors();
  assert(own.length > 0);
  using first = await chooseProcessor();
  using second = await chooseProcessor();
  assert(own.includes(first.processor) && own.includes(second.processor));
  assertEquals(first.processor === second.processor, own.length === 1);
  const child = new Deno.Command("sh", {
    args: ["-c", "read -r _; grep Cpus_allowed_list /proc/self/status"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  keepOnProcessor(child.pid, second.processor);
  await child.stdin.close();
  assertEquals(
    new TextDecoder().decode((await child.output()).stdout).trim(),
    `Cpus_allowed_list:\t${second.processor}`,
  );
});
