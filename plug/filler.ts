import { RTM_GETLINK } from "../codec/assembly/constants.ts";
import {
  IFINFOMSG_END,
  IFLA_IFALIAS,
  IFLA_STATS64,
  RTNL_LINK_STATS64_RX_DROPPED_AT,
  RTNL_LINK_STATS64_RX_PACKETS_AT,
  RTNL_LINK_STATS64_TX_DROPPED_AT,
  RTNL_LINK_STATS64_TX_PACKETS_AT,
} from "../codec/numbers.ts";
import type { QdiscStats } from "../codec/message.ts";
import { bytesOf, findAttribute, readAttributes, type Records } from "../codec/records.ts";
import type { Connection } from "../netlink/connection.ts";
import { gateName } from "./gate_name.ts";

/**
 * A filler: a packet of no use that is put into a gate's plug to be counted there. RELEASE_ONE lets as many packets leave
 * from the head of the queue as the ended epoch had, whichever those were: an epoch of N fillers releases the N packets
 * that are first. A filler itself is discarded when it leaves: an ifb sends on nothing that was not redirected to it. It
 * has the EtherType that IEEE 802 keeps for local experiments.
 */
export const FILLER = Uint8Array.of(2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0x88, 0xb5, 0x50, 0x4c);

/** Whether a packet is a filler, by the bytes of it that were kept. */
export function isFiller(bytes: Uint8Array, length: number): boolean {
  return length === FILLER.length && FILLER.every((byte, at) => at >= bytes.length || bytes[at] === byte);
}

/**
 * What is kept of the fillers of a gate, in the alias of its device. Packets of the queue have numbers: the first that
 * ever left by the device has 0.
 */
export interface FillerNote {
  /** How many fillers were ever sent. */
  sent: number;
  /** The number behind the last packet that was there when packets were released by number: until it has left, epochs are counted here. */
  until: number;
  /** The number behind the last packet of the epoch that was ended since. */
  ended?: number;
  /** Where the fillers are, from the first on. */
  groups: readonly FillerGroup[];
}

/** Fillers that stand together, or among as many other packets as make up the span. */
export interface FillerGroup {
  at: number;
  span: number;
  count: number;
}

/** What the kernel has of a gate's device that says what became of fillers. */
export interface GateTraffic {
  alias: string;
  /** How many packets have left the plug, fillers included: the number of the packet that is first in the queue. */
  left: number;
  /** How many of these were fillers, which the device has discarded. */
  discarded: number;
  /** How many of these it has sent on, or could not since the device that they came from is gone. */
  sentOn: number;
}

/** What a gate does to release packets by number. */
export interface Numbering<Queue> {
  /** Whether epochs are counted here, as far as this process knows: packets were released by number. */
  readonly isActive: boolean;
  /**
   * Releases so many of the packets that have waited longest, and tells how many that really were; without a look whether
   * the plug holds where that is known.
   */
  release(queue: Queue, packets: number, options?: { isHeld?: boolean }): number;
  /** Discards all that is held, goes on holding, and tells how many packets that were. */
  discard(queue: Queue): number;
  /** Releases the epoch that has ended, and tells whether it could: where not, the kernel counts it. */
  releaseOne(queue: Queue): boolean;
  /** The plug was asked to hold: where it held already, an epoch has ended. */
  endEpoch(queue: Queue): void;
  /** How many bytes of the limit packets take that are put there to be counted. */
  extraBytes(queue: Queue): number;
}

/** What a device's alias holds: `IFALIASZ` without its NUL. */
const ALIAS_MAX = 255;
/** In how many groups it is kept where fillers are, at the most. */
const GROUPS_MAX = 12;
const KEY = / fillers=(\S*)/;

/** The note in an alias; `undefined` where no packet of the gate was ever released by number. */
export function parseFillerNote(alias: string): FillerNote | undefined {
  const [, text] = KEY.exec(headOf(alias)) ?? [];
  if (text === undefined) return undefined;
  const [sent, until, ended, ...groups] = text.split(",");
  const note = {
    sent: numberIn(sent),
    until: numberIn(until),
    ended: ended ? numberIn(ended) : undefined,
    groups: groups.map((group) => {
      const [at, span, count = span] = group.split("+").map(numberIn);
      return { at, span, count };
    }),
  };
  const numbers = [note.sent, note.until, note.ended ?? 0, ...note.groups.flatMap(Object.values)];
  return numbers.every((number) => Number.isSafeInteger(number)) ? note : undefined;
}

/** The alias with another note: with fewer groups where it has not room for all; `undefined` where it has room for none. */
export function withFillerNote(alias: string, note: FillerNote): string | undefined {
  const head = headOf(alias);
  for (let groups = note.groups;; groups = joinTwo(groups)) {
    const text = groups.length > GROUPS_MAX ? undefined : head.replace(KEY, "") + formatNote({ ...note, groups }) +
      alias.slice(head.length);
    if (text !== undefined && new TextEncoder().encode(text).length <= ALIAS_MAX) return text;
    if (groups.length < 2) return undefined;
  }
}

