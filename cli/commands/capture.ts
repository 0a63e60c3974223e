import { joined } from "../../codec/byte_text.ts";
import type { GateCapture, PacketEvent } from "../../capture/gate_capture.ts";
import { LINKTYPE, writeInterface, writePacket, writeSection } from "../../capture/pcapng.ts";
import { captureFor, nameOfPlace, tellEarlier } from "../captured.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { UsageError } from "../exit_status.ts";
import { OutputStream } from "../output_file.ts";
import { namedTargets, openConnection, resolveTargets } from "../targets.ts";

/** Below this a packet has passed, in nanoseconds. */
const HELD_LEAST_NS = 1_000_000n;

/** `plugctl capture` */
export async function run(context: Context): Promise<void> {
  const named = namedTargets(context);
  const file = valueOf(context, "write");
  if (file === undefined) throw new UsageError("capture needs a file to write: -w FILE, or -w - for standard output");
  using connection = await openConnection(context);
  const targets = resolveTargets(connection, named);
  const wanted = isGiven(context, "arrivals") ? "in" : "out";
  if (wanted === "in" && targets.places.length > 0) {
    throw new UsageError(
      `--arrivals goes with gates: packets of a plug on ${targets.places[0].dev} are seen as they leave`,
    );
  }
  using writer = new OutputStream(file);
  const names: string[] = [];
  let count = 0;
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
  });
  const where = file === "-" ? "standard output" : file;
  context.note(`${count} ${count === 1 ? "packet was" : "packets were"} written to ${where}`);
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
  return waitNs < HELD_LEAST_NS ? `passed ${where}` : `held ${milliseconds} ms by ${where}`;
}
