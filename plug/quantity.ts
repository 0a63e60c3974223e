import type { QdiscStats } from "../codec/message.ts";
import { nearest } from "./nearest.ts";
import { LIMIT_MAX } from "./plug_requests.ts";

const UNITS_MS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest time that a timer of the runtime takes, in milliseconds: 24 days. */
export const LONGEST_MS = 0x7fffffff;
/** The most packets whose release can be asked for. */
export const PACKETS_MAX = 0x7fffffff;

const UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["k", 2 ** 10],
  ["kb", 2 ** 10],
  ["kib", 2 ** 10],
  ["m", 2 ** 20],
  ["mb", 2 ** 20],
  ["mib", 2 ** 20],
  ["g", 2 ** 30],
  ["gb", 2 ** 30],
  ["gib", 2 ** 30],
]);

/** How many there are of something, in words: `1 packet`, `2 packets`. */
export function numberOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/**
 * Parses a duration: `200ms`, `1.5s`, `1m`; the unit is needed. Returns milliseconds.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {RangeError} where it is longer than 24 days
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(text);
  if (!match) {
    throw new SyntaxError(
      `invalid duration ${JSON.stringify(text)}: use a unit (us, ms, s, m, h), such as 200ms or 5s`,
    );
  }
  const milliseconds = Number(match[1]) * UNITS_MS[match[2]];
  if (milliseconds > LONGEST_MS) throw new RangeError(`the duration ${text} is too long: the most is 24 days`);
  return milliseconds;
}

/** The most packets a second that a rate can be. */
export const RATE_MAX = 1_000_000;

/**
 * Parses a rate: `100/s`, `0.5/s`, `6000/m`. Returns packets a second.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {RangeError} where it is 0, or more than 1,000,000 a second
 */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\/(ms|s|m|h)$/.exec(text);
  if (!match) {
    throw new SyntaxError(
      `invalid rate ${JSON.stringify(text)}: use packets and a unit of time, such as 100/s or 5/ms`,
    );
  }
  const rate = Number(match[1]) * 1000 / UNITS_MS[match[2]];
  if (rate > 0 && rate <= RATE_MAX) return rate;
  throw new RangeError(`the rate ${text} must be more than 0, and at most ${RATE_MAX}/s`);
}

/**
 * Parses a queue limit as tc reads it; see `parseBytes`. Returns bytes, a whole number from 1 to 2^32 - 1.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {RangeError} where the size is out of range
 */
export function parseSize(text: string): number {
  const bytes = parseBytes(text);
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= LIMIT_MAX) return bytes;
  if (bytes === 0) throw new RangeError(`the limit is ${text}: with 0 every packet is dropped; the least is 1`);
  throw new RangeError(`the limit ${text} is ${bytes} bytes, must be a whole number from 1 to ${LIMIT_MAX}`);
}

/**
 * Parses a number of bytes, as tc writes it and with the binary units' own names: `32768`, `64k`, `1m`, `1.5MiB`. All units
 * are 1024-based. It may be any, and a part of one.
 *
 * @throws {SyntaxError} where the text is anything else
 */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text);
  const unit = UNITS_BYTES.get(match?.[2].toLowerCase() ?? "");
  if (!match || unit === undefined) {
    throw new SyntaxError(
      `invalid size ${JSON.stringify(text)}: use bytes, or a unit such as 64k, 1m or 1MiB (1024-based)`,
    );
  }
  return Number(match[1]) * unit;
}

/** A duration with its unit: `500us`, `20ms`, `1.5s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${milliseconds / 1000}s`;
  return milliseconds >= 1 || milliseconds === 0 ? `${milliseconds}ms` : `${milliseconds * 1000}us`;
}

/** What a number must be: `3`, `>=1`, or one of several. */
export type NumberTest =
  | { operator: "=" | "!=" | "<" | "<=" | ">" | ">="; number: number }
  | { operator: "one of"; numbers: readonly number[] };

/** Which kind of number is compared: how many there are of something, or bytes. */
export type Quantity = "count" | "bytes";

