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
import { type Arrived, packetCounter, SHOWN_MOST } from "../run/packets.ts";
import type { Counts, Stage } from "../run/stage.ts";
import { checkSeenMatch } from "../queue.ts";
import { type Context, mistake } from "../source/context.ts";
import { type CounterTest, counterTest, SOME_TEXT } from "../source/scalar.ts";
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
  /** How many packets must have come into the gate, or wait in it, that fit an expression. */
  packets?: { match: string; waiting: boolean; count: CounterTest };
}

const SOME: CounterTest = { operator: ">=", number: 1 };

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
  waiting: v.optional(SOME_TEXT),
  count: v.optional(PACKETS),
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
  & { packet?: string; waiting?: string; count?: CounterTest; since?: string };

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
  const packets = packetsOf(fields, { tree, name, context });
  const { since } = fields;
  if (since !== undefined) {
    const isMore = [...given.map(([, test]) => test), packets?.count].some((test) => test?.isMore);
    referToStep(since, { isMore, place: follow(tree, ["since"]), context });
  }
  if (given.length > 0 || packets) {
    return { condition: { about, queue: name, counters, ...since && { since }, ...packets && { packets } } };
  }
  const words = about === "gate" ? [...WORDS, "packet", "waiting"] : Object.keys(COUNTERS);
  const expected = `one or more of ${words.join(", ")}`;
  mistake({ line, column }, { what: `${label} says nothing of ${name}`, expected }, context);
}

/** Notes that what is more than before is counted from a step on. */
function referToStep(
  name: string,
  { isMore, place, context }: { isMore: boolean; place: Place; context: Context },
): void {
  const { line, column } = place;
  if (isMore) context.references.push({ kind: "step", name, line, column });
  else {
    const what = "since is given, and no counter is compared with what it was then";
    mistake(place, { what, expected: 'one with a plus: { sent: "+1", since: reload }' }, context);
  }
}

function packetsOf(
  { packet, waiting, count }: Fields,
  { tree, name, context }: { tree: Tree; name: string; context: Context },
): QueueCondition["packets"] {
  const match = packet ?? waiting;
  if (match === undefined) {
    if (count) mistake(follow(tree, ["count"]), NOT_COUNTED, context);
    return undefined;
  }
  if (packet !== undefined && waiting !== undefined) mistake(follow(tree, ["waiting"]), TWO_KINDS, context);
  if (waiting !== undefined && count?.isMore) mistake(follow(tree, ["count"]), NO_MORE, context);
  checkSeenMatch(match, { tree: follow(tree, [packet === undefined ? "waiting" : "packet"]), context });
  const counted = context.watched.get(name) ?? new Set();
  context.watched.set(name, packet === undefined ? counted : counted.add(packet));
  return { match, waiting: packet === undefined, count: count ?? SOME };
}
const NOT_COUNTED = {
  what: "count is given without packet or waiting",
  expected: 'which packets are counted: { packet: "tcp and syn", count: 2 }',
};
const TWO_KINDS = {
  what: "packet and waiting are both given",
  expected: "packet for those that have come in, or waiting for those that wait now; a step each",
};
const NO_MORE = {
  what: "count asks for more than before of what waits now",
  expected: 'a number without a plus, or packet in place of waiting: { packet: syn, count: "+1" }',
};

function describe({ queue, counters, since, packets }: QueueCondition): string {
  const from = since === undefined ? "before" : `at ${since}`;
  const texts = testsOf(counters).map(([counter, test]) =>
    `${counter} of ${queue} ${formatNumberTest(test)}${test.isMore ? ` more than ${from}` : ""}`
  );
  if (packets) {
    const { match, waiting, count } = packets;
    const what = packetsText(count, match);
    if (waiting) texts.push(`${queue} holds ${what}`);
    else texts.push(`${queue} has seen ${what}${count.isMore ? `, more than ${from}` : ""}`);
  }
  return texts.join(" and ");
}

