import { type AnyOperation, EEXIST } from "../linux/netlink_error.ts";
import { openRepeatedPacket, type RepeatedPacket } from "../linux/capture_socket.ts";
import { inNamespace } from "../linux/namespace.ts";
import { sleep } from "../linux/process.ts";
import type { Connection } from "../netlink/connection.ts";
import {
  FILLER,
  type FillerNote,
  fillersIn,
  type GateTraffic,
  type Numbering,
  packetsToRelease,
  parseFillerNote,
  readGateTraffic,
  withFillerNote,
} from "../plug/filler.ts";
import { createClsact, deleteClsact, parseNote, writeNote } from "../plug/gate_device.ts";
import { changeRequest, changeRequests, LIMIT_MAX, type PlugAction, RANKED_HANDLE } from "../plug/plug_requests.ts";
import { inTurns, onQueue, type Queue } from "../plug/queue.ts";
import { readWholePlug } from "../plug/read_plug.ts";
import { checkAnswers, QueueError } from "../plug/queue_error.ts";
import { isBare, readGates } from "./gate_state.ts";

/** Opens what sends fillers by a device of the connection's namespace. */
export type OpenFiller = (connection: Connection, ifindex: number, most: number) => RepeatedPacket;

/** The most packets that are released at once, by as many fillers. */
const STEP_MAX = 10_000;
/** How long packets that were released may take to leave, in milliseconds: the kernel attends to that in a softirq. */
const LEAVING_MS = 2000;
/** For how long nothing more must have left where packets came in meanwhile. */
const QUIET_MS = 5;
/** For how long nothing must leave a queue with packets until it is taken for one that holds. */
const HOLDING_MS = 25;

/**
 * Releases the packets of a gate by their number. RELEASE_ONE lets as many packets leave from the head of the queue as the
 * epoch had that BUFFER ended last, so that one is made that has as many fillers: BUFFER, fillers, BUFFER, RELEASE_ONE.
 * The kernel counts no other epoch meanwhile. What is left in the queue then belongs to the epoch that the next `buffer`
 * ends, which is counted here until all of that has left.
 */
export class ByNumber implements Numbering<Queue> {
  #isActive: boolean;
  readonly #open: OpenFiller;

  constructor({ isActive, open = openFiller }: { isActive: boolean; open?: OpenFiller }) {
    this.#isActive = isActive;
    this.#open = open;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  release(queue: Queue, packets: number, { isHeld = false }: { isHeld?: boolean } = {}): number {
    return inTurns([queue], () => {
      let sight = look(queue, onQueue(queue, `release ${packets} packets of`));
      if (waitingIn(sight) === 0 || !isHeld && !holds(queue, sight)) return 0;
      this.#isActive = true;
      let released = 0;
      while (released < packets && waitingIn(sight) > 0) {
        const wanted = Math.min(packets - released, waitingIn(sight), STEP_MAX);
        const count = packetsToRelease(wanted, {
          note: sight.note,
          left: sight.left,
          fillers: fillersIn(sight.note, sight),
        });
        const after = this.#releaseFirst(queue, { sight, count: Math.min(count, STEP_MAX) });
        released += othersBetween(sight, after);
        if (after.left === sight.left) break;
        sight = after;
      }
      return released;
    });
  }

  releaseOne(queue: Queue): boolean {
    return inTurns([queue], () => {
      let sight = this.#lookIfActive(queue, "release-one");
      if (!sight) return false;
      const end = sight.note.ended ?? 0;
      while (sight.left < end) {
        const count = Math.min(end - sight.left, STEP_MAX);
        const after: Sight = this.#releaseFirst(queue, { sight, count });
        if (after.left === sight.left) break;
        sight = after;
      }
      queue.note("release-one");
      return true;
    });
  }

  endEpoch(queue: Queue): void {
    inTurns([queue], () => {
      const sight = this.#lookIfActive(queue, "buffer");
      if (!sight) return;
      const { left, queued, note } = sight;
      write(queue, sight, { ...note, ended: left + queued });
    });
  }

