import { NLM_F_DUMP, RTM_GETLINK } from "../../codec/assembly/constants.ts";
import { bytesOf, type Records } from "../../codec/records.ts";
import { formatHandle, formatParent } from "../../codec/handle.ts";
import type { ShownLink } from "../../codec/shown_link.ts";
import { gateDevice, gateName } from "../../plug/gate_name.ts";
import type { Connection } from "../../netlink/connection.ts";
import { findDevice, type ListedPlug, listPlugs } from "../../plug/qdiscs.ts";
import { type Context, isGiven, textTable } from "../context.ts";
import { UsageError } from "../exit_status.ts";
import { namedTargets, openConnection, resolveTargets } from "../targets.ts";

const HEADER = ["DEVICE", "PARENT", "HANDLE", "SENT", "SENT-BYTES", "BACKLOG", "BACKLOG-BYTES", "DROPS"];
const NUMBERS = [3, 4, 5, 6, 7];

/** `plugctl show` */
export async function run(context: Context): Promise<void> {
  const { operands, values } = context.arguments;
  if (isGiven(context, "packets")) return await (await import("../captured.ts")).listWaiting(context);
  refuseAlone(context);
  const isAsked = operands.length > 0 || values.has("dev") || values.has("gate");
  const named = isAsked ? namedTargets(context) : undefined;
  using connection = await openConnection(context);
  const asked = named && indexesOf(connection, resolveTargets(connection, named));
  const plugs = listPlugs(connection).filter(({ ifindex }) => !asked || asked.has(ifindex));
  if (isGiven(context, "json")) {
    const links = await readLinks(connection);
    const endsInMs = await readEnds(connection);
    const plain = plugs.map((plug) => ({
      ...plainPlug(plug),
      endsInMs: endsInMs(plug),
      link: links.get(plug.ifindex),
    }));
    return context.print(`${JSON.stringify(plain, null, 2)}\n`);
  }
  if (plugs.length > 0) context.print(`${textTable([HEADER, ...plugs.map(row)], { right: NUMBERS })}\n`);
  const bare = [...asked ?? []].filter(([ifindex]) => !plugs.some((plug) => plug.ifindex === ifindex));
  if (bare.length > 0) context.note(`no plug is attached to ${bare.map(([, name]) => name).join(", ")}`);
  else if (plugs.length === 0) context.note("no plug is attached");
}

/** @throws {UsageError} where what goes with --packets is given without it */
function refuseAlone(context: Context): void {
  const stray = (["for", "snaplen"] as const).find((name) => isGiven(context, name));
  if (stray) throw new UsageError(`--${stray} goes with --packets`);
}

/** What is shown of every device, by its index. The table that says what is loaded only here. */
async function readLinks(connection: Connection): Promise<Map<number, ShownLink>> {
  const { shownLink } = await import("../../codec/shown_link.ts");
  const request = { type: RTM_GETLINK, flags: NLM_F_DUMP, ifindex: 0 } as const;
  const read = (records: Records): [number, ShownLink] => [records.ifindex, shownLink(bytesOf(records))];
  return new Map(connection.pick("list devices", request, read));
}

/** Tells in how many milliseconds a guardian releases a plug at the latest, where one has it in charge. */
async function readEnds(connection: Connection): Promise<(plug: ListedPlug) => number | undefined> {
  const { markOfGate, markOfPlug, readDeadlines } = await import("../../guardian/mark.ts");
  const nowMs = Date.now();
  const deadlines = readDeadlines(connection);
  return (plug) => {
    const gate = gateName(plug.dev);
    const marks = [markOfPlug(plug), ...gate === undefined ? [] : [markOfGate(gate)]];
    const ends = marks.flatMap((mark) => deadlines.get(mark) ?? []);
    return ends.length > 0 ? Math.max(0, Math.min(...ends) - nowMs) : undefined;
  };
}

/** The devices that are asked for, by their index, and what they were called. */
function indexesOf(
  connection: Connection,
  { gates, places }: { gates: string[]; places: { dev: string }[] },
): Map<number, string> {
  const names = [...gates.map((gate) => [gateDevice(gate), `gate ${gate}`]), ...places.map(({ dev }) => [dev, dev])];
  return new Map(names.map(([dev, name]) => [findDevice(connection, dev), name]));
}

function row({ dev, parent, handle, stats }: ListedPlug): string[] {
  const numbers = [stats.packets, stats.bytes, stats.backlogPackets, stats.backlogBytes, stats.drops];
  return [dev, formatParent(parent), formatHandle(handle), ...numbers.map(String)];
}

function plainPlug({ dev, parent, handle, stats }: ListedPlug) {
  return { dev, gate: gateName(dev), parent: formatParent(parent), handle: formatHandle(handle), ...stats };
}
