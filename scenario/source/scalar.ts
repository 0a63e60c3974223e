import * as v from "valibot";
import { parseAddress } from "../../gate/match/address.ts";
import {
  COMPARISON_EXPECTED,
  type NumberTest,
  parseDuration,
  parseNumberTest,
  parseSize,
  type Quantity,
} from "../../plug/quantity.ts";
import { parseTextTest, type TextTest } from "../plan.ts";
import { byKind, parsed, type Schema } from "./check.ts";

/** A value of a variable. */
export const SCALAR = v.union([v.string(), v.number(), v.boolean()], "a text, a number, true or false");

/** A text; a number or `true` that stands there is taken as it is written. */
export const TEXT: Schema<string> = v.pipe(
  v.union([v.string(), v.number(), v.boolean()], "a text"),
  v.transform(String),
);

/** A text of at least one letter. */
export const SOME_TEXT: Schema<string> = v.pipe(TEXT, v.regex(/\S/, "a text that is not empty"));

const NAME_EXPECTED = "a name: a letter, then letters, digits, - and _, up to 32";
/** What hosts, processes and branches are called. */
export const NAME: Schema<string> = v.pipe(
  v.string(NAME_EXPECTED),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, NAME_EXPECTED),
);

const VARIABLE_EXPECTED = "a variable's name: a letter or _, then letters, digits and _";
/** What variables are called. */
export const VARIABLE: Schema<string> = v.pipe(
  v.string(VARIABLE_EXPECTED),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, VARIABLE_EXPECTED),
);

const DURATION_EXPECTED = "a duration with its unit, up to 24 days: 200ms, 1.5s, 1m";
const DURATION_FORM = /^\d+(\.\d+)?(us|ms|s|m|h)$/;
/** Milliseconds. */
export const DURATION: Schema<number> = parsed(
  v.pipe(v.string(DURATION_EXPECTED), v.regex(DURATION_FORM, DURATION_EXPECTED)),
  { parse: parseDuration, expected: DURATION_EXPECTED },
);

const DURATION_TEST_EXPECTED = 'a comparison with a duration, such as "<2s" or ">=300ms"';
/** `<2s`, in milliseconds. */
export const DURATION_TEST: Schema<NumberTest> = parsed(
  v.pipe(v.string(DURATION_TEST_EXPECTED), v.regex(/^(<|<=|>|>=) *\d/, DURATION_TEST_EXPECTED)),
  { parse: parseDurationTest, expected: DURATION_TEST_EXPECTED },
);

function parseDurationTest(text: string): NumberTest {
  const [, operator = "", duration = ""] = /^([<>]=?) *(.*)$/.exec(text) ?? [];
  return { operator: operator as "<", number: parseDuration(duration) };
}

const RANGE_EXPECTED = "a duration with its unit, 200ms, or a range of them, 10ms..50ms";
/** Milliseconds from and to. */
export const DURATION_RANGE: Schema<{ leastMs: number; mostMs: number }> = parsed(
  v.pipe(
    v.string(RANGE_EXPECTED),
    v.regex(/^\d+(\.\d+)?(us|ms|s|m|h)(\.\.\d+(\.\d+)?(us|ms|s|m|h))?$/, RANGE_EXPECTED),
  ),
  { parse: parseRange, expected: "at most 24 days, and in a range the shorter duration first: 10ms..50ms" },
);

function parseRange(text: string): { leastMs: number; mostMs: number } {
  const [least, most = least] = text.split("..");
  const range = { leastMs: parseDuration(least), mostMs: parseDuration(most) };
  if (range.mostMs < range.leastMs) throw new RangeError(`${text} ends before it begins`);
  return range;
}

const SIZE_EXPECTED = "a size from 1 byte to 4 GiB - 1: a number of bytes, 64k, 1m, 1MiB";
/** Bytes. */
export const SIZE: Schema<number> = parsed(
  v.pipe(v.union([v.string(), v.number()], SIZE_EXPECTED), v.transform(String)),
  { parse: parseSize, expected: SIZE_EXPECTED },
);

/** A whole number within bounds. */
export function wholeNumber(
  least: number,
  most: number,
  expected = `a whole number from ${least} to ${most}`,
): Schema<number> {
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
}

/** `true` or `false`. */
export const FLAG: Schema<boolean> = v.boolean("true or false");

const COUNT_EXPECTED = COMPARISON_EXPECTED.count;

/** What a counter must be: in all, or `isMore`, more than it was before. */
export type CounterTest = NumberTest & { isMore?: boolean };

