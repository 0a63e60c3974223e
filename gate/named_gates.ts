import { TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage } from "../codec/message.ts";
import type { Answer, Connection } from "../netlink/connection.ts";
import { type AnyOperation, ENODEV } from "../linux/netlink_error.ts";
import { FIRST_HANDLE, RANKED_HANDLE } from "../plug/plug_requests.ts";
import { askByName, readLinks } from "../plug/qdiscs.ts";
import { onGate, Queue } from "../plug/queue.ts";
import { QueueError, refusalError, type Where } from "../plug/queue_error.ts";
import type { Hook } from "../guardian/watch.ts";
import { type HookLooks, hookOf, isException, readFilters, readForeignFilters, redirectsTo } from "../plug/filter.ts";
import { type GateNote, hooksOf, parseNote, sidesOf, withLimit, writeNote } from "../plug/gate_device.ts";
import { parseFillerNote, readGateTraffic } from "../plug/filler.ts";
import { gateDevice } from "../plug/gate_name.ts";
import { asWritten } from "./gate_plan.ts";
import { isGateDevice, othersOf, readGates } from "./gate_state.ts";
import { heldByGate } from "./held.ts";
import { ByNumber } from "./release_packets.ts";

/**
 * The queues of gates that are there, by their names, with one send.
 *
 * @throws {QueueError} `no-gate` where there is none of a name
 * @throws {RangeError} where a name is none
 */
export function namedGates(connection: Connection, names: readonly string[]): Queue[] {
  const devices = names.map(gateDevice);
  const answers = connection.transact(devices.map(askByName));
  return answers.map((answer, index) => {
    const link = linkOf(answer, names[index]);
    return gateQueue(connection, { name: names[index], ifindex: link.ifindex, alias: link.alias });
  });
}

/** The queue of a gate whose device and note are known. */
export function gateQueue(
  connection: Connection,
  { name, ifindex, alias, handle, asked, mayBypass, label, isNumbered = parseFillerNote(alias) !== undefined }: {
    name: string;
    ifindex: number;
    alias: string;
    /** The handle of its plug. Default: what the alias says. */
    handle?: number;
    /** Whether packets of it may have been released by number. Default: what the alias says. */
    isNumbered?: boolean;
    asked?: "hold" | "pass";
    mayBypass?: boolean;
    label?: string;
  },
): Queue {
  const note = parseNote(alias);
  const isRanked = handle === undefined ? (note?.firstFilters ?? 0) > 0 : handle === RANKED_HANDLE;
  // It also says where fillers are, which changes.
  const aliasNow = () => readGateTraffic(connection, [ifindex]).get(ifindex)?.alias ?? alias;
  return new Queue({
    dev: gateDevice(name),
    place: { ifindex, parent: TC_H_ROOT, handle: isRanked ? RANKED_HANDLE : FIRST_HANDLE },
    located: true,
    connection,
    asked,
    limitBytesAsked: note?.limitBytes,
    gate: {
      name,
      devices: note?.devices ?? [],
      hook: note && hookOfGate(note),
      label,
      mayBypass,
      bypassed: note && ((operation, looks) => bypassedBy(connection, { ifindex, note, operation, looks })),
      refuseBroken: note && ((operation) => refuseBroken(connection, { ifindex, note, operation })),
      held: heldByGate(connection, note),
      numbering: note && new ByNumber({ isActive: isNumbered }),
      limitRequest: note && ((limitBytes) => writeNote(ifindex, withLimit(aliasNow(), limitBytes))),
    },
  });
}

/** Where the filters of a gate hang. */
export function hookOfGate({ devices, direction, priority }: GateNote): Hook {
  return { devices, parents: sidesOf(direction).map(hookOf), priority };
}

interface Noted {
  ifindex: number;
  note: GateNote;
  operation: AnyOperation;
  looks?: HookLooks;
}

/** The filters of others that do not see what a gate takes. */
function bypassedBy(connection: Connection, { ifindex, note, operation, looks }: Noted): string[] {
  const places = { hooks: hooksOf(note), operation, looks };
  const foreign = readForeignFilters(connection, places);
  if (foreign.length === 0) return [];
  const all = readFilters(connection, places);
  const filters = all.filter((filter) => redirectsTo(filter) === ifindex);
  const exceptions = all.filter((filter) => isException(filter) && filter.priority === note.priority);
  return othersOf(note, { links: readLinks(connection, operation), filters, exceptions, foreign }).bypassed;
}

/**
 * Refuses a gate that was made to let other packets go first than these, or none: they are sorted as they come in.
 *
 * @throws {QueueError} `refused`, or `not-a-gate` where it is a plug on a device
 */
export function refuseOtherFirst({ connection, gate, dev, place }: Queue, expressions: readonly string[]): void {
  const wanted = asWritten(expressions);
  const operation = onGate(gate?.name ?? dev, `let ${wanted.join(" or ")} go first from`);
  if (!gate) {
    const remedy = ({ netns }: Where) => `make one: plugctl gate add NAME ${dev} --direction out --first EXPR${netns}`;
    throw new QueueError("not-a-gate", operation, { reason: "only a gate has two queues", remedy });
  }
  const { gates } = readGates(connection, operation);
  const { first = [] } = gates.find(({ link }) => link.ifindex === place.ifindex)?.listed ?? {};
  if (first.length === wanted.length && wanted.every((text) => first.includes(text))) return;
  throw new QueueError("refused", operation, {
    reason: (first.length === 0 ? "it was made without --first" : `it was made with --first ${first.join(" or ")}`) +
      ", and packets are sorted as they come in: the kernel takes none out of the middle of a queue",
    remedy: () => `name it when the gate is made: plugctl gate add ${gate.name} DEV --first EXPR`,
  });
}

/** Refuses a gate that somebody is taking down, or has: what it holds it would not hold. */
function refuseBroken(connection: Connection, { ifindex, note, operation }: Noted): void {
  const filters = readFilters(connection, { hooks: hooksOf(note), operation });
  if (filters.some((filter) => redirectsTo(filter) === ifindex)) return;
  throw new QueueError("broken-gate", operation, {
    reason: "no filter leads to it any more, so that it can hold nothing",
  });
}

function linkOf({ errno, sentence, message }: Answer, name: string): LinkMessage {
  const operation = onGate(name, "find");
  if (errno !== 0 && errno !== ENODEV) throw refusalError(operation, { errno, sentence });
  if (message?.about === "link" && isGateDevice(message)) return message;
  throw new QueueError("no-gate", operation, { reason: "there is no such gate", gate: name });
}
