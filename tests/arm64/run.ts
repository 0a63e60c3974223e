/**
 * Runs plugctl on an arm64 kernel with `sch_plug`, in a machine that QEMU emulates: as the JavaScript that
 * `deno task package` packs, by Deno for arm64. What stands in `plugctl_test.ts` is run there.
 *
 * Where something is missing it says so, which is a failure if `CI` is `true`.
 *
 * @module
 */

import { runProgram } from "../../package/program.ts";
import { findKernel, makeContents } from "./contents.ts";
import { writeInitramfs } from "./initramfs.ts";
import { QEMU, runMachine } from "./machine.ts";
import { provideTools } from "../tools.ts";
import { fetchParts, type Parts } from "./parts.ts";

/** Five times what it takes. */
const TIMEOUT_MS = 300_000;

await runProgram("tests/arm64", async (signal) => {
  if (Deno.build.os === "linux" && Deno.build.arch === "aarch64") {
    console.log("tests/arm64: there is nothing to emulate, as this is an arm64 machine: tests/kernel runs on it");
    return 0;
  }
  let parts: Parts;
  try {
    const fetching = { signal, onDownload: (what: string) => console.log(`Downloading ${what}`) };
    await provideTools([QEMU], fetching);
    parts = await fetchParts(fetching);
  } catch (error) {
    signal.throwIfAborted();
    return reportNotRun(error);
  }
  return await runTests(parts, signal);
});

/** Makes a machine of the parts, runs the tests in it, and returns their exit status. */
async function runTests(parts: Parts, signal: AbortSignal): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-arm64-" });
  try {
    const initramfs = `${folder}/initramfs`;
    await writeInitramfs(initramfs, await makeContents(parts, folder));
    const kernel = findKernel(parts);
    console.log("The tests of arm64 run on a machine that QEMU emulates");
    return await runMachine({ kernel, initramfs, onLine: console.log, timeoutMs: TIMEOUT_MS, signal });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Says that nothing was tested, and returns the exit status that this comes to. */
function reportNotRun(error: unknown): number {
  console.error(
    `tests/arm64 NOT RUN: ${error instanceof Error ? error.message : error}\n` +
      "They need QEMU, Debian's kernel for arm64 and npm's Deno for it, which are fetched by themselves",
  );
  return Deno.env.get("CI") === "true" ? 1 : 0;
}
