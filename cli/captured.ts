import {
  type CapturedPlace,
  type CapturedWaiting,
  GateCapture,
  type PacketEvent,
  type Waiting,
} from "../capture/gate_capture.ts";
import { described, plainQueue, type Seen } from "../capture/plain.ts";
import { Guardian } from "../guardian/guardian.ts";
import type { Connection } from "../netlink/connection.ts";
import { type Context, isGiven, textTable, valueOf } from "./context.ts";
import { Interrupted, interruptible, UsageError } from "./exit_status.ts";
import { describeFailure } from "./failure.ts";
import { namedTargets, namespaceOf, openConnection, resolveTargets, type Targets } from "./targets.ts";
import { parseDuration } from "./values.ts";

/** What is captured, and who takes it. */
export interface CaptureTask {
  connection: Connection;
  targets: Targets;
  /** For how long, where `--for` does not say so. */
  forMs?: number;
  /** Is called when the capture has begun. */
  begun?: (capture: GateCapture) => void;
  take?: (event: PacketEvent) => void;
  /** Is called when all that had come was taken. */
  looked?: () => void;
  /** Is called while the capture still goes on, when its time is over. Default: tells how many packets the queues dropped. */
  ended?: (capture: GateCapture) => void;
}

/** How long one look waits; a signal is met between two. */
const LOOK_MS = 100;
const SNAP_MAX = 65_535;
/** For how long packets are looked at before those that wait are listed, where it is not said. */
const LIST_AFTER_MS = 1000;
const HEADER = ["NUMBER", "AGE", "FROM", "TO", "PACKET"];
const RIGHT = [0, 1];

/**
 * Captures plugs for the time of `--for`, or until a signal, and tells what was lost. A guardian takes the taps out
 * should this process be killed.
 *
 * @throws {UsageError} where a value is wrong
 */
export async function captureFor(context: Context, task: CaptureTask): Promise<void> {
  const { connection, targets: { gates, places } } = task;
  const time = valueOf(context, "for");
  const forMs = time === undefined ? task.forMs ?? Infinity : parseDuration(time);
  const snapLength = snapLengthOf(context);
  const guardian = Guardian.start();
  let isOver = false;
  await interruptible(async (signal) => {
    const netns = namespaceOf(context);
    using capture = new GateCapture(connection, { gates, places, snapLength, netns, guardian, epochs: true });
    tellLimits(context, { capture, places });
    task.begun?.(capture);
    const endMs = performance.now() + forMs;
    const take = () => {
      inOrder(capture.take()).forEach((event) => task.take?.(event));
      for (const error of capture.gone.splice(0)) context.note(`${describeFailure(error).message}; the others go on`);
    };
    while (performance.now() < endMs && !signal.aborted) {
      await capture.wait(Math.ceil(Math.min(LOOK_MS, Math.max(1, endMs - performance.now()))));
      take();
      task.looked?.();
    }
    take();
    if (task.ended) task.ended(capture);
    else tellDrops(context, capture.queues());
    tellLosses(context, capture);
  }).then(() => {
    isOver = true;
  }).catch((error) => {
    // Ctrl-C is how a capture without an end is ended
    isOver = error instanceof Interrupted;
    if (!isOver) throw error;
  }).finally(() => {
    // Where a tap could not be taken out, the guardian does it, as if this process were dead
    if (isOver) guardian[Symbol.dispose]();
    else guardian.disconnect();
  });
}

/** Packets that were taken at once, in the order of their times: who reads a release sees what left before what came of it. */
export function inOrder(events: readonly PacketEvent[]): PacketEvent[] {
  return events.toSorted(({ packet: one }, { packet: other }) => Number(one.timeNs - other.timeNs));
}

/** The name of what is captured, in a sentence. */
export function nameOfPlace({ gate, dev }: CapturedPlace): string {
  return dev === undefined ? `gate ${gate}` : dev;
}

function snapLengthOf(context: Context): number | undefined {
  const text = valueOf(context, "snaplen");
  if (text === undefined) return undefined;
  const length = Number(text);
  if (/^\d+$/.test(text) && length >= 14 && length <= SNAP_MAX) return length;
  throw new UsageError(`invalid snaplen ${JSON.stringify(text)}: from 14 to ${SNAP_MAX} bytes`);
}

