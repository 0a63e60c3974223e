import { inNamespace } from "../../linux/namespace.ts";
import { Interrupted } from "../exit_status.ts";
import { NotStarted } from "../hold/child.ts";

/** Where a shell runs, and what else. */
export interface ShellPlace {
  /** What its prompt says. */
  host: string;
  /** The network namespace; absent for this machine's own. */
  netns?: string;
  env?: Readonly<Record<string, string>>;
  /** What is run in place of a shell. */
  program?: readonly string[];
  /** Ends it, as the end of its terminal would. */
  signal: AbortSignal;
}

/**
 * Runs a shell, or a program, on a host, with the input and output of this process, and returns its exit status.
 *
 * @throws {NotStarted} where it cannot be started
 * @throws {NetlinkError} where the namespace cannot be entered
 */
export async function runShell({ host, netns, env, program = [shell()], signal }: ShellPlace): Promise<number> {
  const [name, ...args] = program;
  const command = new Deno.Command(name, { args, env: { PS1: `${host}$ `, PLUGCTL_HOST: host, ...env } });
  const start = () => {
    try {
      return command.spawn();
    } catch (error) {
      throw new NotStarted(name, error);
    }
  };
  const child = netns === undefined ? start() : inNamespace(netns, start);
  const end = () => {
    const { reason } = signal;
    // What a terminal sends, it sends to the program too, which decides what to do.
    const isFromTerminal = reason instanceof Interrupted && reason.signal === "SIGINT" && Deno.stdin.isTerminal();
    if (!isFromTerminal) child.kill("SIGHUP");
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const { code } = await child.status;
  signal.removeEventListener("abort", end);
  return code;
}

/** The user's own shell. */
function shell(): string {
  return Deno.env.get("SHELL") || "/bin/sh";
}
