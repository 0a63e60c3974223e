import { detachAll } from "../../plug/drain.ts";
import { gapRemarks, losses } from "../../plug/detach_report.ts";
import { TC_H_ROOT } from "../../codec/handle.ts";
import { attachAll } from "../../plug/attach.ts";
import {
  changeRequest,
  createRequest,
  deleteRequest,
  FIRST_HANDLE,
  type QdiscPlace,
} from "../../plug/plug_requests.ts";
import { openQueue } from "../../plug/queue.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { interruptible } from "../exit_status.ts";
import { openConnection, printResults, queuePlaces } from "../targets.ts";
import { durationOf, parseSize } from "../values.ts";
import { whereGiven } from "../where.ts";

/** `plugctl attach` */
export async function attach(context: Context): Promise<void> {
  const places = queuePlaces(context);
  const limit = valueOf(context, "limit");
  const options = {
    limitBytes: limit === undefined ? undefined : parseSize(limit),
    hold: isGiven(context, "hold"),
    replace: isGiven(context, "replace"),
    force: isGiven(context, "force"),
  };
  if (isGiven(context, "dry-run")) {
    const { printRequests, readDefaultLimit } = await import("../dry_run.ts");
    const requestsFor = (place: QdiscPlace, index: number) => [
      createRequest(place, {
        ...options,
        limitBytes: options.limitBytes ?? readDefaultLimit(context, places[index].dev),
      }),
      ...options.hold ? [] : [changeRequest(place, "release-indefinite")],
    ];
    // A new plug hangs at the root also where only its handle is given.
    const created = places.map(({ dev, parent = TC_H_ROOT, handle = FIRST_HANDLE }) => ({ dev, parent, handle }));
    return printRequests(context, { places: created, requestsFor });
  }
  using connection = await openConnection(context);
  const attached = attachAll(connection, places.map((place) => ({ ...place, ...options })));
  for (
    const warning of attached.flatMap((
      { warnings, queue },
    ) => [...warnings, ...gapRemarks(queue, whereGiven(context.arguments.values))])
  ) {
    context.note(warning);
  }
  printResults(
    context,
    attached.map(({ queue }) => queue),
    ({ asked, limitBytesAsked }) => ({ action: "attach", lastAsked: asked, limitBytesLastAsked: limitBytesAsked }),
  );
}

/** `plugctl detach` */
export async function detach(context: Context): Promise<void> {
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
    for (const loss of losses(`the plug on ${queue.dev}`, reports[index])) context.note(loss);
  }
  printResults(context, queues, (_queue, index) => ({ action: "detach", ...reports[index] }));
}
