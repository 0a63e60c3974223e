import type { Step } from "../plan.ts";
import { StepError } from "../run/step_error.ts";
import { check, mapping } from "../source/check.ts";
import { processNamed } from "../source/context.ts";
import { NAME, SIGNAL } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Sends a signal to a process, and to what it has started in its group. */
export interface SignalStep extends Step {
  action: "signal";
  process: string;
  signal: Deno.Signal;
}

const SCHEMA = mapping({ name: NAME, signal: SIGNAL }, "a process and a signal: { name: load, signal: SIGHUP }");

/** `signal: { name: NAME, signal: SIGNAL }` */
export const SIGNAL_STEP: StepKind<SignalStep> = {
  action: "signal",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    return fields && { process: processNamed(fields.name, { tree, context }), signal: fields.signal };
  },
  describe: ({ process, signal }) => `send ${signal} to ${process}`,
  run({ process: name, signal }, { stage }) {
    const process = stage.processes.find(name);
    if (process.status) throw new StepError(`Cannot send ${signal} to ${name}: it has ended`);
    process.signal(signal);
  },
  process: ({ process }) => process,
};
