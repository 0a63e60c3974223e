/**
 * A gate and a plug of a scenario: what is written of one, and what that means.
 *
 * @module
 */

import * as v from "valibot";
import { parseHandle, parseParent } from "../codec/handle.ts";
import { parseProbability } from "../plug/chance.ts";
import { packetsText } from "../plug/gate_device.ts";
import { gateDevice } from "../plug/gate_name.ts";
import { exceptionsOf, parseDirection, planGate } from "../gate/gate_plan.ts";
import { checkExpression, checkSeen } from "../gate/match/meaning.ts";
import { MatchError } from "../gate/match/reader.ts";
import type { PlannedGate, PlannedPlug, PlannedQueue } from "./plan.ts";
import { type Context, type GivenHost, mistake, planHostOf, type Reference } from "./source/context.ts";
import { byKind, mapping, parsed, type Schema } from "./source/check.ts";
import { NAME, oneOrMore, SIZE, SOME_TEXT, wholeNumber } from "./source/scalar.ts";
import { follow, type Place, placeWithin, type Tree } from "./source/tree.ts";

const NEW_DEVICE_EXPECTED = "a device's name: up to 15 letters, no space, / or :";
/** The name of a network device that is made. */
export const NEW_DEVICE = v.pipe(
  v.string(NEW_DEVICE_EXPECTED),
  v.regex(/^(?!\.{1,2}$)[^\s/:\0]{1,15}$/, NEW_DEVICE_EXPECTED),
);

const DEVICE_EXPECTED = "a device's name or altname: up to 127 letters, no space, / or :";
/** A network device that is there. */
const DEVICE = v.pipe(v.string(DEVICE_EXPECTED), v.regex(/^(?!\.{1,2}$)[^\s/:\0]{1,127}$/, DEVICE_EXPECTED));

const GATE_EXPECTED = "a gate's name: 1 to 10 letters, no space, /, : or %";
/** A gate. */
export const GATE_NAME = parsed(v.pipe(v.string(GATE_EXPECTED), v.regex(/^[^\s/:%]{1,10}$/, GATE_EXPECTED)), {
  parse: (name) => gateDevice(name) && name,
  expected: GATE_EXPECTED,
});

/** Gates and plugs, by name: one or a list. */
export const QUEUES = oneOrMore(SOME_TEXT, "the name of a gate or a plug, or a list of them");

const PROBABILITY_EXPECTED = "a part of the matching packets, chosen at random: 5%, or 0.05";
const PROBABILITY: Schema<number> = byKind({
  scalar: parsed(v.union([v.string(), v.number()], PROBABILITY_EXPECTED), {
    parse: (value) => parseProbability(String(value)),
    expected: PROBABILITY_EXPECTED,
  }),
}, PROBABILITY_EXPECTED);

/** What defines a gate. */
export const GATE_ENTRIES = {
  host: v.optional(NAME),
  dev: oneOrMore(DEVICE, `${DEVICE_EXPECTED}; or a list of them`),
  direction: v.picklist(
    ["in", "out", "both", "ingress", "egress"],
    "in (ingress) for packets that come in, out (egress) for those that leave, or both",
  ),
  match: v.optional(oneOrMore(SOME_TEXT, "an expression such as tcp dst port 80, or a list of alternatives")),
  except: v.optional(oneOrMore(SOME_TEXT, "an expression for packets that pass, such as arp, or a list of them")),
  first: v.optional(oneOrMore(SOME_TEXT, "an expression for packets that leave first, such as fin, or a list of them")),
  "with-arp": v.optional(v.literal(true, "true: hold ARP and neighbour discovery, too, of a gate without a match")),
  every: v.optional(wholeNumber(2, 65535, "N, from 2 to 65535: only every Nth of the matching packets")),
  probability: v.optional(PROBABILITY),
  limit: v.optional(SIZE),
  priority: v.optional(wholeNumber(1, 65535)),
  force: v.optional(v.literal(true, "true: its packets may bypass filters that others have put behind it")),
};

const PARENT_EXPECTED = "root, or a class, MAJOR:MINOR in hexadecimal";
const HANDLE_EXPECTED = "a handle, MAJOR: in hexadecimal";

/** What defines a plug. */
export const PLUG_ENTRIES = {
  host: v.optional(NAME),
  dev: DEVICE,
  parent: v.optional(parsed(v.string(PARENT_EXPECTED), { parse: parseParent, expected: PARENT_EXPECTED })),
  handle: v.optional(parsed(v.string(HANDLE_EXPECTED), { parse: parseHandle, expected: HANDLE_EXPECTED })),
  limit: v.optional(SIZE),
};

/** What is written of a gate. */
export type GateFields = v.InferOutput<v.ObjectSchema<typeof GATE_ENTRIES, string>>;
/** What is written of a plug. */
export type PlugFields = v.InferOutput<v.ObjectSchema<typeof PLUG_ENTRIES, string>>;

/** A gate under `gates:`. */
export const GATE = mapping(GATE_ENTRIES, "a mapping: { dev: lo, direction: egress, match: tcp dst port 80 }");

/** A plug under `plugs:`. */
export const PLUG = mapping(PLUG_ENTRIES, "a mapping: { dev: eth0, limit: 1MiB }");

/** Where a gate or a plug is defined. */
export interface Defined {
  name: string;
  /** Where its name stands. */
  place: Place;
  /** What defines it. */
  tree: Tree;
  /** The host that the step names, where it is a step. */
  given?: GivenHost;
}

