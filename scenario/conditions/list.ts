import * as v from "valibot";
import type { ConditionKind, OnHost, Written } from "../step.ts";
import type { Condition, Scalar } from "../plan.ts";
import { check, mapping, type Schema } from "../source/check.ts";
import { anew, mistake, setBySteps, withStandIns } from "../source/context.ts";
import { DURATION } from "../source/scalar.ts";
import { inLine } from "../source/tree.ts";
import { COMMAND_CONDITION } from "./command.ts";
import { FILE_CONDITION } from "./file.ts";
import { HTTP_CONDITION } from "./http.ts";
import { PORT_CONDITION } from "./port.ts";
import { PROCESS_CONDITION } from "./process.ts";
import { GATE_CONDITION, PLUG_CONDITION } from "./queue.ts";

/** Every kind of condition. */
export const CONDITIONS: readonly ConditionKind[] = [
  GATE_CONDITION,
  PLUG_CONDITION,
  PROCESS_CONDITION,
  PORT_CONDITION,
  COMMAND_CONDITION,
  HTTP_CONDITION,
  FILE_CONDITION,
];

/** The kind that a condition is of. */
export function conditionKind({ about }: Condition): ConditionKind {
  const kind = CONDITIONS.find((kind) => kind.about === about);
  if (!kind) throw new TypeError(`there is no kind of condition ${about}`);
  return kind;
}

/** What a step that waits or expects may say, by the key that says what it is about. */
export function conditionSchemas(
  { withTimeout }: { withTimeout: boolean },
): Readonly<Record<string, Schema<Record<string, unknown>>>> {
  const timeout: v.ObjectEntries = withTimeout ? { timeout: v.optional(DURATION) } : {};
  return Object.fromEntries(
    CONDITIONS.map(({ about, entries, expected }) => [about, mapping({ ...entries, ...timeout }, expected)]),
  );
}

/** Reads what is waited for, or expected. */
export function planCondition(
  { tree, label, given, context }: Pick<Written, "tree" | "label" | "given" | "context">,
  schemas: Readonly<Record<string, Schema<Record<string, unknown>>>>,
): PlannedCondition | undefined {
  const subjects = Object.keys(schemas);
  const found = tree.kind === "mapping" ? subjects.filter((subject) => tree.entries.has(subject)) : [];
  if (found.length !== 1) {
    const what = found.length > 1
      ? `${label} is about ${found.join(" and ")}`
      : `${label} does not say what it is about`;
    return mistake(tree, { what, expected: `one of the keys ${subjects.join(", ")}` }, context);
  }
  const fields = check(schemas[found[0]], { tree, label }, context);
  if (!fields) return undefined;
  const planned = conditionKind({ about: found[0] }).plan({ fields, tree, label, given, context });
  return planned && { ...planned, timeoutMs: fields.timeout as number | undefined };
}

/** A condition, and how long it may be waited for. */
export type PlannedCondition = OnHost<Condition> & { timeoutMs?: number };

/** A condition as it was read, and with the values that variables have when it is looked at. */
export interface LateCondition {
  planned: PlannedCondition;
  /** What must be so, in words. */
  words: string;
  /** Absent where it uses nothing that steps set. */
  anew?: (values: ReadonlyMap<string, Scalar>) => PlannedCondition;
}

/** Reads a condition of a step that has others in it, which may set what the condition uses. */
export function planLateCondition(
  { context, ...written }: Parameters<typeof planCondition>[0],
  schemas: Parameters<typeof planCondition>[1],
): LateCondition | undefined {
  const plan = (context: Written["context"]) => planCondition({ ...written, context }, schemas);
  const used = setBySteps(written.tree, context);
  const trial = (context: Written["context"], isGuess = false): LateCondition | undefined => {
    const planned = plan(context);
    if (!planned) return undefined;
    const { condition } = planned;
    return { planned, words: isGuess ? inLine(written.tree) : conditionKind(condition).describe(condition) };
  };
  if (used.length === 0) return trial(context);
  const late = withStandIns(context, trial);
  return late && { ...late, anew: (values) => anew(plan, { used, values, context }) };
}
