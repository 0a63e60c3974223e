/**
 * Starts a kernel that ends with this process, should this one be killed: `guard.sh` sees to it.
 *
 * Its standard input is what the guard watches; close it when the kernel has ended.
 *
 * @param command The program, by its path, and its arguments
 * @param env Its whole environment but for `PATH`
 */
export function startGuarded(command: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command("/bin/sh", {
    args: [`${import.meta.dirname}/guard.sh`, ...command],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
