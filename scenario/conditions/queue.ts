import * as v from "valibot";
import {
  type Counter,
  COUNTERS,
  fitsNumber,
  formatNumberTest,
  numberOf,
  type NumberTest,
} from "../../plug/quantity.ts";
import type { ConditionKind, Look, OnHost, WrittenCondition } from "../step.ts";
import type { Condition } from "../plan.ts";
import type { Counts, Stage } from "../run/stage.ts";
import { checkMatch } from "../queue.ts";
import { type Context, mistake } from "../source/context.ts";
import { COUNT_TEST, type CounterTest, counterTest, SOME_TEXT } from "../source/scalar.ts";
import { follow, type Place, type Tree } from "../source/tree.ts";

/** What is counted at a gate and at a plug; hits are a gate's. */
type CounterOrHits = Counter | "hits";
const WORDS = [...Object.keys(COUNTERS) as Counter[], "hits"] as const;

/** Counters of a gate or a plug, all of which must fit. */
export interface QueueCondition extends Condition {
  about: "gate" | "plug";
  queue: string;
  counters: Readonly<Partial<Record<CounterOrHits, CounterTest>>>;
  /** The name of the step from whose beginning on is counted what is more than before. */
  since?: string;
  /** How many packets must wait in the gate that fit an expression. */
  waiting?: { match: string; count: NumberTest };
}

const SOME: NumberTest = { operator: ">=", number: 1 };

const PACKETS = counterTest("count");
const BYTES = counterTest("bytes");
const COUNTER_ENTRIES = {
  backlog: v.optional(PACKETS),
  /** Another word for `backlog`. */
  packets: v.optional(PACKETS),
  "backlog-bytes": v.optional(BYTES),
  sent: v.optional(PACKETS),
  "sent-bytes": v.optional(BYTES),
  drops: v.optional(PACKETS),
  since: v.optional(SOME_TEXT),
};
const GATE_ENTRIES = {
  gate: SOME_TEXT,
  ...COUNTER_ENTRIES,
  hits: v.optional(PACKETS),
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
type Fields =
  & Partial<Record<CounterOrHits | "packets", CounterTest>>
  & { packet?: string; count?: NumberTest; since?: string };

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
  const counters: QueueCondition["counters"] = Object.fromEntries(given);
  const waiting = waitingOf(fields, { tree, name, context });
  const { since } = fields;
  if (since !== undefined) referToStep(since, { given, place: follow(tree, ["since"]), context });
  if (given.length > 0 || waiting) {
    return { condition: { about, queue: name, counters, ...since && { since }, ...waiting && { waiting } } };
  }
  const words = about === "gate" ? [...WORDS, "packet"] : Object.keys(COUNTERS);
  const expected = `one or more of ${words.join(", ")}`;
  mistake({ line, column }, { what: `${label} says nothing of ${name}`, expected }, context);
}

/** Notes that what is more than before is counted from a step on. */
function referToStep(
  name: string,
  { given, place, context }: { given: (readonly [string, CounterTest])[]; place: Place; context: Context },
): void {
  const { line, column } = place;
  if (given.some(([, { isMore }]) => isMore)) context.references.push({ kind: "step", name, line, column });
  else {
    const what = "since is given, and no counter is compared with what it was then";
    mistake(place, { what, expected: 'one with a plus: { sent: "+1", since: reload }' }, context);
  }
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

function describe({ queue, counters, since, waiting }: QueueCondition): string {
  const from = since === undefined ? "before" : `at ${since}`;
  const texts = testsOf(counters).map(([counter, test]) =>
    `${counter} of ${queue} ${formatNumberTest(test)}${test.isMore ? ` more than ${from}` : ""}`
  );
  if (waiting) texts.push(`${queue} holds ${packetsText(waiting.count)} ${waiting.match}`);
  return texts.join(" and ");
}

/** How many packets it must be: `a packet that fits`, `more than 3 packets that fit`. */
function packetsText(test: NumberTest): string {
  if (test.operator === "one of") return `${test.numbers.join(" or ")} packets that fit`;
  const { operator, number } = test;
  if (operator === ">=" && number === 1) return "a packet that fits";
  if (operator === "=" && number === 0) return "no packet that fits";
  return `${IN_WORDS[operator]}${numberOf(number, "packet")} that ${number === 1 ? "fits" : "fit"}`;
}
const IN_WORDS = { "=": "", "!=": "not ", "<": "fewer than ", "<=": "at most ", ">": "more than ", ">=": "at least " };

function testsOf(counters: QueueCondition["counters"]): [CounterOrHits, CounterTest][] {
  return Object.entries(counters) as [CounterOrHits, CounterTest][];
}

function look(condition: QueueCondition, stage: Stage): Look {
  const { queue, counters, waiting } = condition;
  const ofCounters = lookAtCounters(condition, stage);
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

function lookAtCounters({ queue, counters, since }: QueueCondition, stage: Stage): Look {
  const tests = testsOf(counters);
  const now = countsOf(queue, { stage, withHits: "hits" in counters });
  const { last, at } = stage.counted;
  const before = (since === undefined ? last : at.get(since))?.get(queue) ?? {};
  const looks = tests.map(([counter, test]) => {
    const { [counter]: value = 0 } = now;
    const more = moreThan(before[counter], value);
    const found = `${counter} of ${queue} is ${value}${test.isMore ? `, ${more} more` : ""}`;
    return { holds: fitsNumber(test.isMore ? more : value, test), found };
  });
  const holds = looks.every(({ holds }) => holds);
  if (holds && tests.length > 0) last.set(queue, { ...last.get(queue), ...now });
  return { holds, found: looks.map(({ found }) => found).join(", ") };
}

/** How much a counter has grown; one that has begun anew, as that of a gate that was made again, by all that it says. */
function moreThan(before = 0, value: number): number {
  return value < before ? value : value - before;
}

function countsOf(queue: string, { stage: { queues }, withHits }: { stage: Stage; withHits: boolean }): Counts {
  const stats = queues.stats(queue);
  const words = Object.keys(COUNTERS) as Counter[];
  const counts: Counts = Object.fromEntries(words.map((word) => [word, stats[COUNTERS[word].stat]]));
  return withHits ? { ...counts, hits: queues.hits(queue) } : counts;
}

/** Notes the counters of all gates and plugs as a step begins, where a condition counts from then on. */
export function markCounts(step: string, stage: Stage): void {
  const counts = stage.counted.at.get(step);
  if (!counts) return;
  counts.clear();
  for (const queue of stage.queues.names) {
    counts.set(queue, countsOf(queue, { stage, withHits: stage.queues.isGate(queue) }));
  }
}
