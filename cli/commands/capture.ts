import { joined } from "../../codec/byte_text.ts";
import type { GateCapture, PacketEvent } from "../../capture/gate_capture.ts";
import { LINKTYPE, writeInterface, writePacket, writeSection } from "../../capture/pcapng.ts";
import { described, factsOf, plainPacket } from "../../capture/plain.ts";
import { captureFor, findTargets, listWaiting, nameOfPlace, tellEarlier } from "../captured.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { UsageError } from "../exit_status.ts";
import { isGone } from "../../plug/queue_error.ts";
import { OutputStream } from "../output_file.ts";
import { timeOfDay } from "../values.ts";

/** Below this a packet has passed, in nanoseconds. */
const HELD_LEAST_NS = 1_000_000n;

/** `plugctl packets` */
export async function packets(context: Context): Promise<void> {
  if (isGiven(context, "follow")) await follow(context);
  else await listWaiting(context);
}

/** Prints each packet as it comes in and as it leaves. */
async function follow(context: Context): Promise<void> {
  const { connection, targets } = await findTargets(context);
  using _ = connection;
  const line = isGiven(context, "json")
    ? (event: PacketEvent, capture: GateCapture) => JSON.stringify(plainPacket(event, capture))
    : textLine;
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

/** The time of the day with microseconds. */
function clock(timeNs: bigint): string {
  return `${timeOfDay(Number(timeNs / 1_000_000n))}${String(timeNs / 1000n % 1000n).padStart(3, "0")}`;
}

/** `plugctl capture` */
export async function capture(context: Context): Promise<void> {
  const file = valueOf(context, "write");
  if (file === undefined) throw new UsageError("capture needs a file to write: -w FILE, or -w - for standard output");
  const { connection, targets } = await findTargets(context);
  using _ = connection;
  const wanted = isGiven(context, "arrivals") ? "in" : "out";
  if (wanted === "in" && targets.places.length > 0) {
    throw new UsageError(
      `--arrivals goes with gates: packets of a plug on ${targets.places[0].dev} are seen as they leave`,
    );
  }
  using writer = new OutputStream(file);
  const names: string[] = [];
  let count = 0;
  const tell = () => {
    const where = file === "-" ? "standard output" : file;
    context.note(`${count} ${count === 1 ? "packet was" : "packets were"} written to ${where}`);
  };
  await captureFor(context, {
    connection,
    targets,
    begun: (capture) => {
      names.push(...capture.places.map(({ gate }) => gate));
      writer.write(beginning(capture));
      writer.flush();
      context.note(`capturing ${capture.places.map(nameOfPlace).join(", ")}`);
      tellEarlier(context, capture.queues());
    },
    take: (event) => {
      if (event.event !== wanted) return;
      count++;
      writer.write(packetOf(event, names.indexOf(event.gate)));
    },
    looked: () => writer.flush(),
  }).catch((error) => {
    // What came before is in the file all the same
    if (isGone(error)) {
      writer.flush();
      tell();
    }
    throw error;
  });
  tell();
}

function beginning(capture: GateCapture): Uint8Array<ArrayBuffer> {
  return joined([
    writeSection("plugctl"),
    ...capture.places.map((place) =>
      writeInterface({ name: place.gate, linkType: LINKTYPE[capture.linkType(place)], snapLength: 0 })
    ),
  ]);
}

function packetOf(event: PacketEvent, index: number): Uint8Array<ArrayBuffer> {
  const { timeNs, bytes, length } = event.packet;
  return writePacket({ interface: index, timeNs, bytes, length, comment: commentOn(event) });
}

/** How long a packet was held, as far as that was seen. */
function commentOn(event: PacketEvent): string | undefined {
  if (event.event === "in") return undefined;
  const { arrival, sinceNs = arrival?.timeNs, timeNs } = event.packet;
  if (sinceNs === undefined) return undefined;
  const [waitNs, where] = [timeNs - sinceNs, nameOfPlace(event)];
  const milliseconds = Math.round(Number(waitNs) / 1e6);
  if (!arrival) return `held at least ${Math.max(0, milliseconds)} ms by ${where}`;
  if (waitNs < HELD_LEAST_NS) return `passed ${where}`;
  return `held ${milliseconds} ms by ${where}${arrival.epoch ? `, epoch ${arrival.epoch}` : ""}`;
}
