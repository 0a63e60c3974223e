// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import {
  type CommandName,
  COMMANDS,
  type CommandSpec,
  type OptionName,
  optionOf,
  OPTIONS,
  type OptionSpec,
} from "./table.ts";
import { nearest } from "../plug/nearest.ts";
import { commandsMeant, isElsewhere, optionsMeant, shellText, whyImpossible } from "./near_miss.ts";
import { UsageError } from "./exit_status.ts";

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
  if (first === "--version" || first === "-V") return parseCommand("version", rest);
  if (first.startsWith("-")) throw new UsageError(misplacedOption(first, rest));
  const command = findCommand(first);
  if (command !== undefined) return parseCommand(command, rest);
  const ofTwoWords = findCommand(`${first} ${rest[0]}`);
  if (ofTwoWords !== undefined) return parseCommand(ofTwoWords, rest.slice(1));
  if (commandsUnder(first).length > 0 && ["--help", "-h", "help"].includes(rest[0])) {
    return parseCommand("help", [first]);
  }
  throw unknownCommand(words);
}

/** What is wrong with an option before the command. */
function misplacedOption(option: string, rest: readonly string[]): string {
  const at = rest.findIndex((word) => findCommand(word) !== undefined);
  if (at < 0) return `unknown option ${option} before the command${seeHelp()}`;
  const line = shellText([rest[at], option, ...rest.slice(0, at), ...rest.slice(at + 1)]);
  return `unknown option ${option} before the command; options go behind the command: plugctl ${line}`;
}

/** The commands whose first word this is, and that have another one. */
export function commandsUnder(word: string): CommandName[] {
  return (Object.keys(COMMANDS) as CommandName[]).filter((name) => name.startsWith(`${word} `));
}

/** What is wrong with words where a command is needed, which they are not. */
export function unknownCommand(words: readonly string[]): UsageError {
  if (words[0] === "guardian:") {
    return new UsageError(
      "guardian: is how plugctl starts the process that releases when a hold is killed; not by hand",
    );
  }
  const group = isElsewhere(words[0]) ? undefined : nearest(words[0], FIRST_WORDS);
  if (group !== undefined && group !== words[0] && commandsUnder(group).length > 0) return misspelt(group, words);
  const others = commandsUnder(words[0]);
  const isPlain = words.length > 1 && !words[1].startsWith("-");
  if (others.length > 0 && !isPlain) {
    return new UsageError(`${words[0]} needs another word: ${others.join(", ")}; see: plugctl ${words[0]} --help`);
  }
  const count = others.length > 0 ? 2 : 1;
  const name = words.slice(0, count).join(" ");
  const rest = words.slice(count);
  const meant = commandsMeant(name, Object.keys(COMMANDS));
  const whole = meant.map((command) => [...command.split(" "), ...rest]).filter(isUnderstood);
  const lines = (whole.length > 0 ? whole : meant.map((command) => command.split(" "))).map((line) =>
    `plugctl ${shellText(line)}`
  );
  const advice = lines.length > 0 ? `; did you mean: ${lines.join(", or: ")}` : seeHelp();
  return new UsageError(`unknown command ${JSON.stringify(name)}${advice}`);
}

/** What commands begin with. */
const FIRST_WORDS = [...new Set(Object.keys(COMMANDS).map((name) => name.split(" ")[0]))];

/** What to say where the first of two words was meant to be another: `gat list`. */
function misspelt(group: string, [word, ...rest]: readonly string[]): UsageError {
  const right = [group, ...rest];
  const advice = rest.length > 0 && findCommand(`${group} ${rest[0]}`) !== undefined
    ? `did you mean: plugctl ${shellText(right)}`
    : `did you mean ${group}, with another word: ${commandsUnder(group).join(", ")}`;
  return new UsageError(`unknown command ${JSON.stringify(word)}; ${advice}`);
}

function isUnderstood(words: readonly string[]): boolean {
  try {
    return parseArguments(words).command !== "help" || words[0] === "help";
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

function parseCommand(command: CommandName, words: readonly string[]): Arguments {
  if (asksForHelp(command, words)) return { command, operands: [], program: [], values: new Map([["help", []]]) };
  const { own, program } = splitWords(words, command);
  // Where there is nothing to parse the parser is not compiled either, which takes longer than all else here.
  const { operands, values } = words.length === 0 ? { operands: [], values: new Map() } : parseWords(own, command);
  checkOperands(command, { operands, program });
  return { command, operands, program, values };
}

/** Whether help is asked for, with whatever else: not by a word that belongs to another command line. */
function asksForHelp(command: CommandName, words: readonly string[]): boolean {
  const { program: form }: CommandSpec = COMMANDS[command];
  const isForeign = (word: string) => word === "--" || form === "COMMAND..." && !word.startsWith("-");
  const end = words.findIndex(isForeign);
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--help" || word === "-h");
}

/** What a command is given before `--`. */
type Given = Pick<Arguments, "operands" | "values">;

function parseWords(words: string[], command: CommandName): Given {
  const { options } = COMMANDS[command] as CommandSpec;
  const valued = options.filter((name) => takesValue(name, command));
  const switches = options.filter((name) => !takesValue(name, command));
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
  if (takesValue(name, command)) return `--${name}=${value ?? nextValue(left, name)}`;
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
    if (takesValue(name, command) && rest !== "") return yield { name, text, value: rest };
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
  if (found === undefined) throw unknownOption(text, command);
  return found;
}

/** How many commands are named that take an option. */
const TAKERS_MAX = 6;

/** What is wrong with an option that a command does not take. */
function unknownOption(text: string, command: CommandName): UsageError {
  const word = text.replace(/^--?/, "");
  const impossible = whyImpossible(word, command);
  if (impossible !== undefined) return new UsageError(`${command} takes no ${text}: ${impossible}`);
  const { options }: CommandSpec = COMMANDS[command];
  const meant = optionsMeant(word, options).map((name) => `--${name}`);
  if (meant.length > 0) return new UsageError(`unknown option ${text}; did you mean ${meant.join(" or ")}`);
  const takers = text === `--${word}` ? Object.entries<CommandSpec>(COMMANDS).filter(takes(word)) : [];
  const names = takers.length <= TAKERS_MAX
    ? `; these do: ${takers.map(([name]) => name).join(", ")}`
    : seeHelp(command);
  const where = takers.length > 0 ? `: ${command} does not take it${names}` : seeHelp(command);
  return new UsageError(`unknown option ${text}${where}`);
}

function takes(word: string): (entry: [string, CommandSpec]) => boolean {
  return ([, { options }]) => options.some((name) => name === word);
}

function checkValues(name: OptionName, { given, command }: { given: string[]; command: CommandName }): string[] {
  const { value, many } = optionOf(name, command);
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

function takesValue(name: OptionName, command: CommandName): boolean {
  return optionOf(name, command).value !== undefined;
}

function shortOf(name: OptionName): string | undefined {
  return (OPTIONS[name] as OptionSpec).short;
}

function seeHelp(command?: CommandName): string {
  return `; see: plugctl ${command ? `${command} --help` : "help"}`;
}

/** The command of this name or with this synonym. */
export function findCommand(word: string): CommandName | undefined {
  if (Object.hasOwn(COMMANDS, word)) return word as CommandName;
  const entries = Object.entries(COMMANDS) as [CommandName, CommandSpec][];
  return entries.find(([, { synonyms }]) => synonyms?.includes(word))?.[0];
}
