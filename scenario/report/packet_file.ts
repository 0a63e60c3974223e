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
  const epochs = epochsIn(log);
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
      writePacket({ interface: gates.indexOf(queue), timeNs, bytes, length, comment: commentOn(packet, epochs) }),
    );
  }
  return joined(parts);
}

function commentOn({ queue, waited, t }: PacketOut, epochs: ReturnType<typeof epochsIn>): string | undefined {
  if (waited === undefined) return undefined;
  if (waited < HELD_LEAST) return `passed gate ${queue}`;
  const epoch = epochAt(epochs.get(queue) ?? [], t - waited);
  return `held ${formatTime(waited)} by gate ${queue}${epoch === 0 ? "" : `, epoch ${epoch}`}`;
}

/** The epoch that a queue is in from a moment on: how often it was told to hold since it last passed packets. */
interface EpochStart {
  fromUs: number;
  epoch: number;
}

/** The epochs of each queue, in their order. */
function epochsIn({ steps }: RunLog): ReadonlyMap<string, readonly EpochStart[]> {
  const done = everyStep(steps).filter(({ end }) => end?.outcome === "done").toArray();
  const epochs = new Map<string, EpochStart[]>();
  for (const step of done.sort((one, other) => momentOf(one) - momentOf(other))) {
    const { action, queues } = step.start;
    if (action !== "buffer" && action !== "release-indefinite") continue;
    for (const queue of queues) {
      const known = epochs.get(queue) ?? [];
      const before = known.at(-1)?.epoch ?? 0;
      known.push({ fromUs: momentOf(step), epoch: action === "buffer" ? before + 1 : 0 });
      epochs.set(queue, known);
    }
  }
  return epochs;
}

/** The epoch at a moment, which is looked for by halves: packets and epochs may both be many. */
function epochAt(epochs: readonly EpochStart[], t: number): number {
  let [from, end] = [0, epochs.length];
  while (from < end) {
    const middle = from + end >>> 1;
    if (epochs[middle].fromUs <= t) from = middle + 1;
    else end = middle;
  }
  return epochs[from - 1]?.epoch ?? 0;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
