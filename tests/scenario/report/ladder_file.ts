/**
 * The packets of a run as its report draws them, and as its pcapng file has them.
 *
 * @module
 */

import { formatTime } from "../../../scenario/report/markup.ts";
import type { Ladder } from "../../../scenario/report/ladder.ts";
import type { ScenarioEvent } from "../../../scenario/event.ts";

/** A packet that has left a gate. */
export interface LeftPacket {
  gate: string;
  /** When it left, in microseconds since the scenario began. */
  t: number;
  length: number;
  /** How long it was held, in words; `passed` where it was not, empty where that is not known. */
  held: string;
}

/** Below this a packet has passed, in microseconds. */
const HELD_LEAST = 1000;

/** What the ladder of a report has of the packets that left, in the order in which they did. */
export function packetsOfLadder(page: string): LeftPacket[] {
  const [, data] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? [];
  if (data === undefined) throw new Error("The report has no data");
  const { packets, texts }: Ladder = JSON.parse(data).ladder;
  return packets.filter(([, , , out]) => out >= 0).map((
    [gate, number, from, out, , , , , , length],
  ) => ({ gate: texts[gate], t: out, length, held: number === 0 ? "" : heldText(out - from) })).sort(inOrder);
}

function heldText(waited: number): string {
  return waited < HELD_LEAST ? "passed" : formatTime(waited);
}

/** What tshark reads from a pcapng file; by its nanoseconds each is one that the log tells of. */
export async function packetsOfFile(file: string, events: readonly ScenarioEvent[]): Promise<LeftPacket[]> {
  const told = Map.groupBy(
    events.filter((event) => event.event === "packet-out"),
    ({ queue, unixNs }) => `${queue} ${unixNs}`,
  );
  const fields = ["frame.interface_name", "frame.time_epoch", "frame.len", "frame.comment"];
  const args = ["-r", file, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const { stdout, stderr, success } = await new Deno.Command("tshark", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n").slice(0, -1);
  return lines.map((line) => {
    const [gate, time, length, comment] = line.split("\t");
    const event = told.get(`${gate} ${time.replace(".", "")}`)?.shift();
    if (!event) throw new Error(`The log tells of no packet that left ${gate} at ${time}`);
    const [, held] = /^held (.*?) by gate \S+?(?:, epoch \d+)?$/.exec(comment) ?? [];
    return {
      gate,
      t: event.t,
      length: Number(length),
      held: held ?? (comment === "" ? "" : "passed"),
    };
  }).sort(inOrder);
}

function inOrder(one: LeftPacket, other: LeftPacket): number {
  return one.t - other.t || one.gate.localeCompare(other.gate) || one.held.localeCompare(other.held);
}