/** `3` or `>=1`, or with a plus, as many more than before: `+1`, `>=+3`. */
export function counterTest(quantity: Quantity): Schema<CounterTest> {
  const expected = `${COMPARISON_EXPECTED[quantity]}; or more than before: "+1", ">=+1"`;
  const compared = parsed(v.union([v.string(), v.number()], expected), {
    parse: (value): CounterTest => {
      const [, operator, more, number] = /^([=!<>]* *)(\+?)(.*)$/s.exec(String(value)) ?? [];
      const test = parseNumberTest(`${operator}${number}`, quantity);
      return more ? { ...test, isMore: true } : test;
    },
    expected,
  });
  return byKind({ scalar: compared }, expected);
}

/** How many there are of something. */
export const COUNT_TEST: Schema<NumberTest> = byKind({
  scalar: parsed(v.union([v.string(), v.number()], COUNT_EXPECTED), {
    parse: (value) => parseNumberTest(String(value)),
    expected: COUNT_EXPECTED,
  }),
}, COUNT_EXPECTED);
const EXIT_EXPECTED = 'an exit status from 0 to 255, a comparison such as ">0", a list of them, or any';
/** An exit status. */
export const EXIT_TEST: Schema<NumberTest | "any"> = byKind<NumberTest | "any">({
  scalar: v.union([
    v.literal("any"),
    v.pipe(wholeNumber(0, 255), v.transform((number): NumberTest => ({ operator: "=", number }))),
    parsed(v.pipe(v.string(), v.regex(/^[=!<>]/)), { parse: (text) => parseNumberTest(text), expected: EXIT_EXPECTED }),
  ], EXIT_EXPECTED),
  list: v.pipe(
    v.array(wholeNumber(0, 255)),
    v.minLength(1, EXIT_EXPECTED),
    v.transform((numbers): NumberTest => ({ operator: "one of", numbers })),
  ),
}, EXIT_EXPECTED);

/** A text that must be contained, or a regular expression between slashes. */
export const TEXT_TEST: Schema<TextTest> = parsed(SOME_TEXT, {
  parse: parseTextTest,
  expected: "a text, or a regular expression that JavaScript understands, between slashes: /^ready [0-9]+$/m",
});

/** One value, or a list of them: always a list. */
export function oneOrMore<T>(one: Schema<T>, expected: string): Schema<readonly T[]> {
  return byKind<readonly T[]>({
    scalar: v.pipe(one, v.transform((value) => [value])),
    list: v.pipe(v.array(one), v.minLength(1, expected)),
  }, expected);
}

const SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGKILL",
  "SIGSTOP",
  "SIGCONT",
] as const;
/** What is sent to a process. */
export const SIGNAL: Schema<typeof SIGNALS[number]> = v.picklist(SIGNALS, "a signal such as SIGTERM");

const ADDRESS_EXPECTED = "an address with its prefix length: 10.0.0.1/24, fd00::1/64";
/** `10.0.0.1/24` */
export const ADDRESS: Schema<string> = v.pipe(
  v.string(ADDRESS_EXPECTED),
  v.regex(/^[0-9a-fA-F:.]+\/\d{1,3}$/, ADDRESS_EXPECTED),
  v.check(isPrefix, ADDRESS_EXPECTED),
);

const IP_EXPECTED = "an IP address: 10.0.0.2, fd00::2";
/** `10.0.0.1` */
export const IP: Schema<string> = v.pipe(
  v.string(IP_EXPECTED),
  v.regex(/^[0-9a-fA-F:.]+$/, IP_EXPECTED),
  v.check((text) => parseAddress(text) !== undefined, IP_EXPECTED),
);

/** Whether a text is an IP address. */
export function isIp(text: string): boolean {
  return parseAddress(text) !== undefined;
}

const DESTINATION_EXPECTED = "default, or an address with its prefix length: 10.1.0.0/16";
/** Where a route leads: `default`, or `10.1.0.0/16`. */
export const DESTINATION = v.pipe(
  v.string(DESTINATION_EXPECTED),
  v.regex(/^(default|[0-9a-fA-F:.]+\/\d{1,3})$/, DESTINATION_EXPECTED),
  v.check((text) => text === "default" || isPrefix(text), DESTINATION_EXPECTED),
);

function isPrefix(text: string): boolean {
  const [address, length] = text.split("/");
  const bytes = parseAddress(address);
  return bytes !== undefined && Number(length) <= 8 * bytes.length;
}
