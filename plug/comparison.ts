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
export const OPERATORS = ["=", "==", "!=", "<", "<=", ">", ">="] as const;

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
