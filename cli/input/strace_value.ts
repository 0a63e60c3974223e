import { lettersOf } from "./literals.ts";
import { mistakeAt } from "./mistake.ts";

/** What to do where strace's own words are not enough. */
export const INSTEAD = "have strace dump the bytes themselves with: -e write=all -e read=all";

/** A value as strace writes it, and where. */
export type StraceValue =
  & { index: number }
  & (
    | { is: "struct"; fields: ReadonlyMap<string, StraceValue> }
    | { is: "list"; items: readonly StraceValue[] }
    | { is: "string"; bytes: readonly number[]; isCut: boolean }
    /** A number, names of numbers with `|` between them, or a call, `if_nametoindex("lo")`. */
    | { is: "words"; words: string }
  );

const NAME = /([a-z_0-9]+)=/iy;
const STRING = /"((?:\\.|[^"\\])*)"(\.\.\.)?/sy;
const WORDS = /-?\w+(?:\([^()]*\))?(?:\|\w+)*/y;
const SPACE = /(?:\s|\/\*.*?\*\/)+/sy;

/** Reads one value after the other from the output of strace. */
export class StraceReader {
  readonly #text: string;
  /** Where it stands. */
  index: number;

  constructor(text: string, index: number) {
    this.#text = text;
    this.index = index;
  }

  /**
   * The value that begins where it stands, which is behind it then.
   *
   * @throws {UsageError} where none begins there, or what it begins has no end
   */
  value(): StraceValue {
    const { index } = this;
    if (this.#takes("{")) return { is: "struct", index, fields: new Map(this.#items("}", () => this.#field())) };
    if (this.#takes("[")) return { is: "list", index, items: this.#items("]", () => this.value()) };
    const string = this.#match(STRING);
    if (string) {
      const bytes = lettersOf(string[1], { text: this.#text, index: index + 1 });
      return { is: "string", index, bytes, isCut: string[2] !== undefined };
    }
    const words = this.#match(WORDS);
    if (!words) throw this.#mistake();
    return { is: "words", index, words: words[0] };
  }

  #field(): [string, StraceValue] {
    const name = this.#match(NAME);
    if (!name) throw this.#mistake();
    return [name[1], this.value()];
  }

  #items<Item>(close: string, read: () => Item): Item[] {
    const items: Item[] = [];
    for (this.#match(SPACE); !this.#takes(close);) {
      if (items.length > 0 && !this.#takes(",")) throw this.#mistake();
      this.#match(SPACE);
      items.push(read());
      this.#match(SPACE);
    }
    return items;
  }

  #takes(letter: string): boolean {
    if (this.#text[this.index] !== letter) return false;
    this.index++;
    return true;
  }

  #match(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.index;
    const found = form.exec(this.#text);
    if (found) this.index = form.lastIndex;
    return found;
  }

  #mistake(): Error {
    const dots = this.#text.startsWith("...", this.index);
    const why = dots ? "strace left something out; run it with -v -s 65536" : `this is not understood; ${INSTEAD}`;
    return mistakeAt(this.#text, this.index, why);
  }
}
