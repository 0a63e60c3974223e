import { describePacket } from "../../capture/packets/describe.ts";
import type { PacketEvent } from "../../capture/gate_capture.ts";
import { namedGates } from "../../gate/named_gates.ts";
import { readPlug } from "../../plug/queue.ts";
import { type Context, isGiven } from "../context.ts";
import { openConnection } from "../targets.ts";
import { UsageError } from "../usage_error.ts";
import { gateName } from "../values.ts";
import { captureFor } from "../capture_loop.ts";

/** `plugctl packets` */
export async function run(context: Context): Promise<void> {
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
