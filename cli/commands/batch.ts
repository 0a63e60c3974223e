import { type Arguments, parseArguments } from "../arguments.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { wordsOfLine } from "../completions/candidates.ts";
import { EXIT, understood, UsageError } from "../exit_status.ts";
import { readAll } from "../input/datagrams.ts";
import { type CommandName, COMMANDS, type CommandSpec } from "../table.ts";
import { Connections } from "../targets.ts";

/** What a line asks. */
interface Asked {
  arguments: Arguments;
  /** What must be the same for it to be joined with others. */
  sign?: string;
  /** What it is about. */
  names: readonly string[];
}

/** Lines that go out as one, by their numbers. */
interface Group {
  first: number;
  last: number;
  asked: Asked[];
}

/** Commands of which several in a row that ask the same of different queues go out in one send. */
const JOINED: readonly CommandName[] = ["buffer", "release", "release-one"];
/** What has a conversation of its own with whoever called it. */
const REFUSED: readonly CommandName[] = ["batch", "session"];

/** `plugctl batch` */
export async function run(context: Context): Promise<number> {
  const [file = "-"] = context.arguments.operands;
  const lines = parseLines(new TextDecoder().decode(readAll(file)), valueOf(context, "netns"));
  const goesOn = isGiven(context, "continue");
  const { describeFailure } = await import("../failure.ts");
  using connections = new Connections();
  let status: number = EXIT.done;
  for (const group of groups(lines, { joins: !goesOn })) {
    const joined = join(group);
    try {
      const ended = await context.run(joined, { connections });
      status ||= ended;
    } catch (error) {
      const failure = describeFailure(error, joined);
      for (const text of failure.message.split("\n")) context.trace(`plugctl: ${place(group)}: ${text}\n`);
      status ||= failure.status;
    }
    if (status !== EXIT.done && !goesOn) return status;
  }
  return status;
}

/**
 * Reads all lines before the first is done: what each asks, `undefined` where that is nothing.
 *
 * @throws {UsageError} where one is wrong, with each that is
 */
function parseLines(text: string, netns: string | undefined): (Asked | undefined)[] {
  const mistakes: string[] = [];
  // What is done again and again stands there as often
  const parsed = new Map<string, Asked | UsageError | undefined>();
  const lines = text.split("\n").map((line, index) => {
    let asked = parsed.get(line);
    if (asked === undefined) parsed.set(line, asked = parsedOrWrong(line, netns));
    if (!(asked instanceof UsageError)) return asked;
    mistakes.push(`line ${index + 1}: ${asked.message}`);
  });
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\nplugctl: "));
  return lines;
}

function parsedOrWrong(line: string, netns: string | undefined): Asked | UsageError | undefined {
  try {
    return parseLine(line, netns);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/** What a line asks; `undefined` where it asks nothing. */
function parseLine(line: string, netns: string | undefined): Asked | undefined {
  const [first, ...rest] = understood(() => wordsOfLine(line));
  if (first === undefined) return undefined;
  const given = inNamespace(checked(parseArguments(first === "plugctl" ? rest : [first, ...rest])), netns);
  return { arguments: given, sign: signOf(given), names: namesIn(given) };
}

function checked(given: Arguments): Arguments {
  if (REFUSED.includes(given.command)) throw new UsageError(`${given.command} cannot stand in a batch`);
  return given;
}

/** In the namespace that the batch is given, unless the line says another. */
function inNamespace(given: Arguments, netns: string | undefined): Arguments {
  const { options }: CommandSpec = COMMANDS[given.command];
  const saysWhere = (["netns", "container", "pod"] as const).some((name) => given.values.has(name));
  if (netns === undefined || saysWhere || !options.includes("netns")) return given;
  return { ...given, values: new Map([...given.values, ["netns", [netns]]]) };
}

/** Lines that follow each other and ask the same of different queues, where they are to be joined; else each by itself. */
function* groups(lines: readonly (Asked | undefined)[], { joins }: { joins: boolean }): Generator<Group> {
  let group: Group | undefined;
  const taken = new Set<string>();
  for (const [index, asked] of lines.entries()) {
    if (!asked) continue;
    if (group && !(joins && fits(asked, { sign: group.asked[0].sign, taken }))) {
      yield group;
      group = undefined;
      taken.clear();
    }
    group ??= { first: index + 1, last: index + 1, asked: [] };
    group.last = index + 1;
    group.asked.push(asked);
    for (const name of asked.names) taken.add(name);
  }
  if (group) yield group;
}

function fits({ sign, names }: Asked, before: { sign?: string; taken: ReadonlySet<string> }): boolean {
  return sign !== undefined && sign === before.sign && !names.some((name) => before.taken.has(name));
}

/** What of a line must be the same for it to be joined with others; `undefined` where it stands alone. */
function signOf({ command, values }: Arguments): string | undefined {
  if (
    !JOINED.includes(command) ||
    ["json", "dry-run", "help", "parent", "handle"].some((name) => values.has(name as "json"))
  ) {
    return undefined;
  }
  const rest = [...values].filter(([name]) => name !== "dev" && name !== "gate").sort();
  return JSON.stringify([command, rest]);
}

function namesIn({ operands, values }: Arguments): string[] {
  return [...operands, ...values.get("dev") ?? [], ...values.get("gate") ?? []];
}

function join({ asked }: Group): Arguments {
  const [{ arguments: first }] = asked;
  if (asked.length === 1) return first;
  const values = new Map(first.values);
  for (const name of ["dev", "gate"] as const) {
    const given = asked.flatMap(({ arguments: { values } }) => values.get(name) ?? []);
    if (given.length > 0) values.set(name, given);
  }
  return { ...first, operands: asked.flatMap(({ arguments: { operands } }) => operands), values };
}

function place({ first, last }: Group): string {
  return first === last ? `line ${first}` : `lines ${first} to ${last}`;
}
