import type { DetachReport } from "../../qdisc/drain.ts";
import { Plug } from "../../qdisc/plug.ts";
import { changeRequest, deleteRequest, type QdiscPlace } from "../../qdisc/plug_requests.ts";
import { openPlugs } from "../change_command.ts";
import type { Context } from "../context.ts";
import { durationOf } from "../duration.ts";
import { interruptible } from "../interruptible.ts";
import { isGiven } from "../given.ts";
import { openConnection, queuePlaces } from "../queue_options.ts";
import { printResults } from "../results.ts";

/** `plugctl detach` */
export async function run(context: Context): Promise<void> {
  const places = queuePlaces(context);
  const drop = isGiven(context, "drop");
  const timeoutMs = durationOf(context, "timeout");
  if (isGiven(context, "dry-run")) {
    const requestsFor = (place: QdiscPlace) => [
      ...drop ? [] : [changeRequest(place, "release-indefinite")],
      deleteRequest(place),
    ];
    const { printRequests } = await import("../dry_run.ts");
    return printRequests(context, { places, requestsFor });
  }
  using connection = await openConnection(context);
  const plugs = openPlugs(connection, places);
  const reports = await interruptible((signal) => Plug.all(plugs).detach({ drop, timeoutMs, signal }));
  await Plug.all(plugs).forgetDeadlines();
  plugs.forEach((plug, index) => noteLosses(context, plug, reports[index]));
  printResults(context, plugs, (_plug, index) => ({ action: "detach", ...reports[index] }));
}

function noteLosses(context: Context, { dev }: Plug, { drops, discardedPackets }: DetachReport): void {
  if (drops > 0) {
    context.note(`${drops} packets were dropped on ${dev} while the plug was there: its limit was reached`);
  }
  if (discardedPackets > 0) context.note(`${discardedPackets} held packets were discarded on ${dev}`);
}
