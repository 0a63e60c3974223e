/**
 * Runs the kernel tests where there is a kernel with `sch_plug`: `run.ts [DENO TEST ARGUMENT...]`,
 * all of them unless the arguments name files.
 *
 * That is this machine's own, as root and in a namespace of its own, or else User-Mode Linux. Each
 * file has such a place for itself, and one more run at once than there are processors, up to four.
 * Where there is no such kernel it says so, which is a failure if `CI` is `true`.
 *
 * @module
 */

import { cacheModules, findPlugKernel, type PlugKernel } from "../../demo/plug_kernel.ts";
import { runProgram } from "../../package/program.ts";
import { EXAMPLE_TOOLS, provideTools, type ToolName } from "../tools.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const FOLDER = "tests/kernel";
const TEST = [Deno.execPath(), "test", "--no-check", "-A"];
/** What the tests use beside plugctl. */
const TOOLS: readonly ToolName[] = [
  ...EXAMPLE_TOOLS,
  "ansible-galaxy",
  "ansible-playbook",
  "chromium",
  "busybox",
  "conmon",
  "crun",
  "iptables-legacy",
  "nats-server",
  "nl-qdisc-add",
  "nl-qdisc-delete",
  "podman",
  "pytest",
  "sftp",
  "ssh",
  "ssh-keygen",
  "sshd",
  "strace",
  "tc",
  "tcpdump",
  "tmux",
  "tshark",
];
/** One more than there are processors, as tests wait about as much as they work. */
const AT_ONCE = Math.min(navigator.hardwareConcurrency + 1, 4);
/** Several times what the longest file takes: one that hangs is ended, so that the others are run. */
const FILE_MS = 15 * 60_000;

await runProgram("tests/kernel", async (signal) => {
  const kernel = findPlugKernel({ asUser: false });
  const fetching = { signal, onDownload: (what: string) => console.log(`Downloading ${what}`) };
  try {
    await provideTools(TOOLS, fetching);
    await kernel.prepare(fetching);
  } catch (error) {
    signal.throwIfAborted();
    return reportNotRun(error);
  }
  return await runTests(kernel, signal);
});

/** Runs the files that are asked for, and returns 0 where all of them passed. */
async function runTests(kernel: PlugKernel, signal: AbortSignal): Promise<number> {
  await cacheModules([...testFiles(), "cli/main.ts"], signal);
  console.log(`The kernel tests run ${kernel.place}`);
  const chosen = Deno.args.filter(isTestFile);
  const queue = chosen.length > 0 ? chosen : testFiles();
  const failed: string[] = [];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      if (!await passes(kernel, { file, signal })) failed.push(file);
    }
  }));
  if (failed.length > 0) console.error(`FAILED: ${failed.join(" ")}`);
  return failed.length > 0 ? 1 : 0;
}

function isTestFile(argument: string): boolean {
  return argument.endsWith("_test.ts");
}

function testFiles(): string[] {
  const names = Array.from(Deno.readDirSync(`${PROJECT}/${FOLDER}`), ({ name }) => name);
  return names.filter(isTestFile).sort().map((name) => `${FOLDER}/${name}`);
}

/** Runs a file, shows what it says when it has ended, and tells whether all of it passed. */
async function passes(
  kernel: PlugKernel,
  { file, signal }: { file: string; signal: AbortSignal },
): Promise<boolean> {
  const lines: string[] = [];
  // One that was asked for may take as long as it likes
  const limit = Deno.args.length > 0 ? undefined : AbortSignal.timeout(FILE_MS);
  try {
    const options = Deno.args.filter((argument) => !isTestFile(argument));
    const code = await kernel.run([...TEST, ...options, file], {
      signal: AbortSignal.any([signal, ...limit ? [limit] : []]),
      cwd: PROJECT,
      env: { PLUGCTL_KERNEL_TESTS: "1", ...Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" } },
      onLine: (line) => void lines.push(line),
    });
    return code === 0;
  } catch (error) {
    if (signal.aborted || !limit?.aborted) throw error;
    lines.push(`${file} FAILED: it has not ended in ${FILE_MS / 60_000} minutes`);
    return false;
  } finally {
    console.log(lines.join("\n"));
  }
}

/** Says that nothing was tested, and returns the exit status that this comes to. */
function reportNotRun(error: unknown): number {
  console.error(
    `tests/kernel NOT RUN: ${error instanceof Error ? error.message : error}\n` +
      "Where root can load sch_plug, User-Mode Linux is not needed: modprobe sch_plug",
  );
  return Deno.env.get("CI") === "true" ? 1 : 0;
}
