/**
 * Runs the tests of plugctl as a single binary: `run.ts [DENO TEST ARGUMENT...]`. It is compiled for them; those in
 * `kernel` run where there is a kernel with `sch_plug`, the others on this machine, at the same time.
 *
 * Where it cannot be compiled, or a program is missing that they need, it says so, which is a failure if `CI` is `true`.
 *
 * @module
 */

import { compileBinary } from "../../package/binary.ts";
import { run } from "../../package/command.ts";
import { cacheModules } from "../../uml/cache_modules.ts";
import { assertIproute2 } from "../../uml/iproute2.ts";
import { findPlugKernel } from "../../uml/plug_kernel.ts";
import { runProgram } from "../../uml/program.ts";

const PROJECT = `${import.meta.dirname}/../..`;
/** What users of plugctl have, and the tests drive. */
const PROGRAMS = ["bash", "dpkg", "dpkg-deb", "fish", "man", "python3", "zsh"];

await runProgram("tests/binary", async (signal) => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-binary-" });
  try {
    const binary = `${folder}/plugctl`;
    const kernel = findPlugKernel({ asUser: false });
    try {
      for (const program of PROGRAMS) await run(["sh", "-c", 'command -v "$1"', "sh", program]);
      assertIproute2();
      await kernel.prepare({ signal, onDownload: (to) => console.log(`Downloading User-Mode Linux to ${to}`) });
      await compileBinary(binary);
    } catch (error) {
      signal.throwIfAborted();
      return reportNotRun(error);
    }
    const kernelTests = testFiles("tests/binary/kernel");
    await cacheModules(kernelTests, signal);
    console.log(`The tests of the binary run on this machine, and ${kernel.place}`);
    const env = { PLUGCTL_BINARY: binary, NO_COLOR: "1" };
    const test = [Deno.execPath(), "test", "-A", "--no-check", ...Deno.args];
    const lines: string[] = [];
    const options = { cwd: PROJECT, env: { ...env, PLUGCTL_KERNEL_TESTS: "1" }, signal };
    const onLine = (line: string) => void lines.push(line);
    const [here, there] = await Promise.all([
      runHere([...test, ...testFiles("tests/binary")], { env, signal }),
      kernel.run([...test, ...kernelTests], { ...options, onLine }),
    ]);
    console.log(lines.join("\n"));
    return here === 0 && there === 0 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function runHere(
  [program, ...args]: string[],
  options: { env: Record<string, string>; signal: AbortSignal },
): Promise<number> {
  const { code } = await new Deno.Command(program, { ...options, args, cwd: PROJECT, stdin: "null" }).spawn().status;
  return code;
}

function testFiles(folder: string): string[] {
  const names = Array.from(Deno.readDirSync(`${PROJECT}/${folder}`), ({ name }) => name);
  return names.filter((name) => name.endsWith("_test.ts")).sort().map((name) => `${folder}/${name}`);
}

/** Says that nothing was tested, and returns the exit status that this comes to. */
function reportNotRun(error: unknown): number {
  console.error(
    `tests/binary NOT RUN: ${error instanceof Error ? error.message : error}\n` +
      "They need what deno compile downloads, or a denort of the same version in DENORT_BIN, and: " +
      "apt-get install bash fish iproute2 man-db python3 zsh",
  );
  return Deno.env.get("CI") === "true" ? 1 : 0;
}
