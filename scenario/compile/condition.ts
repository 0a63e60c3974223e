import type { NumberTest } from "../number_check.ts";
import type { CommandCondition, Condition, Counter, ProcessCondition, QueueCondition } from "../plan.ts";
import { type ConditionFields, EXPECT, WAIT } from "../schema/condition.ts";
import type { Schema } from "../schema/mapping.ts";
import { follow, type Tree } from "../source/tree.ts";
import { check } from "./check.ts";
import { commandOf, endOf } from "./command.ts";
import type { Context } from "./context.ts";
import { type GivenHost, hostOf, planHostOf } from "./host_of.ts";

/** A condition where it is written. */
export interface Written {
  tree: Tree;
  label: "wait" | "expect";
  /** The host that the step names. */
  given?: GivenHost;
}

/** A condition, and how long to wait for it where that is said. */
export interface PlannedCondition {
  condition: Condition | CommandCondition;
  /** The host that it is about. */
  host?: string;
  timeoutMs?: number;
}

type Fields<S extends ConditionFields["subject"]> = Extract<ConditionFields, { subject: S }>;

/** Reads what is waited for, or expected. */
export function conditionOf(written: Written, context: Context): PlannedCondition | undefined {
  const { tree, label } = written;
  const schemas: Readonly<Record<string, Schema<object>>> = label === "wait" ? WAIT : EXPECT;
  const subject = subjectOf(written, { subjects: Object.keys(schemas), context });
  if (subject === undefined) return undefined;
  const fields = check(schemas[subject], { tree, label }, context);
  if (!fields) return undefined;
  const read = planned({ subject, ...fields } as ConditionFields, { ...written, context });
  return read && { ...read, timeoutMs: (fields as { timeout?: number }).timeout };
}

/** The key that says what a condition is about. */
function subjectOf(
  { tree, label }: Written,
  { subjects, context }: { subjects: string[]; context: Context },
): string | undefined {
  const { line, column } = tree;
  const given = tree.kind === "mapping" ? subjects.filter((subject) => tree.entries.has(subject)) : [];
  if (given.length === 1) return given[0];
  const what = given.length > 1 ? `${label} is about ${given.join(" and ")}` : `${label} does not say what it is about`;
  context.mistakes.push({ line, column, what, expected: `one of the keys ${subjects.join(", ")}` });
}

function planned(
  fields: ConditionFields,
  written: Written & { context: Context },
): PlannedCondition | undefined {
  const { tree, given, context } = written;
  switch (fields.subject) {
    case "gate":
      return withoutHost(queueCondition(fields, { ...written, name: fields.gate }));
    case "plug":
      return withoutHost(queueCondition(fields, { ...written, name: fields.plug }));
    case "process":
      return withoutHost(processCondition(fields, written));
    case "port": {
      const { port, address, answers } = fields;
      const host = planHostOf(given, { tree, what: `port ${port}`, context });
      return { condition: { about: "port", port, address, answers }, host };
    }
    case "command": {
      const command = { ...commandOf(fields, context), ...endOf(fields), timeoutMs: fields.timeout };
      return { condition: { about: "command", ...command }, host: hostOf(given, context) };
    }
  }
}

function withoutHost(condition: Condition | undefined): PlannedCondition | undefined {
  return condition && { condition };
}

function queueCondition(
  fields: Fields<"gate"> | Fields<"plug">,
  { tree, label, name, context }: Written & { name: string; context: Context },
): QueueCondition | undefined {
  const { line, column } = follow(tree, [fields.subject]);
  context.references.push({ kind: fields.subject, name, line, column });
  const counters: Partial<Record<Counter, NumberTest>> = {};
  for (const counter of COUNTERS) {
    const test = (fields as Partial<Record<Counter, NumberTest>>)[counter];
    if (test) counters[counter] = test;
  }
  if (fields.packets) counters.backlog = fields.packets;
  if (Object.keys(counters).length > 0) return { about: "queue", queue: name, counters };
  const expected = `one or more of ${COUNTERS.join(", ")}`;
  context.mistakes.push({ line, column, what: `${label} says nothing of ${name}`, expected });
}

const COUNTERS = ["backlog", "backlog-bytes", "sent", "sent-bytes", "drops", "hits"] as const satisfies Counter[];

function processCondition(
  { process, line: inLine, ...fields }: Fields<"process">,
  { tree, label, context }: Written & { context: Context },
): ProcessCondition | undefined {
  const { line, column } = follow(tree, ["process"]);
  context.references.push({ kind: "process", name: process, line, column });
  const test = endOf(fields);
  const isOfEnd = Object.values(test).some((part) => part !== undefined);
  if (isOfEnd !== (inLine !== undefined)) return { about: "process", process, line: inLine, ...test };
  const what = isOfEnd ? `${label} asks for a line and for an end` : `${label} says nothing of ${process}`;
  context.mistakes.push({ line, column, what, expected: "either line, or one or more of exit, stdout, stderr" });
}