/** A gate, from what is written. */
export function gateOf(fields: GateFields, { name, place, tree, given }: Defined, context: Context): PlannedGate {
  define(name, { kind: "gate", place, context });
  const gate: PlannedGate = {
    kind: "gate",
    name,
    host: planHostOf(ownHost(fields.host, tree) ?? given, { tree, what: `gate ${name}`, context }),
    devs: fields.dev,
    direction: parseDirection(fields.direction),
    match: fields.match ?? [],
    except: fields.except ?? [],
    ...fields.first === undefined ? {} : { first: fields.first },
    ...fields["with-arp"] ? { withArp: true } : {},
    ...fields.every === undefined ? {} : { every: fields.every },
    ...fields.probability === undefined ? {} : { probability: fields.probability },
    limitBytes: fields.limit,
    priority: fields.priority,
    force: fields.force,
    line: place.line,
  };
  const before = context.mistakes.length;
  gate.match.forEach((text, index) => checkMatch(text, { tree: follow(tree, ["match", index]), context }));
  if (context.mistakes.length === before) checkParts(gate, { tree, context });
  if (context.mistakes.length === before) refused(() => planGate(gate), { tree, what: `gate ${name}`, context });
  return context.mistakes.length === before ? { ...gate, except: exceptionsOf(gate, gate.match) } : gate;
}

/** A plug, from what is written. */
export function plugOf(fields: PlugFields, { name, place, tree, given }: Defined, context: Context): PlannedPlug {
  define(name, { kind: "plug", place, context });
  return {
    kind: "plug",
    name,
    host: planHostOf(ownHost(fields.host, tree) ?? given, { tree, what: `plug ${name}`, context }),
    dev: fields.dev,
    parent: fields.parent,
    handle: fields.handle,
    limitBytes: fields.limit,
    line: place.line,
  };
}

function define(
  name: string,
  { kind, place, context }: { kind: "gate" | "plug"; place: Place; context: Context },
): void {
  const before = context.queues.get(name);
  if (before !== undefined && before !== kind) {
    const { line, column } = place;
    context.mistakes.push({ line, column, what: `${name} is a ${before} already`, expected: "another name" });
  }
  context.queues.set(name, kind);
}

/** Notes what is wrong in an expression, with its place in the text. */
export function checkMatch(text: string, { tree, context }: { tree: Tree; context: Context }): void {
  noteMistake(() => checkExpression(text), { text, tree, context });
}

/** The same of one for packets that are seen. */
export function checkSeenMatch(text: string, { tree, context }: { tree: Tree; context: Context }): void {
  noteMistake(() => checkSeen(text), { text, tree, context });
}

/** The same of what is excepted, and of what goes first; that nothing would be left is said of the gate. */
function checkParts(gate: PlannedGate, { tree, context }: { tree: Tree; context: Context }): void {
  for (const [key, called] of [["except", "the exception"], ["first", "what goes first"]] as const) {
    gate[key]?.forEach((text, index) => {
      const written = follow(tree, [key, index]);
      noteMistake(() => checkExpression(text, { within: gate.match }), { text, tree: written, context, called });
    });
  }
}

function noteMistake(
  parse: () => void,
  { text, tree: written, context, called = "the match" }: {
    text: string;
    tree: Tree;
    context: Context;
    called?: "the match" | "the exception" | "what goes first";
  },
): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof MatchError)) throw error;
    const verbatim = written.kind === "scalar" && written.value === text;
    const { line, column } = verbatim ? placeWithin(written, error.position) : written;
    const part = text.slice(error.position, error.position + error.length);
    const what = error.problem ?? (part ? `${JSON.stringify(part)} in ${called}` : `${called} ends`);
    const { expected, hint } = error;
    context.mistakes.push({ line, column, what, expected, ...hint === undefined ? {} : { hint } });
  }
}

/** Notes what a part of the library refuses. */
function refused(check: () => void, { tree, what, context }: { tree: Tree; what: string; context: Context }): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { line, column } = tree;
    context.mistakes.push({ line, column, what: `${what} cannot be: ${error.message}`, expected: "something else" });
  }
}

/** The host that a definition itself names. */
function ownHost(host: string | undefined, tree: Tree): GivenHost | undefined {
  if (host === undefined) return undefined;
  const { line, column } = follow(tree, ["host"]);
  return { host, line, column };
}

/** Notes names of gates and plugs, each of which may be given once. */
export function queuesOf(
  names: readonly string[],
  { tree, context, kind = "queue" }: { tree: Tree; context: Context; kind?: Reference["kind"] },
): readonly string[] {
  names.forEach((name, index) => {
    const { line, column } = follow(tree, [index]);
    context.references.push({ kind, name, line, column });
    if (names.indexOf(name) === index) return;
    mistake({ line, column }, { what: `${name} is given twice`, expected: "each name once" }, context);
  });
  return names;
}

/** A gate or a plug, in words. */
export function describeQueue(queue: PlannedQueue): string {
  const limit = queue.limitBytes === undefined ? "" : `, limit ${queue.limitBytes} bytes`;
  const host = queue.host === undefined ? "" : ` of ${queue.host}`;
  if (queue.kind === "plug") return `plug ${queue.name} to ${queue.dev}${host}${limit}`;
  return `gate ${queue.name} to ${queue.devs.join(", ")}${host}: ${queue.direction}, ${packetsText(queue)}${limit}`;
}
