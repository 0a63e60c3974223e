import * as v from "valibot";
import { COMMAND, COMMAND_ENTRIES, END_ENTRIES } from "./command.ts";
import { byKind, mapping, type Schema } from "./mapping.ts";
import { GATE_ENTRIES, GATE_NAME, PLUG_ENTRIES, QUEUES } from "./queue.ts";
import { DURATION, DURATION_RANGE, NAME, SCALAR, SIZE, SOME_TEXT, TEXT, VARIABLE, wholeNumber } from "./scalar.ts";

/** The most rounds that one `repeat` can have. */
const ROUNDS_MAX = 1_000_000;

/** What every step may say beside what it does. */
export const STEP_ENTRIES = { name: v.optional(SOME_TEXT), host: v.optional(NAME), at: v.optional(DURATION) };

/** What `attach` takes, by the key that says what it makes. */
export const ATTACH = {
  gate: mapping({ gate: GATE_NAME, ...GATE_ENTRIES }, "a gate: { gate: web, dev: lo, direction: egress }"),
  plug: mapping({ plug: NAME, ...PLUG_ENTRIES }, "a plug: { plug: up, dev: eth0 }"),
};

const RUN = mapping({ ...COMMAND_ENTRIES, ...END_ENTRIES }, "a command, or { command: ..., exit: 0 }");
/** What a command is with nothing beside it. */
const bare = (command: string | readonly string[]): v.InferOutput<typeof RUN> => ({ command, env: {} });

const STOP = mapping({
  name: NAME,
  signal: v.optional(
    v.picklist(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL"], "a signal such as SIGTERM"),
    "SIGTERM",
  ),
  timeout: v.optional(DURATION),
}, "the name of a process, or { name: load, signal: SIGTERM }");

const { exit, stdout, stderr, timeout } = END_ENTRIES;
const JOIN = mapping(
  { name: NAME, exit, stdout, stderr, timeout },
  "the name of a process, or { name: load, exit: 0 }",
);

const REPEAT_EXPECTED = "how often, or { times: 20, as: round }, or { over: [1, 2], as: value }";
const TIMES = mapping({ times: wholeNumber(0, ROUNDS_MAX), as: v.optional(VARIABLE) }, REPEAT_EXPECTED);
const OVER = mapping({ over: v.array(SCALAR, "a list of values"), as: VARIABLE }, REPEAT_EXPECTED);

/** How often, with which variable. */
export interface RepeatFields {
  times?: number;
  over?: readonly (string | number | boolean)[];
  as?: string;
}

/** What each action takes where the value itself tells all; `attach`, `wait` and `expect` go by what they are about. */
export const ACTIONS = {
  detach: QUEUES,
  buffer: QUEUES,
  "release-one": QUEUES,
  "release-indefinite": QUEUES,
  limit: mapping({
    gate: v.optional(QUEUES),
    plug: v.optional(QUEUES),
    size: SIZE,
  }, "a size for a gate or a plug: { gate: web, size: 4MiB }"),
  run: byKind<v.InferOutput<typeof RUN>>({
    scalar: v.pipe(COMMAND, v.transform(bare)),
    list: v.pipe(COMMAND, v.transform(bare)),
    mapping: RUN,
  }, "a command, or { command: ..., exit: 0 }"),
  start: mapping({ name: NAME, ...COMMAND_ENTRIES }, "a process: { name: load, command: [python3, load.py] }"),
  stop: byKind<v.InferOutput<typeof STOP>>({
    scalar: v.pipe(NAME, v.transform((name) => ({ name, signal: "SIGTERM" as const }))),
    mapping: STOP,
  }, "the name of a process, or { name: load, signal: SIGTERM }"),
  join: byKind<v.InferOutput<typeof JOIN>>({
    scalar: v.pipe(NAME, v.transform((name) => ({ name }))),
    mapping: JOIN,
  }, "the name of a process, or { name: load, exit: 0 }"),
  sleep: DURATION_RANGE,
  log: TEXT,
  repeat: byKind<RepeatFields>({
    scalar: v.pipe(wholeNumber(0, ROUNDS_MAX), v.transform((times) => ({ times }))),
    mapping: v.lazy((input): Schema<RepeatFields> =>
      input === undefined ? v.union([TIMES, OVER]) : Object.hasOwn(input as object, "over") ? OVER : TIMES
    ),
  }, REPEAT_EXPECTED),
};

/** The actions, in the order in which help names them. */
export const ACTION_NAMES = [
  "attach",
  "detach",
  "buffer",
  "release-one",
  "release-indefinite",
  "limit",
  "run",
  "start",
  "stop",
  "join",
  "sleep",
  "wait",
  "expect",
  "log",
  "repeat",
  "parallel",
] as const;

/** What a step does. */
export type ActionName = typeof ACTION_NAMES[number];
