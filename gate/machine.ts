import { TC_H_CLSACT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { readLinks, readQdiscs } from "../plug/qdiscs.ts";
import { type Filter, type Hook, readFilters, type Side } from "../plug/filter.ts";

/** What gates consist of, as a network namespace has it. */
export interface Machine {
  links: LinkMessage[];
  qdiscs: QdiscMessage[];
  /** The filters of the hooks that were looked at, without the entries that stand for several. */
  filters: Filter[];
}

/** The two ways through a device. */
export const BOTH_SIDES: readonly Side[] = ["ingress", "egress"];

/** Reads the devices and the qdiscs: a dump each. */
export function readMachine(connection: Connection, operation: string): Machine {
  return { links: readLinks(connection, operation), qdiscs: readQdiscs(connection, operation), filters: [] };
}

/** Whether no filter at all hangs from a device's clsact. */
export function isBare(
  connection: Connection,
  { ifindex, operation }: { ifindex: number; operation: string },
): boolean {
  return readFilters(connection, { operation, hooks: BOTH_SIDES.map((side) => ({ ifindex, side })) }).length === 0;
}

/** Every hook of the namespace: those of each device that has a qdisc for them. */
export function allHooks(connection: Connection, operation: string): Hook[] {
  return readQdiscs(connection, operation).filter(isHookQdisc).flatMap(({ ifindex, kind }) =>
    BOTH_SIDES.filter((side) => kind === "clsact" || side === "ingress").map((side) => ({ ifindex, side }))
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
