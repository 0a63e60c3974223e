import { NEIGHBOURS } from "../../gate/gate_plan.ts";
import { formatHandle, formatParent, TC_H_ROOT } from "../../codec/handle.ts";
import { numberOf } from "../../plug/quantity.ts";
import { nameOf, type QueueFacts } from "./watched_queue.ts";

/** What was done to a plug or a gate. `there`: it was there from the beginning; `unknown`: another program has changed it. */
export type DeedKind =
  | "there"
  | "attach"
  | "detach"
  | "buffer"
  | "release"
  | "release-one"
  | "release-packets"
  | "discard"
  | "limit"
  | "unknown";

/** Something that was done by hand. */
export interface Deed {
  /** When it was heard, in milliseconds since 1970. */
  atMs: number;
  what: DeedKind;
  facts: QueueFacts;
  /** The port of the socket that asked, and its process. */
  port?: number;
  by?: string;
  limitBytes?: number;
  /** How many packets waited right before. */
  waiting: number;
  /** What these were, in words, as far as they were seen. */
  seen: readonly string[];
  /** How many had left by then, and by when a release of some had settled. */
  sent: number;
  sentAfter?: number;
  /** How many packets were released, where that was not all. */
  packets?: number;
}

/** What is recorded where. */
export interface Recording {
  /** When it began, in milliseconds since 1970. */
  fromMs: number;
  netns?: string;
}

/** What the parts of one command follow each other within, in milliseconds. */
const ONE_COMMAND_MS = 2000;
/** What several queues are moved within by one command, in milliseconds. */
const AT_ONCE_MS = 50;
/** The longest that anything waits for packets, which come when somebody sends them. */
const PATIENCE = "10m";
const MAX_HOLD_LEAST_MS = 60_000;
/** How many of the packets that waited are listed. */
const LISTED_MOST = 5;
/** Below this a time is none that somebody has let pass, in milliseconds. */
const PAUSE_MS = 100;

/** The commands that deeds were parts of: plugctl releases so many packets by two BUFFERs and a RELEASE_ONE. */
export function commandsOf(deeds: readonly Deed[]): Deed[] {
  const commands: Deed[] = [];
  for (const deed of deeds) {
    const own = (other: Deed | undefined): other is Deed =>
      other !== undefined && other.port === deed.port && keyOf(other) === keyOf(deed) &&
      deed.atMs - other.atMs < ONE_COMMAND_MS;
    if (deed.what === "release-one" && deed.facts.gate && isByNumber(commands, own)) {
      const parts = countOf(commands, (other) => own(other) && (other.what === "buffer" || other.what === "limit"));
      const [first] = commands.splice(commands.length - parts, parts);
      const { atMs, waiting, sent, seen } = first;
      const last = commands.at(-1);
      const { sentAfter = sent } = deed;
      // It does so in turns where many are released, or step by step.
      if (own(last) && last.what === "release-packets") last.packets = sentAfter - last.sent;
      else commands.push({ ...deed, atMs, waiting, sent, seen, what: "release-packets", packets: sentAfter - sent });
    } else commands.push({ ...deed });
  }
  const released = commands.filter(({ what, packets }) => what !== "release-packets" || packets !== 0);
  return withoutIdle(withFirstHolds(released));
}

/**
 * Whether the last deeds are what stands before RELEASE_ONE where packets are released by number: two BUFFERs that set a
 * limit, with room for what is counted, as those that are commands of their own do not.
 */
function isByNumber(commands: readonly Deed[], own: (other: Deed) => boolean): boolean {
  const last = commands.slice(-2);
  return last.length === 2 && last.every((deed) => own(deed) && deed.what === "buffer" && (deed.limitBytes ?? 0) > 0);
}

function countOf(deeds: readonly Deed[], isMeant: (deed: Deed) => boolean): number {
  const other = deeds.findLastIndex((deed) => !isMeant(deed));
  return Math.min(deeds.length - 1 - other, 3);
}

/** What was there and held is told to hold: something waited in it before anybody has asked for that. */
function withFirstHolds(deeds: readonly Deed[]): Deed[] {
  return deeds.flatMap((deed, index): Deed[] => {
    if (deed.what !== "there") return [deed];
    const next = deeds.slice(index + 1).find((other) => keyOf(other) === keyOf(deed));
    const isHeld = deed.waiting > 0 || next !== undefined && next.waiting > 0;
    return isHeld ? [deed, { ...deed, what: "buffer", seen: [], waiting: 0 }] : [deed];
  });
}

/**
 * Without releases of what passes, which do nothing. What is told to hold while it passes has nothing waiting: what was seen
 * of that came right behind, and is waited for where it is released.
 */
