import { changeRequest, createRequest, Plug, type QdiscPlace } from "../../qdisc/mod.ts";
import type { Context } from "../context.ts";
import { printRequests } from "../dry_run.ts";
import { isGiven, openConnection, queuePlaces, valueOf } from "../queue_options.ts";
import { printResults } from "../results.ts";
import { parseSize } from "../size.ts";

/** `plugctl attach` */
export function run(context: Context): void {
  const places = queuePlaces(context);
  const limit = valueOf(context, "limit");
  const options = {
    limitBytes: limit === undefined ? undefined : parseSize(limit),
    hold: isGiven(context, "hold"),
    replace: isGiven(context, "replace"),
    force: isGiven(context, "force"),
  };
  if (isGiven(context, "dry-run")) {
    const requestsFor = (place: QdiscPlace) => [
      createRequest(place, options),
      ...options.hold ? [] : [changeRequest(place, "release-indefinite")],
    ];
    return printRequests(context, { places, requestsFor });
  }
  using connection = openConnection(context);
  const plugs = Plug.attachAll(connection, places.map((place) => ({ ...place, ...options })));
  for (const warning of plugs.flatMap(({ warnings }) => warnings)) context.note(warning);
  printResults(
    context,
    plugs,
    ({ lastAsked, limitBytesLastAsked }) => ({ action: "attach", lastAsked, limitBytesLastAsked }),
  );
}
