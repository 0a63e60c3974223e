import * as v from "valibot";
import type { Step } from "../plan.ts";
import { StepError } from "../run/step_error.ts";
import { check, mapping } from "../source/check.ts";
import { processNamed } from "../source/context.ts";
import { FLAG, NAME, TEXT } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Writes to a process's standard input. */
export interface SendStep extends Step {
  action: "send";
  process: string;
  text: string;
  /** Whether nothing more is written to it. */
  isLast: boolean;
}

const SCHEMA = mapping(
  { name: NAME, text: v.optional(TEXT, ""), close: v.optional(FLAG, false) },
  'a process and a text: { name: shell, text: "quit\\n" }',
);

/** `send: { name: NAME, text: TEXT }` */
export const SEND: StepKind<SendStep> = {
  action: "send",
  schema: SCHEMA,
  plan({ tree, label, context }) {
    const fields = check(SCHEMA, { tree, label }, context);
    if (!fields) return undefined;
    const { name, text, close } = fields;
    return { process: processNamed(name, { tree, context }), text, isLast: close };
  },
  describe({ process, text, isLast }) {
    const close = isLast ? `close the input of ${process}` : "";
    return [...text === "" ? [] : [`send ${JSON.stringify(text)} to ${process}`], ...close ? [close] : []].join(", ");
  },
  async run({ process: name, text, isLast }, { stage, signal }) {
    const process = stage.processes.find(name);
    if (process.status) throw new StepError(`Cannot send to ${name}: it has ended`);
    await process.write(text, { isLast, signal });
  },
  process: ({ process }) => process,
  writesTo: ({ process }) => process,
};
