import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  TCA_KIND,
  TCA_OPTIONS,
} from "../codec/assembly/constants.ts";
import type { FieldsRequest } from "../codec/request.ts";
import { treeRequest } from "../codec/tree_request.ts";
import { TC_PRIO_QOPT_PRIOMAP_AT } from "../codec/numbers.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import { attribute, COOKIE_MAX, words } from "./action.ts";
import { TEXT_MAX } from "./bpf_filter.ts";
import { type Chance, chanceText } from "./chance.ts";
import type { Compared, Hook, Side } from "./filter.ts";
import { RANKED_HANDLE, RANKS } from "./plug_requests.ts";

/** Which packets a gate sees: those that come in on a device, those that leave, or both. */
export type Direction = "ingress" | "egress" | "both";

/** What a gate's filters are: flower, or programs for the bpf classifier. */
export type FilterKind = Compared["kind"];

/** What a gate is, as far as the kernel cannot tell: kept as the alias of its device, for any process to find. */
export interface GateNote extends Chance {
  direction: Direction;
  /** The devices by their index, which stays when one is renamed. */
  devices: readonly number[];
  /** Those of them whose clsact a gate has made. */
  ownClsact: readonly number[];
  /** The limit that was last asked for. */
  limitBytes: number;
  priority: number;
  /** The kind of its filters: flower where that is not said. */
  kind?: FilterKind;
  /** How many filters it has on each hook. */
  filters: number;
  /** A short sign of what they compare, as `signOf` makes it; absent in a note of version 0.1.0. */
  sign?: string;
  /** The expressions as they were written, one of which a packet must fit; none for all packets. */
  match?: readonly string[];
  /** How many filters it has on each hook for what it lets pass. */
  exceptions?: number;
  /** The expressions for that as they were written. */
  except?: readonly string[];
  /** How many filters its own device has for what goes first; 0 or absent where all has one rank. */
  firstFilters?: number;
  /** The expressions for that as they were written. */
  first?: readonly string[];
}

/** The version of the text; one that adds words and changes none keeps it. */
const VERSION = "1";
/** What the kernel takes for an alias, in bytes: `IFALIASZ` without its NUL. */
const ALIAS_MAX = 255;
/** Between expressions, none of which has it. */
const BETWEEN = "; ";
/** What stands before each that says what passes. */
const EXCEPT = "except ";
/** What stands before each that says what goes first. */
const FIRST = "first ";
/** The longest limit and priority: a change of them must not cut the expressions. */
const LONGEST = { limitBytes: 0xffffffff, priority: 0xffff };

/**
 * A note as it is kept: what does not fit into the alias goes on with the gate's filters, in order, and with those of what
 * it lets pass: in the cookie of a flower filter's action, behind the program of a bpf filter.
 */
export interface KeptNote {
  alias: string;
  /** What goes on with each filter. */
  cookies: Uint8Array[];
}

/**
 * Formats a note: `plugctl=1 direction=egress devices=2,3 clsact=2 limit=1048576 priority=1000 filters=2
 * sign=8d0c4b5a match=tcp dst port 80; udp; except src host 10.0.0.1`.
 *
 * @throws {RangeError} where there are more devices than an alias holds, some 25 at least, or longer expressions than
 * fit into it and the cookies
 */
