import { TC_H_ROOT } from "../../codec/handle.ts";
import { attachAll } from "../../plug/attach.ts";
import { changeRequest, createRequest, FIRST_HANDLE, type QdiscPlace } from "../../plug/plug_requests.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { openConnection, queuePlaces } from "../targets.ts";
import { gapNote, printResults } from "../printing.ts";
import { parseSize } from "../values.ts";

/** `plugctl attach` */
export async function run(context: Context): Promise<void> {
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
  for (const warning of attached.flatMap(({ warnings, queue }) => [...warnings, ...gapNote(queue)])) {
    context.note(warning);
  }
  printResults(
    context,
    attached.map(({ queue }) => queue),
    ({ asked, limitBytesAsked }) => ({ action: "attach", lastAsked: asked, limitBytesLastAsked: limitBytesAsked }),
  );
}
