/** Where a match expression is wrong. */
export interface MatchFault {
  /** The expression, whole. */
  expression: string;
  /** Where the fault begins, in UTF-16 units from the start of the expression; its length where something is missing. */
  position: number;
  /** How long the faulty part is; 0 where something is missing. */
  length: number;
  /** What fits there, in words. */
  expected: string;
  /** What is wrong, where more is known than that it is something else. */
  problem?: string;
  /** The word that was meant, perhaps. */
  hint?: string;
  /** Whether it is well understood, or may be tcpdump's, but is more than flower filters can express. */
  isBeyond?: boolean;
}

/** A match expression that cannot be understood: where it is wrong, and what fits there. */
export class MatchError extends SyntaxError {
  /** The class's name. */
  override name = "MatchError";
  /** The expression, whole. */
  readonly expression: string;
  /** Where the fault begins, in UTF-16 units; the expression's length where something is missing at its end. */
  readonly position: number;
  /** How long the faulty part is; 0 where something is missing. */
  readonly length: number;
  /** What fits there, in words. */
  readonly expected: string;
  /** What is wrong there, in words. */
  readonly what: string;
  /** As `what`, where more is known than that it is something else than what fits. */
  readonly problem?: string;
  /** The word that was meant, perhaps. */
  readonly hint?: string;
  /** Whether it is well understood, or may be tcpdump's, but is more than flower filters can express. */
  readonly isBeyond: boolean;

  /** Puts the sentence together. */
  constructor({ expression, position, length, expected, problem, hint, isBeyond = false }: MatchFault) {
    const part = expression.slice(position, position + length);
    const what = problem ??
      (part ? JSON.stringify(part) : position === expression.length ? "it ends" : "nothing is there");
    const meant = hint === undefined ? "" : `; did you mean "${hint}"?`;
    super(
      `Cannot understand match ${JSON.stringify(expression)} at column ${
        position + 1
      }: ${what}, expected ${expected}${meant}`,
    );
    this.expression = expression;
    this.position = position;
    this.length = length;
    this.expected = expected;
    this.what = what;
    this.problem = problem;
    this.hint = hint;
    this.isBeyond = isBeyond;
  }

  /** The expression, and below it carets under what is wrong: two lines. */
  get drawing(): string {
    const line = this.expression.replaceAll(/\s/g, " ");
    return `${line}\n${" ".repeat(this.position)}${"^".repeat(Math.max(this.length, 1))}`;
  }
}

/** A word of an expression, or several, and where they stand. */
export interface Word {
  text: string;
  position: number;
}

/** Brackets, the signs for and, or; then words, which may have such signs within. */
const WORD = /[()]|&&|\|\||[^\s()]+/g;

/** Reads the words of an expression from the first to the last. */
export class Reader {
  /** The expression, whole. */
  readonly expression: string;
  readonly #words: Word[];
  #next = 0;

  constructor(expression: string) {
    this.expression = expression;
    this.#words = [...expression.matchAll(WORD)].map(({ 0: text, index }) => ({ text, position: index }));
  }

  /** How many words were read. */
  get place(): number {
    return this.#next;
  }

  /** The next word, which is not read by that. */
  peek(ahead = 0): string | undefined {
    return this.#words[this.#next + ahead]?.text;
  }

  /** Reads a word; `expected` says what is missing where there is none. */
  take(expected: string): Word {
    const word = this.#words[this.#next];
    if (!word) throw this.fault({ text: "", position: this.expression.length }, expected);
    this.#next++;
    return word;
  }

  /** Reads the next word if it is this one. */
  takeIf(...texts: readonly string[]): boolean {
    const isIt = texts.includes(this.peek() ?? "");
    if (isIt) this.#next++;
    return isIt;
  }

  /** Reads `not`, or the `!` that a word begins with. */
  takeNot(): boolean {
    const word = this.#words[this.#next];
    if (word?.text !== "not" && !word?.text.startsWith("!")) return false;
    if (word.text === "not" || word.text === "!") this.#next++;
    else this.#words[this.#next] = { text: word.text.slice(1), position: word.position + 1 };
    return true;
  }

  /** The words from one of them up to the last that was read, as they stand. */
  since(place: number): Word {
    const [first, last] = [this.#words[place], this.#words[this.#next - 1]];
    const text = this.expression.slice(first.position, last.position + last.text.length);
    return { text, position: first.position };
  }

  /** What is wrong at a word; with `hint`, what was meant perhaps. */
  fault(
    { text, position }: Word,
    expected: string,
    more: Pick<MatchFault, "problem" | "hint" | "isBeyond"> = {},
  ): MatchError {
    return new MatchError({ expression: this.expression, position, length: text.length, expected, ...more });
  }
}

/** A number from 0 to `most`, decimal without zeros before it or hexadecimal; else `undefined`. */
export function wholeNumber(text: string, most: number): number | undefined {
  const number = /^(?:0|[1-9][0-9]{0,9}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : Infinity;
  return number <= most ? number : undefined;
}
