import { mistakeAt } from "./text_format.ts";
import { lettersOf } from "./arrays.ts";

/** What to do where strace's own words are not enough. */
export const INSTEAD = "have strace dump the bytes themselves with: -e write=all -e read=all";

/** A call, as far as strace has shown it. */
export interface StraceCall {
  /** `sendmsg`; empty where the text begins within a call. */
  name: string;
  /** What stands behind the name, on one line. */
  words: string;
  /** Who called, where strace says so with -f; else empty. */
  process: string;
  /** Where in the whole text a letter of `words` stands. */
  place(at: number): number;
  /** The bytes that strace has dumped beneath it. */
  dump: number[];
}

/** A value as strace writes it, and where in `words`. */
export type StraceValue =
  & { index: number }
  & (
    | { is: "struct"; fields: ReadonlyMap<string, StraceValue> }
    | { is: "list"; items: readonly StraceValue[] }
    /** The values of an array by the names of their places: `[[IPV4_DEVCONF_TAG-1]=0, …]`. */
    | { is: "indexed"; items: readonly StraceValue[] }
    | { is: "string"; bytes: readonly number[]; isCut: boolean }
    /** A number, names of numbers with `|` between them, or a call, `if_nametoindex("lo")`. */
    | { is: "words"; words: string }
    /** `...`: what it does not show. */
    | { is: "omitted" }
  );

/** What -y, -Y and the like put behind a descriptor or a process: its file, its socket, its name. */
const SHOWN = String.raw`<(?:[^<>]|->|<[^<>]*>)*>`;
/** What strace says of a number in another namespace of processes. */
const NAMESPACE = String.raw`(?: +/\*[^*]*\*/)?`;
/**
 * `[pid 12] `, `12 `, each with the process's name of -Y; behind or before it the time of -t, -tt, -ttt or -r, the number
 * of the call of -n, where in the program it is of -i, and the security context of --secontext.
 */
const BEFORE = String.raw`^\s*(?:\[pid +(\d+)(?:${SHOWN})?${NAMESPACE}\] +|(\d+)(?:${SHOWN})?${NAMESPACE} +)?` +
  String.raw`(?:[\d:.]+ +|\(\+ *[\d.]+\) +|\[ *(?:0x)?[0-9a-f?]{1,16}\] +|\[[\w.-]+:[\w.,:-]+\] +)*`;
