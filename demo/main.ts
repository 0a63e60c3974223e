/**
 * `deno task demo`: an HTTP request held in the kernel and let go, on Debian or Ubuntu.
 *
 * @module
 */

import { cacheModules, findPlugKernel } from "./plug_kernel.ts";
import { runProgram } from "../package/program.ts";

const PROJECT = `${import.meta.dirname}/..`;
const SESSION = "demo/session.ts";
const MODULES = [SESSION, "demo/client.ts", "demo/server.ts", "cli/main.ts"];

await runProgram("plugctl demo", async (signal) => {
  const kernel = findPlugKernel({ asUser: true });
  console.log(
    "An HTTP request is held in the kernel, then released; this machine's network is not touched",
  );
  console.log(`This runs ${kernel.place}`);

  await kernel.prepare({
    signal,
    onDownload: (what) => console.log(`Downloading ${what}`),
  });
  await cacheModules(MODULES, signal);
  return await kernel.run(
    [Deno.execPath(), "run", "-A", "--no-check", SESSION],
    { signal, cwd: PROJECT, env: Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" } },
  );
});
