import * as v from "valibot";
import { byKind, byName, type Schema } from "./mapping.ts";
import { DURATION, EXIT_TEST, SOME_TEXT, TEXT, TEXT_TEST } from "./scalar.ts";

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

/** What a command runs with. */
export const COMMAND_ENTRIES = {
  command: COMMAND,
  env: v.optional(ENV, {}),
  cwd: v.optional(SOME_TEXT),
  stdin: v.optional(TEXT),
};

/** How a command must end, and within what time. */
export const END_ENTRIES = {
  exit: v.optional(EXIT_TEST),
  stdout: v.optional(TEXT_TEST),
  stderr: v.optional(TEXT_TEST),
  timeout: v.optional(DURATION),
};

/** A command as it is written. */
export type CommandFields = v.InferOutput<v.ObjectSchema<typeof COMMAND_ENTRIES, string>>;
/** What is written of how it must end. */
export type EndFields = v.InferOutput<v.ObjectSchema<typeof END_ENTRIES, string>>;
