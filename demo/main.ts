/**
 * `deno task demo`: an HTTP request held in the kernel and let go, on any Debian or Ubuntu.
 *
 * @module
 */

import { findPlugKernel } from "../uml/plug_kernel.ts";
import { runProgram } from "../uml/program.ts";
import { systemPath } from "../uml/system_path.ts";

const PROJECT = `${import.meta.dirname}/..`;
const SESSION = `${PROJECT}/demo/session.ts`;
const RUN_INSIDE = [
  SESSION,
  `${PROJECT}/demo/client.ts`,
  `${PROJECT}/demo/server.ts`,
  `${PROJECT}/cli/main.ts`,
];

await runProgram("plugctl demo", async (signal) => {
  assertIproute2();
  const kernel = findPlugKernel({ asUser: true });
  console.log(
    "An HTTP request is held in the kernel, then let go; nothing on this machine changes",
  );
  console.log(`This runs ${kernel.place}`);

  await kernel.prepare({
    signal,
    onDownload: (folder) => console.log(`Downloading it to ${folder}`),
  });
  await cacheModules(signal);
  return await kernel.run(
    [Deno.execPath(), "run", "-A", "--no-check", SESSION],
    { signal, env: Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" } },
  );
});

function assertIproute2(): void {
  try {
    const env = { PATH: systemPath() };
    new Deno.Command("ip", { args: ["-Version"], env }).outputSync();
    new Deno.Command("tc", { args: ["-Version"], env }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      "Cannot make two hosts: ip or tc is not installed; " +
        "install them with: apt-get install iproute2",
      { cause: error },
    );
  }
}

/** Fetches what the programs import: the network that they will run in leads nowhere. */
async function cacheModules(signal: AbortSignal): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...RUN_INSIDE],
    signal,
  }).spawn().status;
  signal.throwIfAborted();
  if (!success) throw new Error("Cannot fetch the modules that plugctl imports");
}
