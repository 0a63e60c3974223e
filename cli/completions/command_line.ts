import { type CommandName, COMMANDS, type CommandSpec, type OptionName, OPTIONS, type OptionSpec } from "../table.ts";
import { findCommand } from "../arguments.ts";

/** The words of a command line that is being written, as a shell splits it, without their quotes; the last is empty behind a space. */
export function shellWords(line: string): string[] {
  const words = [""];
  for (const { text, isBlank } of shellParts(line)) {
    if (isBlank) words.push("");
    else words[words.length - 1] += text;
  }
  return words;
}

/**
 * The words of a whole line, as a shell splits it: up to a word that begins with `#`, without their quotes.
 *
 * @throws {SyntaxError} where a quote or a backslash has no end
 */
export function wordsOfLine(line: string): string[] {
  const words: string[] = [];
  let isNew = true;
  for (const { part, text, isBlank, isOpen } of shellParts(line)) {
    if (isNew && part.startsWith("#")) break;
    if (isOpen) throw new SyntaxError(`a quote or a backslash has no end: ${part}`);
    if (!isBlank) words.push(isNew ? text : words.pop() + text);
    isNew = isBlank;
  }
  return words;
}

/** Blanks; text in single quotes, or in double ones, the last perhaps not closed; a letter behind a backslash; others. */
function* shellParts(line: string): Generator<{ part: string; text: string; isBlank: boolean; isOpen: boolean }> {
  for (
    const [part, single, double, escaped] of line.matchAll(/\s+|'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.?)|[^\s'"\\]+/gs)
  ) {
    const text = single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? part;
    const quoted = single ?? double;
    const isOpen = escaped === "" || quoted !== undefined && part.length < quoted.length + 2;
    yield { part, text, isBlank: /^\s/.test(part), isOpen };
  }
}

/** A command line that is being written, as far as it can be understood: nothing in it is refused. */
export interface UnfinishedLine {
  command: CommandName;
  /** The operands before the word at the cursor. */
  operands: string[];
  /** The options before it, with their values. */
  values: Map<OptionName, string[]>;
  /** The option whose value the word at the cursor is. */
  option?: OptionName;
  /** How many words stand between it and a `--` before it; none of these is an option. */
  wordsBehindDashes?: number;
  /** The word at the cursor, or of `--dev=et` what stands behind `before`. */
  last: string;
  /** Of `--dev=et` the part `--dev=`. */
  before: string;
  /** The words of the command line of plugctl that `encode` takes. */
  inner?: readonly string[];
}

/** The command that a command line begins with, and the words behind it; without one where it is not finished. */
export function splitCommand(words: readonly string[]): { command: CommandName; rest: readonly string[] } | undefined {
  for (const count of [1, 2]) {
    const command = findCommand(words.slice(0, count).join(" "));
    if (command !== undefined && words.length > count) return { command, rest: words.slice(count) };
  }
}

/** Reads the words behind a command, the last of which is at the cursor. */
export function readUnfinished(command: CommandName, words: readonly string[]): UnfinishedLine {
  const line: UnfinishedLine = {
    command,
    operands: [],
    values: new Map(),
    last: words.at(-1) ?? "",
    before: "",
  };
  const { program }: CommandSpec = COMMANDS[command];
  for (const [index, word] of words.entries()) {
    const isInner = program === "COMMAND..." && line.option === undefined && !word.startsWith("-");
    if (isInner) return { ...line, inner: words.slice(index) };
    if (index < words.length - 1) readWord(line, word);
  }
  const [option, value] = line.option === undefined ? splitOption(line, line.last) : [];
  if (option === undefined || value === undefined) return line;
  return { ...line, option, last: value, before: line.last.slice(0, line.last.length - value.length) };
}

function readWord(line: UnfinishedLine, word: string): void {
  if (line.option !== undefined) {
    give(line, line.option, [word]);
    line.option = undefined;
    return;
  }
  const [option, value] = splitOption(line, word);
  if (line.wordsBehindDashes !== undefined) line.wordsBehindDashes++;
  if (word === "--") line.wordsBehindDashes ??= 0;
  else if (option === undefined) line.operands.push(word);
  else if (value !== undefined) give(line, option, [value]);
  else if ("value" in OPTIONS[option]) line.option = option;
  else give(line, option, []);
}

function give({ values }: UnfinishedLine, option: OptionName, value: string[]): void {
  values.set(option, [...values.get(option) ?? [], ...value]);
}

/** The option that a word is, and the value that it holds: of `--dev=eth0` both. */
function splitOption(
  { command, wordsBehindDashes }: UnfinishedLine,
  word: string,
): [option?: OptionName, value?: string] {
  if (wordsBehindDashes !== undefined) return [];
  const [, text, value] = /^(--[^=]+|-[^-=])(?:=(.*))?$/s.exec(word) ?? [];
  const { options }: CommandSpec = COMMANDS[command];
  const option = options.find((name) => text === `--${name}` || text === `-${(OPTIONS[name] as OptionSpec).short}`);
  return [option, value];
}
