import type { LinkHeader } from "../../linux/libpcap.ts";
import type { Compared } from "../../plug/filter.ts";
import { type Cube, EVERYTHING, intersectAll, isIn } from "../../plug/match/cube.ts";
import { keysOf } from "../../plug/match/flower.ts";
import { once } from "../../plug/surroundings.ts";
import { dissect } from "../../plug/match/packet.ts";
import { compileMatch, finish, unknownToTcpdump } from "../bpf/beyond.ts";
import { CLAUSES } from "./clauses.ts";
import { parseExact, parseExceptions, parseMatch, TooManyError } from "./expression.ts";
import type { Program } from "../bpf/program.ts";
import { MatchError, type Word } from "./reader.ts";
import { type RawPacket, runProgram } from "../bpf/run_program.ts";

/** Which packets the expressions of a gate mean, and the filters that tell these from others. */
export interface Meaning {
  /** The kind of the filters. */
  kind: "flower" | "bpf";
  /** The packets that it holds; of what flower cannot express they may be more. */
  cubes: readonly Cube[];
  /** Those of them that pass; of what flower cannot express they may be fewer. */
  excepted: readonly Cube[];
  /** The filters of each hook of a device whose packets begin with such a header. */
  filtersFor(link: LinkHeader): Filters;
}

/** The filters of a hook, in the order in which they are to be made. */
export interface Filters {
  filters: Compared[];
  /** Those for what passes. */
  exceptions: Compared[];
}

/**
 * What expressions mean: flower filters where those can express all of it, else programs that libpcap compiles.
 *
 * @throws {MatchError} where one cannot be understood, or fits no packet
 * @throws {RangeError} where nothing is left to hold
 * @throws {NoLibpcapError} where it takes libpcap, and that is not there
 */
export function meaningOf(match: readonly string[], except: readonly string[]): Meaning {
  try {
    return meantByFlower(match, except);
  } catch (error) {
    if (!isForLibpcap(error, [...match, ...except])) throw error;
    return meantByPrograms({ match, except });
  }
}

/**
 * Checks an expression by itself, or one for what passes of what others mean.
 *
 * @throws {MatchError} where it cannot be understood
 */
export function checkExpression(text: string, { within }: { within?: readonly string[] } = {}): void {
  try {
    parseMatch(text, { within });
  } catch (error) {
    if (!isForLibpcap(error, [text])) throw error;
    programsFor({ ...within ? { match: within, except: [text] } : { match: [text], except: [] }, link: "ethernet" });
  }
}

