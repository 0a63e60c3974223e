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

  /** Puts the sentence together. */
  constructor({ expression, position, length, expected, problem, hint }: MatchFault) {
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
  }

  /** The expression, and below it carets under what is wrong: two lines. */
  get drawing(): string {
    const line = this.expression.replaceAll(/\s/g, " ");
    return `${line}\n${" ".repeat(this.position)}${"^".repeat(Math.max(this.length, 1))}`;
  }
}
