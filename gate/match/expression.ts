import { nearest } from "../../plug/nearest.ts";
import { isBeyondFlower } from "../bpf/beyond.ts";
import { type Clause, CLAUSES, type EndClause } from "./clauses.ts";
import {
  type Cube,
  EVERYTHING,
  intersectAll,
  is,
  isCovered,
  isWithin,
  subtract,
  withoutNeedless,
} from "../../plug/match/cube.ts";
import { type End, ETHER_TYPE, TAGGED } from "../../plug/match/fields.ts";
import { isExpressible } from "../../plug/match/flower.ts";
import { type MatchError, Reader, type Word } from "./reader.ts";

/** What an expression says, as it is put together from clauses. */
type Node =
  | { kind: "is"; cubes: readonly Cube[]; word: Word }
  | { kind: "and" | "or"; nodes: readonly Node[]; word: Word }
  | { kind: "not"; node: Node; word: Word };

/** How many flower filters one expression may take on a hook. */
export const FILTERS_MAX = 32;
/** How many a gate may take on a hook for what it lets pass. */
export const EXCEPTIONS_MAX = 64;
/** How many cubes may be in the making. */
const CUBES_MAX = 2000;

const BY_WORD: ReadonlyMap<string, Clause> = new Map(
  CLAUSES.flatMap((clause) => clause.words.map((word) => [word, clause] as const)),
);
const AND = ["and", "&&"];
const OR = ["or", "||"];
/** What a clause may begin with. */
const BEGINNINGS = [...BY_WORD.keys(), "src", "dst", "not"];
const FITTING = `${
  CLAUSES.map((clause) => "ofEnd" in clause ? `[src|dst] ${clause.words[0]}` : clause.words[0]).join(", ")
} or another word`;

/**
 * Parses a match expression, in tcpdump's words (see `docs/MATCHES.md`). Returns the packets that it means, a flower
 * filter each: a packet fits it that is in any of them.
 *
 * ```ts
 * import { parseMatch } from "./expression.ts";
 *
 * console.log(parseMatch("tcp dst port 80").length); // 2: for IPv4, for IPv6
 * ```
 *
 * With `within`, it says what is to pass of what those expressions mean, or of all packets where there is none.
 *
 * @throws {MatchError} where it cannot be understood, fits no packet, or flower filters cannot express it
 */
export function parseMatch(expression: string, { within }: { within?: readonly string[] } = {}): Cube[] {
  const parser = new Parser(expression);
  return within ? parser.within(meantBy(within).flat()) : parser.parse();
}

/**
 * As `parseMatch`, also where flower filters cannot express it; with `among`, what it means of these packets.
 *
 * @throws {MatchError} where it cannot be understood, fits no packet, or is of too many parts
 */
export function parseExact(expression: string, { among }: { among?: readonly Cube[] } = {}): Cube[] {
  const parser = new Parser(expression, { isExact: true });
  return among ? parser.within(among) : parser.parse();
}

/** Exceptions take more flower filters than a gate may have. */
export class TooManyError extends RangeError {
  override name = "TooManyError";
}

/** What each of several expressions means, of packets with a VLAN tag and without. */
function meantBy(expressions: readonly string[]): Cube[][] {
  return expressions.length === 0 ? [[EVERYTHING]] : expressions.map((text) => new Parser(text).meant());
}

/**
 * Parses what is to pass of what matches mean: of each flower filter of theirs the part that fits one of the exceptions.
 * Returns what is left to hold, without what passes as a whole, and those parts: narrower ones first, so that none is asked
 * behind a filter of which it is a part.
 *
 * @throws {MatchError} where an exception cannot be understood, or is none of what the matches mean
 * @throws {RangeError} where nothing is left of a match, or the exceptions take too many filters
 */
