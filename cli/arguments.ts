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
  /** The other command line, of a command that takes one; empty where there is none. */
  program: string[];
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
  if (command !== undefined) return parseCommand(command, rest);
  const ofTwoWords = findCommand(`${first} ${rest[0]}`);
  if (ofTwoWords !== undefined) return parseCommand(ofTwoWords, rest.slice(1));
  throw unknownCommand(first);
}

/** What is wrong with a word where a command is needed, which it is not, or not by itself. */
export function unknownCommand(word: string): UsageError {
  const others = Object.keys(COMMANDS).filter((name) => name.startsWith(`${word} `));
  if (others.length > 0) return new UsageError(`${word} needs another word: ${others.join(", ")}${seeHelp()}`);
  return new UsageError(`unknown command ${JSON.stringify(word)}${seeHelp()}`);
}

function parseCommand(command: CommandName, words: readonly string[]): Arguments {
  const { own, program } = splitWords(words, command);
  // Where there is nothing to parse the parser is not compiled either, which takes longer than all else here.
  const { operands, values } = words.length === 0 ? { operands: [], values: new Map() } : parseWords(own, command);
  if (!values.has("help")) checkOperands(command, { operands, program });
  return { command, operands, program, values };
}

/** What a command is given before `--`. */
type Given = Pick<Arguments, "operands" | "values">;

function parseWords(words: string[], command: CommandName): Given {
  const { options } = COMMANDS[command] as CommandSpec;
  const valued = options.filter(takesValue);
  const switches = options.filter((name) => !takesValue(name));
  const parsed = parseArgs(words, {
    string: [...valued, "_"],
    collect: valued,
    boolean: switches,
  });
  const values = new Map<OptionName, string[]>();
  for (const name of switches) if (parsed[name]) values.set(name, []);
  for (const name of valued) {
    const given = parsed[name] as string[];
    if (given.length > 0) values.set(name, checkValues(name, { given, command }));
  }
  return { operands: parsed._.map(String), values };
}

/**
 * Splits off the other command line, of a command that takes one, and writes the options before it in the one form that
 * the parser of `@std/cli` does not guess about, `--dev=eth0`, with the operands behind them. In other forms it would
 * take `--no-quiet=5` for `--quiet`, and lose the `d` of `-qd=5`.
 */
function splitWords(words: readonly string[], command: CommandName): { own: string[]; program: string[] } {
  const options: string[] = [];
  const operands: string[] = [];
  const program: string[] = [];
  const left = words.values();
  const { program: form } = COMMANDS[command] as CommandSpec;
  for (const word of left) {
    const isOption = word.startsWith("-") && word !== "-";
    if (word === "--") (form ? program : operands).push(...left);
    else if (form === "COMMAND..." && !isOption) program.push(word, ...left);
    else if (!isOption) operands.push(word);
    else for (const written of writtenOptions(word, command)) options.push(plainOption(written, { left, command }));
  }
  if (form && words.at(-1) === "--" && program.length === 0) {
    throw new UsageError(`-- needs a command behind it${seeHelp(command)}`);
  }
  return { own: [...options, "--", ...operands], program };
}

function plainOption(
  { name, text, value }: WrittenOption,
  { left, command }: { left: Iterator<string>; command: CommandName },
): string {
  if (takesValue(name)) return `--${name}=${value ?? nextValue(left, name)}`;
  if (value === undefined) return `--${name}`;
  throw new UsageError(`${text} takes no value, ${JSON.stringify(value)} is given${seeHelp(command)}`);
}

/** An option as it was written, and the value that the same word holds. */
interface WrittenOption {
  name: OptionName;
  /** `--dev`, `-d` */
  text: string;
  value?: string;
}

/** The options of one word: of `--dev=eth0` one, of `-qdeth0` two. */
function* writtenOptions(word: string, command: CommandName): Generator<WrittenOption, void> {
  if (word.startsWith("--")) {
    const [text] = word.split("=");
    const value = text === word ? undefined : word.slice(text.length + 1);
    return yield { name: findOption(text, command), text, value };
  }
  const letters = [...word.slice(1)];
  for (const [index, letter] of letters.entries()) {
    const text = `-${letter}`;
    const name = findOption(text, command);
    const rest = letters.slice(index + 1).join("");
    if (rest.startsWith("=")) return yield { name, text, value: rest.slice(1) };
    if (takesValue(name) && rest !== "") return yield { name, text, value: rest };
    yield { name, text };
  }
}

/** The word after an option; empty where there is none or it looks like an option, as `-` does unless it is a file. */
function nextValue(left: Iterator<string>, name: OptionName): string {
  const { value, done } = left.next();
  if (done) return "";
  const isFile = value === "-" && (OPTIONS[name] as OptionSpec).value === "FILE";
  return value.startsWith("-") && !isFile ? "" : value;
}

function findOption(text: string, command: CommandName): OptionName {
  const { options } = COMMANDS[command] as CommandSpec;
  const found = options.find((name) => text === `--${name}` || text === `-${shortOf(name)}`);
  if (found === undefined) throw new UsageError(`unknown option ${text}${seeHelp(command)}`);
  return found;
}

function checkValues(name: OptionName, { given, command }: { given: string[]; command: CommandName }): string[] {
  const { value, many } = OPTIONS[name] as OptionSpec;
  if (given.includes("")) throw new UsageError(`--${name} needs a value: --${name} ${value}${seeHelp(command)}`);
  if (given.length > 1 && !many) throw new UsageError(`--${name} is given ${given.length} times, it may be given once`);
  const twice = given.find((text, index) => given.indexOf(text) !== index);
  if (twice !== undefined) throw new UsageError(`--${name} ${twice} is given twice`);
  return given;
}

function checkOperands(command: CommandName, { operands, program }: { operands: string[]; program: string[] }): void {
  const { operands: wanted = [], program: form } = COMMANDS[command] as CommandSpec;
  const left = [...wanted.slice(operands.length), ...form && program.length === 0 ? [form] : []];
  const missing = left.find((name) => !name.startsWith("["));
  if (missing !== undefined) throw new UsageError(`${command} needs ${missing}${seeHelp(command)}`);
  if (operands.length > wanted.length && !wanted.at(-1)?.includes("...")) {
    throw new UsageError(`unexpected argument ${JSON.stringify(operands[wanted.length])}${seeHelp(command)}`);
  }
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
