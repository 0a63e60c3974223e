import { type ListedGate, listGates, remarksOn } from "../../gate/gate_state.ts";
import { type Context, isGiven } from "../context.ts";
import { openConnection } from "../targets.ts";
import { textTable } from "../printing.ts";

const HEADER = ["NAME", "DIRECTION", "DEVICES", "PRIORITY", "LIMIT", "HITS", "BACKLOG", "DROPS", "AGE", "MATCH"];
const NUMBERS = [3, 4, 5, 6, 7, 8];
/** What stands for a value that is not known. */
const UNKNOWN = "?";

/** `plugctl gate list` */
export async function run(context: Context): Promise<void> {
  using connection = await openConnection(context);
  const gates = listGates(connection);
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(gates, null, 2)}\n`);
  if (gates.length === 0) return context.note("there is no gate");
  context.print(`${textTable([HEADER, ...gates.map(row)], { right: NUMBERS })}\n`);
  for (const gate of gates) for (const remark of remarksOn(gate)) context.note(remark);
}

function row({ name, direction, devs, priority, limitBytes, hitPackets, stats, ageMs, match }: ListedGate): string[] {
  const numbers = [priority, limitBytes, hitPackets, stats?.backlogPackets, stats?.drops];
  const texts = numbers.map((number) => number === undefined ? UNKNOWN : String(number));
  const packets = match && (match.join(" or ") || "all packets");
  return [name, direction ?? UNKNOWN, devs.join(",") || UNKNOWN, ...texts, ageText(ageMs), packets ?? UNKNOWN];
}

/** An age with its largest unit: `4s`, `17m`, `3h`, `12d`. */
function ageText(ageMs: number | undefined): string {
  if (ageMs === undefined) return UNKNOWN;
  const seconds = Math.floor(ageMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
