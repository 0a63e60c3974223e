import { detachAll } from "../../plug/drain.ts";
import { changeRequest, deleteRequest, type QdiscPlace } from "../../plug/plug_requests.ts";
import { openQueue } from "../../plug/queue.ts";
import { type Context, isGiven } from "../context.ts";
import { durationOf } from "../values.ts";
import { interruptible } from "../interruptible.ts";
import { gapNote, losses, printResults } from "../printing.ts";
import { openConnection, queuePlaces } from "../targets.ts";

/** `plugctl detach` */
export async function run(context: Context): Promise<void> {
  const places = queuePlaces(context);
  const drop = isGiven(context, "drop");
  const force = isGiven(context, "force");
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
  const queues = places.map((place) => openQueue(connection, place));
  const reports = await interruptible((signal) => detachAll(queues, { drop, force, timeoutMs, signal }));
  for (const [index, queue] of queues.entries()) {
    for (const loss of [...losses(`the plug on ${queue.dev}`, reports[index]), ...gapNote(queue)]) context.note(loss);
  }
  printResults(context, queues, (_queue, index) => ({ action: "detach", ...reports[index] }));
}
