import * as v from "valibot";
import { describeEnd, END_ENTRIES, endOf, saysEnd, wrongEnd } from "../command.ts";
import type { ProcessTest, Step } from "../plan.ts";
import { endWithin } from "../run/run_command.ts";
import { StepError } from "../run/step_error.ts";
import { byKind, check, mapping } from "../source/check.ts";
import { processNamed } from "../source/context.ts";
import { DURATION, NAME } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Waits for the end of a process. */
export interface JoinStep extends Step, ProcessTest {
  action: "join";
  process: string;
  timeoutMs?: number;
}

const EXPECTED = "the name of a process, or { name: load, exit: 0 }";
const FULL = mapping({ name: NAME, ...END_ENTRIES, timeout: v.optional(DURATION) }, EXPECTED);
type Fields = v.InferOutput<typeof FULL>;
const SCHEMA = byKind<Fields>({
  scalar: v.pipe(NAME, v.transform((name): Fields => ({ name }))),
  mapping: FULL,
}, EXPECTED);

/** `join: NAME`, `join: { name: NAME, exit: 0, … }` */
export const JOIN: StepKind<JoinStep> = {
  action: "join",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    if (!fields) return undefined;
    const { name, timeout } = fields;
    return { ...endOf(fields), process: processNamed(name, { tree, context }), timeoutMs: timeout };
  },
  describe: (step) => `wait until ${step.process} has ended${describeEnd(step)}`,
  async run(step, { stage, signal, details }) {
    const process = stage.processes.find(step.process);
    await endWithin(process, { timeoutMs: step.timeoutMs, what: step.process, clock: stage.clock, signal });
    details.ran = process.describe();
    const wrong = wrongEnd(details.ran, step);
    if (wrong === undefined) return;
    if (!saysEnd(step)) throw new StepError(wrong);
    throw new StepError(`Expected that ${step.process} ends${describeEnd(step)}: ${wrong}`, { unmet: true });
  },
  process: ({ process }) => process,
  ending: (step) => ({ process: step.process, test: endOf(step) }),
};
