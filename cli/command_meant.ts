import { type CommandName, COMMANDS, type CommandSpec, findCommand } from "./table.ts";
import { UsageError } from "./usage_error.ts";

/** What a command line means, as far as its first words say. */
export interface CommandMeant {
  command: CommandName;
  /** The words behind the command's own. */
  rest: readonly string[];
}

/**
 * Finds the command that a command line means.
 *
 * @throws {UsageError} where there is none of that name
 */
export function commandMeant([first, ...rest]: readonly string[]): CommandMeant {
  if (first === undefined || first === "--help" || first === "-h") return { command: "help", rest };
  if (first === "--version") return { command: "version", rest };
  if (first.startsWith("-")) throw new UsageError(`unknown option ${first} before the command${seeHelp()}`);
  const command = findCommand(first);
  if (command !== undefined) return { command, rest };
  const ofTwoWords = findCommand(`${first} ${rest[0]}`);
  if (ofTwoWords !== undefined) return { command: ofTwoWords, rest: rest.slice(1) };
  const others = Object.keys(COMMANDS).filter((name) => name.startsWith(`${first} `));
  if (others.length > 0) throw new UsageError(`${first} needs another word: ${others.join(", ")}${seeHelp()}`);
  throw new UsageError(`unknown command ${JSON.stringify(first)}${seeHelp()}`);
}

/**
 * Checks that a command is given as many operands as it takes, and a program where it needs one.
 *
 * @throws {UsageError} where something is missing or too much
 */
export function checkOperands(
  command: CommandName,
  { operands, program }: { operands: readonly string[]; program: readonly string[] },
): void {
  const { operands: wanted = [], program: form } = COMMANDS[command] as CommandSpec;
  const left = [...wanted.slice(operands.length), ...form && program.length === 0 ? [form] : []];
  const missing = left.find((name) => !name.startsWith("["));
  if (missing !== undefined) throw new UsageError(`${command} needs ${missing}${seeHelp(command)}`);
  if (operands.length > wanted.length && !wanted.at(-1)?.includes("...")) {
    throw new UsageError(`unexpected argument ${JSON.stringify(operands[wanted.length])}${seeHelp(command)}`);
  }
}

/** What ends a sentence about a wrong command line: where the right ones stand. */
export function seeHelp(command?: CommandName): string {
  return `; see: plugctl ${command ? `${command} --help` : "help"}`;
}