/** Says what cannot be seen. */
function tellLimits(context: Context, { capture, places }: { capture: GateCapture; places: Targets["places"] }): void {
  if (capture.blind) context.note(`packets are shown as they leave only: ${capture.blind.reason}`);
  if (places.length > 0) context.note("packets of a plug on a device are shown as they leave only");
  for (const each of capture.partial) {
    context.note(`${nameOfPlace(each)}: packets that leave the device past this plug are shown too`);
  }
}

/** Says how many packets came before a capture that still wait: what they are the kernel does not tell. */
export function tellEarlier(context: Context, queues: readonly CapturedWaiting[]): void {
  for (const { waiting: [first], ...place } of queues) {
    if (!first || first.arrival) continue;
    const { number, count } = first;
    const which = count === 1 ? `1 packet waits that came` : `${count} packets wait that came`;
    const numbers = count === 1 ? `#${number}` : `#${number} to #${number + count - 1}`;
    context.note(
      `${nameOfPlace(place)}: ${which} before plugctl looked, ${numbers}: what they are is shown as they leave`,
    );
  }
}

function tellDrops(context: Context, queues: readonly CapturedWaiting[]): void {
  for (const { drops, ...place } of queues) {
    if (drops > 0) context.note(`${nameOfPlace(place)}: the full queue has dropped ${drops} of the packets that came`);
  }
}

function tellLosses(context: Context, capture: GateCapture): void {
  for (const { arrivals, departures, dropped, ...place } of capture.losses()) {
    const tell = (count: number, what: string) => {
      if (count > 0) context.note(`${nameOfPlace(place)}: ${count} ${count === 1 ? "packet" : "packets"} ${what}`);
    };
    tell(arrivals, "came in that the capture did not see");
    tell(departures, "left that the capture did not see");
    tell(dropped, "came in and never left");
  }
}

/** What a command line names, and a connection to it. */
export async function findTargets(context: Context): Promise<{ connection: Connection; targets: Targets }> {
  const named = namedTargets(context);
  const connection = await openConnection(context);
  try {
    return { connection, targets: resolveTargets(connection, named) };
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

/** Looks at packets for a time, and prints those that wait then, the oldest first. */
export async function listWaiting(context: Context): Promise<void> {
  const { connection, targets } = await findTargets(context);
  using _ = connection;
  await captureFor(context, {
    connection,
    targets,
    forMs: LIST_AFTER_MS,
    ended: (capture) => {
      const nowNs = BigInt(Date.now()) * 1_000_000n;
      const queues = capture.queues();
      if (isGiven(context, "json")) {
        return context.print(
          `${JSON.stringify(queues.map((each) => plainQueue(each, { capture, nowNs })), null, 2)}\n`,
        );
      }
      for (const each of queues) context.print(textQueue(each, { capture, nowNs }));
      tellEarlier(context, queues);
    },
  });
}

function textQueue(queue: CapturedWaiting, seen: Seen): string {
  const { backlogPackets, backlogBytes, waiting, drops } = queue;
  const dropped = drops === 0 ? "" : `; the full queue has dropped ${drops} of those that came meanwhile`;
  const head = `${nameOfPlace(queue)}: ${backlogPackets} ${backlogPackets === 1 ? "packet waits" : "packets wait"}, ` +
    `${backlogBytes} bytes${dropped}\n`;
  if (waiting.length === 0) return head;
  return `${head}${textTable([HEADER, ...waiting.map((each) => row(each, queue, seen))], { right: RIGHT })}\n`;
}

function row(waiting: Waiting, queue: CapturedWaiting, seen: Seen): string[] {
  const { number, count, arrival, sinceNs } = waiting;
  const age = `${(Number(seen.nowNs - sinceNs) / 1e9).toFixed(3)} s`;
  if (!arrival) return [numbers(number, count), `> ${age}`, "?", "?", count === 1 ? "not seen" : `${count} not seen`];
  const { from = "", to = "", vlans, what } = described(arrival, { capture: seen.capture, place: queue });
  return [String(number), age, from, to, [...vlans.map((vlan) => `VLAN ${vlan}`), what].join(" ")];
}

function numbers(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}-${first + count - 1}`;
}
