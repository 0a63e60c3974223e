/**
 * A command of a scenario, and how a process must end: what is written of it, what that means, and its words.
 *
 * @module
 */

import * as v from "valibot";
import { fitsNumber, formatDuration, formatNumberTest, type NumberTest } from "../plug/quantity.ts";
import type { RanProcess } from "./event.ts";
import { fitsText, type PlannedCommand, type ProcessTest, type TextTest } from "./plan.ts";
import { type Context, HERE } from "./source/context.ts";
import { byKind, byName, type Schema } from "./source/check.ts";
import { DURATION, DURATION_TEST, EXIT_TEST, SOME_TEXT, TEXT, TEXT_TEST } from "./source/scalar.ts";

const COMMAND_EXPECTED = "a line for the shell, or a list of a program and its arguments";

/** A command: a line for `sh -c`, or words. */
export const COMMAND: Schema<string | readonly string[]> = byKind<string | readonly string[]>({
  scalar: SOME_TEXT,
  list: v.pipe(
    v.array(TEXT),
    v.minLength(1, COMMAND_EXPECTED),
    v.check(([program]) => /\S/.test(program), COMMAND_EXPECTED),
  ),
}, COMMAND_EXPECTED);

const ENV_NAME_EXPECTED = "the name of an environment variable";
const ENV_NAME = v.pipe(v.string(ENV_NAME_EXPECTED), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, ENV_NAME_EXPECTED));

/** Environment variables. */
export const ENV = byName(ENV_NAME, TEXT, "environment variables: { NAME: value }");

const USER_EXPECTED = "the name of a user, or a user's number";

/** What commands run with that say nothing else: of a host, or of the whole scenario. */
export const SETTING_ENTRIES = {
  env: v.optional(ENV, {}),
  cwd: v.optional(SOME_TEXT),
  user: v.optional(v.pipe(TEXT, v.regex(/^[A-Za-z_][\w.-]*$|^[0-9]{1,10}$/, USER_EXPECTED))),
};

/** What a command runs with. */
export const COMMAND_ENTRIES = {
  command: COMMAND,
  ...SETTING_ENTRIES,
  stdin: v.optional(TEXT),
};

/** How a process must end. */
export const END_ENTRIES = {
  exit: v.optional(EXIT_TEST),
  stdout: v.optional(TEXT_TEST),
  stderr: v.optional(TEXT_TEST),
};

/** How a command must end, and within what time. */
export const RUN_ENTRIES = {
  ...COMMAND_ENTRIES,
  ...END_ENTRIES,
  took: v.optional(DURATION_TEST),
  timeout: v.optional(DURATION),
};

type CommandFields = v.InferOutput<v.ObjectSchema<typeof COMMAND_ENTRIES, string>>;
type EndFields = v.InferOutput<v.ObjectSchema<typeof END_ENTRIES, string>> & { took?: NumberTest };

/** A command with what its host adds to it, and `defaults:`. */
export function commandOf(
  { command, stdin, ...own }: CommandFields,
  { host, context: { defaults, settings } }: { host: string | undefined; context: Context },
): PlannedCommand {
  const hosts = settings.get(host ?? HERE) ?? { env: {} };
  const user = own.user ?? hosts.user ?? defaults.user;
  return {
    command,
    env: { ...defaults.env, ...hosts.env, ...own.env },
    cwd: own.cwd ?? hosts.cwd ?? defaults.cwd,
    stdin,
    ...user === undefined ? {} : { user },
  };
}

/** How a process must end. */
export function endOf({ exit, stdout, stderr, took }: EndFields): ProcessTest {
  return { exit, stdout, stderr, ...took === undefined ? {} : { took } };
}

/** Whether anything is said of how a process must end. */
export function saysEnd({ exit, stdout, stderr, took }: ProcessTest): boolean {
  return exit !== undefined || stdout !== undefined || stderr !== undefined || took !== undefined;
}

/** A command in one line, as one would type it. */
export function describeCommand({ command }: Pick<PlannedCommand, "command">): string {
  const line = typeof command === "string" ? command.trim() : command.map(quoted).join(" ");
  return line.replaceAll(/\s*\n\s*/g, "; ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** How a process must end, in words that stand behind `ends` or `has ended`; empty where nothing is said. */
export function describeEnd({ exit, stdout, stderr, took }: ProcessTest): string {
  const status = exit === undefined || exit === "any" ? [] : [`exit status ${describeExit(exit)}`];
  const texts = [stdout && `${stdout.source} in stdout`, stderr && `${stderr.source} in stderr`].filter(Boolean);
  const parts = [...status, ...texts];
  const time = took ? ` after ${describeTook(took)}` : "";
  if (parts.length > 0) return `${time} with ${parts.join(" and ")}`;
  return `${time}${exit === "any" ? " with any exit status" : ""}`;
}

/** How long something may take, in words: `< 2s`. */
export function describeTook(test: NumberTest): string {
  return test.operator === "one of" ? formatNumberTest(test) : `${test.operator} ${formatDuration(test.number)}`;
}

function describeExit(test: NumberTest): string {
  return test.operator === "=" ? String(test.number) : formatNumberTest(test);
}

/** What is wrong about the end of a process, in words; `undefined` where it is as it should be. */
export function wrongEnd(ran: RanProcess, { exit, stdout, stderr, took }: ProcessTest): string | undefined {
  const isRight = exit === "any" ||
    ran.exit !== undefined && fitsNumber(ran.exit, exit ?? { operator: "=", number: 0 });
  if (!isRight) return `${howEnded(ran)}${lastWords(ran)}`;
  const wrong = [wrongText("stdout", ran.stdout, stdout), wrongText("stderr", ran.stderr, stderr)].filter(Boolean);
  const lasted = Math.round(((ran.to ?? ran.from) - ran.from) / 1000);
  if (took && !fitsNumber(lasted, took)) wrong.push(`it took ${formatDuration(lasted)}`);
  return wrong.length > 0 ? wrong.join(", and ") : undefined;
}

/** How a process has ended, in words: `it ended with exit status 1`. */
export function howEnded({ name = "it", exit, signal }: RanProcess): string {
  return signal === undefined ? `${name} ended with exit status ${exit}` : `${name} was ended by ${signal}`;
}

/** The last line that it has written, to stderr where it has written there. */
export function lastWords({ stdout = "", stderr = "" }: RanProcess): string {
  const line = (stderr.trim() || stdout.trim()).split("\n").at(-1)?.trim();
  return line ? `; it says: ${line.slice(0, 200)}` : "";
}

function wrongText(name: string, text = "", test?: TextTest): string | undefined {
  return test && !fitsText(text, test) ? `${name} was ${shown(text)}` : undefined;
}

const SHOWN_LENGTH = 200;

/** What was written, as it is quoted in a sentence: its end where it is long. */
function shown(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "empty";
  return trimmed.length <= SHOWN_LENGTH
    ? JSON.stringify(trimmed)
    : `${text.length} characters, in the end ${JSON.stringify(trimmed.slice(-SHOWN_LENGTH))}`;
}