/** How many packets it must be: `a packet tcp and fin`, `more than 3 packets tcp and fin`. */
function packetsText(test: NumberTest, match: string): string {
  if (test.operator === "one of") return `${test.numbers.join(" or ")} packets that fit "${match}"`;
  const { operator, number } = test;
  if (operator === ">=" && number === 1) return `a packet that fits "${match}"`;
  if (operator === "=" && number === 0) return `no packet that fits "${match}"`;
  return `${IN_WORDS[operator]}${numberOf(number, "packet")} that ${number === 1 ? "fits" : "fit"} "${match}"`;
}
const IN_WORDS = { "=": "", "!=": "not ", "<": "fewer than ", "<=": "at most ", ">": "more than ", ">=": "at least " };

function testsOf(counters: QueueCondition["counters"]): [CounterOrHits, CounterTest][] {
  return Object.entries(counters) as [CounterOrHits, CounterTest][];
}

function look({ queue, counters, since, packets }: QueueCondition, stage: Stage): Look {
  const { last, at } = stage.counted;
  const before = (since === undefined ? last : at.get(since))?.get(queue) ?? {};
  const now = { ...countsOf(queue, { stage, withHits: "hits" in counters }) };
  const looks = testsOf(counters).map(([counter, test]): Look => {
    const { [counter]: value = 0 } = now;
    const more = moreThan(before[counter], value);
    const found = `${counter} of ${queue} is ${value}${test.isMore ? `, ${more} more` : ""}`;
    return { holds: fitsNumber(test.isMore ? more : value, test), found };
  });
  if (packets?.waiting) looks.push(lookAtWaiting(queue, packets, stage));
  else if (packets) {
    const { match, count } = packets;
    const seen = stage.packets?.arrived(queue, match) ?? NONE;
    now[packetCounter(match)] = seen.fitting;
    const more = moreThan(before[packetCounter(match)], seen.fitting);
    const found = formatArrived(seen, { queue, more: count.isMore ? more : undefined });
    looks.push({ holds: fitsNumber(count.isMore ? more : seen.fitting, count), found });
  }
  const holds = looks.every(({ holds }) => holds);
  if (holds) last.set(queue, { ...last.get(queue), ...now });
  return { holds, found: looks.map(({ found }) => found).join(", ") };
}

const NONE = { fitting: 0, all: 0, lost: 0, latest: [] };

function formatArrived(
  { fitting, all, lost, latest }: Arrived,
  { queue, more }: { queue: string; more?: number },
): string {
  const unseen = lost > 0 ? `; ${numberOf(lost, "more packet")} came in unseen` : "";
  if (all === 0) return `none has come into ${queue}${unseen}`;
  const last = `${all > latest.length ? "the last were " : ""}${latest.join(", ")}`;
  const grown = more === undefined ? "" : `, ${more} more`;
  return `${fitting} of ${numberOf(all, "packet")} of ${queue} ${
    fitting === 1 ? "fits" : "fit"
  }${grown}: ${last}${unseen}`;
}

function lookAtWaiting(
  queue: string,
  { match, count }: { match: string; count: NumberTest },
  { packets }: Stage,
): Look {
  const { fitting, all } = packets?.waiting(queue, match) ?? { fitting: 0, all: [] };
  const named = [...all.slice(0, SHOWN_MOST), ...all.length > SHOWN_MOST ? ["…"] : []].join(", ");
  const found = all.length === 0
    ? `none waits in ${queue}`
    : `${fitting} of ${all.length} waiting in ${queue} fit: ${named}`;
  return { holds: fitsNumber(fitting, count), found };
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
    const isGate = stage.queues.isGate(queue);
    const packets = isGate ? stage.packets?.counts(queue) : undefined;
    counts.set(queue, { ...countsOf(queue, { stage, withHits: isGate }), ...packets });
  }
}
