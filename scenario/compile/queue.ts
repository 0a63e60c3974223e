import { parseDirection, planGate } from "../../gate/gate_plan.ts";
import { MatchError } from "../../gate/match/match_error.ts";
import { parseMatch } from "../../gate/match/expression.ts";
import type { PlannedGate, PlannedPlug } from "../plan.ts";
import type { GateFields, PlugFields } from "../schema/queue.ts";
import { follow, type Place, type Tree } from "../source/tree.ts";
import { placeWithin } from "../source/variables.ts";
import type { Context } from "./context.ts";
import { type GivenHost, planHostOf } from "./host_of.ts";

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
    limitBytes: fields.limit,
    priority: fields.priority,
    force: fields.force,
    line: place.line,
  };
  const before = context.mistakes.length;
  gate.match.forEach((text, index) => checkMatch(text, { tree, index, context }));
  if (context.mistakes.length === before) refused(() => planGate(gate), { tree, what: `gate ${name}`, context });
  return gate;
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

function checkMatch(text: string, { tree, index, context }: { tree: Tree; index: number; context: Context }): void {
  try {
    parseMatch(text);
  } catch (error) {
    if (!(error instanceof MatchError)) throw error;
    const written = follow(tree, ["match", index]);
    const verbatim = written.kind === "scalar" && written.value === text;
    const { line, column } = verbatim ? placeWithin(written, error.position) : written;
    const part = text.slice(error.position, error.position + error.length);
    const what = error.problem ?? (part ? `${JSON.stringify(part)} in the match` : "the match ends");
    context.mistakes.push({ line, column, what, expected: error.expected });
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