  discard(queue: Queue): number {
    return inTurns([queue], () => {
      const sight = look(queue, onQueue(queue, "discard what is held by"));
      if (waitingIn(sight) === 0 || !holds(queue, sight)) return 0;
      // What vanishes from here on does so by this process's will.
      return unwatched(queue, () => {
        const { discarded, after } = emptyPlug(queue, sight);
        if (queue.place.handle === RANKED_HANDLE) return discarded;
        // What came in before the epochs began anew belongs to none that the kernel counts.
        const note = { sent: after.discarded, until: after.left + after.queued, groups: [] };
        this.#isActive = after.queued > 0;
        if (this.#isActive || parseFillerNote(after.alias)) write(queue, after, note);
        return discarded;
      });
    });
  }

  extraBytes(queue: Queue): number {
    const sight = look(queue, onQueue(queue, "set the limit of"));
    return fillersIn(sight.note, sight) * FILLER.length;
  }

  /** What is there where epochs are still counted here. */
  #lookIfActive(queue: Queue, verb: string): Sight | undefined {
    const sight = look(queue, onQueue(queue, verb));
    if (sight.left >= sight.note.until) this.#isActive = false;
    return this.#isActive ? sight : undefined;
  }

  /** Releases so many packets of the queue, fillers or not, and returns what is there then. */
  #releaseFirst(queue: Queue, { sight, count }: { sight: Sight; count: number }): Sight {
    refuseWithoutRoom(sight, count);
    using filler = this.#open(queue.connection, queue.place.ifindex, count);
    // What leaves from here on leaves by this process's will.
    return unwatched(queue, () => this.#releaseBy(filler, { queue, sight, count }));
  }

  #releaseBy(filler: RepeatedPacket, { queue, sight, count }: { queue: Queue; sight: Sight; count: number }): Sight {
    const { connection, place } = queue;
    const { operation, note, limitBytes } = sight;
    const room = (fillersIn(note, sight) + count) * FILLER.length;
    const ask = (...actions: PlugAction[]) => {
      const requests = actions.map((action) => changeRequest(place, action, Math.min(limitBytes + room, LIMIT_MAX)));
      checkAnswers(operation, connection.transact(requests, { overheard: true }));
    };
    ask("limit", "buffer");
    const sent = filler.send(count);
    ask("buffer", "release-one");
    if (sent === 0) {
      throw new QueueError("refused", operation, { reason: "the kernel has no room for the packets that it takes" });
    }
    const after = leave(queue, { sight, count: sent });
    const at = sight.left + sight.queued;
    const span = Math.max(sent, after.left + after.queued - at);
    const groups = [...note.groups.filter((group) => group.at + group.span > after.left), { at, span, count: sent }];
    // More are known to have left than were known to be there where the process that sent them was killed.
    const before = Math.max(note.sent, sight.discarded);
    const next = write(queue, after, { sent: before + sent, until: after.left + after.queued, groups });
    queue.note("release-one");
    return next;
  }
}

/** Does something to a queue, and returns once that has come about; its guardian takes what happens for this process's doing. */
function unwatched<T>(queue: Queue, work: () => T): T {
  queue.guard?.unwatch();
  try {
    return work();
  } finally {
    if (queue.asked === "hold") queue.guard?.watch();
  }
}

/** A gate as it is at a moment. */
interface Sight extends GateTraffic {
  operation: AnyOperation;
  /** How many packets are in the queue, fillers included. */
  queued: number;
  note: FillerNote;
  /** The limit that was asked for. */
  limitBytes: number;
}

const NO_FILLERS: FillerNote = { sent: 0, until: 0, groups: [] };

function look(queue: Queue, operation: AnyOperation): Sight {
  const { connection, place: { ifindex } } = queue;
  const { backlogPackets: queued } = readWholePlug(queue, operation).stats;
  const traffic = readGateTraffic(connection, [ifindex]).get(ifindex);
  const limitBytes = traffic && parseNote(traffic.alias)?.limitBytes;
  if (!traffic || limitBytes === undefined) {
    throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  }
  const note = parseFillerNote(traffic.alias) ?? { ...NO_FILLERS, sent: traffic.discarded };
  return { ...traffic, operation, queued, note, limitBytes };
}

/**
 * Empties a gate's plug, which holds, and tells how many packets that were: the kernel discards what waits on a device, and
 * counts none of it, where it is given a clsact, and where that is taken away. What the filters send there at these
 * moments is discarded too. Two BUFFERs make it forget what it has counted of epochs.
 */