const CALL = new RegExp(String.raw`${BEFORE}([a-z_][a-z_0-9]*)\(`);
/** What only messages have, and calls that send or receive them, wherever they stand. */
const MESSAGE = /\bnlmsg_(?:len|type)=|\{len=\d+, type=|\b(?:send|recv)(?:to|from|msg|mmsg)\(\d/;
const RESUMED = new RegExp(String.raw`${BEFORE}<\.\.\. ([a-z_][a-z_0-9]*) resumed>`);
const UNFINISHED = / *<unfinished \.\.\.>$/;
const DUMP = /^ *\| ([0-9a-f]{5,}) {2}(.{1,49})/;
const DUMP_HEADING = /^ *\* \d+ bytes in buffer \d+/;
/** A line that has something to itself: a signal, an end. */
const OTHER = new RegExp(String.raw`${BEFORE}(?:---|\+\+\+|strace: )`);
/** The result of a call, with which it is over. */
const RESULT = /\) += +(?:-?\d|0x|\?)/;

/** What only strace prints beside calls: the end of a process, and the summary of -c. */
const BESIDES =
  /^(?:\[pid +\d+\] +|\d+ +)?\+{3} (?:exited|killed) (?:with|by) \w+ .*\+{3}$|^% time +seconds +usecs\/call/m;

/** Whether a text is what strace prints, or a part of that. */
export function isStrace(text: string): boolean {
  if (BESIDES.test(text)) return true;
  if (/\b(?:nlmsg_len|nlmsg_type)=|\{+len=\d+, type=|sa_family=AF_NETLINK|NETLINK:\[/.test(text)) return true;
  const isCall = (line: string) => CALL.test(line) && (RESULT.test(line) || line.includes('"'));
  return text.split("\n").some((line) => DUMP.test(line) || isCall(line));
}

/**
 * The calls of what strace has printed, also where a terminal has broken its lines, or processes interrupt each other. Of
 * a line that has a message and is not understood `lost` is told where it begins.
 */
export function* straceCalls(text: string, lost: (index: number) => void): Generator<StraceCall, void> {
  const unfinished = new Map<string, Call>();
  let call: Call | undefined = new Call("", "");
  let index = 0;
  for (const line of text.split("\n")) {
    const begun = CALL.exec(line) ?? RESUMED.exec(line);
    const dumped = DUMP.exec(line);
    if (begun) {
      const [start, bracketed, plain, name] = begun;
      const process = bracketed ?? plain ?? "";
      if (call && !call.isUnfinished) yield call;
      const resumed = start.endsWith(">") ? unfinished.get(process) : undefined;
      unfinished.delete(process);
      call = resumed ?? new Call(name, process);
      call.add(line.slice(start.length), index + start.length);
      if (call.isUnfinished) unfinished.set(process, call);
    } else if (dumped) {
      call ??= new Call("", "");
      for (const pair of dumped[2].match(/[0-9a-f]{2}(?= |$)/gi) ?? []) call.dump.push(parseInt(pair, 16));
    } else if (DUMP_HEADING.test(line) || OTHER.test(line)) {
      // It has something to itself
    } else if (call && !RESULT.test(call.words)) call.add(line, index);
    else if (MESSAGE.test(line)) lost(index);
    index += line.length + 1;
  }
  if (call && !call.isUnfinished) yield call;
}

class Call implements StraceCall {
  readonly name: string;
  readonly process: string;
  words = "";
  /** Whether another process came in between, and the rest is to follow. */
  isUnfinished = false;
  readonly dump: number[] = [];
  readonly #pieces: { from: number; index: number }[] = [];

  constructor(name: string, process: string) {
    this.name = name;
    this.process = process;
  }

  /** Takes the next piece of what it says, which stands at `index` of the whole text. */
  add(piece: string, index: number): void {
    this.#pieces.push({ from: this.words.length, index });
    this.isUnfinished = UNFINISHED.test(piece);
    this.words += piece.replace(UNFINISHED, "");
  }

  place(at: number): number {
    const piece = this.#pieces.findLast(({ from }) => from <= at);
    return piece ? piece.index + at - piece.from : 0;
  }
}

const NAME = /([a-z_]\w*)(?:\(\d+\))?=/iy;
const PLACE = /\[[^[\]{}"=]*\]=/y;
const STRING = /"((?:\\.|[^"\\])*)"(\.\.\.)?/sy;
const MAC = /[0-9a-f]{2}(?::[0-9a-f]{2}){2,}/iy;
const NUMBERED = new RegExp(String.raw`(-?\d+)${SHOWN}`, "y");
const WORDS = /-?\w+(?:<<\w+)?(?:\((?:[^()"]|"(?:\\.|[^"\\])*")*\))?(?: *\| *\w+(?:<<\w+)?)*/y;
const DOTS = /\.\.\./y;
const SPACE = /\s+/y;
/** A string, which is kept, or what -X verbose says of the number before it. */
const COMMENT = /"(?:\\.|[^"\\])*"|\/\*.*?\*\//gs;

/** Reads one value after the other from what strace shows of a call. */
export class StraceReader {
  readonly #words: string;
  /** Where it stands. */
  index: number;

  constructor(words: string, index: number) {
    this.#words = words.replaceAll(COMMENT, (found) => found.startsWith('"') ? found : " ".repeat(found.length));
    this.index = index;
  }

  /**
   * The value that begins where it stands, which is behind it then.
   *
   * @throws {StraceError} where none begins there, or what it begins has no end
   */
  value(depth = 0): StraceValue {
    const { index } = this;
    if (depth > DEPTH_MAX) throw new StraceError(index, `this is more than ${DEPTH_MAX} values deep`);
    if (this.#takes("{")) return this.#struct(index, depth + 1);
    if (this.#takes("[")) return this.#list(index, depth + 1);
    const string = this.#match(STRING);
    if (string) {
      return { is: "string", index, bytes: this.#letters(string[1], index + 1), isCut: string[2] !== undefined };
    }
    if (this.#match(DOTS)) return { is: "omitted", index };
    const numbered = this.#match(NUMBERED);
    if (numbered) return { is: "words", index, words: numbered[1] };
    const words = this.#match(MAC) ?? this.#match(WORDS);
    if (!words) throw new StraceError(index, `this is not understood; ${INSTEAD}`);
    return { is: "words", index, words: words[0].replaceAll(/ *\| */g, "|") };
  }

  #letters(inside: string, index: number): number[] {
    return lettersOf(inside, (at, why) => new StraceError(index + at, why));
  }

  /** A struct, or in brackets of strace 4 a list: `{{nla_len=8, nla_type=IFLA_MTU}, 1500}`. */
  #struct(index: number, depth: number): StraceValue {
    const fields = new Map<string, StraceValue>();
    const items: StraceValue[] = [];
    this.#items("}", () => {
      const at = this.index;
      const name = this.#match(NAME)?.[1];
      const value = this.value(depth);
      // inet_pton(AF_INET6, "::1", &in6) has the name of its field within
      const own = value.is === "words" ? /, &(\w+)\)$/.exec(value.words)?.[1] : undefined;
      if (name ?? own) fields.set(name ?? own ?? "", value);
      else if (value.is === "omitted") fields.set("...", value);
      else items.push({ ...value, index: at });
    });
    if (items.length > 0 && fields.size > 0) {
      throw new StraceError(items[0].index, `this is not understood; ${INSTEAD}`);
    }
    return items.length > 0 ? { is: "list", index, items } : { is: "struct", index, fields };
  }

  #list(index: number, depth: number): StraceValue {
    const items: StraceValue[] = [];
    let hasPlaces = false;
    this.#items("]", () => {
      hasPlaces = this.#match(PLACE) !== null || hasPlaces;
      items.push(this.value(depth));
    });
    return { is: hasPlaces ? "indexed" : "list", index, items };
  }

  #items(close: string, read: () => void): void {
    this.#match(SPACE);
    for (let count = 0; !this.#takes(close); count++) {
      if (count > 0 && !this.#takes(",")) throw new StraceError(this.index, `this is not understood; ${INSTEAD}`);
      this.#match(SPACE);
      read();
      this.#match(SPACE);
    }
  }

  #takes(letter: string): boolean {
    if (this.#words[this.index] !== letter) return false;
    this.index++;
    return true;
  }

  #match(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.index;
    const found = form.exec(this.#words);
    if (found) this.index = form.lastIndex;
    return found;
  }
}

/** Where in a value strace has left something out, if it has. */
export function omissionIn(value: StraceValue): number | undefined {
  if (value.is === "omitted") return value.index;
  const inner = value.is === "struct" ? [...value.fields.values()] : "items" in value ? value.items : [];
  return inner.map(omissionIn).find((index) => index !== undefined);
}

/** strace nests no deeper than netlink does. */
const DEPTH_MAX = 64;

/** What is wrong with what strace shows of a call, and where in its words. */
export class StraceError extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }

  /** The error that says where in the whole text it is. */
  in(text: string, call: StraceCall): Error {
    return mistakeAt(text, call.place(this.index), this.message);
  }
}