/** What stands before the expressions, which may have any words. */
function headOf(alias: string): string {
  const end = alias.indexOf(" match=");
  return end < 0 ? alias : alias.slice(0, end);
}

function formatNote({ sent, until, ended, groups }: FillerNote): string {
  const fields = groups.map(({ at, span, count }) => (count === span ? [at, span] : [at, span, count]).map(digits));
  return ` fillers=${[digits(sent), digits(until), ended === undefined ? "" : digits(ended)].join()}` +
    fields.map((field) => `,${field.join("+")}`).join("");
}

function digits(number: number): string {
  return number.toString(36);
}

function numberIn(text = ""): number {
  return /^[0-9a-z]{1,10}$/.test(text) ? parseInt(text, 36) : NaN;
}

/** Joins the two neighbours that have the fewest fillers: which packets between them are fillers is then known no more. */
function joinTwo(groups: readonly FillerGroup[]): FillerGroup[] {
  const costs = groups.slice(1).map(({ count }, index) => groups[index].count + count);
  const first = costs.indexOf(Math.min(...costs));
  const [one, other] = groups.slice(first, first + 2);
  const joined = { at: one.at, span: other.at + other.span - one.at, count: one.count + other.count };
  return groups.toSpliced(first, 2, joined);
}

/** How many fillers are in a queue of so many packets. */
export function fillersIn(note: FillerNote, { left, discarded, queued }: GateTraffic & { queued: number }): number {
  // Where somebody has emptied the queue there are fewer packets than there were.
  if (left + queued < note.until) return 0;
  return Math.min(Math.max(0, note.sent - discarded), queued);
}

/**
 * How many packets at the head of the queue have so many among them that are no fillers. Where that is not known for
 * certain it is the fewest that may be so many: who has released these looks again.
 */
export function packetsToRelease(
  wanted: number,
  { note: { groups }, left, fillers }: { note: FillerNote; left: number; fillers: number },
): number {
  let [at, missing] = [left, wanted];
  const ahead = groups.filter((group) => group.at + group.span > left);
  // In the first group, of which some may have left, are those that are in no other.
  const inFirst = fillers - ahead.slice(1).reduce((sum, { count }) => sum + count, 0);
  for (const [index, group] of ahead.entries()) {
    const before = Math.max(0, group.at - at);
    if (missing <= before) break;
    missing -= before;
    at += before;
    const rest = group.at + group.span - at;
    const others = Math.max(0, rest - Math.max(0, index === 0 ? inFirst : group.count));
    if (missing <= others) break;
    missing -= others;
    at += rest;
  }
  return at - left + missing;
}

/** What the counters of a gate's plug are without its fillers. */
export function withoutFillers(stats: QdiscStats, traffic: GateTraffic): QdiscStats {
  const note = parseFillerNote(traffic.alias);
  if (!note) return stats;
  const { backlogPackets, backlogBytes, packets, bytes } = stats;
  const waiting = fillersIn(note, { ...traffic, queued: backlogPackets });
  const { discarded } = traffic;
  return {
    ...stats,
    backlogPackets: backlogPackets - waiting,
    backlogBytes: Math.max(0, backlogBytes - waiting * FILLER.length),
    packets: Math.max(0, packets - discarded),
    bytes: Math.max(0, bytes - discarded * FILLER.length),
  };
}

/** What the kernel has of gates' devices, by their index, with one send; nothing of one that is gone. */
export function readGateTraffic(connection: Connection, ifindexes: readonly number[]): Map<number, GateTraffic> {
  const answers = connection.ask(ifindexes.map((ifindex) => ({ type: RTM_GETLINK, ifindex })), trafficOf);
  return new Map(answers.flatMap(({ message }, index) => message ? [[ifindexes[index], message]] : []));
}

/** The same of those devices that are gates' and in whose queues fillers were. */
export function trafficWithFillers(
  connection: Connection,
  links: readonly { ifindex: number; name: string; alias: string }[],
): Map<number, GateTraffic> {
  const gates = links.filter(({ name, alias }) => gateName(name) !== undefined && parseFillerNote(alias));
  return readGateTraffic(connection, gates.map(({ ifindex }) => ifindex));
}

function trafficOf(records: Records): GateTraffic {
  const attributes = readAttributes(bytesOf(records), IFINFOMSG_END);
  const stats = findAttribute(attributes, IFLA_STATS64) ?? new Uint8Array();
  const view = new DataView(stats.buffer, stats.byteOffset, stats.length);
  const counter = (at: number) => at + 8 <= stats.length ? Number(view.getBigUint64(at, true)) : 0;
  return {
    alias: new TextDecoder().decode(findAttribute(attributes, IFLA_IFALIAS)).replace(/\0.*$/s, ""),
    left: counter(RTNL_LINK_STATS64_RX_PACKETS_AT),
    discarded: counter(RTNL_LINK_STATS64_RX_DROPPED_AT),
    sentOn: counter(RTNL_LINK_STATS64_TX_PACKETS_AT) + counter(RTNL_LINK_STATS64_TX_DROPPED_AT),
  };
}
