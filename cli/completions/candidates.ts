import type { LinkMessage } from "../../codec/message.ts";
import { isGateDevice } from "../../gate/gate_state.ts";
import { hostOfNamespace } from "../../linux/namespace.ts";
import { Connection } from "../../netlink/connection.ts";
import { gateName } from "../../plug/gate_name.ts";
import { readLinks } from "../../plug/qdiscs.ts";
import {
  type CommandName,
  COMMANDS,
  type CommandSpec,
  type OptionName,
  optionOf,
  OPTIONS,
  type OptionSpec,
} from "../table.ts";
import { meaningOf } from "../help_text.ts";
import { findCommand } from "../arguments.ts";

/** What a shell may put in the place of the word at the cursor. */
export type Candidates =
  /** One of these words. */
  | { kind: "words"; words: readonly Candidate[] }
  /** What the shell itself finds: the path of a file, or the name of a program. */
  | { kind: "files" | "command" };

/** A word, and in a few words what it means. */
export interface Candidate {
  word: string;
  summary: string;
}

/** What there is on the machine at this moment. */
export interface Surroundings {
  /** The devices of a network namespace, by default of this process's own, but for those of gates. */
  devices(netns?: string): readonly string[];
  /** The gates of a network namespace. */
  gates(netns?: string): readonly string[];
  /** The names of `ip netns`. */
  namespaces(): readonly string[];
  /** The containers that run. */
  containers(): readonly string[];
  /** The pods that run. */
  pods(): readonly string[];
}

/** What is to be completed, and what there is to choose from. */
interface Question {
  line: UnfinishedLine;
  surroundings: Surroundings;
}

const NAMES = Object.keys(COMMANDS) as CommandName[];

/** The values that the help calls by one word, where it can only be one of a few. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  DIRECTION: ["in", "out", "both", "ingress", "egress"],
  FORMAT: ["hex", "c", "json"],
  PARENT: ["root"],
  SERVICE: ["github"],
  SHELL: ["bash", "zsh", "fish"],
};

/**
 * What may stand in the place of the last of the words of a command line, the program's name left out. That word is as
 * far as it is written, and empty where it is not begun.
 */
export function candidates(words: readonly string[], surroundings: Surroundings): Candidates {
  const split = splitCommand(words);
  if (!split) return begunBy(words.at(-1) ?? "", commandWords(words.slice(0, -1)));
  const line = readUnfinished(split.command, split.rest);
  if (line.inner) return candidates(line.inner, surroundings);
  const found = candidatesAt({ line, surroundings });
  return found.kind === "words" ? begunBy(line.before + line.last, found.words) : found;
}

function begunBy(beginning: string, words: readonly Candidate[]): Candidates {
  return { kind: "words", words: words.filter(({ word }) => word.startsWith(beginning)) };
}

function candidatesAt(question: Question): Candidates {
  const { option, last, wordsBehindDashes, operands, command } = question.line;
  if (option !== undefined) return valuesFor(optionOf(option, command).value, question);
  const { operands: wanted = [], program }: CommandSpec = COMMANDS[command];
  if (program && wordsBehindDashes !== undefined) return { kind: wordsBehindDashes === 0 ? "command" : "files" };
  if (last.startsWith("-") && wordsBehindDashes === undefined) {
    return { kind: "words", words: optionWords(question.line) };
  }
  const operand = wanted[operands.length] ?? wanted.findLast((name) => name.includes("..."));
  if (command === "help") return { kind: "words", words: commandWords(operands) };
  return valuesFor(operand?.replaceAll(/[\[\]]|(?<!NAME)\.\.\./g, ""), question);
}

/** The next words of the names of commands, behind the words that are there. */
function commandWords(before: readonly string[]): Candidate[] {
  const begun = NAMES.map((name) => name.split(" ")).filter((name) => before.every((word, at) => name[at] === word));
  const next = new Set(begun.flatMap((name) => name[before.length] ?? []));
  return [...next].map((word) => {
    const meant = NAMES.filter((name) => `${name} `.startsWith(`${[...before, word].join(" ")} `));
    return { word, summary: meant.length === 1 ? COMMANDS[meant[0]].summary : meant.join(", ") };
  });
}

/** The options that can still be given. */
function optionWords({ command, values }: UnfinishedLine): Candidate[] {
  const left = (COMMANDS[command].options as readonly OptionName[])
    .filter((name) => !values.has(name) || (OPTIONS[name] as OptionSpec).many);
  return left.map((name) => ({ word: `--${name}`, summary: meaningOf(name, command) }));
}