export function parseExceptions(
  matches: readonly string[],
  except: readonly string[],
): { cubes: Cube[]; exceptions: Cube[] } {
  const all = meantBy(matches);
  const found = except.map((text) => new Parser(text).within(all.flat()));
  const parts = all.flat().flatMap((cube) => withoutNeedless(intersectAll([untagged(cube)], found.flat())));
  const exceptions = parts.filter((one, index) => !parts.slice(0, index).some((other) => isSame(one, other)));
  const left = all.map((cubes, index) => {
    const held = cubes.map(untagged).filter((cube) => !isCovered(cube, exceptions));
    if (held.length > 0) return held;
    const what = matches[index] === undefined ? "all packets" : JSON.stringify(matches[index]);
    throw new RangeError(`the exceptions of a gate leave nothing of ${what} to hold: ${except.join(" or ")}`);
  });
  if (exceptions.length > EXCEPTIONS_MAX) {
    throw new TooManyError(
      `the exceptions of a gate take ${exceptions.length} flower filters, at most ${EXCEPTIONS_MAX}: name a protocol (tcp), ` +
        "a family (ip) or an end (dst), in its match or in what is excepted",
    );
  }
  return { cubes: left.flat(), exceptions: exceptions.sort((one, other) => width(other) - width(one)) };
}

/** How many bits of a packet it looks at; of one that may have several values, as the kernel takes them apart, one less. */
function width(cube: Cube): number {
  return cube.entries().reduce((sum, [field, wanted]) => {
    if ("mask" in wanted) return sum + wanted.mask.toString(2).replaceAll("0", "").length;
    return sum + 8 * field.bytes - (wanted.first === wanted.last ? 0 : 1);
  }, 0);
}

function isSame(one: Cube, other: Cube): boolean {
  return isWithin(one, other) && isWithin(other, one);
}

class Parser {
  readonly #reader: Reader;
  /** Reads one more of what the last clause with an operand read: `port 80 or 443`. */
  #again?: () => Node;
  /** The first `not`, with what it is said of. */
  #negation?: Word;
  /** Where no packet was left. */
  #deadEnd?: Word;

  readonly #isExact: boolean;

  constructor(expression: string, { isExact = false }: { isExact?: boolean } = {}) {
    this.#reader = new Reader(expression);
    this.#isExact = isExact;
  }

  /** What it means, a filter each. */
  parse(): Cube[] {
    return this.meant().map(untagged);
  }

  /** As `parse`, of packets with a VLAN tag and without. */
  meant(): Cube[] {
    const node = this.#whole();
    const cubes = withoutNeedless(this.#within(node, [EVERYTHING]));
    if (cubes.length === 0) throw this.#contradiction();
    this.#checkExpressible(cubes, node);
    if (cubes.length > FILTERS_MAX && !this.#isExact) throw this.#tooMany(node.word, cubes.length);
    return cubes;
  }

  /** What it means of these packets. */
  within(packets: readonly Cube[]): Cube[] {
    const node = this.#whole();
    const cubes = packets.flatMap((cube) => intersectAll([untagged(cube)], this.#within(node, [cube]).map(untagged)));
    if (cubes.length === 0) throw this.#needless(node.word);
    this.#checkExpressible(cubes, node);
    return cubes;
  }

  #whole(): Node {
    this.#refuseAll();
    const node = this.#terms();
    const rest = this.#reader.peek();
    if (rest !== undefined) throw this.#reader.fault(this.#reader.take(""), "and, or, or the end");
    return node;
  }

  /** Every packet is meant where there is no match, and by no word. */
  #refuseAll(): void {
    const { expression } = this.#reader;
    const [word, position] = [expression.trim(), expression.length - expression.trimStart().length];
    if (!["", "all", "any"].includes(word)) return;
    throw this.#reader.fault({ text: word, position }, "a word such as tcp, or for every packet: no match at all", {
      problem: word === "" ? "it is empty" : undefined,
    });
  }

  /** Terms between `and` and `or`, which bind equally and from the left, as tcpdump's do. */
  #terms(): Node {
    const start = this.#reader.place;
    let left = this.#term();
    for (;;) {
      const kind = this.#reader.takeIf(...AND) ? "and" : this.#reader.takeIf(...OR) ? "or" : undefined;
      if (kind === undefined) return left;
      const right = this.#again && this.#isOperand() ? this.#again() : this.#term();
      const nodes = left.kind === kind ? [...left.nodes, right] : [left, right];
      left = { kind, nodes, word: this.#reader.since(start) };
    }
  }

