import * as v from "valibot";
import { type Counter, COUNTERS, fitsNumber, formatNumberTest, type NumberTest } from "../../plug/quantity.ts";
import type { ConditionKind, Look, OnHost, WrittenCondition } from "../step.ts";
import type { Condition } from "../plan.ts";
import type { Stage } from "../run/stage.ts";
import { mistake } from "../source/context.ts";
import { BYTES_TEST, COUNT_TEST, SOME_TEXT } from "../source/scalar.ts";
import { follow } from "../source/tree.ts";

/** What is counted at a gate and at a plug; hits are a gate's. */
type CounterOrHits = Counter | "hits";
const WORDS = [...Object.keys(COUNTERS) as Counter[], "hits"] as const;

/** Counters of a gate or a plug, all of which must fit. */
export interface QueueCondition extends Condition {
  about: "gate" | "plug";
  queue: string;
  counters: Readonly<Partial<Record<CounterOrHits, NumberTest>>>;
}

const COUNTER_ENTRIES = {
  backlog: v.optional(COUNT_TEST),
  /** Another word for `backlog`. */
  packets: v.optional(COUNT_TEST),
  "backlog-bytes": v.optional(BYTES_TEST),
  sent: v.optional(COUNT_TEST),
  "sent-bytes": v.optional(BYTES_TEST),
  drops: v.optional(COUNT_TEST),
};
const GATE_ENTRIES = { gate: SOME_TEXT, ...COUNTER_ENTRIES, hits: v.optional(COUNT_TEST) };
const PLUG_ENTRIES = { plug: SOME_TEXT, ...COUNTER_ENTRIES };

/** Counters of a gate. */
export const GATE_CONDITION: ConditionKind<QueueCondition, typeof GATE_ENTRIES> = {
  about: "gate",
  entries: GATE_ENTRIES,
  expected: 'a condition: { gate: web, backlog: ">=1" }',
  plan: (written) => plan(written, { about: "gate", name: written.fields.gate }),
  describe,
  look: (condition, { stage }) => look(condition, stage),
  queue: ({ queue }) => queue,
};

/** Counters of a plug. */
export const PLUG_CONDITION: ConditionKind<QueueCondition, typeof PLUG_ENTRIES> = {
  ...GATE_CONDITION,
  about: "plug",
  entries: PLUG_ENTRIES,
  expected: 'a condition: { plug: up, backlog: ">=1" }',
  plan: (written) => plan(written, { about: "plug", name: written.fields.plug }),
};

function plan(
  { fields, tree, label, context }: WrittenCondition<Partial<Record<CounterOrHits | "packets", NumberTest>>>,
  { about, name }: { about: "gate" | "plug"; name: string },
): OnHost<QueueCondition> | undefined {
  const { line, column } = follow(tree, [about]);
  context.references.push({ kind: about, name, line, column });
  const given = WORDS.flatMap((counter) => {
    const test = counter === "backlog" ? fields.packets ?? fields.backlog : fields[counter];
    return test ? [[counter, test] as const] : [];
  });
  const counters: Partial<Record<CounterOrHits, NumberTest>> = Object.fromEntries(given);
  if (given.length > 0) return { condition: { about, queue: name, counters } };
  const expected = `one or more of ${WORDS.join(", ")}`;
  mistake({ line, column }, { what: `${label} says nothing of ${name}`, expected }, context);
}

function describe({ queue, counters }: QueueCondition): string {
  const tests = Object.entries(counters) as [CounterOrHits, NumberTest][];
  return tests.map(([counter, test]) => `${counter} of ${queue} ${formatNumberTest(test)}`).join(" and ");
}

function look({ queue, counters }: QueueCondition, { queues }: Stage): Look {
  const stats = queues.stats(queue);
  const tests = Object.entries(counters) as [CounterOrHits, NumberTest][];
  const values = tests.map(([counter]) => counter === "hits" ? queues.hits(queue) : stats[COUNTERS[counter].stat]);
  return {
    holds: tests.every(([, test], index) => fitsNumber(values[index], test)),
    found: tests.map(([counter], index) => `${counter} of ${queue} is ${values[index]}`).join(", "),
  };
}
