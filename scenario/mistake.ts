import { nearest } from "../plug/nearest.ts";

/** Something that is wrong in a scenario's file. */
export interface Mistake {
  /** The file that it is in, where that is one that the scenario includes. */
  file?: string;
  /** Where it begins, from 1 on. */
  line: number;
  /** Where it begins in its line, from 1 on, in UTF-16 units. */
  column: number;
  /** What is there. */
  what: string;
  /** What was expected there. */
  expected: string;
  /** The word that was probably meant. */
  hint?: string;
  /** It comes of another that is told itself: not told. */
  follows?: true;
}

/** A scenario's file is wrong. Nothing has been touched. */
export class ScenarioError extends SyntaxError {
  /** The class's name. */
  override name = "ScenarioError";
  /** The file, as it was named. */
  readonly file: string;
  /** Everything that is wrong in it, in the order of the file. */
  readonly mistakes: readonly Mistake[];
  /** The files that it was read from: its own, and those that it includes, also where one cannot be read. */
  readonly files: readonly string[];

  /** Puts the lines together: `web.yaml:7:12: timeout is "5", expected a duration with its unit`. */
  constructor(file: string, mistakes: readonly Mistake[], files: readonly string[] = [file]) {
    super(mistakes.map((mistake) => formatMistake(file, mistake)).join("\n"));
    this.file = file;
    this.mistakes = mistakes;
    this.files = files;
  }
}

function formatMistake(file: string, mistake: Mistake): string {
  return `${mistake.file ?? file}:${mistake.line}:${mistake.column}: ${describeMistake(mistake)}`;
}

/** What is wrong, in words. */
export function describeMistake({ what, expected, hint }: Mistake): string {
  return `${what}, expected ${expected}${hint === undefined ? "" : `; did you mean "${hint}"?`}`;
}

/** That a key is not one of those that can stand there. */
export function unknownKey(
  key: string,
  { known, expected = `one of ${known.join(", ")}` }: { known: readonly string[]; expected?: string },
): Pick<Mistake, "what" | "expected" | "hint"> {
  const hint = nearest(key, known);
  return { what: `unknown key ${JSON.stringify(key)}`, expected, ...hint === undefined ? {} : { hint } };
}

/** Each mistake once, in the order of the file, but for those that only come of others. */
export function sortMistakes(mistakes: readonly Mistake[]): Mistake[] {
  const told = mistakes.filter(({ follows }) => !follows);
  const unique = new Map(told.map((mistake) => [`${mistake.line}:${mistake.column}: ${mistake.what}`, mistake]));
  return [...unique.values()].sort((one, other) => one.line - other.line || one.column - other.column);
}