/** What fits, in words for an error. */
export const COMPARISON_EXPECTED: Readonly<Record<Quantity, string>> = {
  count: 'a whole number from 0, or a comparison with one, such as ">=1"',
  bytes: 'a number of bytes from 0, such as 64k or 1MiB, or a comparison with one, such as ">=64k"',
};

/** Which operators there are, as people write them. */
const OPERATORS = ["=", "==", "!=", "<", "<=", ">", ">="] as const;

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * Parses `>=1`, `3` or `== 0`; of bytes also `>64k`, `1.5MiB`. Scenarios and the command line have this grammar.
 *
 * @throws {SyntaxError} where the text is anything else
 */
export function parseNumberTest(text: string, quantity: Quantity = "count"): NumberTest {
  const match = /^(=|==|!=|<|<=|>|>=)? *(\d{1,15}(?:\.\d+)?)(?:([kmg])(?:i?b)?|b)?$/i.exec(text);
  const [, operator = "=", digits, unit = ""] = match ?? [];
  const number = Number(digits) * UNITS[unit.toLowerCase()];
  const isPlain = /^(0|[1-9]\d*)$/.test(digits ?? "") && text.endsWith(digits ?? "");
  if (!match || !Number.isSafeInteger(number) || quantity === "count" && !isPlain) {
    throw new SyntaxError(`invalid comparison ${JSON.stringify(text)}: expected ${COMPARISON_EXPECTED[quantity]}`);
  }
  return { operator: operator === "==" ? "=" : operator as ">=", number };
}

/** In words that stand behind what is counted: `= 3`, `>= 1`, `one of 0, 1`. */
export function formatNumberTest(test: NumberTest): string {
  return test.operator === "one of" ? `one of ${test.numbers.join(", ")}` : `${test.operator} ${test.number}`;
}

/** Whether a number fits. */
export function fitsNumber(value: number, test: NumberTest): boolean {
  switch (test.operator) {
    case "=":
      return value === test.number;
    case "!=":
      return value !== test.number;
    case "<":
      return value < test.number;
    case "<=":
      return value <= test.number;
    case ">":
      return value > test.number;
    case ">=":
      return value >= test.number;
    case "one of":
      return test.numbers.includes(value);
    default:
      return test satisfies never;
  }
}

/** What is counted of a queue, by the words of conditions: the kernel's counter, and what answers and reports call it. */
export const COUNTERS = {
  backlog: { stat: "backlogPackets", name: "backlogPackets" },
  "backlog-bytes": { stat: "backlogBytes", name: "backlogBytes" },
  sent: { stat: "packets", name: "sentPackets" },
  "sent-bytes": { stat: "bytes", name: "sentBytes" },
  drops: { stat: "drops", name: "drops" },
} as const satisfies Record<string, { stat: keyof QdiscStats; name: string }>;

/** A word for what is counted. */
export type Counter = keyof typeof COUNTERS;

/** What a counter must be. */
export interface CounterTest {
  counter: Counter;
  /** As it was written, without spaces: `>=10`. */
  comparison: string;
  test: NumberTest;
}

/**
 * Parses a condition: `backlog>=10`, `sent-bytes>1m`, `drops == 0`.
 *
 * @throws {SyntaxError} where the text is anything else
 */
export function parseCounterTest(text: string): CounterTest {
  const [, counter, comparison] = /^([a-z-]+) *([=!<>].*)$/.exec(text.trim()) ?? [];
  if (isCounter(counter)) {
    try {
      const test = parseNumberTest(comparison, counter.endsWith("-bytes") ? "bytes" : "count");
      return { counter, comparison: comparison.replaceAll(" ", ""), test };
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
    }
  }
  const [counters, operators] = [Object.keys(COUNTERS).join(", "), OPERATORS.join(", ")];
  const meant = counter === undefined ? undefined : nearest(counter, Object.keys(COUNTERS));
  const hint = meant === undefined || meant === counter ? "" : `; did you mean "${meant}"?`;
  throw new SyntaxError(
    `invalid condition ${JSON.stringify(text)}: use ${counters}, then ${operators}, then a number${hint}`,
  );
}

function isCounter(word = ""): word is Counter {
  return Object.hasOwn(COUNTERS, word);
}