function emptyPlug(queue: Queue, sight: Sight): { discarded: number; after: Sight } {
  const { connection, place, place: { ifindex } } = queue;
  const { operation } = sight;
  const before = metBy(queue, operation);
  const [created] = connection.transact([createClsact(ifindex)]);
  const isForeign = created.errno === EEXIST && !isBare(connection, { ifindex, operation });
  if (isForeign) throw new QueueError("refused", operation, { reason: "somebody has put filters on its device" });
  checkAnswers(operation, [created].filter(({ errno }) => errno !== EEXIST));
  const requests = [deleteClsact(ifindex), ...changeRequests(place, "buffer"), ...changeRequests(place, "buffer")];
  checkAnswers(operation, connection.transact(requests, { overheard: true }));
  const after = look(queue, operation);
  const { hits, drops } = metBy(queue, operation);
  const came = hits - before.hits - (drops - before.drops);
  return { discarded: Math.max(0, waitingIn(sight) + came - after.queued), after };
}

/** How many packets a gate's filters have met, and how many its plug had no room for. */
function metBy({ connection, place: { ifindex } }: Queue, operation: AnyOperation): { hits: number; drops: number } {
  const state = readGates(connection, operation).gates.find(({ link }) => link.ifindex === ifindex);
  if (!state) throw new QueueError("no-gate", operation, { reason: "there is no such gate" });
  return { hits: state.listed.hitPackets, drops: state.listed.stats?.drops ?? 0 };
}

/** How many packets wait, without fillers. */
function waitingIn(sight: Sight): number {
  return sight.queued - fillersIn(sight.note, sight);
}

/** How many packets that are no fillers have left between two looks. */
function othersBetween(before: GateTraffic, after: GateTraffic): number {
  return after.left - before.left - (after.discarded - before.discarded);
}

/** Whether a queue in which packets are holds them; one that passes them would hold from the first BUFFER on. */
function holds(queue: Queue, { left }: Sight): boolean {
  if (queue.asked === "hold" && !queue.isLetGo) return true;
  const { connection, place: { ifindex } } = queue;
  const deadline = performance.now() + HOLDING_MS;
  while (readGateTraffic(connection, [ifindex]).get(ifindex)?.left === left) {
    if (performance.now() >= deadline) return true;
    sleep(QUIET_MS);
  }
  return false;
}

/** Waits until so many packets have left, and those that the kernel has counted besides as they came in meanwhile. */
function leave(queue: Queue, { sight, count }: { sight: Sight; count: number }): Sight {
  const deadline = performance.now() + LEAVING_MS;
  let [last, since] = [-1, 0];
  for (;;) {
    const now = look(queue, sight.operation);
    const hasCome = now.left + now.queued > sight.left + sight.queued + count;
    if (now.left !== last) [last, since] = [now.left, performance.now()];
    const isQuiet = !hasCome || performance.now() - since >= QUIET_MS;
    if (now.left >= sight.left + count && isQuiet || performance.now() > deadline) return now;
    sleep(1);
  }
}

/** @throws {QueueError} where the alias has no room for a note, before anything is touched */
function refuseWithoutRoom({ alias, left, queued, discarded, operation }: Sight, count: number): void {
  const end = 2 * (left + queued + count);
  const note = { sent: discarded + end, until: end, ended: end, groups: [{ at: end, span: count, count: count - 1 }] };
  if (withFillerNote(alias, note) !== undefined) return;
  throw new QueueError("refused", operation, {
    reason: "its match is too long: no room is left beside it to note which packets were released",
  });
}

/** Notes where fillers are, for whoever looks next. */
function write(queue: Queue, sight: Sight, note: FillerNote): Sight {
  // That there is room was seen before packets were released.
  const alias = withFillerNote(sight.alias, note) ?? sight.alias;
  checkAnswers(sight.operation, queue.connection.transact([writeNote(queue.place.ifindex, alias)]));
  return { ...sight, alias, note: parseFillerNote(alias) ?? note };
}

function openFiller(connection: Connection, ifindex: number, most: number): RepeatedPacket {
  using namespace = connection.openNamespace();
  const open = () => openRepeatedPacket(ifindex, { packet: FILLER, most });
  return namespace.path === undefined ? open() : inNamespace(namespace.path, open);
}
