const PROJECT = `${import.meta.dirname}/..`;

/**
 * Fetches and compiles what programs of the project import, and with `cli/main.ts` what its commands do, which are
 * loaded when they are at hand: on a kernel of its own there may be no network, and what is compiled there is lost.
 *
 * @param modules Their paths from the root of the project
 * @throws {Error} If one cannot be had; Deno has said why.
 */
export async function cacheModules(modules: readonly string[], signal: AbortSignal): Promise<void> {
  const commands = Array.from(Deno.readDirSync(`${PROJECT}/cli/commands`), ({ name }) => `cli/commands/${name}`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...modules, ...modules.includes("cli/main.ts") ? commands : []],
    cwd: PROJECT,
    signal,
  }).spawn().status;
  signal.throwIfAborted();
  if (!success) throw new Error("Cannot fetch the modules that plugctl imports");
}
