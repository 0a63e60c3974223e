import * as v from "valibot";
import { COMMAND, commandOf, describeCommand, describeEnd, endOf, RUN_ENTRIES, saysEnd, wrongEnd } from "../command.ts";
import type { PlannedCommand, ProcessTest, Step } from "../plan.ts";
import { commandEnded, runCommand } from "../run/run_command.ts";
import { StepError } from "../run/step_error.ts";
import { check } from "../source/check.ts";
import { hostOf } from "../source/context.ts";
import { byKind, mapping } from "../source/mapping.ts";
import type { StepKind } from "../step.ts";

/** Runs a command to its end. */
export interface RunStep extends Step, PlannedCommand, ProcessTest {
  action: "run";
  timeoutMs?: number;
}

const EXPECTED = "a command, or { command: ..., exit: 0 }";
const FULL = mapping(RUN_ENTRIES, EXPECTED);
type Fields = v.InferOutput<typeof FULL>;
/** What a command is with nothing beside it. */
const BARE = v.pipe(COMMAND, v.transform((command): Fields => ({ command, env: {} })));
const SCHEMA = byKind<Fields>({ scalar: BARE, list: BARE, mapping: FULL }, EXPECTED);

/** `run: COMMAND`, `run: { command: COMMAND, … }` */
export const RUN: StepKind<RunStep> = {
  action: "run",
  schema: SCHEMA,
  plan({ tree, label, given, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    if (!fields) return undefined;
    const host = hostOf(given, context);
    return { host, ...commandOf(fields, context), ...endOf(fields), timeoutMs: fields.timeout };
  },
  describe: (step) => `run ${describeCommand(step)}`,
  async run(step, scene) {
    const ran = await runCommand(step, { ...scene, host: step.host });
    const wrong = wrongEnd(ran, step);
    if (wrong === undefined) return;
    if (!saysEnd(step)) throw new StepError(commandEnded(step, ran));
    throw new StepError(`Expected that ${describeCommand(step)} ends${describeEnd(step)}: ${wrong}`, { unmet: true });
  },
  isOnHost: () => true,
};
