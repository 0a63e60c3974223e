/** What a number must be: `3`, `>=1`, or one of several. */
export type NumberTest =
  | { operator: "=" | "!=" | "<" | "<=" | ">" | ">="; number: number }
  | { operator: "one of"; numbers: readonly number[] };

/** The form of one, for a schema. */
export const NUMBER_TEST = /^(=|!=|<|<=|>|>=) *(0|[1-9][0-9]{0,14})$/;

/** Parses `>=1`; the text must have the form of `NUMBER_TEST`. */
export function parseNumberTest(text: string): NumberTest {
  const [, operator, number] = NUMBER_TEST.exec(text) ?? [];
  return { operator: operator as ">=", number: Number(number) };
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
  }
}