export function formatNote(note: GateNote): KeptNote {
  const { match = [], except = [], first = [], filters, exceptions = 0 } = note;
  const text = [...match, ...except.map((each) => EXCEPT + each), ...first.map((each) => FIRST + each)].join(BETWEEN);
  const places = filters + exceptions;
  const room = ALIAS_MAX - head({ ...note, ...LONGEST }, places).length;
  if (room < 0) {
    throw new RangeError(
      `a gate cannot have ${note.devices.length} devices: its note does not fit into ${ALIAS_MAX} bytes`,
    );
  }
  // Of UTF-16's units each takes three bytes of UTF-8 at the most
  if (3 * text.length <= room) return { alias: head(note, 0) + text, cookies: [] };
  const bytes = new TextEncoder().encode(text);
  const rest = bytes.subarray(room);
  const each = note.kind === "bpf" ? TEXT_MAX : COOKIE_MAX;
  const cookies = Array.from(
    { length: Math.ceil(rest.length / each) },
    (_, index) => rest.slice(index * each, (index + 1) * each),
  );
  if (cookies.length > places) {
    const most = room + places * each;
    const what = [
      "a gate's match",
      ...except.length === 0 ? [] : ["exceptions"],
      ...first.length === 0 ? [] : ["what goes first"],
    ].join(" and ");
    const filters = places === 1 ? "1 filter" : `${places} filters`;
    throw new RangeError(
      `${what} cannot have ${bytes.length} characters, at most ${most} with ${filters}: ` +
        "shorten it, or make several gates and name them all where they hold",
    );
  }
  return { alias: head(note, cookies.length) + new TextDecoder().decode(bytes.subarray(0, room)), cookies };
}

function head(note: GateNote, cookies: number): string {
  const { direction, devices, ownClsact, limitBytes, priority, kind, filters, exceptions = 0, firstFilters = 0 } = note;
  const { sign = "" } = note;
  return `plugctl=${VERSION} direction=${direction} devices=${devices.join()} clsact=${ownClsact.join()} ` +
    `limit=${limitBytes} priority=${priority} ${kind === "bpf" ? "kind=bpf " : ""}filters=${filters} ` +
    `${exceptions === 0 ? "" : `exceptions=${exceptions} `}${firstFilters === 0 ? "" : `first=${firstFilters} `}` +
    `${chanceWords(note)}sign=${sign} ` +
    `${cookies === 0 ? "" : `cookies=${cookies} `}match=`;
}

function chanceWords({ every, probability }: Chance): string {
  return `${every === undefined ? "" : `every=${every} `}${
    probability === undefined ? "" : `probability=${probability} `
  }`;
}

/** What stands before the expressions. */
const MATCH = " match=";

/** The words `name=value` of a note. */
function wordsOf(front: string): Map<string, string | undefined> {
  const words = new Map<string, string | undefined>();
  for (const word of front.split(" ")) {
    const at = word.indexOf("=");
    if (at < 0) words.set(word, undefined);
    else words.set(word.slice(0, at), word.slice(at + 1));
  }
  return words;
}

/** Parses a note; `undefined` where the text is none that this version understands. */
export function parseNote(alias: string, cookies: readonly Uint8Array[] = []): GateNote | undefined {
  const end = alias.indexOf(MATCH);
  const text = end < 0 ? undefined : alias.slice(end + MATCH.length);
  const words = wordsOf(end < 0 ? alias : alias.slice(0, end));
  const direction = words.get("direction");
  const note = {
    devices: numbers(words.get("devices")),
    ownClsact: numbers(words.get("clsact")),
    limitBytes: Number(words.get("limit") ?? NaN),
    priority: Number(words.get("priority") ?? NaN),
    filters: Number(words.get("filters") ?? NaN),
    exceptions: Number(words.get("exceptions") ?? 0),
    firstFilters: Number(words.get("first") ?? 0),
  };
  const whole = Object.values(note).flat().every((number) => Number.isInteger(number) && number >= 0);
  if (words.get("plugctl") !== VERSION || !whole || !isDirection(direction)) return undefined;
  const cut = Number(words.get("cookies") ?? 0);
  const written = text === undefined || cut > cookies.length ? undefined : expressions(text, cookies.slice(0, cut));
  return {
    direction,
    ...note,
    ...words.get("kind") === "bpf" ? { kind: "bpf" as const } : {},
    ...optional("every", words),
    ...optional("probability", words),
    sign: words.get("sign"),
    match: written?.filter((each) => !each.startsWith(EXCEPT) && !each.startsWith(FIRST)),
    except: written && behind(EXCEPT, written),
    first: written && behind(FIRST, written),
  };
}

/** What stands behind a word, in the expressions that begin with it. */
function behind(word: string, expressions: readonly string[]): string[] {
  return expressions.filter((each) => each.startsWith(word)).map((each) => each.slice(word.length));
}

