import * as v from "valibot";
import { type Counter, COUNTERS, fitsNumber, formatNumberTest, type NumberTest } from "../../plug/quantity.ts";
import type { ConditionKind, Look, OnHost, WrittenCondition } from "../step.ts";
import type { Condition } from "../plan.ts";
import type { Stage } from "../run/stage.ts";
import { checkMatch } from "../queue.ts";
import { type Context, mistake } from "../source/context.ts";
import { BYTES_TEST, COUNT_TEST, SOME_TEXT } from "../source/scalar.ts";
import { follow, type Tree } from "../source/tree.ts";

/** What is counted at a gate and at a plug; hits are a gate's. */
type CounterOrHits = Counter | "hits";
const WORDS = [...Object.keys(COUNTERS) as Counter[], "hits"] as const;

/** Counters of a gate or a plug, all of which must fit. */
export interface QueueCondition extends Condition {
  about: "gate" | "plug";
  queue: string;
  counters: Readonly<Partial<Record<CounterOrHits, NumberTest>>>;
  /** How many packets must wait in the gate that fit an expression. */
  waiting?: { match: string; count: NumberTest };
}

const SOME: NumberTest = { operator: ">=", number: 1 };

const COUNTER_ENTRIES = {
  backlog: v.optional(COUNT_TEST),
  /** Another word for `backlog`. */
  packets: v.optional(COUNT_TEST),
  "backlog-bytes": v.optional(BYTES_TEST),
  sent: v.optional(COUNT_TEST),
  "sent-bytes": v.optional(BYTES_TEST),
  drops: v.optional(COUNT_TEST),
};
const GATE_ENTRIES = {
  gate: SOME_TEXT,
  ...COUNTER_ENTRIES,
  hits: v.optional(COUNT_TEST),
  packet: v.optional(SOME_TEXT),
  count: v.optional(COUNT_TEST),
};
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

/** What is written of a gate, or of a plug, which has less. */
type Fields = Partial<Record<CounterOrHits | "packets" | "count", NumberTest>> & { packet?: string };

function plan(
  { fields, tree, label, context }: WrittenCondition<Fields>,
  { about, name }: { about: "gate" | "plug"; name: string },
): OnHost<QueueCondition> | undefined {
  const { line, column } = follow(tree, [about]);
  context.references.push({ kind: about, name, line, column });
  const given = WORDS.flatMap((counter) => {
    const test = counter === "backlog" ? fields.packets ?? fields.backlog : fields[counter];
    return test ? [[counter, test] as const] : [];
  });
  const counters: Partial<Record<CounterOrHits, NumberTest>> = Object.fromEntries(given);
  const waiting = waitingOf(fields, { tree, name, context });
  if (given.length > 0 || waiting) return { condition: { about, queue: name, counters, ...waiting && { waiting } } };
  const expected = `one or more of ${[...WORDS, ...about === "gate" ? ["packet"] : []].join(", ")}`;
  mistake({ line, column }, { what: `${label} says nothing of ${name}`, expected }, context);
}

function waitingOf(
  { packet, count }: Fields,
  { tree, name, context }: { tree: Tree; name: string; context: Context },
): QueueCondition["waiting"] {
  if (packet === undefined) {
    if (count) mistake(follow(tree, ["count"]), { what: "count is given without packet", expected: COUNTED }, context);
    return undefined;
  }
  checkMatch(packet, { tree: follow(tree, ["packet"]), context });
  context.watched.add(name);
  return { match: packet, count: count ?? SOME };
}
const COUNTED = 'which packets are counted: { packet: "tcp and syn", count: 2 }';

function describe({ queue, counters, waiting }: QueueCondition): string {
  const tests = Object.entries(counters) as [CounterOrHits, NumberTest][];
  const texts = tests.map(([counter, test]) => `${counter} of ${queue} ${formatNumberTest(test)}`);
  if (waiting) texts.push(`packets waiting in ${queue} that fit ${waiting.match} ${formatNumberTest(waiting.count)}`);
  return texts.join(" and ");
}

function look({ queue, counters, waiting }: QueueCondition, stage: Stage): Look {
  const ofCounters = lookAtCounters({ queue, counters }, stage);
  if (!waiting) return ofCounters;
  const { match, count } = waiting;
  const { fitting, all } = stage.packets?.waiting(queue, match) ?? { fitting: 0, all: [] };
  const named = [...all.slice(0, SHOWN_MOST), ...all.length > SHOWN_MOST ? ["…"] : []].join(", ");
  const found = all.length === 0
    ? `none waits in ${queue}`
    : `${fitting} of ${all.length} waiting in ${queue} fit: ${named}`;
  return {
    holds: ofCounters.holds && fitsNumber(fitting, count),
    found: Object.keys(counters).length > 0 ? `${ofCounters.found}, ${found}` : found,
  };
}
/** How many packets that wait are named where a condition does not hold. */
const SHOWN_MOST = 5;

function lookAtCounters({ queue, counters }: Pick<QueueCondition, "queue" | "counters">, { queues }: Stage): Look {
  const stats = queues.stats(queue);
  const tests = Object.entries(counters) as [CounterOrHits, NumberTest][];
  const values = tests.map(([counter]) => counter === "hits" ? queues.hits(queue) : stats[COUNTERS[counter].stat]);
  return {
    holds: tests.every(([, test], index) => fitsNumber(values[index], test)),
    found: tests.map(([counter], index) => `${counter} of ${queue} is ${values[index]}`).join(", "),
  };
}