function withoutIdle(deeds: readonly Deed[]): Deed[] {
  const holds = new Map<string, boolean>();
  return deeds.flatMap((deed) => {
    const { what } = deed;
    const isPassing = holds.get(keyOf(deed)) === false;
    if (what === "buffer") holds.set(keyOf(deed), true);
    else if (what === "attach" || what === "release") holds.set(keyOf(deed), false);
    if (what === "buffer" && isPassing) return [{ ...deed, waiting: 0, seen: [] }];
    return isPassing && what.startsWith("release") ? [] : [deed];
  });
}

/** The scenario that does what was done, and waits for packets where these had come. */
export function scenarioOf(deeds: readonly Deed[], { fromMs, netns }: Recording): string {
  const commands = commandsOf(deeds);
  const names = namesOf(commands);
  const steps = new Steps(names, fromMs, netns);
  for (let index = 0; index < commands.length;) {
    const together = atOnce(commands, index);
    steps.add(together);
    index += together.length;
  }
  const there = commands.filter(({ what }) => what === "there");
  const [gates, plugs] = [true, false].map((isGate) =>
    there.filter(({ facts }) => (facts.gate !== undefined) === isGate).map((deed) =>
      `  ${nameFor(names, deed)}: ${specOf(deed.facts, netns)}`
    )
  );
  const when = new Date(fromMs).toISOString().slice(0, 16).replace("T", " ");
  return [
    `# Recorded by plugctl record. What is sent is not a part of it: where packets had come, it waits for as many.`,
    `name: recorded ${when} UTC`,
    `timeout: 1h`,
    `max-hold: ${Math.ceil(Math.max(MAX_HOLD_LEAST_MS, 3 * longestHold(commands)) / 1000)}s`,
    `defaults: { timeout: ${PATIENCE} } # for which each step waits for packets`,
    ...netns === undefined ? [] : [`hosts: { there: { netns: ${JSON.stringify(netns)} } }`],
    ...gates.length > 0 ? ["gates:", ...gates] : [],
    ...plugs.length > 0 ? ["plugs:", ...plugs] : [],
    "steps:",
    ...steps.lines,
    "",
  ].join("\n");
}

/** Those that one command has done to several queues: one send. */
function atOnce(commands: readonly Deed[], index: number): Deed[] {
  const first = commands[index];
  const isMoved = first.what === "buffer" || first.what === "release" || first.what === "release-one";
  if (!isMoved || first.port === undefined) return [first];
  const rest = commands.slice(index);
  const end = rest.findIndex(({ what, port, atMs }) =>
    what !== first.what || port !== first.port || atMs - first.atMs > AT_ONCE_MS
  );
  const together = end < 0 ? rest : rest.slice(0, end);
  return new Set(together.map(keyOf)).size === together.length ? together : [first];
}

/** Writes steps. */
class Steps {
  readonly lines: string[] = [];
  readonly #names: ReadonlyMap<string, string>;
  readonly #fromMs: number;
  readonly #netns?: string;
  #lastMs: number;

  constructor(names: ReadonlyMap<string, string>, fromMs: number, netns?: string) {
    this.#names = names;
    this.#fromMs = this.#lastMs = fromMs;
    this.#netns = netns;
  }

