import * as v from "valibot";
import { describeEnd, END_ENTRIES, endOf, howEnded, lastWords, saysEnd, wrongEnd } from "../command.ts";
import type { ConditionKind, Look, LookScene, OnHost, WrittenCondition } from "../step.ts";
import type { Condition, ProcessTest, TextTest } from "../plan.ts";
import { mistake } from "../source/context.ts";
import { FLAG, NAME, TEXT_TEST } from "../source/scalar.ts";
import { follow } from "../source/tree.ts";

/** A process that has ended, that runs, or that has written a line. */
export interface ProcessCondition extends Condition, ProcessTest {
  about: "process";
  process: string;
  /** In a line that was not found by an earlier step. */
  line?: TextTest;
  /** Whether it must run, or must not. */
  running?: boolean;
}

const ENTRIES = { process: NAME, ...END_ENTRIES, line: v.optional(TEXT_TEST), running: v.optional(FLAG) };

/** How a process is, or what it has written. */
export const PROCESS_CONDITION: ConditionKind<ProcessCondition, typeof ENTRIES> = {
  about: "process",
  entries: ENTRIES,
  expected: "a condition: { process: load, line: ready }",
  plan,
  describe,
  look,
  process: ({ process }) => process,
  ending(condition) {
    const { process, running } = condition;
    if (running === false) return { process, test: { exit: "any" } };
    return saysEnd(condition) ? { process, test: endOf(condition) } : undefined;
  },
};

function plan(
  { fields, tree, label, context }: WrittenCondition<Omit<ProcessCondition, "about">>,
): OnHost<ProcessCondition> | undefined {
  const { process, line: inLine, running } = fields;
  const { line, column } = follow(tree, ["process"]);
  context.references.push({ kind: "process", name: process, line, column });
  const said = [inLine && "a line", saysEnd(fields) && "an end", running !== undefined && "whether it runs"].filter(
    (part) => typeof part === "string",
  );
  if (said.length === 1) {
    return {
      condition: {
        about: "process",
        process,
        line: inLine,
        ...endOf(fields),
        ...running === undefined ? {} : { running },
      },
    };
  }
  const what = said.length > 1 ? `${label} asks for ${said.join(" and for ")}` : `${label} says nothing of ${process}`;
  mistake({ line, column }, { what, expected: "line, or running, or one or more of exit, stdout, stderr" }, context);
}

function describe(condition: ProcessCondition): string {
  const { process, line, running } = condition;
  if (line) return `${process} has written ${line.source}`;
  if (running !== undefined) return running ? `${process} runs` : `${process} does not run`;
  return `${process} has ended${describeEnd(condition)}`;
}

function look({ process: name, line, running, ...test }: ProcessCondition, { stage }: LookScene): Look {
  const process = stage.processes.find(name);
  const ran = process.describe();
  const hasEnded = process.status !== undefined;
  const end = hasEnded ? `${howEnded(ran)}${lastWords(ran)}` : `${name} still runs`;
  if (line) {
    if (process.output.takeLine(line)) return { holds: true, found: `${name} has written ${line.source}` };
    return { holds: false, found: hasEnded ? end : lastLine(name, process.output.last), never: hasEnded };
  }
  if (running !== undefined) return { holds: running !== hasEnded, found: end, never: running && hasEnded };
  if (!hasEnded) return { holds: false, found: end };
  const wrong = wrongEnd(ran, test);
  return { holds: wrong === undefined, found: wrong ?? end, never: wrong !== undefined };
}

function lastLine(name: string, last: readonly string[]): string {
  const line = last.at(-1);
  return line === undefined ? `${name} has written nothing` : `the last line of ${name} is ${JSON.stringify(line)}`;
}
