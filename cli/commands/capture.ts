import { GateCapture, type PacketEvent } from "../../capture/gate_capture.ts";
import { describePacket } from "../../capture/packets/describe.ts";
import { LINKTYPE, writeInterface, writePacket, writeSection } from "../../capture/pcapng.ts";
import { namedGates } from "../../gate/named_gates.ts";
import { Guardian } from "../../guardian/guardian.ts";
import type { Connection } from "../../netlink/connection.ts";
import { readPlug } from "../../plug/queue.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { OutputStream } from "../output_file.ts";
import { openConnection } from "../targets.ts";
import { Interrupted, interruptible, UsageError } from "../exit_status.ts";
import { gateName, parseDuration } from "../values.ts";

/** What is captured, and who takes it. */
export interface CaptureTask {
  connection: Connection;
  gates: readonly string[];
  take: (event: PacketEvent) => void;
  /** Is called when all that had come was taken. */
  looked?: () => void;
}

/** How long one look waits; a signal is met between two. */
const LOOK_MS = 100;
const SNAP_MAX = 65_535;

/**
 * Captures gates for the time of --for, or until a signal, and tells what was lost. A guardian takes the taps out
 * should this process be killed.
 *
 * @throws {UsageError} where a value is wrong
 */
export async function captureFor(context: Context, { connection, gates, take, looked }: CaptureTask): Promise<void> {
  const time = valueOf(context, "for");
  const forMs = time === undefined ? Infinity : parseDuration(time);
  const snapLength = snapLengthOf(context);
  await interruptible(async (signal) => {
    using guardian = Guardian.start();
    using capture = new GateCapture(connection, { gates, snapLength, netns: valueOf(context, "netns"), guardian });
    if (capture.blind) context.note(`packets are shown as they leave only: ${capture.blind.reason}`);
    context.note(`capturing ${gates.map((gate) => `gate ${gate}`).join(", ")}`);
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs && !signal.aborted) {
      await capture.wait(Math.ceil(Math.min(LOOK_MS, Math.max(1, endMs - performance.now()))));
      capture.take().forEach(take);
      looked?.();
    }
    capture.take().forEach(take);
    tellLosses(context, capture);
  }).catch((error) => {
    // Ctrl-C is how a capture without an end is ended
    if (!(error instanceof Interrupted)) throw error;
  });
}

function snapLengthOf(context: Context): number | undefined {
  const text = valueOf(context, "snaplen");
  if (text === undefined) return undefined;
  const length = Number(text);
  if (/^\d+$/.test(text) && length >= 14 && length <= SNAP_MAX) return length;
  throw new UsageError(`invalid snaplen ${JSON.stringify(text)}: from 14 to ${SNAP_MAX} bytes`);
}

function tellLosses(context: Context, capture: GateCapture): void {
  for (const { gate, arrivals, departures, dropped } of capture.losses()) {
    if (arrivals > 0) context.note(`gate ${gate}: ${arrivals} packets came in that the capture did not see`);
    if (departures > 0) context.note(`gate ${gate}: ${departures} packets left that the capture did not see`);
    if (dropped > 0) context.note(`gate ${gate}: ${dropped} packets came in and never left`);
  }
}

/** `plugctl packets` */
export async function packets(context: Context): Promise<void> {
  const gates = context.arguments.operands.map(gateName);
  if (gates.length === 0) throw new UsageError("packets needs a gate");
  using connection = await openConnection(context);
  if (isGiven(context, "follow")) {
    const print = isGiven(context, "json") ? jsonLine : line;
    return await captureFor(context, { connection, gates, take: (event) => context.print(`${print(event)}\n`) });
  }
  const waiting = namedGates(connection, gates).map((queue, index) => {
    const { backlogPackets, backlogBytes } = readPlug(queue, `read gate ${gates[index]}`).stats;
    return { gate: gates[index], packets: backlogPackets, bytes: backlogBytes };
  });
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(waiting, null, 2)}\n`);
  for (const { gate, packets, bytes } of waiting) {
    context.print(`gate ${gate}: ${packets} ${packets === 1 ? "packet waits" : "packets wait"}, ${bytes} bytes\n`);
  }
  context.note("the kernel does not tell which packets wait; --follow shows each that comes from then on");
}

/** A packet in a line: when, which gate, in or out, its number, how long it waited, what it is. */
function line(event: PacketEvent): string {
  const { gate, packet } = event;
  const { line } = describePacket(packet.bytes, { length: packet.length });
  const { number, wait } = factsOf(event);
  const words = [
    clock(packet.timeNs),
    gate,
    event.event.padEnd(3),
    `#${number ?? "?"}`,
    ...wait === undefined ? [] : [`after ${wait.toFixed(3)} ms`],
    line,
  ];
  return words.join(" ");
}

function jsonLine(event: PacketEvent): string {
  const { gate, packet } = event;
  const { from, to, vlans, what } = describePacket(packet.bytes, { length: packet.length });
  const { number, wait } = factsOf(event);
  const timeNs = String(packet.timeNs);
  return JSON.stringify({
    event: event.event,
    gate,
    number,
    timeNs,
    waitMs: wait,
    length: packet.length,
    from,
    to,
    vlans,
    what,
  });
}

/** The number of a packet, and how many milliseconds it waited, as far as it was seen to come in. */
function factsOf(event: PacketEvent): { number?: number; wait?: number } {
  if (event.event === "in") return { number: event.packet.number };
  const { arrival, timeNs } = event.packet;
  return arrival ? { number: arrival.number, wait: Number(timeNs - arrival.timeNs) / 1e6 } : {};
}

/** The time of the day, in UTC with microseconds. */
function clock(timeNs: bigint): string {
  const milliseconds = new Date(Number(timeNs / 1_000_000n)).toISOString().slice(11, 23);
  return `${milliseconds}${String(timeNs / 1000n % 1000n).padStart(3, "0")}`;
}

/** `plugctl capture` */
export async function capture(context: Context): Promise<void> {
  const gates = context.arguments.operands.map(gateName);
  const file = valueOf(context, "write");
  if (gates.length === 0) throw new UsageError("capture needs a gate");
  if (file === undefined) throw new UsageError("capture needs a file to write: -w FILE, or -w - for standard output");
  using connection = await openConnection(context);
  using writer = new OutputStream(file);
  writer.write(writeSection("plugctl"));
  for (const name of gates) writer.write(writeInterface({ name, linkType: LINKTYPE.ethernet, snapLength: 0 }));
  writer.flush();
  const wanted = isGiven(context, "arrivals") ? "in" : "out";
  let count = 0;
  await captureFor(context, {
    connection,
    gates,
    take: (event) => {
      if (event.event !== wanted) return;
      count++;
      writer.write(packetOf(event, gates.indexOf(event.gate)));
    },
    looked: () => writer.flush(),
  });
  context.note(`${count} packets were written to ${file === "-" ? "standard output" : file}`);
}

function packetOf(event: PacketEvent, index: number): Uint8Array<ArrayBuffer> {
  const { timeNs, bytes, length } = event.packet;
  return writePacket({ interface: index, timeNs, bytes, length, comment: commentOn(event) });
}

/** How long a packet was held, where it was seen to come in. */
function commentOn(event: PacketEvent): string | undefined {
  if (event.event === "in" || !event.packet.arrival) return undefined;
  const waitNs = event.packet.timeNs - event.packet.arrival.timeNs;
  if (waitNs < 1_000_000n) return `passed gate ${event.gate}`;
  return `held ${Math.round(Number(waitNs) / 1e6)} ms by gate ${event.gate}`;
}
