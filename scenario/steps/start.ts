import * as v from "valibot";
import { COMMAND_ENTRIES, commandOf, describeCommand } from "../command.ts";
import type { PlannedCommand, ProcessTest, Step } from "../plan.ts";
import { check, mapping } from "../source/check.ts";
import { hostOf, nameIn } from "../source/context.ts";
import { EXIT_TEST, NAME } from "../source/scalar.ts";
import type { StepKind } from "../step.ts";

/** Starts a process that runs beside the steps. */
export interface StartStep extends Step, PlannedCommand {
  action: "start";
  process: string;
  /** How it may end by itself. */
  exit?: ProcessTest["exit"];
}

const SCHEMA = mapping(
  { name: NAME, ...COMMAND_ENTRIES, exit: v.optional(EXIT_TEST) },
  "a process: { name: load, command: [python3, load.py] }",
);

/** `start: { name: NAME, command: COMMAND, … }` */
export const START: StepKind<StartStep> = {
  action: "start",
  schema: SCHEMA,
  plan({ tree, label, given, context }) {
    // Also where something else of it is wrong: who refers to it is not blamed as well.
    const name = nameIn(tree, "name");
    if (name !== undefined) context.processes.add(name);
    const fields = check(SCHEMA, { tree, label }, context);
    if (!fields && name === undefined) context.unnamed.add("process");
    if (!fields) return undefined;
    context.processes.add(fields.name);
    const { exit } = fields;
    const own = { process: fields.name, ...exit === undefined ? {} : { exit } };
    const host = hostOf(given, context);
    return { host, ...commandOf(fields, { host, context }), ...own };
  },
  describe: (step) => `start ${step.process}: ${describeCommand(step)}`,
  run(step, { stage, path, details }) {
    details.ran = stage.processes.start(step, path).describe();
  },
  isOnHost: () => true,
  process: ({ process }) => process,
};
