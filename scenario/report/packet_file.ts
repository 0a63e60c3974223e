import { joined } from "../../codec/byte_text.ts";
import { LINKTYPE, writeInterface, writePacket, writeSection } from "../../capture/pcapng.ts";
import type { PacketOut, ScenarioEvent } from "../event.ts";
import { formatTime } from "./markup.ts";
import { everyStep, momentOf, readRunLog, type RunLog } from "./run_log.ts";

/** Below this a packet has passed, in microseconds. */
const HELD_LEAST = 1000;

/**
 * Makes a pcapng file of the packets of a run, as they left, with an interface for each gate and what held them as a
 * comment. Those of which nothing was seen but that they came in are not in it.
 *
 * @throws {SyntaxError} where the events do not begin with a scenario's start
 */
export function formatPacketFile(events: Iterable<ScenarioEvent>): Uint8Array<ArrayBuffer> {
  const log = readRunLog(events);
  const gates = log.start.queues.filter(({ kind }) => kind === "gate").map(({ name }) => name);
  const links = new Map(log.packets.map(({ queue, link }) => [queue, link]));
  const came = new Map<string, string>();
  const parts = [
    writeSection("plugctl"),
    ...gates.map((name) =>
      writeInterface({ name, linkType: LINKTYPE[links.get(name) ?? "ethernet"], snapLength: 256 })
    ),
  ];
  for (const packet of log.packets) {
    const key = `${packet.queue} ${packet.number}`;
    if (packet.event === "packet-in") {
      came.set(key, packet.bytes);
      continue;
    }
    const bytes = bytesOf(packet.bytes ?? came.get(key) ?? "");
    came.delete(key);
    const { queue, length, unixNs } = packet;
    const timeNs = BigInt(unixNs);
    parts.push(
      writePacket({ interface: gates.indexOf(queue), timeNs, bytes, length, comment: commentOn(packet, log) }),
    );
  }
  return joined(parts);
}

function commentOn({ queue, waited, t }: PacketOut, log: RunLog): string | undefined {
  if (waited === undefined) return undefined;
  if (waited < HELD_LEAST) return `passed gate ${queue}`;
  const epoch = epochAt(log, { queue, t: t - waited });
  return `held ${formatTime(waited)} by gate ${queue}${epoch === 0 ? "" : `, epoch ${epoch}`}`;
}

/** How many times a gate had been told to hold by then, since it last passed packets. */
function epochAt({ steps }: RunLog, { queue, t }: { queue: string; t: number }): number {
  const changes = everyStep(steps).filter((step) =>
    step.start.queues.includes(queue) && step.end?.outcome === "done" && momentOf(step) <= t
  ).map((step) => step.start.action).toArray();
  return changes.slice(changes.lastIndexOf("release-indefinite") + 1).filter((action) => action === "buffer").length;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