  /** Whether what comes is no word of the language: an operand for the clause before. */
  #isOperand(): boolean {
    const next = this.#reader.peek();
    return next !== undefined && /^[\w.:/-]+$/.test(next) && !BEGINNINGS.includes(next) && !isBeyondFlower(next) &&
      /[0-9.:-]|^\w{3,}$/.test(next) && nearest(next, BEGINNINGS) === undefined;
  }

  #term(): Node {
    const start = this.#reader.place;
    if (this.#reader.takeNot()) {
      const node = this.#term();
      const word = this.#reader.since(start);
      this.#negation ??= word;
      return { kind: "not", node, word };
    }
    return this.#side();
  }

  /** Clauses side by side, all of which a packet must fit. */
  #side(): Node {
    const start = this.#reader.place;
    const nodes: Node[] = [];
    do {
      nodes.push(this.#reader.peek() === "(" ? this.#brackets() : this.#clause(nodes));
    } while (this.#continues());
    return nodes.length === 1 ? nodes[0] : { kind: "and", nodes, word: this.#reader.since(start) };
  }

  #continues(): boolean {
    const next = this.#reader.peek();
    return next !== undefined && next !== ")" && ![...AND, ...OR].includes(next);
  }

  #brackets(): Node {
    const open = this.#reader.take("(");
    const node = this.#terms();
    if (!this.#reader.takeIf(")")) {
      const next = this.#reader.peek() === undefined
        ? { text: "", position: this.#reader.expression.length }
        : undefined;
      throw this.#reader.fault(next ?? this.#reader.take(""), `) to the bracket at column ${open.position + 1}`);
    }
    return node;
  }

  /** One clause, beside those `before`. */
  #clause(before: readonly Node[]): Node {
    const start = this.#reader.place;
    const ends = this.#ends();
    const place = this.#reader.place;
    const next = this.#reader.peek();
    const clause = next === undefined ? undefined : BY_WORD.get(next);
    if (ends && (!clause || !("ofEnd" in clause))) return this.#bareEnd(ends, start);
    const word = this.#reader.take(FITTING);
    if (!clause) throw this.#unknown(word);
    if ("read" in clause) {
      this.#again = undefined;
      return { kind: "is", cubes: clause.read(this.#reader, word), word: this.#reader.since(start) };
    }
    const beside = [...before];
    const read = (from: number): Node => {
      const ofEnd = clause.ofEnd(this.#reader, word);
      return { kind: "is", cubes: atEnds(ofEnd, ends), word: this.#reader.since(from) };
    };
    this.#again = () => {
      const from = this.#reader.place;
      const nodes = [...beside, read(from)];
      return nodes.length === 1 ? nodes[0] : { kind: "and", nodes, word: this.#reader.since(from) };
    };
    return read(ends ? start : place);
  }

  /** `src` or `dst`, or both with `or` or `and` between them; `undefined` where nothing is said. */
  #ends(): Ends | undefined {
    const first = this.#reader.peek();
    if (first !== "src" && first !== "dst") return undefined;
    this.#reader.take("");
    const joint = this.#reader.peek();
    const second = this.#reader.peek(1);
    const joined = joint === "and" || joint === "or";
    if (!joined || second === first || (second !== "src" && second !== "dst")) return { ends: [first], joint: "or" };
    this.#reader.take("");
    this.#reader.take("");
    return { ends: [first, second], joint };
  }

  /** `src 10.0.0.1`, where tcpdump reads `src host`. */
  #bareEnd(ends: Ends, start: number): Node {
    const next = this.#reader.peek() ?? "";
    const host = CLAUSES.find((clause) => "ofEnd" in clause && clause.words.includes("host")) as EndClause;
    const expected = "host, net, port or portrange";
    if (!/^[0-9a-f]*[.:]/i.test(next)) {
      const word = this.#reader.take(expected);
      throw this.#reader.fault(word, expected, { hint: nearest(word.text, ["host", "net", "port", "portrange"]) });
    }
    const ofEnd = host.ofEnd(this.#reader, { text: "host", position: 0 });
    return { kind: "is", cubes: atEnds(ofEnd, ends), word: this.#reader.since(start) };
  }

  #unknown(word: Word): MatchError {
    if (!isBeyondFlower(word.text)) return this.#reader.fault(word, FITTING, { hint: nearest(word.text, BEGINNINGS) });
    if (/^(?:in|out)bound$/.test(word.text)) {
      const expected = "what packets are; which way they go the gate's direction says";
      return this.#reader.fault(word, expected);
    }
    const problem = `flower filters cannot look at ${JSON.stringify(word.text)}`;
    return this.#reader.fault(word, FITTING, { problem, isBeyond: true });
  }

  /** The packets among these that a node means. */
  #within(node: Node, cubes: readonly Cube[]): Cube[] {
    const found = this.#narrowed(node, cubes);
    if (found.length > CUBES_MAX) throw this.#tooMany(node.word, found.length);
    if (found.length === 0 && cubes.length > 0) this.#deadEnd ??= node.word;
    if (found.length > 0 && node.kind === "or") this.#deadEnd = undefined;
    return found;
  }

  #narrowed(node: Node, cubes: readonly Cube[]): Cube[] {
    switch (node.kind) {
      case "is":
        return intersectAll(cubes, node.cubes);
      case "or":
        return node.nodes.flatMap((each) => this.#within(each, cubes));
      case "and":
        // What is taken away comes last: from less, it leaves fewer pieces.
        return [...node.nodes].sort((one, other) => Number(one.kind === "not") - Number(other.kind === "not"))
          .reduce<Cube[]>((left, each) => this.#within(each, left), [...cubes]);
      case "not":
        return this.#withoutNode(node, cubes);
      default:
        return node satisfies never;
    }
  }

  /** From each cube only what is taken of that one: else cubes that overlap would cut each other into pieces. */
  #withoutNode({ node, word }: Node & { kind: "not" }, cubes: readonly Cube[]): Cube[] {
    const deadEnd = this.#deadEnd;
    const rest = cubes.flatMap((cube) =>
      this.#within(node, [cube]).reduce((left, taken) => {
        const pieces = left.flatMap((piece) => subtract(piece, taken));
        if (pieces.length > CUBES_MAX) throw this.#tooMany(word, pieces.length);
        return pieces;
      }, [cube])
    );
    this.#deadEnd = deadEnd;
    return rest;
  }

  #checkExpressible(cubes: readonly Cube[], node: Node): void {
    if (this.#isExact) return;
    const { word } = node;
    const beyond = cubes.some((cube) => !isExpressible(cube));
    if (beyond) {
      const expected = exceptionMeant(node) ??
        "not beside what narrows it down, as in tcp and not port 22, or syn and not ack";
      throw this.#reader.fault(this.#negation ?? word, expected, {
        problem: "flower filters cannot express this",
        isBeyond: true,
      });
    }
  }

  #tooMany(word: Word, count: number): MatchError {
    const problem = `this takes ${count > CUBES_MAX ? "thousands of" : count} flower filters, more than ${FILTERS_MAX}`;
    const expected = "fewer: name a protocol (tcp), a family (ip) or an end (dst), or give several matches";
    return this.#reader.fault(word, expected, { problem, isBeyond: true });
  }

  #needless(word: Word): MatchError {
    const problem = `no packet that the gate matches fits ${JSON.stringify(word.text)}`;
    return this.#reader.fault(word, "words that some of them fit", { problem });
  }

  #contradiction(): MatchError {
    const word = this.#deadEnd ?? { text: this.#reader.expression, position: 0 };
    const problem = `no packet fits ${JSON.stringify(word.text)} and the words beside it`;
    const isBeyond = /\bvlan\b.*\bvlan\b/.test(this.#reader.expression);
    return this.#reader.fault(word, "or between them, or other words", { problem, isBeyond });
  }
}

