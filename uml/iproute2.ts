import { systemPath } from "./system_path.ts";

/**
 * Makes sure that `ip` and `tc` are there.
 *
 * @throws {Error} If one is not; the message says what to install.
 */
export function assertIproute2(): void {
  for (const tool of ["ip", "tc"]) {
    try {
      new Deno.Command(tool, { args: ["-Version"], env: { PATH: systemPath() } }).outputSync();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Error(`Cannot run ${tool}: it is not installed; install it with: apt-get install iproute2`, {
        cause: error,
      });
    }
  }
}
