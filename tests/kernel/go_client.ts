/**
 * Compiles the client for Go and its test, and runs that as those of the other clients are: a compiler is too slow where
 * the kernel tests run.
 *
 * @module
 */

import { runProgram } from "../../package/program.ts";
import { provideTools } from "../tools.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const BINARY = `${Deno.realPathSync(PROJECT)}/dist/slow_answer.test`;

await runProgram("test:go", async (signal) => {
  await provideTools(["go"], { signal, onDownload: (what) => console.log(`Downloading ${what}`) });
  const cwd = `${PROJECT}/clients/go`;
  const folder = await Deno.makeTempDir({ prefix: "plugctl-go-" });
  try {
    const env = { GOCACHE: folder, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" };
    for (const args of [["vet", "."], ["test", "-c", "-o", BINARY, "."]]) {
      const { code } = await new Deno.Command("go", { args, cwd, env, signal }).spawn().status;
      if (code !== 0) return code;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const test = ["tests/kernel/run.ts", "tests/kernel/session_test.ts", "--filter", "client for Go"];
  const args = ["run", "-A", "--no-check", ...test];
  const { code } = await new Deno.Command(Deno.execPath(), { args, cwd: PROJECT, env: { PLUGCTL_GO_TEST: BINARY } })
    .spawn().status;
  return code;
});
