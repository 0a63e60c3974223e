/**
 * Packets in the words of JSON, as commands print them and a server sends them.
 *
 * @module
 */

import type { CapturedPlace, CapturedWaiting, GateCapture, PacketEvent } from "./gate_capture.ts";
import { describePacket, type Description } from "./packets/describe.ts";

/** What a packet is. */
export function described(
  { bytes, length }: { bytes: Uint8Array; length: number },
  { capture, place }: { capture: GateCapture; place: CapturedPlace },
): Description {
  return describePacket(bytes, { length, linkType: capture.linkType(place) });
}

/** The number of a packet, and how many milliseconds it waited, as far as that was seen. */
export function factsOf(event: PacketEvent): { number?: number; waitMs?: number; waitAtLeastMs?: number } {
  if (event.event === "in") return { number: event.packet.number };
  const { number, arrival, sinceNs, timeNs } = event.packet;
  if (arrival) return { number, waitMs: Number(timeNs - arrival.timeNs) / 1e6 };
  return { number, waitAtLeastMs: sinceNs === undefined ? undefined : Math.max(0, Number(timeNs - sinceNs) / 1e6) };
}

/** A packet as it came in or as it left. */
export function plainPacket(event: PacketEvent, capture: GateCapture): Record<string, unknown> {
  const { gate, dev, packet } = event;
  const { from, to, vlans, what } = described(packet, { capture, place: event });
  const { number, waitMs, waitAtLeastMs } = factsOf(event);
  const timeNs = String(packet.timeNs);
  return {
    event: event.event,
    ...dev === undefined ? { gate } : { dev },
    number,
    timeNs,
    waitMs,
    waitAtLeastMs,
    epoch: (event.event === "in" ? event.packet : event.packet.arrival)?.epoch,
    length: packet.length,
    from,
    to,
    vlans,
    what,
  };
}

/** When it is looked, at whose packets. */
export interface Seen {
  capture: GateCapture;
  nowNs: bigint;
}

/** What waits in a queue. */
export function plainQueue(queue: CapturedWaiting, seen: Seen): Record<string, unknown> {
  const { gate, dev, backlogPackets, backlogBytes, drops, waiting } = queue;
  return {
    ...dev === undefined ? { gate } : { dev },
    packets: backlogPackets,
    bytes: backlogBytes,
    drops,
    waiting: waiting.map(({ number, count, arrival, sinceNs }) => {
      const ageMs = Number(seen.nowNs - sinceNs) / 1e6;
      if (!arrival) return { number, count, isSeen: false, ageAtLeastMs: ageMs };
      const { timeNs, length, epoch } = arrival;
      const { from, to, vlans, what } = described(arrival, { capture: seen.capture, place: queue });
      return { number, count, isSeen: true, ageMs, timeNs: String(timeNs), epoch, length, from, to, vlans, what };
    }),
  };
}