/** What can stand for a value that the help calls by this name. */
function valuesFor(name: string | undefined, { line, surroundings }: Question): Candidates {
  const netns = line.values.get("netns")?.[0];
  switch (name) {
    case "DEV":
      return plainWords(
        line,
        surroundings.devices(netns).filter((dev) => ![...line.values.get("dev") ?? [], ...line.operands].includes(dev)),
      );
    case "GATE":
      return plainWords(
        line,
        surroundings.gates(netns).filter((gate) =>
          ![...line.values.get("gate") ?? [], ...line.operands].includes(gate)
        ),
      );
    case "NAME...": {
      const names = [...surroundings.gates(netns), ...surroundings.devices(netns)];
      return plainWords(line, names.filter((name) => !line.operands.includes(name)));
    }
    case "NETNS":
      return line.last.includes("/") ? { kind: "files" } : plainWords(line, surroundings.namespaces());
    case "NAME":
      return plainWords(line, line.option === "container" ? surroundings.containers() : []);
    case "POD":
      return plainWords(line, surroundings.pods());
    case "HOST":
      return plainWords(line, [...new Set(surroundings.namespaces().map((name) => hostOfNamespace(name) ?? name))]);
    case "DIR":
    case "FILE":
    case "FILE...":
      return { kind: "files" };
    default:
      return plainWords(line, CHOICES[name ?? ""] ?? []);
  }
}

function plainWords({ before }: UnfinishedLine, words: readonly string[]): Candidates {
  return { kind: "words", words: words.map((word) => ({ word: before + word, summary: "" })) };
}

/** Where `ip netns` keeps its names. */
const NAMESPACES = "/run/netns";

/** What there is on this machine; what cannot be looked at is not there. */
export const machine: Surroundings = {
  devices: (netns) => links(netns).filter((link) => !isGateDevice(link)).map(({ name }) => name),
  gates: (netns) => links(netns).filter(isGateDevice).map(({ name }) => gateName(name) ?? name),
  namespaces: () => attempt(() => Array.from(Deno.readDirSync(NAMESPACES), ({ name }) => name).sort()),
  containers: () => [],
  pods: () => [],
};

/** What there is where a command line names a container or a pod, or is about to: whoever runs these is asked for that. */
async function surroundingsOf(words: readonly string[]): Promise<Surroundings> {
  const kinds = (["container", "pod"] as const).filter((kind) =>
    words.some((word) => word.split("=")[0] === `--${kind}` || kind === "container" && /^-c/.test(word))
  );
  const [kind] = kinds;
  if (kind === undefined) return machine;
  try {
    const { findSandboxes, listSandboxes } = await import("../containers/inside.ts");
    const names = (await listSandboxes(kind)).filter(({ isRunning }) => isRunning).map(({ name }) => name).sort();
    const given = names.find((name) => words.slice(0, -1).some((word) => word === name || word.endsWith(`=${name}`)));
    const netns = given === undefined ? undefined : (await findSandboxes(kind, [given]))[0].netns;
    const there = netns === undefined ? { devices: () => [], gates: () => [] } : {
      devices: () => machine.devices(netns),
      gates: () => machine.gates(netns),
    };
    return { ...machine, ...there, [kind === "pod" ? "pods" : "containers"]: () => names };
  } catch {
    return { ...machine, devices: () => [], gates: () => [] };
  }
}

function links(netns?: string): LinkMessage[] {
  return attempt(() => {
    using connection = Connection.open({ netns });
    return readLinks(connection, "list devices");
  });
}

/** A shell that asks in the middle of a line is answered with nothing rather than an error. */
function attempt<T>(look: () => T[]): T[] {
  try {
    return look();
  } catch {
    return [];
  }
}

/**
 * Answers a shell that completes a command line: first what it is to offer, `words`, `files` or `command`, then the
 * words, a line each, with a tab and a summary behind them.
 *
 * @param words `words` and the words behind the program's name up to the cursor; or `bash` and the line up to there,
 * since bash splits words at `=` and `:` too, and takes back only what stands behind these.
 */
export async function complete([form, ...rest]: readonly string[]): Promise<string> {
  const words = form === "bash" ? shellWords((rest[0] ?? "").trimStart()).slice(1) : rest;
  const found = candidates(words, await surroundingsOf(words));
  if (found.kind !== "words") return `${found.kind}\n`;
  const kept = form === "bash" ? /^.*[=:]/s.exec(words.at(-1) ?? "")?.[0].length ?? 0 : 0;
  const lines = found.words.map(({ word, summary }) => form === "bash" ? word.slice(kept) : `${word}\t${summary}`);
  return `${["words", ...lines].join("\n")}\n`;
}

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
  else if (optionOf(option, line.command).value !== undefined) line.option = option;
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
