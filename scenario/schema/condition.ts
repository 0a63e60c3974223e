import * as v from "valibot";
import { IP } from "./address.ts";
import { COMMAND_ENTRIES, END_ENTRIES } from "./command.ts";
import { mapping } from "./mapping.ts";
import { COUNT_TEST, DURATION, EXIT_TEST, FLAG, NAME, SOME_TEXT, TEXT_TEST, wholeNumber } from "./scalar.ts";

/** What is counted at a gate and at a plug; `packets` is another word for `backlog`. */
const COUNTERS = {
  backlog: v.optional(COUNT_TEST),
  packets: v.optional(COUNT_TEST),
  "backlog-bytes": v.optional(COUNT_TEST),
  sent: v.optional(COUNT_TEST),
  "sent-bytes": v.optional(COUNT_TEST),
  drops: v.optional(COUNT_TEST),
};

const GATE = { gate: SOME_TEXT, ...COUNTERS, hits: v.optional(COUNT_TEST) };
const PLUG = { plug: SOME_TEXT, ...COUNTERS };
const PROCESS = {
  process: NAME,
  exit: v.optional(EXIT_TEST),
  stdout: v.optional(TEXT_TEST),
  stderr: v.optional(TEXT_TEST),
  line: v.optional(TEXT_TEST),
};
const PORT = { port: wholeNumber(1, 65535), address: v.optional(IP), answers: v.optional(FLAG, true) };

const TIMEOUT = { timeout: v.optional(DURATION) };

/** What `wait` takes, by the key that says what it is about. */
export const WAIT = {
  gate: mapping({ ...GATE, ...TIMEOUT }, 'a condition: { gate: web, backlog: ">=1", timeout: 500ms }'),
  plug: mapping({ ...PLUG, ...TIMEOUT }, 'a condition: { plug: up, backlog: ">=1", timeout: 500ms }'),
  process: mapping({ ...PROCESS, ...TIMEOUT }, "a condition: { process: load, line: ready }"),
  port: mapping({ ...PORT, ...TIMEOUT }, "a condition: { port: 8000, timeout: 5s }"),
};

/** What `expect` takes, by the key that says what it is about. */
export const EXPECT = {
  gate: mapping(GATE, "a condition: { gate: web, drops: 0 }"),
  plug: mapping(PLUG, "a condition: { plug: up, drops: 0 }"),
  process: mapping(PROCESS, "a condition: { process: load, exit: 0 }"),
  port: mapping(PORT, "a condition: { port: 8000 }"),
  command: mapping(
    { ...COMMAND_ENTRIES, ...END_ENTRIES },
    "a command: { command: curl -s http://server/, stdout: hello }",
  ),
};

/** What a condition says, as it is written. */
export type ConditionFields = {
  [S in keyof typeof EXPECT]: { subject: S } & v.InferOutput<(typeof EXPECT)[S]> & { timeout?: number };
}[keyof typeof EXPECT];
