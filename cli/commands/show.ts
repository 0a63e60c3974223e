import { formatHandle, formatParent } from "../../codec/handle.ts";
import { findDevice, type ListedPlug, listPlugs } from "../../plug/qdiscs.ts";
import { type Context, isGiven } from "../context.ts";
import { deviceName } from "../values.ts";
import { openConnection } from "../targets.ts";
import { textTable } from "../printing.ts";

const HEADER = ["DEVICE", "PARENT", "HANDLE", "SENT", "SENT-BYTES", "BACKLOG", "BACKLOG-BYTES", "DROPS"];
const NUMBERS = [3, 4, 5, 6, 7];

/** `plugctl show` */
export async function run(context: Context): Promise<void> {
  const devices = context.arguments.values.get("dev")?.map(deviceName);
  using connection = await openConnection(context);
  for (const dev of devices ?? []) findDevice(connection, dev);
  const plugs = listPlugs(connection).filter(({ dev }) => !devices || devices.includes(dev));
  if (isGiven(context, "json")) return context.print(`${JSON.stringify(plugs.map(plainPlug), null, 2)}\n`);
  if (plugs.length === 0) return context.note(`no plug is attached${devices ? ` to ${devices.join(", ")}` : ""}`);
  context.print(`${textTable([HEADER, ...plugs.map(row)], { right: NUMBERS })}\n`);
}

function row({ dev, parent, handle, stats }: ListedPlug): string[] {
  const numbers = [stats.packets, stats.bytes, stats.backlogPackets, stats.backlogBytes, stats.drops];
  return [dev, formatParent(parent), formatHandle(handle), ...numbers.map(String)];
}

function plainPlug({ dev, parent, handle, stats }: ListedPlug) {
  return { dev, parent: formatParent(parent), handle: formatHandle(handle), ...stats };
}