function optional(name: "every" | "probability", words: ReadonlyMap<string, string | undefined>): Chance {
  const number = Number(words.get(name) ?? NaN);
  return Number.isFinite(number) ? { [name]: number } : {};
}

function isDirection(text: string | undefined): text is Direction {
  return text === "ingress" || text === "egress" || text === "both";
}

function expressions(start: string, cookies: readonly Uint8Array[]): string[] {
  const rest = cookies.map((cookie) => new TextDecoder().decode(cookie)).join("");
  return start + rest === "" ? [] : (start + rest).split(BETWEEN);
}

/** Which packets a gate holds, in words; `undefined` where that was not noted. */
export function packetsText(
  { match, except = [], first = [], ...chance }: Pick<GateNote, "match" | "except" | "first" | "every" | "probability">,
): string | undefined {
  const all = match && (match.join(" or ") || "all packets");
  const held = all && chanceText(chance) + [all, ...except.length === 0 ? [] : [except.join(" or ")]].join(" except ");
  return held && (first.length === 0 ? held : `${held}; first ${first.join(" or ")}`);
}

/** A note with another limit; what it does not say itself stays as it is. */
export function withLimit(alias: string, limitBytes: number): string {
  return alias.replace(/ limit=\d+ /, ` limit=${limitBytes} `);
}

/** The ways through a device that a direction means. */
export function sidesOf(direction: Direction): Side[] {
  return direction === "both" ? ["ingress", "egress"] : [direction];
}

/** The hooks that a gate's note names; of no note none. */
export function hooksOf(note: GateNote | undefined): Hook[] {
  return note?.devices.flatMap((ifindex) => sidesOf(note.direction).map((side) => ({ ifindex, side }))) ?? [];
}

function numbers(list: string | undefined): number[] {
  return list ? list.split(",").map(Number) : [];
}

/**
 * The txqueuelen of a gate's device, "PL" in ASCII. It is what the kernel takes together with the name, before the
 * note: who finds it knows the device for a gate's, also where its maker was killed right then.
 */
export const GATE_TXQUEUELEN = 0x504c;

const NEW = NLM_F_CREATE | NLM_F_EXCL;

/** Creates the ifb device of a gate. */
export function createDevice(name: string): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, flags: NEW, ifindex: 0, name, kind: "ifb", txqueuelen: GATE_TXQUEUELEN });
}

/**
 * Keeps the device from making itself an IPv6 address: its router solicitations would wait in its own plug. Refused
 * with EAFNOSUPPORT by a kernel without IPv6, whose devices have none anyway.
 */
export function quietDevice(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, addressless: true });
}

/** Takes the device up. */
export function takeUp(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, up: true });
}

/** Writes the note, as an alias, in place of an earlier one. */
export function writeNote(ifindex: number, alias: string): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, alias });
}

/** Deletes the device, and with it what its plug holds. */
export function deleteDevice(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_DELLINK, ifindex });
}

/** Creates the prio of a queue of two ranks: all that no filter sends elsewhere has the last. */
export function createPrio(ifindex: number): FieldsRequest {
  const options = new Uint8Array(TC_PRIO_QOPT_PRIOMAP_AT + 16).fill(RANKS.length - 1, TC_PRIO_QOPT_PRIOMAP_AT);
  new DataView(options.buffer).setInt32(0, RANKS.length, true);
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    fields: [
      ...words({ "family, pad": 0, ifindex, handle: RANKED_HANDLE, parent: TC_H_ROOT, info: 0 }),
      attribute("KIND", TCA_KIND, "prio"),
      attribute("OPTIONS", TCA_OPTIONS, options),
    ],
  };
}

/** Creates the qdisc that filters of both directions hang from, and that touches no packet by itself. */
export function createClsact(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_NEWQDISC, flags: NEW, ifindex, clsact: true });
}

/** Deletes it, and with it every filter that hangs there. */
export function deleteClsact(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_DELQDISC, ifindex, clsact: true });
}
