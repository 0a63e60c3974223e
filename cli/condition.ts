import { fitsNumber, type NumberTest, OPERATORS, parseNumberTest } from "../plug/quantity.ts";
import type { HoldCounts } from "../plug/hold.ts";
import { UsageError } from "./exit_status.ts";

/** What a hold waits for. */
export interface Condition {
  /** How messages show it: `backlog>=10`. */
  text: string;
  isMet(counts: HoldCounts): boolean;
  /** Whether it is about what leaves: others are to release some of it. */
  isAboutReleases: boolean;
}

/** What is counted, by the words of scenarios. */
const COUNTERS: ReadonlyMap<string, keyof HoldCounts> = new Map([
  ["backlog", "backlogPackets"],
  ["backlog-bytes", "backlogBytes"],
  ["sent", "sentPackets"],
  ["sent-bytes", "sentBytes"],
  ["drops", "drops"],
]);

/**
 * Parses a condition: `backlog>=10`, `sent-bytes>1m`, `drops == 0`.
 *
 * @throws {UsageError} where the text is anything else
 */
export function parseCondition(text: string): Condition {
  const [, counter, comparison] = /^([a-z-]+) *([=!<>].*)$/.exec(text) ?? [];
  const field = COUNTERS.get(counter);
  const test = field && testOf(comparison, counter);
  if (!field || !test) throw new UsageError(refusal(text));
  return {
    text: `${counter}${comparison.replaceAll(" ", "")}`,
    isMet: (counts) => fitsNumber(counts[field], test),
    isAboutReleases: counter.startsWith("sent"),
  };
}

function testOf(comparison: string, counter: string): NumberTest | undefined {
  try {
    return parseNumberTest(comparison, counter.endsWith("-bytes") ? "bytes" : "count");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function refusal(text: string): string {
  const counters = [...COUNTERS.keys()].join(", ");
  return `invalid condition ${JSON.stringify(text)}: use ${counters}, then ${OPERATORS.join(", ")}, then a number`;
}
