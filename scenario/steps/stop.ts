import * as v from "valibot";
import type { Step } from "../plan.ts";
import { endWithin } from "../run/run_command.ts";
import { StepError } from "../run/step_error.ts";
import { byKind, check, mapping } from "../source/check.ts";
import { processNamed, TIMEOUT_MS } from "../source/context.ts";
import { DURATION, NAME, SIGNAL } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Ends a process. */
export interface StopStep extends Step {
  action: "stop";
  process: string;
  signal: Deno.Signal;
  /** After which it is killed. */
  timeoutMs: number;
}

const EXPECTED = "the name of a process, or { name: load, signal: SIGTERM }";
const FULL = mapping(
  { name: NAME, signal: v.optional(SIGNAL, "SIGTERM"), timeout: v.optional(DURATION) },
  EXPECTED,
);
type Fields = v.InferOutput<typeof FULL>;
const SCHEMA = byKind<Fields>({
  scalar: v.pipe(NAME, v.transform((name): Fields => ({ name, signal: "SIGTERM" }))),
  mapping: FULL,
}, EXPECTED);

/** `stop: NAME`, `stop: { name: NAME, signal: SIGTERM, … }` */
export const STOP: StepKind<StopStep> = {
  action: "stop",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    if (!fields) return undefined;
    const { name, signal, timeout = context.defaults.timeoutMs ?? TIMEOUT_MS } = fields;
    return { process: processNamed(name, { tree, context }), signal, timeoutMs: timeout };
  },
  describe: ({ process, signal }) => `stop ${process} by ${signal}`,
  async run({ process: name, signal: kind, timeoutMs }, { stage, signal, details }) {
    const process = stage.processes.find(name);
    process.signal(kind, { isToEnd: true });
    try {
      await endWithin(process, { timeoutMs, what: name, clock: stage.clock, signal });
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      process.signal("SIGKILL");
      await endWithin(process, { what: name, clock: stage.clock, signal });
      details.notes = [`${name} did not end by ${kind}, and was killed`];
    }
    details.ran = process.describe();
  },
  process: ({ process }) => process,
};
