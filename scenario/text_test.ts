/** What a text must be: it must contain something, or fit a regular expression. */
export interface TextTest {
  /** As it is written in the file. */
  readonly source: string;
  /** Absent where the text must contain `source`. */
  readonly pattern?: RegExp;
}

/**
 * Parses `ready`, which must be contained, or `/^ready [0-9]+$/m`, a regular expression.
 *
 * @throws {SyntaxError} where the regular expression is none
 */
export function parseTextTest(source: string): TextTest {
  const [, pattern, flags] = /^\/(.+)\/([a-z]*)$/s.exec(source) ?? [];
  return pattern === undefined ? { source } : { source, pattern: new RegExp(pattern, flags) };
}

/** Whether a text fits. */
export function fitsText(text: string, { source, pattern }: TextTest): boolean {
  return pattern ? text.search(pattern) >= 0 : text.includes(source);
}