/** How to write what is taken away from the rest as an exception of the gate; `undefined` where it is no such thing. */
function exceptionMeant(node: Node): string | undefined {
  const nodes = node.kind === "and" ? node.nodes : [node];
  const taken = nodes.flatMap((each) => each.kind === "not" ? [each.node.word.text] : []);
  const rest = nodes.flatMap((each) => each.kind === "not" ? [] : [each.word.text]);
  if (taken.length === 0) return undefined;
  const match = rest.length === 0 ? "no match" : `the match ${JSON.stringify(rest.join(" and "))}`;
  return `${match}, with ${JSON.stringify(taken.join(" or "))} as what passes (--except)`;
}

/** As tcpdump takes it: what stands behind a VLAN tag is looked for only where a tag is asked for. */
function untagged(cube: Cube): Cube {
  return cube.has(ETHER_TYPE) && !cube.has(TAGGED) ? new Map([...is(TAGGED, 0), ...cube]) : cube;
}

interface Ends {
  ends: readonly End[];
  joint: "and" | "or";
}

function atEnds(ofEnd: (end: End) => Cube[], { ends, joint }: Ends = { ends: ["src", "dst"], joint: "or" }): Cube[] {
  const [first, ...more] = ends.map(ofEnd);
  return more.reduce((left, right) => joint === "or" ? [...left, ...right] : intersectAll(left, right), first);
}
