import type { HoldCounts } from "../plug/hold.ts";
import { parseSize } from "./values.ts";
import { UsageError } from "./usage_error.ts";

/** What a hold waits for. */
export interface Condition {
  /** How messages show it: `backlog>=10`. */
  text: string;
  isMet(counts: HoldCounts): boolean;
}

const QUANTITIES: ReadonlyMap<string, keyof HoldCounts> = new Map([
  ["backlog", "backlogPackets"],
  ["backlog-bytes", "backlogBytes"],
  ["sent", "sentPackets"],
  ["sent-bytes", "sentBytes"],
  ["drops", "drops"],
]);

const COMPARISONS: Readonly<Record<string, (one: number, other: number) => boolean>> = {
  ">=": (one, other) => one >= other,
  "<=": (one, other) => one <= other,
  "==": (one, other) => one === other,
  ">": (one, other) => one > other,
  "<": (one, other) => one < other,
};

/**
 * Parses a condition: `backlog>=10`, `sent-bytes>1m`, `drops == 0`.
 *
 * @throws {UsageError} where the text is anything else
 */
export function parseCondition(text: string): Condition {
  const [, quantity, comparison, number] = /^([a-z-]+) *(>=|<=|==|>|<) *(\w+(?:\.\w+)?)$/.exec(text) ?? [];
  const name = QUANTITIES.get(quantity);
  if (name === undefined) throw new UsageError(refusal(text));
  const wanted = quantity.endsWith("-bytes") ? bytesOf(number) : packetsOf(number, text);
  const compare = COMPARISONS[comparison];
  return { text: `${quantity}${comparison}${number}`, isMet: (counts) => compare(counts[name], wanted) };
}

function packetsOf(number: string, text: string): number {
  if (/^\d{1,15}$/.test(number)) return Number(number);
  throw new UsageError(refusal(text));
}

function bytesOf(number: string): number {
  return number === "0" ? 0 : parseSize(number);
}

function refusal(text: string): string {
  const quantities = [...QUANTITIES.keys()].join(", ");
  return `invalid condition ${JSON.stringify(text)}: use ${quantities}, then >=, >, ==, <= or <, then a number`;
}
