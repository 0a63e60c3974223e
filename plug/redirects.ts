import { TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscMessage } from "../codec/message.ts";
import { TCA_EGRESS_REDIR, TCA_INGRESS_REDIR } from "../codec/numbers.ts";
import type { Connection } from "../netlink/connection.ts";
import { readClasses } from "./classes.ts";
import { type Filter, hookOf, readFiltersBelow, type Side } from "./filter.ts";
import type { Cube } from "./match/cube.ts";
import { cubeOf } from "./match/flower.ts";

/** Packets of a device that filters send on by another. What they only mirror there goes its way as well. */
export interface Redirect {
  side: Side;
  packets: readonly Cube[];
  /** Whether all of these are, as far as is known: of most kinds of filter it is not told here what they look at. */
  isExact: boolean;
  to: number;
  toSide: Side;
}

/** Kinds of qdisc that have no filters; others may. */
const UNFILTERED = new Set([
  ...["noqueue", "noop", "pfifo", "bfifo", "pfifo_fast", "pfifo_head_drop", "fq", "mq", "mqprio", "plug"],
  ...["tbf", "netem", "red", "gred", "cbs", "codel", "pie", "etf", "taprio", "hhf"],
]);
/** Kinds whose classes have filters of their own. */
const OF_CLASSES = new Set(["htb", "hfsc", "cbq", "dsmark", "atm"]);
const TO: ReadonlyMap<number, Side> = new Map([[TCA_EGRESS_REDIR, "egress"], [TCA_INGRESS_REDIR, "ingress"]]);

/** Where the filters of a device send packets: those of its hooks, of its qdiscs, and of their classes. */
export function readRedirects(
  connection: Connection,
  { ifindex, qdiscs }: { ifindex: number; qdiscs: readonly QdiscMessage[] },
): Redirect[] {
  const found = qdiscs.filter((qdisc) => qdisc.ifindex === ifindex && !UNFILTERED.has(qdisc.kind))
    .flatMap((qdisc) => placesOf(connection, qdisc))
    .flatMap(({ side, parent }) =>
      readFiltersBelow(connection, { ifindex, parent }).map((filter) => ({ side, filter }))
    )
    .flatMap(({ side, filter }) => targetsOf(filter).map((target) => ({ side, filter, ...target })));
  const alike = Map.groupBy(found, ({ side, filter, to, toSide }) => `${side} ${to} ${toSide} ${isExact(filter)}`);
  return [...alike.values()].map((those) => {
    const [{ side, filter, to, toSide }] = those;
    return { side, to, toSide, isExact: isExact(filter), packets: those.map(({ filter }) => cubeOf(filter)) };
  });
}

/** Where the filters of a qdisc hang, and which packets they see. */
function placesOf(connection: Connection, qdisc: QdiscMessage): { side: Side; parent: number }[] {
  const { ifindex, kind, handle, parent } = qdisc;
  if (parent === TC_H_CLSACT) {
    const sides: readonly Side[] = kind === "clsact" ? ["ingress", "egress"] : ["ingress"];
    return sides.map((side) => ({ side, parent: hookOf(side) }));
  }
  // What the kernel made by itself has no handle, and is found as the device's root.
  const places = handle !== 0 || parent === TC_H_ROOT ? [handle] : [];
  const classes = OF_CLASSES.has(kind) ? readClasses(connection, { ifindex, handle }) : [];
  return [...places, ...classes.map(({ classId }) => classId)].map((parent) => ({ side: "egress", parent }));
}

function targetsOf({ actions }: Filter): { to: number; toSide: Side }[] {
  return actions.flatMap(({ mirred }) => {
    const toSide = TO.get(mirred?.what ?? 0);
    return mirred && toSide ? [{ to: mirred.ifindex, toSide }] : [];
  });
}

function isExact({ kind, isWide = false }: Filter): boolean {
  return kind === "flower" || isWide;
}
