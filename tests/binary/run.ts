/**
 * Runs the tests of plugctl as it is installed, a single binary or a bundle for Deno: `run.ts [DENO TEST ARGUMENT...]`.
 * Both are made for them; those in `kernel` run where there is a kernel with `sch_plug`, each file on one of its own, and the others on this machine.
 *
 * Where it cannot be compiled, or a program is missing that they need, it says so, which is a failure if `CI` is `true`.
 *
 * @module
 */

import { compileBinary } from "../../package/binary.ts";
import { run, runProgram } from "../../package/program.ts";
import { bundleProgram } from "../../package/javascript.ts";
import { cacheModules, findPlugKernel, type PlugKernel } from "../../demo/plug_kernel.ts";
import { provideTools } from "../tools.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const HERE = "tests/binary";
const THERE = "tests/binary/kernel";
/** What users of plugctl have, and the tests drive. */
const TOOLS = ["busybox", "fish", "ip", "man", "nats-server", "python3", "setcap", "tc", "zsh"] as const;
/** What every Debian has of that. */
const PROGRAMS = ["bash", "dpkg", "dpkg-deb"];
const AT_ONCE = Math.min(navigator.hardwareConcurrency, 4);

/** What the tests drive, and what ends them. */
interface Made {
  /** The file that is the binary. */
  binary: string;
  /** The folder of the bundle. */
  bundle: string;
  signal: AbortSignal;
}

/** Runs some of the tests, and returns the exit status; what they print goes through `onLine`. */
type Job = (onLine: (line: string) => void) => Promise<number>;

await runProgram("tests/binary", async (signal) => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-binary-" });
  try {
    const kernel = findPlugKernel({ asUser: false });
    const made = { binary: `${folder}/plugctl`, bundle: `${folder}/bundle` };
    try {
      await prepare(kernel, { ...made, signal });
    } catch (error) {
      signal.throwIfAborted();
      return reportNotRun(error);
    }
    console.log(`The tests of the binary run on this machine, and ${kernel.place}`);
    const failed = await runAll(jobs(kernel, { ...made, signal }));
    return failed ? 1 : 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Sees to all that the tests need. */
async function prepare(kernel: PlugKernel, { binary, bundle, signal }: Made): Promise<void> {
  for (const program of PROGRAMS) {
    await run(["sh", "-c", 'command -v "$1" || { echo "$1 is not installed" >&2; exit 1; }', "sh", program]);
  }
  const fetching = { signal, onDownload: (what: string) => console.log(`Downloading ${what}`) };
  await provideTools(TOOLS, fetching);
  await kernel.prepare(fetching);
  await compileBinary(binary);
  await bundleProgram(bundle);
  await cacheModules([HERE, THERE].flatMap(testFiles), signal);
}

function jobs(kernel: PlugKernel, { binary, bundle, signal }: Made): Job[] {
  const [program, ...args] = [Deno.execPath(), "test", "-A", "--no-check", ...Deno.args];
  const env = { PLUGCTL_BINARY: binary, PLUGCTL_BUNDLE: bundle, PLUGCTL_KERNEL_TESTS: "1", NO_COLOR: "1" };
  const options = { cwd: PROJECT, env, signal };
  const here: Job = async (onLine) => {
    const command = new Deno.Command(program, { ...options, args: [...args, ...testFiles(HERE)], stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    for (const bytes of [stdout, stderr]) onLine(new TextDecoder().decode(bytes));
    return code;
  };
  return [
    ...testFiles(THERE).map((file): Job => (onLine) => kernel.run([program, ...args, file], { ...options, onLine })),
    here,
  ];
}

/** Runs jobs, as many at once as there are processors, and prints what each says when it has ended. */
async function runAll(queue: Job[]): Promise<boolean> {
  let failed = false;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const lines: string[] = [];
      try {
        if (await job((line) => void lines.push(line)) !== 0) failed = true;
      } finally {
        console.log(lines.join("\n"));
      }
    }
  }));
  return failed;
}

function testFiles(folder: string): string[] {
  const names = Array.from(Deno.readDirSync(`${PROJECT}/${folder}`), ({ name }) => name);
  return names.filter((name) => name.endsWith("_test.ts")).sort().map((name) => `${folder}/${name}`);
}

/** Says that nothing was tested, and returns the exit status that this comes to. */
function reportNotRun(error: unknown): number {
  console.error(
    `tests/binary NOT RUN: ${error instanceof Error ? error.message : error}\n` +
      "They need what deno compile downloads, or a denort of the same version in DENORT_BIN",
  );
  return Deno.env.get("CI") === "true" ? 1 : 0;
}
