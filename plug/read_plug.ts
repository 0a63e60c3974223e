import { TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscMessage, QdiscStats } from "../codec/message.ts";
import { type AnyOperation, NetlinkError } from "../linux/netlink_error.ts";
import { readGateTraffic, withoutFillers } from "./filler.ts";
import { gateName } from "./gate_name.ts";
import type { QdiscPlace } from "./plug_requests.ts";
import { isPlug, type PlugMessage, readLink, readQdiscs } from "./qdiscs.ts";
import { byConnection, type Queue } from "./queue.ts";
import { QueueError } from "./queue_error.ts";

/** A plug, and its counters as the kernel has them: with fillers as packets. */
export type SeenPlug = PlugMessage & { whole: QdiscStats };

/**
 * The plug that is at the queue's place, with its statistics.
 *
 * @throws {QueueError} where there is none
 */
export function readPlug(queue: Queue, operation: AnyOperation): SeenPlug {
  return readPlugs([queue], () => operation)[0];
}

/**
 * As `readPlug`, of several, in their order: with one dump a connection, or two.
 *
 * @throws {QueueError} where one has none
 */
export function readPlugs(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): SeenPlug[] {
  const found = new Map<Queue, SeenPlug>();
  for (const [connection, those] of byConnection(queues)) {
    const qdiscs = readQdiscs(connection, nameOperation(those[0]));
    const plugs = those.map((queue) => pickPlug(queue, { operation: nameOperation(queue), qdiscs }));
    const ofGates = plugs.filter(({ parent }, at) => parent === TC_H_ROOT && gateName(those[at].dev) !== undefined);
    const traffic = readGateTraffic(connection, ofGates.map(({ ifindex }) => ifindex));
    plugs.forEach((plug, at) => {
      const counted = ofGates.includes(plug) ? traffic.get(plug.ifindex) : undefined;
      const { stats: whole } = plug;
      found.set(those[at], { ...plug, whole, stats: counted ? withoutFillers(whole, counted) : whole });
    });
  }
  return queues.flatMap((queue) => found.get(queue) ?? []);
}

/** As `readPlug`, with the fillers that are in the queue counted as packets. */
export function readWholePlug(queue: Queue, operation: AnyOperation): PlugMessage {
  return pickPlug(queue, { operation, qdiscs: readQdiscs(queue.connection, operation) });
}

/**
 * The plug, which was there a moment ago.
 *
 * @throws {QueueError} `vanished` where it is not
 */
export function readSeen(
  queue: Queue,
  operation: AnyOperation,
  read: (queue: Queue, operation: AnyOperation) => PlugMessage = readPlug,
): PlugMessage {
  try {
    return read(queue, operation);
  } catch (error) {
    if (!(error instanceof QueueError) || error.code !== "not-attached") throw error;
    throw new QueueError("vanished", operation, { reason: whyGone(queue, operation), cause: error });
  }
}

/** As `readSeen`, of several, as `readPlugs` does. */
export function readAllSeen(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): PlugMessage[] {
  try {
    return readPlugs(queues, nameOperation);
  } catch (error) {
    if (!(error instanceof QueueError) || error.code !== "not-attached") throw error;
    return queues.map((queue) => readSeen(queue, nameOperation(queue)));
  }
}

function whyGone(queue: Queue, operation: AnyOperation): string {
  try {
    readLink(queue.connection, queue.place.ifindex, operation);
    return "the plug vanished, with what it still held: another process deleted it";
  } catch (error) {
    if (!(error instanceof QueueError || error instanceof NetlinkError)) throw error;
    return "the plug vanished, with what it still held: its device was deleted";
  }
}

/**
 * Looks for the plugs of queues that name none for certain, and notes their handles. A change must name the
 * handle: without one the kernel puts a new plug, one with limit 0, in the place of a qdisc of another kind,
 * and below a class it may graft what has the handle elsewhere (seen on Linux 6.1).
 *
 * @throws {QueueError} where one has no plug
 */
export function locatePlugs(queues: readonly Queue[], nameOperation: (queue: Queue) => AnyOperation): void {
  const places = new Map<Queue, QdiscPlace>();
  for (const [connection, lost] of byConnection(queues.filter(({ located }) => !located))) {
    const qdiscs = readQdiscs(connection, "list qdiscs");
    for (const queue of lost) {
      const { ifindex, parent, handle } = pickPlug(queue, { operation: nameOperation(queue), qdiscs });
      places.set(queue, { ifindex, parent, handle });
    }
  }
  for (const [queue, place] of places) queue.locate(place);
}

/**
 * Picks the plug at the queue's place.
 *
 * @throws {QueueError} where there is none
 */
function pickPlug(
  queue: Queue,
  { operation, qdiscs }: { operation: AnyOperation; qdiscs: QdiscMessage[] },
): PlugMessage {
  const { ifindex, parent, handle } = queue.place;
  const found = queue.isForfeited
    ? undefined
    : qdiscs.find((qdisc) =>
      qdisc.ifindex === ifindex && (parent === 0 || qdisc.parent === parent) &&
      (handle === 0 || qdisc.handle === handle)
    );
  if (!found || found.handle === 0) throw new QueueError("not-attached", operation, { reason: "no plug is attached" });
  if (!isPlug(found)) {
    throw new QueueError("foreign-qdisc", operation, { reason: `the qdisc there is ${found.kind}, not a plug` });
  }
  return found;
}