  add(deeds: readonly Deed[]): void {
    const [{ what, atMs, by }] = deeds;
    if (what === "there") return;
    const waits = deeds.filter(({ waiting }) => what !== "attach" && waiting > 0);
    for (const deed of waits) this.#wait(deed);
    const at = `# at ${((atMs - this.#fromMs) / 1000).toFixed(3)} s${by === undefined ? "" : `, by ${by}`}`;
    if (what === "unknown") {
      const names = deeds.map((deed) => nameFor(this.#names, deed)).join(", ");
      this.lines.push(`  # ${names} was changed by another program; what it asked is not known ${at.slice(2)}`);
      return;
    }
    // Where nothing had come that it could wait for, the time itself is what somebody waited for.
    const pausedMs = atMs - this.#lastMs;
    const isTime = waits.length === 0 && what.startsWith("release") && pausedMs >= PAUSE_MS;
    if (isTime) this.lines.push(`  - sleep: ${Math.round(pausedMs)}ms`);
    this.lines.push(`  - ${this.#stepOf(deeds)} ${at}`);
    this.#lastMs = atMs;
  }

  #wait(deed: Deed): void {
    const { facts, waiting, seen } = deed;
    const kind = facts.gate ? "gate" : "plug";
    this.lines.push(`  - wait: { ${kind}: ${nameFor(this.#names, deed)}, backlog: ">=${waiting}" }`);
    for (const packet of seen.slice(0, LISTED_MOST)) this.lines.push(`    #   ${packet}`);
    if (seen.length > LISTED_MOST) this.lines.push(`    #   and ${seen.length - LISTED_MOST} more`);
  }

  #stepOf(deeds: readonly Deed[]): string {
    const [deed] = deeds;
    const { what, facts, packets = 0, limitBytes = 0 } = deed;
    const names = deeds.map((each) => nameFor(this.#names, each));
    const listed = names.length === 1 ? names[0] : `[${names.join(", ")}]`;
    const kind = facts.gate ? "gate" : "plug";
    switch (what) {
      case "attach":
        return `attach: ${specOf(facts, this.#netns).replace("{ ", `{ ${kind}: ${names[0]}, `)}`;
      case "release-packets":
        return `release: { gate: ${names[0]}, packets: ${packets} }`;
      case "limit":
        return `limit: { ${kind}: ${names[0]}, size: ${limitBytes} }`;
      case "buffer":
      case "release":
      case "release-one":
      case "detach":
      case "discard":
        return `${what}: ${listed}`;
      case "there":
      case "unknown":
        throw new TypeError(`Cannot write ${what} as a step`);
      default:
        return what satisfies never;
    }
  }
}

function keyOf({ facts: { place } }: Deed): string {
  return `${place.ifindex}/${place.parent}`;
}

/** What each queue is called: a gate by its name, a plug by its device, by words that a scenario takes. */
function namesOf(deeds: readonly Deed[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { facts } of deeds) {
    const wanted = nameOf(facts);
    if (names.has(wanted)) continue;
    const plain = facts.gate ? wanted : wanted.replaceAll(/[^A-Za-z0-9_-]/g, "_").replace(/^[^A-Za-z]/, "p$&");
    const taken = new Set(names.values());
    let name = plain;
    for (let number = 2; taken.has(name); number++) name = `${plain}_${number}`;
    names.set(wanted, name);
  }
  return names;
}

function nameFor(names: ReadonlyMap<string, string>, { facts }: Deed): string {
  return names.get(nameOf(facts)) ?? nameOf(facts);
}

/** A gate or a plug as it is defined. */
function specOf({ gate, dev, place }: QueueFacts, netns: string | undefined): string {
  const host = netns === undefined ? [] : ["host: there"];
  const text = (value: string) => JSON.stringify(value);
  const several = (values: readonly string[]) =>
    values.length === 1 ? text(values[0]) : `[${values.map(text).join(", ")}]`;
  if (!gate) {
    const { parent, handle } = place;
    const below = parent === TC_H_ROOT
      ? []
      : [`parent: ${text(formatParent(parent))}`, `handle: ${text(formatHandle(handle))}`];
    return `{ ${[...host, `dev: ${text(dev)}`, ...below].join(", ")} }`;
  }
  const { devs, direction = "egress", match = [], except = [], first = [], every, probability, limitBytes, priority } =
    gate;
  return `{ ${
    [
      ...host,
      `dev: ${several(devs)}`,
      `direction: ${direction}`,
      ...match.length > 0 ? [`match: ${several(match)}`] : [],
      ...match.length === 0 && !NEIGHBOURS.every((text) => except.includes(text)) ? ["with-arp: true"] : [],
      ...except.length > 0 ? [`except: ${several(except)}`] : [],
      ...first.length > 0 ? [`first: ${several(first)}`] : [],
      ...every === undefined ? [] : [`every: ${every}`],
      ...probability === undefined ? [] : [`probability: ${probability}`],
      ...limitBytes === undefined ? [] : [`limit: ${limitBytes}`],
      ...priority === undefined ? [] : [`priority: ${priority}`],
    ].join(", ")
  } }`;
}

/** The longest that any queue held without a release, in milliseconds. */
function longestHold(deeds: readonly Deed[]): number {
  const since = new Map<string, number>();
  let longest = 0;
  for (const deed of deeds) {
    const key = keyOf(deed);
    const from = since.get(key);
    if (deed.what === "buffer" && from === undefined) since.set(key, deed.atMs);
    if (from === undefined || deed.what === "buffer" || deed.what === "limit") continue;
    longest = Math.max(longest, deed.atMs - from);
    if (deed.what === "release" || deed.what === "detach") since.delete(key);
  }
  return longest;
}

/** What was done in words: `web: release 2 packets, 3 packets waiting, by process 12 (deno)`. */
export function describeDeed({ what, facts, waiting, packets = 0, by }: Deed): string {
  const words: Readonly<Record<DeedKind, string>> = {
    "there": "is there",
    "attach": "attached",
    "detach": "detached",
    "buffer": "buffer",
    "release": "release",
    "release-one": "release one",
    "release-packets": `release ${numberOf(packets, "packet")}`,
    "discard": "discard",
    "limit": "limit",
    "unknown": "changed by another program",
  };
  const waits = waiting > 0 ? `, ${numberOf(waiting, "packet")} waiting` : "";
  return `${nameOf(facts)}: ${words[what]}${waits}${by === undefined ? "" : `, by ${by}`}`;
}
