import { TC_H_CLSACT } from "../codec/handle.ts";
import type { FilterMessage, LinkMessage, QdiscMessage } from "../codec/message.ts";
import { isFilter, readFilter } from "../codec/read_filter.ts";
import type { Connection } from "../netlink/connection.ts";
import { readLinks, readQdiscs } from "../plug/qdiscs.ts";
import type { Direction } from "./gate_note.ts";
import { dumpFilters } from "./gate_requests.ts";

/** What gates consist of, as a network namespace has it. */
export interface Machine {
  links: LinkMessage[];
  qdiscs: QdiscMessage[];
  /** The filters of the hooks that were looked at, without the entries that stand for several. */
  filters: FilterMessage[];
}

/** A place where filters hang. */
export interface Hook {
  ifindex: number;
  direction: Direction;
}

const BOTH: readonly Direction[] = ["ingress", "egress"];

/** Reads the devices and the qdiscs: a dump each. */
export function readMachine(connection: Connection, operation: string): Machine {
  return { links: readLinks(connection, operation), qdiscs: readQdiscs(connection, operation), filters: [] };
}

/** Reads the filters of these hooks: a dump each. */
export function readFilters(
  connection: Connection,
  { operation, hooks }: { operation: string; hooks: readonly Hook[] },
): FilterMessage[] {
  return hooks.flatMap((hook) => filtersOf(connection, hook, operation)).filter(({ handle }) => handle !== 0);
}

/** Whether no filter at all hangs from a device's clsact. */
export function isBare(
  connection: Connection,
  { ifindex, operation }: { ifindex: number; operation: string },
): boolean {
  return BOTH.every((direction) => filtersOf(connection, { ifindex, direction }, operation).length === 0);
}

function filtersOf(connection: Connection, { ifindex, direction }: Hook, operation: string): FilterMessage[] {
  return connection.pick(
    operation,
    dumpFilters(ifindex, direction),
    (records) => isFilter(records) ? readFilter(records) : undefined,
  );
}

/** Every hook of the namespace: those of each device that has a qdisc for them. */
export function allHooks(connection: Connection, operation: string): Hook[] {
  return readQdiscs(connection, operation).filter(isHookQdisc).flatMap(({ ifindex, kind }) =>
    BOTH.filter((direction) => kind === "clsact" || direction === "ingress").map((direction) => ({
      ifindex,
      direction,
    }))
  );
}

/** The qdisc that a device's filters hang from: `clsact`, or `ingress`, which has only that hook. */
export function hookQdisc({ qdiscs }: Pick<Machine, "qdiscs">, ifindex: number): QdiscMessage | undefined {
  return qdiscs.find((qdisc) => qdisc.ifindex === ifindex && isHookQdisc(qdisc));
}

/**
 * How many packets plugs on a device hold. The kernel (seen on 6.1) empties every queue of a device, and counts nothing
 * of it, when clsact is created or deleted there.
 */
export function heldPackets({ qdiscs }: Pick<Machine, "qdiscs">, ifindex: number): number {
  return qdiscs.filter((qdisc) => qdisc.ifindex === ifindex && qdisc.kind === "plug")
    .reduce((sum, { stats }) => sum + (stats?.backlogPackets ?? 0), 0);
}

function isHookQdisc({ parent }: QdiscMessage): boolean {
  return parent === TC_H_CLSACT;
}
