// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import {
  type CommandName,
  COMMANDS,
  type CommandSpec,
  findCommand,
  type OptionName,
  OPTIONS,
  type OptionSpec,
} from "./table.ts";
import { UsageError } from "./usage_error.ts";

/** A command line, read but not yet understood: every value is the text that was given. */
export interface Arguments {
  command: CommandName;
  operands: string[];
  /** The options that were given, with their values in their order; a switch has none. */
  values: ReadonlyMap<OptionName, string[]>;
}

/**
 * Parses a command line by the table of commands. Nothing is guessed and nothing is coerced.
 *
 * @throws {UsageError} where a word is unknown, or a value is missing or too much
 */
export function parseArguments(words: readonly string[]): Arguments {
  const [first, ...rest] = words;
  if (first === undefined || first === "--help" || first === "-h") return parseCommand("help", rest);
  if (first === "--version") return parseCommand("version", rest);
  if (first.startsWith("-")) throw new UsageError(`unknown option ${first} before the command${seeHelp()}`);
  const command = findCommand(first);
  if (command === undefined) throw new UsageError(`unknown command ${JSON.stringify(first)}${seeHelp()}`);
  return parseCommand(command, rest);
}

function parseCommand(command: CommandName, words: readonly string[]): Arguments {
  const { options } = COMMANDS[command] as CommandSpec;
  const switches = options.filter((name) => !takesValue(name));
  const valued = options.filter(takesValue);
  refuseSwitchValues(words, { switches, command });
  const parsed = parseArgs([...words], {
    string: [...valued, "_"],
    collect: valued,
    boolean: switches,
    alias: aliasesOf(options),
    unknown: (word, key) => {
      if (key === undefined) return true;
      throw new UsageError(`unknown option ${word.split("=")[0]}${seeHelp(command)}`);
    },
  });
  const values = new Map<OptionName, string[]>();
  for (const name of switches) if (parsed[name]) values.set(name, []);
  for (const name of valued) {
    const given = parsed[name] as string[];
    if (given.length > 0) values.set(name, checkValues(name, { given, command }));
  }
  const operands = parsed._.map(String);
  if (!values.has("help")) checkOperands(operands, command);
  return { command, operands, values };
}

/** The parser would take `--json=no` and `--json true` for values of a switch, which has none. */
function refuseSwitchValues(
  words: readonly string[],
  { switches, command }: { switches: readonly OptionName[]; command: CommandName },
): void {
  const isSwitch = (word: string) => switches.some((name) => word === `--${name}` || word === `-${shortOf(name)}`);
  words.forEach((word, index) => {
    const [option, value] = word.split("=");
    const next = words[index + 1];
    const given = value ?? (next === "true" || next === "false" ? next : undefined);
    if (given !== undefined && isSwitch(option)) {
      throw new UsageError(`${option} takes no value, ${JSON.stringify(given)} is given${seeHelp(command)}`);
    }
  });
}

function checkValues(name: OptionName, { given, command }: { given: string[]; command: CommandName }): string[] {
  const { value, many } = OPTIONS[name] as OptionSpec;
  if (given.includes("")) throw new UsageError(`--${name} needs a value: --${name} ${value}${seeHelp(command)}`);
  if (given.length > 1 && !many) throw new UsageError(`--${name} is given ${given.length} times, it may be given once`);
  const twice = given.find((text, index) => given.indexOf(text) !== index);
  if (twice !== undefined) throw new UsageError(`--${name} ${twice} is given twice`);
  return given;
}

function checkOperands(operands: readonly string[], command: CommandName): void {
  const { operands: wanted = [] } = COMMANDS[command] as CommandSpec;
  const missing = wanted.slice(operands.length).find((name) => !name.startsWith("["));
  if (missing !== undefined) throw new UsageError(`${command} needs ${missing}${seeHelp(command)}`);
  if (operands.length > wanted.length) {
    throw new UsageError(`unexpected argument ${JSON.stringify(operands[wanted.length])}${seeHelp(command)}`);
  }
}

function aliasesOf(options: readonly OptionName[]): Record<string, string> {
  return Object.fromEntries(options.map((name) => [shortOf(name), name]).filter(([short]) => short !== undefined));
}

function takesValue(name: OptionName): boolean {
  return "value" in OPTIONS[name];
}

function shortOf(name: OptionName): string | undefined {
  return (OPTIONS[name] as OptionSpec).short;
}

function seeHelp(command?: CommandName): string {
  return `; see: plugctl ${command ? `${command} --help` : "help"}`;
}
