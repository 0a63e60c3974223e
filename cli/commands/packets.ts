import type { CapturedWaiting, GateCapture, PacketEvent, Waiting } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import type { Connection } from "../../netlink/connection.ts";
import { captureFor, nameOfPlace, tellEarlier } from "../captured.ts";
import { type Context, isGiven, textTable } from "../context.ts";
import { namedTargets, openConnection, resolveTargets, type Targets } from "../targets.ts";

/** For how long packets are looked at before those that wait are listed, where it is not said. */
const LIST_AFTER_MS = 1000;
const HEADER = ["NUMBER", "AGE", "FROM", "TO", "PACKET"];
const RIGHT = [0, 1];

/** `plugctl packets` */
export async function run(context: Context): Promise<void> {
  if (isGiven(context, "follow")) await follow(context);
  else await list(context);
}

/** What a command line names, and a connection to it. */
async function findTargets(context: Context): Promise<{ connection: Connection; targets: Targets }> {
  const named = namedTargets(context);
  const connection = await openConnection(context);
  try {
    return { connection, targets: resolveTargets(connection, named) };
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

/** Prints each packet as it comes in and as it leaves. */
async function follow(context: Context): Promise<void> {
  const { connection, targets } = await findTargets(context);
  using _ = connection;
  const line = isGiven(context, "json") ? jsonLine : textLine;
  let capture: GateCapture;
  await captureFor(context, {
    connection,
    targets,
    begun: (begun) => {
      capture = begun;
      context.note(`showing the packets of ${capture.places.map(nameOfPlace).join(", ")}`);
      tellEarlier(context, capture.queues());
    },
    take: (event) => context.print(`${line(event, capture)}\n`),
  });
}

/** Looks at packets for a time, and prints those that wait then, the oldest first. */
export async function list(context: Context): Promise<void> {
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

interface Seen {
  capture: GateCapture;
  nowNs: bigint;
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

function plainQueue(queue: CapturedWaiting, seen: Seen): Record<string, unknown> {
  const { gate, dev, backlogPackets, backlogBytes, drops, waiting } = queue;
  return {
    ...dev === undefined ? { gate } : { dev },
    packets: backlogPackets,
    bytes: backlogBytes,
    drops,
    waiting: waiting.map(({ number, count, arrival, sinceNs }) => {
      const ageMs = Number(seen.nowNs - sinceNs) / 1e6;
      if (!arrival) return { number, count, isSeen: false, ageAtLeastMs: ageMs };
      const { timeNs, length } = arrival;
      const { from, to, vlans, what } = described(arrival, { capture: seen.capture, place: queue });
      return { number, count, isSeen: true, ageMs, timeNs: String(timeNs), length, from, to, vlans, what };
    }),
  };
}

/** A packet in a line: when, which plug, in or out, its number, how long it waited, what it is. */
function textLine(event: PacketEvent, capture: GateCapture): string {
  const { number, waitMs, waitAtLeastMs } = factsOf(event);
  const words = [
    clock(event.packet.timeNs),
    event.gate,
    event.event.padEnd(3),
    `#${number ?? "?"}`,
    ...waitMs === undefined ? [] : [`after ${waitMs.toFixed(3)} ms`],
    ...waitAtLeastMs === undefined ? [] : [`after at least ${waitAtLeastMs.toFixed(3)} ms`],
    described(event.packet, { capture, place: event }).line,
  ];
  return words.join(" ");
}

function jsonLine(event: PacketEvent, capture: GateCapture): string {
  const { gate, dev, packet } = event;
  const { from, to, vlans, what } = described(packet, { capture, place: event });
  const { number, waitMs, waitAtLeastMs } = factsOf(event);
  const timeNs = String(packet.timeNs);
  return JSON.stringify({
    event: event.event,
    ...dev === undefined ? { gate } : { dev },
    number,
    timeNs,
    waitMs,
    waitAtLeastMs,
    length: packet.length,
    from,
    to,
    vlans,
    what,
  });
}

function described(
  { bytes, length }: { bytes: Uint8Array; length: number },
  { capture, place }: { capture: GateCapture; place: { gate: string; dev?: string } },
) {
  return describePacket(bytes, { length, linkType: capture.linkType(place) });
}

/** The number of a packet, and how many milliseconds it waited, as far as that was seen. */
function factsOf(event: PacketEvent): { number?: number; waitMs?: number; waitAtLeastMs?: number } {
  if (event.event === "in") return { number: event.packet.number };
  const { number, arrival, sinceNs, timeNs } = event.packet;
  if (arrival) return { number, waitMs: Number(timeNs - arrival.timeNs) / 1e6 };
  return { number, waitAtLeastMs: sinceNs === undefined ? undefined : Math.max(0, Number(timeNs - sinceNs) / 1e6) };
}

/** The time of the day, in UTC with microseconds. */
function clock(timeNs: bigint): string {
  const milliseconds = new Date(Number(timeNs / 1_000_000n)).toISOString().slice(11, 23);
  return `${milliseconds}${String(timeNs / 1000n % 1000n).padStart(3, "0")}`;
}
