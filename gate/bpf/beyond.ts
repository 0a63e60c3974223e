import type { Instruction } from "../../linux/bpf.ts";
import { compileExpression, ExpressionError, type LinkHeader, NoLibpcapError } from "../../linux/libpcap.ts";
import type { Bits, Cube } from "../../plug/match/cube.ts";
import { ETHER_TYPE, ETHER_TYPES } from "../../plug/match/fields.ts";
import { CLAUSES, type PlainClause } from "../match/clauses.ts";
import { Program, ProgramError } from "./program.ts";
import { MatchError, Reader, type Word } from "../match/reader.ts";
import { services } from "../match/services.ts";

// What flower filters cannot express: tcpdump's words, compiled by libpcap.

/** How long a program may be: what tells of a filter must fit into the smallest page. */
export const INSTRUCTIONS_MAX = 400;

/** Words of tcpdump that are followed by a name of their own. */
const NAMED = ["port", "portrange", "proto"];
/** Words of tcpdump for which flower has no keys. */
const BEYOND =
  ("less greater len byte link protochain inbound outbound gateway mpls pppoed pppoes geneve igrp carp iso clnp esis isis stp ipx " +
    "netbeui lat decnet moprc mopdl aarp atalk sca").split(" ");
/** Those of them that a gate has other words for, or that take the name of a host. */
const REFUSED = ["inbound", "outbound", "gateway"];
/** Words of tcpdump, as `pcap-filter` lists them: libpcap takes any other for the name of a host, and asks the network for it. */
const WORDS = new Set([
  ...("and or not && || ( ) ! src dst host net mask port portrange proto broadcast multicast vlan ip ip6 arp rarp tcp udp sctp " +
    "icmp icmp6 igmp pim vrrp ah esp ether").split(" "),
  ...BEYOND.filter((word) => !REFUSED.includes(word)),
]);
/** Numbers, addresses, comparisons and arithmetic, and what stands in square brackets. */
const OPERAND = /^(?:0x[0-9a-f]+|[0-9][0-9a-f.:/-]*|[0-9a-f:.]*:[0-9a-f:./]*|[-+*/%&|^<>=!]+|\w*\[.*|.*\])$/i;
/** The names that libpcap gives to numbers of ICMP and flags of TCP. */
const CONSTANT = /^(?:icmp|icmp6|tcp)-?[a-z0-9]*$/;
const JOINTS = ["and", "or", "&&", "||"];

/** Clauses that tcpdump has no words for, but can say. */
const OWN: ReadonlyMap<string, PlainClause> = new Map(
  CLAUSES.flatMap((clause) =>
    "read" in clause && clause.fields.some(({ tcpdump }) => tcpdump)
      ? clause.words.map((word) => [word, clause] as const)
      : []
  ),
);

/** What is behind words of tcpdump that is our own: `icmp type echo`, `arp op reply`. */
const PARTS = ["type", "code", "op"];

/** Signs between words that may stand without spaces. */
const SIGNS = /[|&<>=!+*%^]+/;

/** Whether a word is tcpdump's, and flower cannot look at what it says. */
export function isBeyondFlower(word: string): boolean {
  return BEYOND.includes(word) || word.includes("[");
}

/** The first word of an expression that libpcap would take for the name of a host, or not know; `undefined` where there is none. */
export function unknownToTcpdump(expression: string): Word | undefined {
  const reader = new Reader(expression);
  let [before, depth] = ["", 0];
  while (reader.peek() !== undefined) {
    const word = reader.take("");
    const { text } = word;
    const isInside = depth > 0;
    depth += text.split("[").length - text.split("]").length;
    if (!isInside && !text.split(SIGNS).every((part) => part === "" || isKnown(part, before))) return word;
    before = text;
  }
}

/** Whether a word is tcpdump's or our own, or what is expected behind the one before. */
function isKnown(word: string, before: string): boolean {
  if ([...NAMED, ...PARTS].includes(before) || OWN.has(before) && !WORDS.has(before)) return true;
  return WORDS.has(word) || OWN.has(word) || PARTS.includes(word) || OPERAND.test(word) ||
    CONSTANT.test(word) || word.startsWith("\\") || services().has(word);
}

/** Those that fit an expression: of these words too, where they are given. */
export function compileMatch(
  expression: string,
  { within, link }: { within?: string; link: LinkHeader },
): Program {
  const words = [...within === undefined ? [] : [within], expression].map(inTcpdumpsWords);
  const text = words.length === 1 ? words[0] : words.map((each) => `(${each})`).join(" and ");
  return checked(expression, () => Program.from(compileExpression(text, link)));
}

/** The instructions of a program for devices whose packets begin with such a header. */
export function finish(
  program: Program,
  { expression, link }: { expression: string; link: LinkHeader },
): Instruction[] {
  return checked(expression, () => {
    const instructions = (link === "ethernet" ? program.seeingTags() : program).instructions();
    if (instructions.length <= INSTRUCTIONS_MAX) return instructions;
    throw new ProgramError(`it takes ${instructions.length} instructions of BPF, at most ${INSTRUCTIONS_MAX}`);
  });
}

function checked<T>(expression: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof NoLibpcapError) {
      const text = JSON.stringify(expression);
      throw new NoLibpcapError(
        `Cannot compile ${text}: it is more than flower filters can express, and takes libpcap, which is not there`,
        { cause: error },
      );
    }
    if (!(error instanceof ExpressionError || error instanceof ProgramError)) throw error;
    const problem = error instanceof ProgramError ? error.message : `libpcap says: ${error.message}`;
    const expected = "an expression as tcpdump takes it";
    throw new MatchError({ expression, position: 0, length: expression.length, expected, problem });
  }
}

/** An expression in tcpdump's own words. */
export function inTcpdumpsWords(expression: string): string {
  const reader = new Reader(expression);
  const parts: string[] = [];
  let isOperand = false;
  const join = () => {
    if (isOperand) parts.push("and");
  };
  let wasOwn = false;
  while (reader.peek() !== undefined) {
    const next = reader.peek() ?? "";
    if (!next.startsWith("!=") && reader.takeNot()) {
      parts.push("not");
      [isOperand, wasOwn] = [false, false];
      continue;
    }
    const word = reader.take("");
    const clause = OWN.get(word.text);
    const isOwn = clause && (!WORDS.has(word.text) || PARTS.includes(reader.peek() ?? ""));
    if (isOwn) {
      join();
      parts.push(`(${clause.read(reader, word).map(textOf).join(" or ")})`);
    } else {
      const isJoint = JOINTS.includes(word.text) || word.text === ")";
      if (wasOwn && !isJoint) parts.push("and");
      parts.push(word.text);
    }
    wasOwn = isOwn === true;
    isOperand = wasOwn || ![...JOINTS, "(", "not"].includes(word.text);
  }
  return parts.join(" ");
}

/** What a cube of our own words says, in those of tcpdump. */
function textOf(cube: Cube): string {
  const type = cube.get(ETHER_TYPE);
  const family = type && "mask" in type && type.value === BigInt(ETHER_TYPES.ip6) ? 6 : 4;
  return [...cube].flatMap(([field, wanted]) => field.tcpdump?.(wanted as Bits, family) ?? []).join(" and ");
}