/** Words about what the kernel knows of a packet, and no byte of it says. */
const UNSEEN = /(?<=^|[\s(!])(?:ct|mark)(?=\s)/;

/**
 * The same of one that is to tell packets that were seen.
 *
 * @throws {MatchError} where it cannot be understood, or their bytes do not tell
 */
export function checkSeen(text: string): void {
  const found = UNSEEN.exec(text);
  if (!found) return checkExpression(text);
  const expected = "words about what is in a packet; what the kernel knows beside that, the match of a gate can ask";
  throw new MatchError({ expression: text, position: found.index, length: found[0].length, expected });
}

/** Whether an expression means a packet, which begins with Ethernet's header or with IP. */
export type Matcher = (packet: RawPacket, link: "ethernet" | "ip") => boolean;

/**
 * Tells of packets as they are on the wire whether an expression means them.
 *
 * @throws {MatchError} where it cannot be understood
 */
export function matcher(text: string): Matcher {
  try {
    const cubes = parseMatch(text);
    return ({ bytes }, link) => {
      const packet = dissect(bytes, link);
      return cubes.some((cube) => isIn(packet, cube));
    };
  } catch (error) {
    if (!isForLibpcap(error, [text])) throw error;
    const ethernet = compileMatch(text, { link: "ethernet" }).instructions();
    const ip = once(() => compileMatch(text, { link: "none" }).instructions());
    return (packet, link) => runProgram(link === "ethernet" ? ethernet : ip(), packet);
  }
}

function isForLibpcap(error: unknown, expressions: readonly string[]): boolean {
  if (error instanceof TooManyError) return true;
  if (!(error instanceof MatchError) || !error.isBeyond) return false;
  for (const expression of expressions) {
    const word = unknownToTcpdump(expression);
    if (word) throw unknownWord(expression, word);
  }
  return true;
}

/** What is wrong where all else may be tcpdump's. */
function unknownWord(expression: string, { text, position }: Word): MatchError {
  const expected = CLAUSES.some(({ words }) => words.includes(text))
    ? `only words that flower filters can express beside ${text}, of which libpcap sees nothing`
    : "a word that tcpdump knows, or an address (names are not looked up)";
  return new MatchError({ expression, position, length: text.length, expected });
}

function meantByFlower(match: readonly string[], except: readonly string[]): Meaning {
  const cubes = match.length === 0 ? [EVERYTHING] : match.flatMap((text) => parseMatch(text));
  const found = except.length === 0 ? { cubes, exceptions: [] } : parseExceptions(match, except);
  const compared = (all: readonly Cube[]) => all.map((cube): Compared => ({ kind: "flower", keys: keysOf(cube) }));
  return {
    kind: "flower",
    cubes: found.cubes,
    excepted: found.exceptions,
    filtersFor: () => ({ filters: compared(found.cubes), exceptions: compared(found.exceptions) }),
  };
}

interface Written {
  match: readonly string[];
  except: readonly string[];
}

function meantByPrograms({ match, except }: Written): Meaning {
  const filtersFor = (link: LinkHeader) => programsFor({ match, except, link });
  filtersFor("ethernet");
  return { kind: "bpf", cubes: widest(match), excepted: excepted({ match, except }), filtersFor };
}

function programsFor({ match, except, link }: Written & { link: LinkHeader }): Filters {
  const compile = (expression: string, within?: string) => compileMatch(expression, { within, link });
  const made = (expression: string, program: Program): Compared => ({
    kind: "bpf",
    program: finish(program, { expression, link }),
  });
  for (const text of match) if (compile(text).isNone) throw unmet(text, "no packet fits it");
  const holding = (text: string): Compared => made(text, compile(text));
  if (except.length === 0) return { filters: match.map(holding), exceptions: [] };
  // What is excepted is about what a match means: behind its tag where it asks for one.
  const places: readonly (string | undefined)[] = match.length === 0 ? [undefined] : match;
  for (const text of except) {
    if (places.every((within) => compile(text, within).isNone)) {
      throw unmet(text, "no packet that the gate matches fits it");
    }
  }
  const passing = places.map((within) => joined(except, (text) => compile(text, within).withinPackets()));
  return {
    filters: places.map((text, index) => {
      const others = passing[index].not();
      return made(text ?? except.join(" or "), text === undefined ? others : compile(text).and(others));
    }),
    exceptions: [made(except.join(" or "), passing.reduce((one, other) => one.or(other)))],
  };
}

/** Words behind which tcpdump looks elsewhere in all that follows. */
const SHIFTING = /\b(?:vlan|mpls|pppoe[ds]|geneve)\b/;

/** A program for several expressions, one of which a packet must fit: compiled together where none changes what another means. */
function joined(expressions: readonly string[], compile: (text: string) => Program): Program {
  if (!expressions.some((text) => SHIFTING.test(text))) {
    return compile(expressions.length === 1 ? expressions[0] : expressions.map((text) => `(${text})`).join(" or "));
  }
  return expressions.map(compile).reduce((one, other) => one.or(other));
}

function unmet(expression: string, problem: string): MatchError {
  const expected = "words that some packet fits";
  return new MatchError({ expression, position: 0, length: expression.length, expected, problem });
}

/**
 * Packets among which are all that expressions mean: of one that is more than flower filters can express, what its parts
 * say that can be told.
 */
export function widest(match: readonly string[]): Cube[] {
  return match.length === 0 ? [EVERYTHING] : match.flatMap((text) => {
    const exact = exactly(text);
    if (exact) return exact;
    // What `or` joins, or a bracket holds, is not taken apart.
    if (/\bor\b|\|\||[()]/.test(text)) return [EVERYTHING];
    return text.split(/\s+(?:and|&&)\s+/).map((part) => exactly(part) ?? [EVERYTHING])
      .reduce((some, others) => intersectAll(some, others));
  });
}

/** What surely passes of what expressions mean. */
function excepted({ match, except }: Written): Cube[] {
  const among = widest(match);
  return except.flatMap((text) => exactly(text, among) ?? []);
}

/** The packets that are just those that an expression means, where that can be told. */
function exactly(text: string, among?: readonly Cube[]): Cube[] | undefined {
  try {
    return parseExact(text, { among });
  } catch (error) {
    if (error instanceof MatchError) return undefined;
    throw error;
  }
}
