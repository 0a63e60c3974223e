import { commandOf, describeCommand, describeEnd, endOf, RUN_ENTRIES, wrongEnd } from "../command.ts";
import type { ConditionKind } from "../step.ts";
import type { Condition, PlannedCommand, ProcessTest } from "../plan.ts";
import { runCommand } from "../run/run_command.ts";
import { hostOf } from "../source/context.ts";

/** A command that is run to its end, each time that is looked. */
export interface CommandCondition extends Condition, PlannedCommand, ProcessTest {
  about: "command";
  timeoutMs?: number;
}

/** How a command ends. */
export const COMMAND_CONDITION: ConditionKind<CommandCondition, typeof RUN_ENTRIES> = {
  about: "command",
  entries: RUN_ENTRIES,
  expected: "a command: { command: curl -s http://server/, stdout: hello }",
  isOnHost: true,
  plan({ fields, label, given, context }) {
    // Of `wait` it is how long to wait, for any number of times that the command is run.
    const timeoutMs = label === "wait" ? undefined : fields.timeout;
    const host = hostOf(given, context);
    const condition = { ...commandOf(fields, { host, context }), ...endOf(fields), timeoutMs };
    return { condition: { about: "command", ...condition }, host };
  },
  describe: (condition) => `${describeCommand(condition)} ends${describeEnd(condition) || " with exit status 0"}`,
  async look(condition, { host, stage, signal }) {
    const ran = await runCommand(condition, { host, stage, signal });
    const wrong = wrongEnd(ran, condition);
    return { holds: wrong === undefined, found: wrong ?? "it ended so", ran };
  },
};
