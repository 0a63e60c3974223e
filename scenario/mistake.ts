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
  /** The variable that is not there: told once, however often it is used. */
  variable?: string;
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

/**
 * Each mistake once, in the order of the files, but for those that only come of others; `placed` says where one is. A file
 * that is included twice is wrong once, and a variable that is not there is missing once.
 */
export function sortMistakes(
  mistakes: readonly Mistake[],
  placed: (mistake: Mistake) => Mistake = (mistake) => mistake,
): Mistake[] {
  const sorted = mistakes.filter(({ follows }) => !follows)
    .sort((one, other) => one.line - other.line || one.column - other.column)
    .map(placed);
  const keyOf = ({ file = "", line, column, what }: Mistake) => `${file}:${line}:${column}: ${what}`;
  const unique = [...new Map(sorted.toReversed().map((mistake) => [keyOf(mistake), mistake])).values()].toReversed();
  const uses = Map.groupBy(unique, ({ variable }) => variable);
  return unique.flatMap((mistake) => {
    const { variable, ...told } = mistake;
    const [first, ...more] = variable === undefined ? [mistake] : uses.get(variable) ?? [];
    if (mistake !== first) return [];
    return [more.length === 0 ? told : { ...told, what: `${told.what}, used ${more.length + 1} times` }];
  });
}
