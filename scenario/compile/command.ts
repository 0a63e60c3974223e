import type { PlannedCommand, ProcessTest } from "../plan.ts";
import type { CommandFields, EndFields } from "../schema/command.ts";
import type { Context } from "./context.ts";

/** A command with what `defaults:` adds to it. */
export function commandOf({ command, env, cwd, stdin }: CommandFields, { defaults }: Context): PlannedCommand {
  return { command, env: { ...defaults.env, ...env }, cwd: cwd ?? defaults.cwd, stdin };
}

/** How a process must end. */
export function endOf({ exit, stdout, stderr }: Omit<EndFields, "timeout">): ProcessTest {
  return { exit, stdout, stderr };
}
