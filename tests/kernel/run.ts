/**
 * Runs the kernel tests where there is a kernel with `sch_plug`: `run.ts [DENO TEST ARGUMENT...]`,
 * all of them unless the arguments name files.
 *
 * That is this machine's own, as root and in a namespace of its own, or else User-Mode Linux.
 * Where there is neither it says so, which is a failure if `CI` is `true`.
 *
 * @module
 */

import { assertIproute2 } from "../../uml/iproute2.ts";
import { findPlugKernel, type PlugKernel } from "../../uml/plug_kernel.ts";
import { runProgram } from "../../uml/program.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const FOLDER = "tests/kernel";
const TEST = [Deno.execPath(), "test", "--no-check", "-A"];

await runProgram("tests/kernel", async (signal) => {
  const kernel = findPlugKernel({ asUser: false });
  try {
    assertIproute2();
    await kernel.prepare({ signal, onDownload: (folder) => console.log(`Downloading User-Mode Linux to ${folder}`) });
  } catch (error) {
    signal.throwIfAborted();
    return reportNotRun(error);
  }
  return await runTests(kernel, signal);
});

async function runTests(kernel: PlugKernel, signal: AbortSignal): Promise<number> {
  // Inside there may be no network to fetch modules with
  const [program, ...args] = [...TEST, "--no-run", "--quiet", FOLDER];
  const { code } = await new Deno.Command(program, { args, signal, cwd: PROJECT }).spawn().status;
  signal.throwIfAborted();
  if (code !== 0) return code;

  console.log(`The kernel tests run ${kernel.place}`);
  const chosen = Deno.args.some((argument) => argument.endsWith("_test.ts"));
  return await kernel.run([...TEST, ...Deno.args, ...chosen ? [] : [FOLDER]], {
    signal,
    cwd: PROJECT,
    env: { PLUGCTL_KERNEL_TESTS: "1", ...Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" } },
  });
}

/** Says that nothing was tested, and returns the exit status that this comes to. */
function reportNotRun(error: unknown): number {
  console.error(
    `tests/kernel NOT RUN: ${error instanceof Error ? error.message : error}\n` +
      "Where root can load sch_plug they need none of this: modprobe sch_plug",
  );
  return Deno.env.get("CI") === "true" ? 1 : 0;
}
